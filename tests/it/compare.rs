//! A comparison trains what is missing, pairs its runs, survives failures and stops, and says what it found.

use std::{fs, process::Stdio, thread::sleep, time::Duration};

use crate::support::{Finished, Place};
use serde_json::Value;

const NET: &[&str] =
    &["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--threads", "1", "--model", "resnet8"];

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let own = ["compare", "--data", "data", "--presets", "seed,smoothing", "--out", "cmp", "--epochs", "3"];
    [&own, NET, more].concat()
}

fn compare(place: &Place, more: &[&str]) -> Finished {
    place.mindgap(&words(more))
}

fn json(place: &Place) -> Value {
    serde_json::from_slice(&place.bytes("cmp", "compare.json")).unwrap()
}

#[test]
fn a_comparison_trains_every_preset_with_every_seed_on_the_same_images() {
    let place = Place::with_images(12, 5);
    let end = compare(&place, &["--seeds", "3"]).succeed();
    let comparison = json(&place);
    assert_eq!((&comparison["finished"], &comparison["baseline"]), (&6.into(), &"seed".into()));
    for preset in comparison["presets"].as_array().unwrap() {
        assert_eq!(preset["seeds"], serde_json::json!([0, 1, 2]));
        assert_eq!(preset["figures"]["val_loss"]["n"], 3);
    }
    let figures = |run: &str| place.epochs(&format!("cmp/{run}")).last().unwrap()["val_loss"].as_f64().unwrap();
    let delta = &comparison["presets"][1]["against"]["val_loss"];
    let expected: f64 =
        (0..3).map(|seed| figures(&format!("smoothing-seed{seed}")) - figures(&format!("seed-seed{seed}"))).sum();
    assert!((delta["mean"].as_f64().unwrap() - expected / 3.0).abs() < 1e-12);
    assert!(delta["this_recipe"].is_array() && delta["these_models"].is_array() && delta["p_holm"].is_number());
    let text = end.stdout();
    assert!(text.contains("| `smoothing` | 3 | ") && text.contains("Against `seed`"), "{text}");
    assert_eq!(text.as_bytes(), place.bytes("cmp", "compare.md"));

    // A run of a comparison is the run that `train` makes of the same words.
    place
        .mindgap(
            &[
                &["train", "--data", "data", "--preset", "smoothing", "--seed", "1", "--out", "alone", "--epochs", "3"],
                NET,
            ]
            .concat(),
        )
        .succeed();
    assert!(place.bytes("alone", "model.safetensors") == place.bytes("cmp/smoothing-seed1", "model.safetensors"));
}

#[test]
fn finished_runs_are_not_repeated_and_more_seeds_are_added() {
    let place = Place::with_images(12, 5);
    compare(&place, &["--seeds", "1"]).succeed();
    let before = fs::metadata(place.path("cmp/seed-seed0/last.safetensors")).unwrap().modified().unwrap();
    let end = compare(&place, &["--seeds", "2", "--jobs", "2", "--json"]).succeed();
    assert_eq!(serde_json::from_str::<Value>(&end.stdout()).unwrap()["finished"], 4);
    assert_eq!(fs::metadata(place.path("cmp/seed-seed0/last.safetensors")).unwrap().modified().unwrap(), before);
}

#[test]
fn a_run_that_fails_is_listed_and_stops_no_other() {
    let place = Place::with_images(12, 5);
    // Another recipe in a run's folder: this run cannot go on.
    place
        .mindgap(
            &[&["train", "--data", "data", "--lr", "0.2", "--out", "cmp/smoothing-seed0", "--epochs", "1"], NET]
                .concat(),
        )
        .succeed();
    let end = compare(&place, &["--seeds", "2"]);
    assert_eq!(end.code(), 3, "{}", end.stderr());
    let comparison = json(&place);
    assert_eq!((&comparison["finished"], &comparison["planned"]), (&3.into(), &4.into()));
    assert_eq!(comparison["not_finished"][0]["preset"], "smoothing");
    assert!(comparison["not_finished"][0]["reason"].as_str().unwrap().contains("lr"), "{comparison:#}");
    assert!(end.stdout().contains("3 of 4 runs are finished"), "{}", end.stdout());
}

/// Kills every run of `comparison` whose folder's name ends with `ending`, until the comparison has ended; how many.
fn kill_runs(comparison: &mut std::process::Child, ending: &str) -> usize {
    let mut killed = std::collections::HashSet::new();
    while comparison.try_wait().unwrap().is_none() {
        // A run is the child of the thread that waits for it.
        let threads = fs::read_dir(format!("/proc/{}/task", comparison.id())).into_iter().flatten().flatten();
        let children: String =
            threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default()).collect();
        for child in children.split_whitespace().filter_map(|number| number.parse::<i32>().ok()) {
            // Its messages go to a file beside its folder.
            let log = fs::read_link(format!("/proc/{child}/fd/2")).unwrap_or_default();
            if log.file_stem().is_some_and(|name| name.to_string_lossy().ends_with(ending)) {
                // SAFETY: sends a signal to a child of a process that this test owns.
                unsafe { libc::kill(child, libc::SIGKILL) };
                killed.insert(child);
            }
        }
        sleep(Duration::from_millis(5));
    }
    killed.len()
}

#[test]
fn runs_that_are_killed_are_listed_and_made_by_the_same_command() {
    let place = Place::with_images(60, 5);
    let mut command = place.command(&words(&["--seeds", "2"]));
    let mut comparison = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(kill_runs(&mut comparison, "-seed1"), 2);
    assert_eq!(comparison.wait().unwrap().code(), Some(3));
    let found = json(&place);
    assert_eq!((&found["finished"], &found["planned"]), (&2.into(), &4.into()));
    for missing in found["not_finished"].as_array().unwrap() {
        assert_eq!(missing["seed"], 1);
        assert!(missing["reason"].as_str().unwrap().contains("signal: 9"), "{missing}");
    }
    let end = compare(&place, &["--seeds", "2"]).succeed();
    assert_eq!((&json(&place)["finished"], json(&place)["not_finished"].as_array().unwrap().len()), (&4.into(), 0));
    assert!(end.stdout().contains("| `smoothing` | 2 | "), "{}", end.stdout());
}

#[test]
fn a_result_that_is_damaged_is_left_out_and_counted() {
    let place = Place::with_images(12, 5);
    compare(&place, &["--seeds", "2"]).succeed();
    let whole = json(&place)["presets"][1]["figures"]["val_loss"].clone();
    let path = place.path("cmp/smoothing-seed1/predictions.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let end = compare(&place, &["--seeds", "2"]);
    assert_eq!(end.code(), 3, "{}", end.stderr());
    let comparison = json(&place);
    assert_eq!((&comparison["finished"], &comparison["planned"]), (&3.into(), &4.into()));
    let missing = &comparison["not_finished"][0];
    assert_eq!((&missing["preset"], &missing["seed"]), (&"smoothing".into(), &1.into()));
    assert!(missing["reason"].as_str().unwrap().contains("predictions.safetensors"), "{missing}");
    let left = &comparison["presets"][1]["figures"]["val_loss"];
    assert_eq!((&whole["n"], &left["n"]), (&2.into(), &1.into()));
    assert!(end.stdout().contains("3 of 4 runs are finished"), "{}", end.stdout());
}

#[test]
fn a_stopped_comparison_goes_on_where_it_was() {
    let place = Place::with_images(60, 5);
    let long = ["--seeds", "2", "--epochs", "8"];
    let child = place.command(&words(&long)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.path("cmp/seed-seed0/epochs.jsonl").exists() {
        sleep(Duration::from_millis(5));
    }
    // SAFETY: sends a signal to a child that this test owns.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(75));
    assert!(!place.path("cmp/smoothing-seed1/done.json").exists());
    compare(&place, &long).succeed();
    assert_eq!(json(&place)["finished"], 4);
}

#[test]
fn the_runs_of_a_killed_comparison_stop_with_it() {
    let place = Place::with_images(60, 5);
    let long = ["--seeds", "1", "--epochs", "400"];
    let mut child = place.command(&words(&long)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !place.path("cmp/seed-seed0/last.safetensors").exists() {
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let epochs = || fs::metadata(place.path("cmp/seed-seed0/epochs.jsonl")).unwrap().len();
    let begun = std::time::Instant::now();
    loop {
        let before = epochs();
        sleep(Duration::from_secs(2));
        if epochs() == before {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the run goes on");
    }
    assert!(!place.path("cmp/seed-seed0/done.json").exists());
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_trained() {
    let place = Place::with_images(12, 5);
    let refused = |more: &[&str], expected: &[&str]| {
        place.mindgap(&[&["compare", "--data", "data", "--out", "cmp"], more].concat()).refuse(expected);
        assert!(!place.path("cmp").exists());
    };
    refused(&["--presets", "seed"], &["two"]);
    refused(&["--presets", "seed,seed"], &["seed", "twice"]);
    refused(&["--presets", "seed,mixpu"], &["mixpu", "mixup"]);
    refused(&["--presets", "seed,mixup", "--baseline", "closed"], &["closed", "--presets"]);
    // No CPU computes in it.
    refused(&["--presets", "seed,mixup", "--amp", "--amp-dtype", "float16"], &["--force-amp"]);
    refused(&["--presets", "seed,mixup", "--class-weights", "balanced"], &["mixup", "class_weights"]);
    refused(&["--presets", "seed,mixup", "--seeds", "0"], &["--seeds"]);
    refused(&[], &["--presets"]);
}
