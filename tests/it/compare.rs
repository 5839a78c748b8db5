//! A comparison trains what is missing, pairs its runs, survives failures and stops, and says what it found.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use crate::support::{
    Finished, Place,
    interposed::stop_at,
    process::{children, has_ended, is_pending, is_stopped, send, wait_until},
};
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
    assert!(delta["ci_seeds"].is_array() && delta["ci_images"].is_array() && delta["p_holm"].is_number());
    assert_eq!((&delta["this_recipe"], &delta["these_models"]), (&delta["ci_seeds"], &delta["ci_images"]));
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
    // Another recipe in a run's folder: this run cannot be resumed.
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

/// Starts `command`, a comparison whose runs in `folders` stop themselves after their first checkpoint.
fn start(command: &mut Command, folders: &[&str]) -> Child {
    let files: Vec<String> = folders.iter().map(|folder| format!("cmp/{folder}/last.safetensors")).collect();
    stop_at(command, &files.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a run of `comparison` has stopped itself, and names its process.
fn stopped_run(comparison: &Child) -> i32 {
    let mut run = None;
    wait_until("a run has its first checkpoint", || {
        run = children(comparison.id()).into_iter().find(|&child| is_stopped(child));
        run.is_some()
    });
    run.unwrap()
}

#[test]
fn runs_that_are_killed_are_listed_and_made_by_the_same_command() {
    let place = Place::with_images(12, 5);
    let mut command = place.command(&words(&["--seeds", "2"]));
    let mut comparison = start(&mut command, &["seed-seed1", "smoothing-seed1"]);
    for _ in 0..2 {
        let run = stopped_run(&comparison);
        send(run, libc::SIGKILL);
        wait_until("the killed run has ended", || has_ended(run));
    }
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
fn a_stopped_comparison_resumes_where_it_was() {
    let place = Place::with_images(12, 5);
    let more = ["--seeds", "2", "--jobs", "1"];
    let mut comparison = start(&mut place.command(&words(&more)), &["seed-seed0"]);
    let run = stopped_run(&comparison);
    send(comparison.id() as i32, libc::SIGTERM);
    wait_until("the comparison asks its run to stop", || is_pending(run, libc::SIGTERM));
    send(run, libc::SIGCONT);
    assert_eq!(comparison.wait().unwrap().code(), Some(75));
    assert!(!place.path("cmp/seed-seed0/done.json").exists());
    compare(&place, &more).succeed();
    assert_eq!(json(&place)["finished"], 4);
}

#[test]
fn the_runs_of_a_killed_comparison_stop_with_it() {
    let place = Place::with_images(12, 5);
    let mut comparison = start(&mut place.command(&words(&["--seeds", "1", "--jobs", "1"])), &["seed-seed0"]);
    let run = stopped_run(&comparison);
    comparison.kill().unwrap();
    comparison.wait().unwrap();
    send(run, libc::SIGCONT);
    wait_until("the run has ended too", || has_ended(run));
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
    refused(&["--presets", "seed,mixup", "--batch-size", "12", "--amp", "--amp-dtype", "float16"], &["--force-amp"]);
    refused(&["--presets", "seed,mixup", "--class-weights", "balanced"], &["mixup", "class_weights"]);
    refused(&["--presets", "seed,mixup", "--seeds", "0"], &["--seeds"]);
    // Every run would end so.
    refused(&["--presets", "seed,mixup"], &["preset seed", "36 training images", "a batch_size of at most 36"]);
    refused(&[], &["--presets"]);
}
