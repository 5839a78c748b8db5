//! The range test suggests a rate or says why not, changes no file that is not its own, and its recipe trains.

use std::fs;

use crate::support::{Finished, Place};
use serde_json::Value;

/// `mindgap find-lr` on `data` with a small network and `more` flags.
fn find(place: &Place, more: &[&str]) -> Finished {
    let mut words = vec!["find-lr", "--data", "data", "--width", "4", "--stem-stride", "2", "--batch-size", "8"];
    words.extend(["--threads", "1", "--device", "cpu"]);
    words.extend(more);
    place.mindgap(&words)
}

fn json(place: &Place, more: &[&str]) -> Value {
    let words: Vec<&str> = more.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&find(place, &words).succeed().stdout()).unwrap()
}

#[test]
fn a_test_suggests_a_rate_draws_its_curve_and_writes_a_recipe_that_trains() {
    let place = Place::with_images(12, 5);
    let text = find(&place, &["--num-it", "200", "--apply", "found.toml"]).succeed().stdout();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for part in ["suggestion  ", "valley  ", "steepest  ", "bounds  ", "chart       lr.svg", "--recipe found.toml"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    let chart = fs::read_to_string(place.path("lr.svg")).unwrap();
    assert!(chart.starts_with("<svg xmlns") && chart.contains("suggestion"), "{chart}");

    let found = json(&place, &["--num-it", "200"]);
    let rate = |key: &str| found[key].as_f64().unwrap();
    assert!(1e-5 < rate("suggestion") && rate("suggestion") < 1.0, "{found}");
    assert!(rate("low") <= rate("suggestion") && rate("suggestion") <= rate("high"), "{found}");
    assert!(found["reason"].is_null());
    let lengths = ["rates", "losses", "smoothed"].map(|key| found[key].as_array().unwrap().len());
    assert!(lengths[0] > 20 && lengths == [lengths[0]; 3], "{lengths:?}");

    let recipe: toml::Table = toml::from_str(&fs::read_to_string(place.path("found.toml")).unwrap()).unwrap();
    assert_eq!(recipe["lr"].as_float(), found["suggestion"].as_f64());
    let words = ["train", "--data", "data", "--recipe", "found.toml", "--epochs", "1", "--out", "run"];
    place.mindgap(&words).succeed();
}

#[test]
fn a_test_repeats_bit_for_bit() {
    let place = Place::with_images(12, 5);
    let flags = ["--num-it", "30", "--opt", "adamw", "--hflip", "0.5", "--drop", "0.2", "--mixup", "0.2"];
    assert_eq!(json(&place, &flags), json(&place, &flags));
}

#[test]
fn no_suggestion_comes_with_its_reason_and_writes_no_recipe() {
    let place = Place::with_images(12, 5);
    // Rates that change nothing leave a flat curve; from a rate of a thousand on, the loss diverges.
    for (rates, words) in [
        (["--start-lr", "1e-12", "--end-lr", "1e-10"], "--end-lr"),
        (["--start-lr", "1e3", "--end-lr", "1e9"], "--start-lr"),
    ] {
        let found = json(&place, &rates);
        assert!(found["suggestion"].is_null() && found["low"].is_null(), "{found}");
        assert!(found["reason"].as_str().unwrap().contains(words), "{}", found["reason"]);
        let apply = [&rates[..], &["--apply", "found.toml"]].concat();
        let text = find(&place, &apply).refuse(&["found.toml", words]).stdout();
        assert!(text.contains("No suggestion") && text.contains("chart  "), "{text}");
        assert!(!place.path("found.toml").exists());
    }
    let found = json(&place, &["--num-it", "5"]);
    assert!(found["reason"].as_str().unwrap().contains("--num-it"), "{found}");
}

#[test]
fn files_of_others_are_not_overwritten() {
    let place = Place::with_images(12, 5);
    fs::write(place.path("lr.svg"), "<svg>mine</svg>").unwrap();
    find(&place, &["--num-it", "5"]).refuse(&["lr.svg", "--chart"]);
    assert_eq!(fs::read_to_string(place.path("lr.svg")).unwrap(), "<svg>mine</svg>");
    fs::write(place.path("my.toml"), "").unwrap();
    find(&place, &["--num-it", "5", "--chart", "other.svg", "--apply", "my.toml"]).refuse(&["my.toml", "--apply"]);
    // Its own chart is replaced.
    for _ in 0..2 {
        find(&place, &["--num-it", "5", "--chart", "other.svg"]).succeed();
    }
}

#[test]
fn bad_flags_are_refused() {
    let place = Place::with_images(12, 5);
    find(&place, &["--start-lr", "0"]).refuse(&["start_lr 0"]);
    find(&place, &["--start-lr", "1", "--end-lr", "0.1"]).refuse(&["start_lr 1 ", "end_lr 0.1"]);
    find(&place, &["--batch-size", "500"]).refuse(&["36 training images", "a batch_size of at most 36"]);
    find(&place, &["--chart", "nowhere/lr.svg"]).refuse(&["nowhere"]);
    assert!(!place.path("lr.svg").exists());
}
