//! Images of val with a near-duplicate in train are counted everywhere, and leave no trace where there is none.

use std::fs;

use crate::support::Place;
use serde_json::{Value, json};

/// Images of three classes, one of val a brighter copy of an image of train.
fn place_with_a_near_leak() -> Place {
    let place = Place::with_images(12, 6);
    let image = image::open(place.path("data/train/even/0004.png")).unwrap().into_luma8();
    image::imageops::brighten(&image, 9).save(place.path("data/val/even/near.png")).unwrap();
    place
}

fn json_of(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.mindgap(words).succeed().stdout()).unwrap()
}

#[test]
fn inspect_names_the_pair_and_lists_the_image_of_train() {
    let place = place_with_a_near_leak();
    let found = json_of(&place, &["inspect", "data", "--json", "--write-exclude", "list.txt"]);
    assert_eq!(found["near_leaks"], json!({"val": 1, "test": null}));
    assert_eq!((&found["near_duplicates"], &found["near_duplicates_across_splits"]), (&json!(1), &json!(1)));
    let pair = &found["near_duplicate_pairs"][0];
    assert_eq!((&pair["a"], &pair["b"]), (&json!("train/even/0004.png"), &json!("val/even/near.png")));
    assert!(pair["residual"].as_f64().unwrap() <= found["near_duplicate_residual"].as_f64().unwrap(), "{pair}");
    assert_eq!(found["to_exclude"]["near-duplicates of val or test"], 1);
    let list = fs::read_to_string(place.path("list.txt")).unwrap();
    assert!(list.contains("\n# near-duplicates of val or test: 1\ntrain/even/0004.png\n"), "{list}");

    let left = json_of(&place, &["inspect", "data", "--json", "--exclude", "list.txt"]);
    assert_eq!((&left["near_leaks"]["val"], &left["near_duplicates"]), (&json!(0), &json!(0)));
}

#[test]
fn a_run_counts_near_leaks_and_has_every_figure_without_them() {
    let place = place_with_a_near_leak();
    let run = place.train("run", &["--epochs", "2"]).succeed();
    assert!(run.stderr().contains("1 val images have a near-duplicate in train"), "{}", run.stderr());
    assert!(run.stdout().contains("Without the 1 val images that have a near-duplicate in train"), "{}", run.stdout());
    let read = |file: &str| -> Value { serde_json::from_slice(&place.bytes("run", file)).unwrap() };
    let (done, environment) = (read("done.json"), read("environment.json"));
    assert_eq!((&done["near_leaks"], &environment["data"]["near_leaks"]), (&json!(1), &json!(1)));
    for record in place.epochs("run") {
        let figure = |name: &str| record[format!("{name}_without_near_leaks")].as_f64().unwrap();
        assert!((figure("val_loss") - record["probe_loss"].as_f64().unwrap() - figure("gap_loss")).abs() < 1e-9);
        assert!(figure("gap_loss_se") > 0.0 && figure("val_acc") <= 100.0 && figure("gap_acc").is_finite());
        assert!(record["val_loss_without_leaks"].is_null());
    }
    let images = String::from_utf8(place.bytes("run", "images.csv")).unwrap();
    let leaking: Vec<&str> = images.lines().filter(|line| line.starts_with("val,") && line.ends_with(",1")).collect();
    assert!(leaking.len() == 1 && leaking[0].contains("val/even/near.png"), "{images}");

    let found = json_of(&place, &["evaluate", "run", "--which", "last", "--json"]);
    assert_eq!((&found["leaks"], &found["near_leaks"], &found["without_leaks"]), (&json!(0), &json!(1), &Value::Null));
    assert_eq!(found["without_near_leaks"]["n"], 18);
    let (measured, recorded) = (&found["without_near_leaks"]["loss"], &done["last"]["val_loss_without_near_leaks"]);
    assert!((measured.as_f64().unwrap() - recorded.as_f64().unwrap()).abs() < 1e-6);
    let diagnosis = json_of(&place, &["diagnose", "run", "--json"]);
    assert!(diagnosis.to_string().contains("have a near-duplicate in train"), "{diagnosis}");

    // Images that the run's network finds alike are compared too.
    let with_model = json_of(&place, &["inspect", "data", "--json", "--model", "run"]);
    assert_eq!(with_model["near_leaks"]["val"], 1);
    place.mindgap(&["inspect", "data", "--model", "nowhere"]).refuse(&["--model", "nowhere"]);
}

#[test]
fn without_near_leaks_nothing_of_them_is_written() {
    let place = Place::with_images(12, 6);
    let run = place.train("run", &["--epochs", "1"]).succeed();
    assert!(!run.stderr().contains("near"), "{}", run.stderr());
    for file in ["done.json", "environment.json", "epochs.jsonl"] {
        assert!(!String::from_utf8(place.bytes("run", file)).unwrap().contains("near_leak"), "{file}");
    }
}
