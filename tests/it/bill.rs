//! The gap of a finished run, divided into items that add up to it.

use std::fs;

use serde_json::Value;

use crate::support::{Place, recorded::record};

const NET: [&str; 10] = ["--model", "resnet8", "--width", "4", "--batch-size", "8", "--threads", "1", "--epochs", "4"];

/// A finished run in `run` on images of which four of val are in train.
fn place() -> Place {
    let place = Place::with_images(24, 10);
    for number in 1000..1004 {
        place.write_image(&format!("data/train/bright/leak{number}.png"), 0, number);
    }
    place.mindgap(&[&["train", "--data", "data", "--out", "run"], &NET[..]].concat()).succeed();
    place
}

fn bill(place: &Place, more: &[&str]) -> Value {
    let words = [&["bill", "run", "--json", "--threads", "1"], more].concat();
    serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap()
}

/// The nats of each item by its name, checked against the gap of the run.
fn items(place: &Place, bill: &Value) -> Vec<(String, f64)> {
    let done: Value = serde_json::from_slice(&place.bytes("run", "done.json")).unwrap();
    assert_eq!(bill["epoch"], done["last"]["epoch"]);
    let number = |value: &Value| value.as_f64().unwrap();
    for name in ["gap_loss", "val_loss", "probe_loss", "gap_loss_se"] {
        assert!((number(&bill[name]) - number(&done["last"][name])).abs() < 1e-9, "{name} in {bill}");
    }
    let items: Vec<(String, f64)> = bill["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item["low"].is_number(), item["is_measured"].as_bool().unwrap(), "{item}");
            (item["id"].as_str().unwrap().to_owned(), number(&item["nats"]))
        })
        .collect();
    let sum: f64 = items.iter().map(|(_, nats)| nats).sum();
    assert!((sum - number(&bill["gap_loss"])).abs() < 1e-9, "{bill}");
    items
}

const ALL: [&str; 7] = ["flattery", "sampling", "calibration", "labels", "class_mix", "memorisation", "generalisation"];

fn measured(bill: &Value) -> Vec<&str> {
    let all = bill["items"].as_array().unwrap().iter();
    all.filter(|item| item["is_measured"] == true).map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn the_items_of_a_run_add_up_to_its_gap_and_stand_in_report_and_diagnosis() {
    let place = place();
    let found = bill(&place, &[]);
    let nats = items(&place, &found);
    assert_eq!(nats.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ALL);
    assert_eq!(
        measured(&found),
        ["flattery", "sampling", "calibration", "class_mix", "memorisation", "generalisation"]
    );
    let evidence = |number: usize| found["items"][number]["evidence"].as_str().unwrap().to_owned();
    assert!(evidence(0).contains("of 30 val images also appear in train"), "{}", evidence(0));
    assert!(evidence(1).contains("all training images"), "{}", evidence(1));
    assert!(evidence(3).starts_with("Not measured"), "{}", evidence(3));
    // The same command gives the same bill; it stands in the folder of the run.
    assert_eq!(bill(&place, &[]), found);
    assert_eq!(serde_json::from_slice::<Value>(&place.bytes("run", "bill.json")).unwrap(), found);

    let sentence = found["sentence"].as_str().unwrap();
    place.mindgap(&["report", "run"]).succeed();
    let page = String::from_utf8(place.bytes("run", "report.html")).unwrap();
    assert!(page.contains("What the gap is made of") && page.contains(sentence), "{sentence}");
    let diagnosis: Value =
        serde_json::from_str(&place.mindgap(&["diagnose", "run", "--json"]).succeed().stdout()).unwrap();
    assert_eq!(diagnosis["bill"], found);
    // The bill of a run that was extended is out of date.
    place
        .mindgap(&["train", "--data", "data", "--out", "run", "--resume", "--epochs", "5", "--threads", "1"])
        .succeed();
    let diagnosis: Value =
        serde_json::from_str(&place.mindgap(&["diagnose", "run", "--json"]).succeed().stdout()).unwrap();
    assert!(diagnosis.get("bill").is_none());
}

#[test]
fn wrong_labels_take_their_part_where_they_are_listed() {
    let place = place();
    let json = r#"{"suspect_labels": [{"name": "val/dark/1001.png", "score": 0.9}, {"name": "train/dark/0002.png", "score": 0.5}]}"#;
    fs::write(place.path("labels.json"), json).unwrap();
    let found = bill(&place, &["--suspects", "labels.json"]);
    items(&place, &found);
    assert_eq!(measured(&found), ALL);
    assert!(found["items"][3]["evidence"].as_str().unwrap().starts_with("Of val 1 labels"), "{}", found["items"][3]);
    fs::write(place.path("labels.txt"), "val/dark/1001.png\n").unwrap();
    let listed = bill(&place, &["--suspects", "labels.txt"]);
    assert_ne!(listed["items"][3]["nats"], found["items"][3]["nats"]);
    fs::write(place.path("other.txt"), "elsewhere/1.png\n").unwrap();
    place.mindgap(&["bill", "run", "--suspects", "other.txt"]).refuse(&["--suspects other.txt", "val/bright"]);
    fs::write(place.path("other.json"), "{}").unwrap();
    place.mindgap(&["bill", "run", "--suspects", "other.json"]).refuse(&["other.json", "inspect"]);
}

#[test]
fn data_that_changed_are_refused_and_the_outputs_alone_give_a_shorter_bill() {
    let place = place();
    place.write_image("data/train/dark/new.png", 2, 77);
    place.mindgap(&["bill", "run"]).refuse(&["changed since", "--outputs-only"]);
    let found = bill(&place, &["--outputs-only"]);
    items(&place, &found);
    assert_eq!(measured(&found), ["flattery", "sampling", "calibration", "class_mix", "generalisation"]);
    fs::remove_file(place.path("run/done.json")).unwrap();
    place.mindgap(&["bill", "run"]).refuse(&["not finished", "--resume"]);
    let text = place.mindgap(&["bill", "--help"]).succeed().stdout();
    assert!(text.contains("--suspects"), "{text}");
}

#[test]
fn a_recorded_run_has_the_bill_of_its_outputs() {
    let place = place();
    record(&place, "run", "theirs");
    place.mindgap(&["conclude", "theirs"]).succeed();
    let found: Value = serde_json::from_str(&place.mindgap(&["bill", "theirs", "--json"]).succeed().stdout()).unwrap();
    assert_eq!(measured(&found), ["flattery", "sampling", "calibration", "class_mix", "generalisation"]);
    assert!(found["items"][5]["evidence"].as_str().unwrap().contains("another training loop"), "{found}");
}
