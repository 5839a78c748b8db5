//! A comparison says how many seeds a difference needs, and adds seeds until each answer stands or a limit is reached; what it decides is a
//! function of the finished runs.

use std::{fs, path::Path, process::Stdio, time::SystemTime};

use crate::support::{
    Finished, Place, TINY,
    interposed::stop_at,
    process::{children, is_pending, is_stopped, send, wait_until},
};
use serde_json::Value;

fn words<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["compare", "--data", "data", "--presets", "seed,smoothing", "--out", out, "--epochs", "1"], TINY, more].concat()
}

fn compare(place: &Place, out: &str, more: &[&str]) -> Finished {
    place.mindgap(&words(out, more))
}

fn json(place: &Place, out: &str) -> Value {
    serde_json::from_slice(&place.bytes(out, "compare.json")).unwrap()
}

fn changed(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// No difference of networks that learned nothing reaches 5 nats, which four seeds can show and three cannot.
const TO_THE_END: &[&str] = &["--until", "verdict", "--detect", "5"];

#[test]
fn seeds_are_added_until_the_answer_stands() {
    let place = Place::with_images(12, 5);
    let end = compare(&place, "cmp", TO_THE_END).succeed();
    let comparison = json(&place, "cmp");
    let preset = &comparison["presets"][1];
    assert_eq!(preset["seeds"], serde_json::json!([0, 1, 2, 3]), "{preset}");
    assert_eq!((&preset["finding"], &comparison["finished"]), (&"no-difference".into(), &8.into()));
    let sequential = &preset["sequential"];
    assert_eq!((&sequential["stopped"], &sequential["looks"]), (&"answered".into(), &2.into()));
    assert!(sequential["e"].is_number() && sequential["p_holm"].as_f64().unwrap() > 0.05, "{sequential}");
    assert!(preset["detection"]["p_no_difference"].as_f64().unwrap() < 0.05, "{preset}");
    let expected = serde_json::json!({"detect": 5.0, "until_verdict": true, "max_seeds": 30, "jobs": 1});
    assert_eq!(comparison["question"], expected);
    let text = end.stdout();
    assert!(text.contains("no difference larger than 5") && text.contains("the answer stands"), "{text}");
    assert!(comparison["verdict"].as_str().unwrap().contains("no difference larger than 5 nats is left"), "{text}");
    let page = String::from_utf8(place.bytes("cmp", "report.html")).unwrap();
    assert!(
        page.contains("How many seeds")
            && page.contains("no difference larger than 5")
            && page.contains("the answer stands")
    );

    // The same command finds the answer in the finished runs.
    let run = place.path("cmp/seed-seed3/last.safetensors");
    let before = changed(&run);
    compare(&place, "cmp", TO_THE_END).succeed();
    assert_eq!((json(&place, "cmp")["presets"].clone(), changed(&run)), (comparison["presets"].clone(), before));
    assert!(!place.path("cmp/seed-seed4").exists());
    let plan = String::from_utf8(place.bytes("cmp", "plan.jsonl")).unwrap();
    assert_eq!(plan.lines().count(), 8);
}

#[test]
fn a_limit_stops_it_and_a_larger_one_continues() {
    let place = Place::with_images(12, 5);
    let end = compare(&place, "cmp", &["--until", "verdict", "--max-seeds", "3"]).succeed();
    let preset = json(&place, "cmp")["presets"][1].clone();
    assert_eq!((&preset["finding"], &preset["sequential"]["stopped"]), (&"not-shown".into(), &"max-seeds".into()));
    assert!(end.stdout().contains("not shown yet") && end.stdout().contains("3 are the most"), "{}", end.stdout());
    let run = place.path("cmp/smoothing-seed2/last.safetensors");
    let before = changed(&run);
    compare(&place, "cmp", TO_THE_END).succeed();
    let preset = json(&place, "cmp")["presets"][1].clone();
    assert_eq!((&preset["finding"], preset["seeds"].as_array().unwrap().len()), (&"no-difference".into(), 4));
    assert_eq!(changed(&run), before);

    // The first seed of any comparison takes longer than that.
    compare(&place, "short", &["--until", "verdict", "--budget", "1ms"]).succeed();
    let preset = json(&place, "short")["presets"][1].clone();
    assert_eq!((&preset["seeds"], &preset["sequential"]["stopped"]), (&serde_json::json!([0]), &"budget".into()));
}

#[test]
fn a_comparison_that_was_stopped_comes_to_the_same_answer() {
    let place = Place::with_images(12, 5);
    compare(&place, "whole", TO_THE_END).succeed();
    let mut command = place.command(&words("cmp", TO_THE_END));
    stop_at(&mut command, &["cmp/smoothing-seed1/last.safetensors"], 1);
    let mut comparison = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut run = None;
    wait_until("a run has its first checkpoint", || {
        run = children(comparison.id()).into_iter().find(|&child| is_stopped(child));
        run.is_some()
    });
    send(comparison.id() as i32, libc::SIGTERM);
    wait_until("the comparison asks its run to stop", || is_pending(run.unwrap(), libc::SIGTERM));
    send(run.unwrap(), libc::SIGCONT);
    assert_eq!(comparison.wait().unwrap().code(), Some(75));
    compare(&place, "cmp", TO_THE_END).succeed();
    let (resumed, whole) = (json(&place, "cmp"), json(&place, "whole"));
    for field in ["seeds", "finding", "sequential", "detection", "against"] {
        assert_eq!(resumed["presets"][1][field], whole["presets"][1][field], "{field}");
    }
}

#[test]
fn the_seeds_that_a_difference_needs_are_said_before_and_after() {
    let place = Place::with_images(12, 5);
    let first = compare(&place, "cmp", &["--detect", "0.01", "--seeds", "3"]).succeed();
    assert!(first.stderr().contains("is said after the first 3"), "{}", first.stderr());
    let needed = "A difference of 0.01 nats between `smoothing` and `seed` is found with 80 % power by about";
    assert!(first.stdout().contains(needed), "{}", first.stdout());
    let preset = json(&place, "cmp")["presets"][1].clone();
    let seeds = |name: &str| preset["detection"][name].as_u64().unwrap();
    assert!(seeds("seeds_low") <= seeds("seeds") && seeds("seeds") <= seeds("seeds_high"), "{preset}");
    assert!(preset["sequential"].is_null());
    // From the runs that are there, before the next begins.
    let again = compare(&place, "cmp", &["--detect", "0.01", "--seeds", "4"]).succeed();
    let said = again.stderr();
    assert!(said.find(needed).unwrap() < said.find("smoothing-seed3 finished").unwrap(), "{said}");
    // From another comparison on the same data.
    let other = compare(&place, "other", &["--detect", "0.01", "--seeds", "1"]).succeed();
    let said = other.stderr();
    assert!(said.contains("By the comparison on these data in ./cmp") || said.contains("these data in cmp"), "{said}");
    assert!(said.find(needed).unwrap() < said.find("seed-seed0 finished").unwrap(), "{said}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = Place::with_images(12, 5);
    let refused = |more: &[&str], expected: &[&str]| {
        compare(&place, "cmp", more).refuse(expected);
        assert!(!place.path("cmp/plan.jsonl").exists());
    };
    refused(&["--until", "verdict", "--seeds", "3"], &["--until", "--seeds"]);
    refused(&["--until", "dawn"], &["--until", "verdict"]);
    refused(&["--max-seeds", "5"], &["--max-seeds", "--until verdict"]);
    refused(&["--budget", "3h"], &["--budget", "--until verdict"]);
    refused(&["--until", "verdict", "--budget", "soon"], &["--budget"]);
    refused(&["--until", "verdict", "--budget", "0s"], &["--budget", "above 0"]);
    refused(&["--detect", "1%"], &["--detect", "nats above 0"]);
    refused(&["--until", "verdict", "--folds", "3"], &["folds", "--seeds"]);
    refused(&["--detect", "0.1", "--folds", "3"], &["folds"]);
    place.mindgap(&["compare", "--plan", "plan.jsonl", "--until", "verdict"]).refuse(&["--plan", "--until"]);
    place.mindgap(&["compare", "--runs", "a", "b", "--detect", "0.1"]).refuse(&["--runs", "--detect"]);
    place.mindgap(&["compare", "--plan", "plan.jsonl", "--max-seeds", "5"]).refuse(&["--max-seeds"]);
}
