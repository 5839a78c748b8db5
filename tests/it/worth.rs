//! What fixing the data is worth is measured on the same val images, against a random removal of as many.

use std::{collections::HashSet, fs};

use crate::support::Place;
use serde_json::Value;

const NET: [&str; 10] = ["--model", "resnet8", "--width", "4", "--batch-size", "8", "--threads", "1", "--epochs", "3"];

/// Images of which four are in train and val, six twice in train, and three wrongly labelled by a list.
fn place() -> Place {
    let place = Place::with_images(16, 6);
    for number in 1000..1004 {
        place.write_image(&format!("data/train/bright/leak{number}.png"), 0, number);
    }
    for number in 0..6 {
        place.write_image(&format!("data/train/dark/again{number}.png"), 2, number);
    }
    fs::write(place.path("wrong.txt"), "train/even/0001.png\ntrain/even/0002.png\ntrain/dark/0003.png\n").unwrap();
    place
}

fn worth(place: &Place, more: &[&str]) -> Value {
    let own =
        ["worth", "data", "--out", "w", "--json", "--suspects", "wrong.txt", "--fix", "near-leaks,duplicates,labels"];
    serde_json::from_str(&place.mindgap(&[&own, &NET[..], more].concat()).succeed().stdout()).unwrap()
}

fn lines(place: &Place, file: &str) -> Vec<String> {
    String::from_utf8(place.bytes("w", file)).unwrap().lines().map(str::to_owned).collect()
}

fn val_images(place: &Place, run: &str) -> Vec<String> {
    let text = String::from_utf8(place.bytes(&format!("w/{run}"), "images.csv")).unwrap();
    text.lines()
        .filter(|line| line.starts_with("val,"))
        .map(|line| line.split(',').nth(2).unwrap().to_owned())
        .collect()
}

#[test]
fn each_fix_is_trained_with_its_control_on_untouched_val_images() {
    let place = place();
    let found = worth(&place, &["--seeds", "2", "--no-curve"]);
    assert_eq!((&found["train"], &found["val"], &found["seeds"]), (&58.into(), &18.into(), &serde_json::json!([0, 1])));
    assert!(found["leaks"].as_u64().unwrap() >= 4 && found["flattery"]["mean"].is_number(), "{found}");
    let fixes = found["fixes"].as_array().unwrap();
    assert_eq!(
        fixes.iter().map(|fix| fix["fix"].as_str().unwrap()).collect::<Vec<_>>(),
        ["near-leaks", "duplicates", "labels"]
    );
    assert!(fixes[0]["removed"].as_u64().unwrap() >= 4);
    assert_eq!((&fixes[1]["removed"], &fixes[2]["removed"]), (&6.into(), &3.into()));

    let loss = |run: &str| place.epochs(&format!("w/{run}")).last().unwrap()["val_loss"].as_f64().unwrap();
    for fix in fixes {
        let name = fix["fix"].as_str().unwrap();
        let change: f64 = [0, 1]
            .iter()
            .map(|seed| loss(&format!("{name}-seed{seed}")) - loss(&format!("{name}-control-seed{seed}")))
            .sum();
        assert!((fix["val_loss"]["mean"].as_f64().unwrap() - change / 2.0).abs() < 1e-6, "{fix}");
        // As many others of each class, none of them of the fix.
        let (removed, control) = (lines(&place, &format!("{name}.txt")), lines(&place, &format!("{name}-control.txt")));
        let classes = |list: &[String]| {
            let mut classes: Vec<String> = list.iter().map(|name| name.split('/').nth(1).unwrap().to_owned()).collect();
            classes.sort();
            classes
        };
        assert_eq!(classes(&removed), classes(&control));
        let removed: HashSet<&String> = removed.iter().collect();
        assert!(control.iter().all(|name| !removed.contains(name)));
        assert_eq!(val_images(&place, &format!("{name}-seed0")), val_images(&place, "all-seed0"));
    }
    let sentence = found["sentence"].as_str().unwrap();
    assert!(sentence.contains("cleaning labels: ") && sentence.contains(" nats"), "{sentence}");
    // The same command trains nothing again.
    assert_eq!(worth(&place, &["--seeds", "2", "--no-curve"]), found);
}

#[test]
fn wrong_labels_are_searched_where_no_list_is_given() {
    let place = Place::with_images(40, 6);
    for number in 5000..5003 {
        place.write_image(&format!("data/train/dark/wrong{number}.png"), 0, number);
    }
    let own = ["worth", "data", "--out", "w", "--json", "--fix", "labels", "--label-folds", "3", "--seeds", "1"];
    let words = [&own, &NET[..], &["--no-curve"]].concat();
    let found: Value = serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap();
    let removed = lines(&place, "labels.txt");
    assert_eq!(found["fixes"][0]["removed"], removed.len());
    assert!(removed.iter().filter(|name| name.contains("wrong")).count() >= 2, "{removed:?}");
}

#[test]
fn what_cannot_be_measured_is_refused_or_said() {
    let place = place();
    let own = ["worth", "data", "--out", "w", "--fix", "groups"];
    place.mindgap(&[&own, &NET[..]].concat()).refuse(&["--groups", "--group-by"]);
    place.mindgap(&["worth", "data", "--fix", "labels,labels"]).refuse(&["labels twice"]);
    place.mindgap(&["worth", "data", "--data", "data", "--fix", "labels"]).refuse(&["without --data"]);
}
