//! Folds: each image validates once, and a comparison over folds says how surely.

use crate::support::{CLASSES, Place, TINY};
use serde_json::Value;

const NET: &[&str] = &["--data", "data", "--epochs", "2"];

fn compare(place: &Place, more: &[&str]) -> Value {
    place.mindgap(&[&["compare", "--presets", "seed,smoothing", "--out", "cmp"], NET, TINY, more].concat()).succeed();
    serde_json::from_slice(&place.bytes("cmp", "compare.json")).unwrap()
}

/// The rows of a run's images.csv that belong to val: name and class.
fn val_images(place: &Place, run: &str) -> Vec<String> {
    let text = String::from_utf8(place.bytes(run, "images.csv")).unwrap();
    text.lines()
        .filter(|line| line.starts_with("val,"))
        .map(|line| line.split(',').nth(2).unwrap().to_owned())
        .collect()
}

fn last_loss(place: &Place, run: &str) -> f64 {
    place.epochs(run).last().unwrap()["val_loss"].as_f64().unwrap()
}

#[test]
fn each_image_validates_once_and_the_interval_allows_for_overlapping_training_sets() {
    let place = Place::with_images(8, 4);
    let comparison = compare(&place, &["--folds", "3", "--seeds", "1"]);
    assert_eq!((&comparison["finished"], &comparison["planned"]), (&6.into(), &6.into()));
    let mut names: Vec<String> =
        (0..3).flat_map(|fold| val_images(&place, &format!("cmp/seed-seed0-fold{fold}"))).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 36);

    let preset = &comparison["presets"][1];
    assert_eq!((&preset["folds"], &preset["seeds"]), (&3.into(), &serde_json::json!([0])));
    let losses = |preset: &str| [0, 1, 2].map(|fold| last_loss(&place, &format!("cmp/{preset}-seed0-fold{fold}")));
    let (seed, smoothing) = (losses("seed"), losses("smoothing"));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!((preset["figures"]["val_loss"]["mean"].as_f64().unwrap() - mean(&smoothing)).abs() < 1e-12);
    let differences: Vec<f64> = smoothing.iter().zip(&seed).map(|(a, b)| a - b).collect();
    let delta = &preset["against"]["val_loss"];
    let centre = mean(&differences);
    assert!((delta["mean"].as_f64().unwrap() - centre).abs() < 1e-12);
    // Nadeau and Bengio: variance s² (1/3 + 1/2), quantile of t with two degrees of freedom.
    let variance: f64 = differences.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / 2.0;
    let reach = 4.302652729911275 * (variance * (1.0 / 3.0 + 1.0 / 2.0)).sqrt();
    for (end, sign) in [(0, -1.0), (1, 1.0)] {
        let expected = centre + sign * reach;
        assert!((delta["ci_seeds"][end].as_f64().unwrap() - expected).abs() < 1e-6, "{delta} {expected}");
    }
    let text = String::from_utf8(place.bytes("cmp", "compare.md")).unwrap();
    assert!(text.contains("Nadeau and Bengio") && text.contains("each image validates once"), "{text}");

    // The folders of the folds give the same figures, in whatever order they are named.
    let mut words = vec!["compare".to_owned(), "--json".to_owned(), "--baseline".to_owned(), "seed".to_owned()];
    words.push("--runs".to_owned());
    for fold in [2, 0, 1] {
        words.extend(["seed", "smoothing"].map(|preset| format!("cmp/{preset}-seed0-fold{fold}")));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let again: Value = serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap();
    let of = |comparison: &Value, group: usize| comparison["presets"][group]["figures"]["val_loss"]["mean"].clone();
    assert_eq!(of(&again, 0), of(&comparison, 0));
    place.mindgap(&words[..words.len() - 1]).refuse(&["2 folds are given", "all of its folds"]);
    // One fold of each is a val split like another.
    place.mindgap(&["compare", "--runs", "cmp/seed-seed0-fold1", "cmp/smoothing-seed0-fold1"]).succeed();

    // More seeds are added to the same plan; other folds are not.
    let more = compare(&place, &["--folds", "3", "--seeds", "2"]);
    assert_eq!((&more["finished"], &more["presets"][1]["seeds"]), (&12.into(), &serde_json::json!([0, 1])));
    assert_eq!(more["presets"][1]["against"]["val_loss"]["values"].as_array().unwrap().len(), 6);
    let other = [&["compare", "--presets", "seed,smoothing", "--out", "cmp", "--folds", "4"], NET, TINY].concat();
    place.mindgap(&other).refuse(&["all of 3 folds", "all of 4 folds"]);
    place.mindgap(&["report", "cmp"]).succeed();
}

#[test]
fn a_run_validates_on_one_fold_that_must_be_named() {
    let place = Place::with_images(8, 4);
    let train = |more: &[&str]| place.mindgap(&[&["train", "--out", "run"], NET, TINY, more].concat());
    train(&["--folds", "3"]).refuse(&["fold = 0 to 2", "comparison"]);
    train(&["--folds", "3", "--fold", "3"]).refuse(&["give 0 to 2"]);
    let end = train(&["--folds", "3", "--fold", "1"]).succeed();
    let said = end.stdout() + &end.stderr();
    assert!(said.contains("Fold 1 of 0 to 2 validates: 12 of the 36 images of train and val"), "{said}");
    // Its evaluation finds the same images.
    let evaluated = place.mindgap(&["evaluate", "run", "--which", "last", "--json"]).succeed().stdout();
    let evaluated: Value = serde_json::from_str(&evaluated).unwrap();
    assert!((evaluated["loss"].as_f64().unwrap() - last_loss(&place, "run")).abs() < 1e-6, "{evaluated}");
}

#[test]
fn a_run_of_a_fold_is_measured_on_its_fold_and_on_the_whole_of_other_data() {
    let place = Place::with_images(12, 6);
    place.train("run", &["--epochs", "1", "--folds", "3", "--fold", "1"]).succeed();
    let gap = |data: &str| -> Value {
        let found = place.mindgap(&["gap", "run", "--data", data, "--which", "last", "--json", "--threads", "1"]);
        serde_json::from_str(&found.succeed().stdout()).unwrap()
    };
    for (split, count) in [("train", 7), ("val", 5)] {
        for number in 0..count {
            for (class, name) in CLASSES.into_iter().enumerate() {
                place.write_image(
                    &format!("other/{split}/{name}/{number}.png"),
                    class as u32,
                    2000 + 100 * count + number,
                );
            }
        }
    }
    let other = gap("other");
    assert_eq!(other["val"], 15, "{other}");
    std::fs::rename(place.path("data"), place.path("moved")).unwrap();
    let moved = gap("moved");
    assert_eq!(moved["val"], 18, "{moved}");
    let loss = moved["val_loss"].as_f64().unwrap();
    assert!((loss - last_loss(&place, "run")).abs() < 1e-5, "{moved}");
}

#[test]
fn folds_are_advised_where_val_is_too_small() {
    let place = Place::with_run(8, 4, "run", &["--epochs", "2"]);
    let inspected = place.mindgap(&["inspect", "data"]).succeed().stdout();
    assert!(inspected.contains("Val has 12 images") && inspected.contains("--folds 5"), "{inspected}");
    let diagnosed = place.mindgap(&["diagnose", "run", "--json", "--detect", "0.01"]).succeed().stdout();
    let diagnosed: Value = serde_json::from_str(&diagnosed).unwrap();
    let found =
        |diagnosed: &Value| diagnosed["findings"].as_array().unwrap().iter().any(|one| one["id"] == "val-small");
    assert!(found(&diagnosed), "{diagnosed}");
    let coarse = place.mindgap(&["diagnose", "run", "--json", "--detect", "5"]).succeed().stdout();
    assert!(!found(&serde_json::from_str(&coarse).unwrap()), "{coarse}");
}
