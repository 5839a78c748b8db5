//! `mindgap close`: a search within a time budget, which can be stopped, killed and resumed.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::support::{
    CLASSES, Finished, Place,
    process::{send, wait_until},
};
use serde_json::Value;

/// `mindgap close`, with the witnesses of sealed test sets in the folder `state` of the place.
fn command(place: &Place, more: &[&str]) -> Command {
    let mut command = place.command(&[&["close", "data", "--out", "out", "--threads", "1"], more].concat());
    command.env("XDG_STATE_HOME", place.path("state"));
    command
}

fn close(place: &Place, more: &[&str]) -> Finished {
    Finished(command(place, more).output().unwrap())
}

fn record(place: &Place) -> Value {
    serde_json::from_slice(&place.bytes("out", "close.json")).unwrap()
}

/// Files that a finished search leaves.
const FILES: [&str; 5] = ["close.html", "recipe.toml", "model.pt", "model.safetensors", "model.onnx"];

#[test]
fn a_search_that_was_stopped_resumes_and_hands_over_what_it_found() {
    // 420 val images: enough to judge by.
    let place = Place::with_images(40, 140);
    for (class, name) in CLASSES.into_iter().enumerate() {
        for number in 0..10 {
            place.write_image(&format!("data/test/{name}/{number}.png"), class as u32, 5000 + number);
        }
    }
    let mut search = command(&place, &["--budget", "36s", "--jobs", "2"]);
    let mut search = search.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut has_tried = || {
        assert!(search.try_wait().unwrap().is_none(), "the search ended by itself: {}", record(&place));
        let text = fs::read_to_string(place.path("out/close.json")).unwrap_or_default();
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        record["trials"].as_array().is_some_and(|trials| trials.len() >= 2)
            || record["stage"].as_str().is_some_and(|stage| stage == "final")
    };
    wait_until("the search has tried something", &mut has_tried);
    send(search.id() as i32, libc::SIGTERM);
    let status = search.wait().unwrap();
    assert_eq!(status.code(), Some(75));
    let stopped = record(&place);
    let begun = stopped["trials"].as_array().unwrap().len();
    assert!(stopped["spent_seconds"].as_f64().unwrap() > 1.0);
    assert!(!place.path("out/close.html").exists());

    // Another command does not take the folder over, and a resumed one keeps within the budget.
    close(&place, &["--budget", "36s"]).refuse(&["out holds a search", "--resume"]);
    close(&place, &["--resume", "--seeds", "2"]).refuse(&["--seeds 1, not 2"]);
    close(&place, &["--resume", "--jobs", "3"]).refuse(&["planned for --jobs 2, not 3"]);
    // Images that changed fail no candidate: the search waits for them.
    let (image, away) = (place.path("data/train/even/0007.png"), place.path("away.png"));
    fs::rename(&image, &away).unwrap();
    close(&place, &["--resume"]).refuse(&["put them back"]);
    assert_eq!((&record(&place)["trials"], &record(&place)["stage"]), (&stopped["trials"], &stopped["stage"]));
    fs::rename(&away, &image).unwrap();
    let end = close(&place, &["--resume"]).succeed();
    let found = record(&place);
    assert_eq!(found["stage"], "done");
    assert!(found["spent_seconds"].as_f64().unwrap() > stopped["spent_seconds"].as_f64().unwrap());
    let trials = found["trials"].as_array().unwrap();
    assert!(trials.len() >= begun && trials.iter().all(|trial| trial["outcome"].is_object()), "{trials:?}");
    let plan = found["plan"].as_object().unwrap();
    // With one rung the winner leaves the search what it cannot use. On a loaded machine less than two fifths may be left when the plan is
    // made: then the winner has all but the reference's share.
    let has_one_rung = plan["rungs"]["candidates"].as_array().is_some_and(|candidates| candidates.len() == 1);
    let seconds = |part: &str| plan[part].as_f64().unwrap();
    let is_all = plan["rungs"].is_null() && seconds("last") > 0.999 * (0.85 / 0.15) * seconds("reference");
    assert!(has_one_rung || is_all || seconds("last") >= 0.4 * 36.0, "{plan:?}");
    for side in ["reference", "winner"] {
        let figures = &found["verdict"][side];
        assert!(figures["val_loss"].is_number() && figures["images"].as_u64() == Some(210), "{figures}");
    }
    assert_eq!(found["bills"].as_array().unwrap().len(), 2);
    // The test set was looked at once.
    assert_eq!(found["test_begun"], true);
    assert_eq!((&found["test"]["split"], &found["test"]["seal"]["looks"]), (&"test".into(), &1.into()));
    let ledger = fs::read_to_string(place.path("data.seal/ledger.jsonl")).unwrap();
    assert_eq!(ledger.lines().count(), 2, "the seal and one look");
    for file in FILES {
        assert!(place.path("out").join(file).exists(), "{file}");
    }
    let text = end.stdout();
    assert!(text.contains(found["sentence"].as_str().unwrap().split(':').next().unwrap()), "{text}");
    let page = String::from_utf8(place.bytes("out", "close.html")).unwrap();
    for part in ["Before and after", "What was tried", "What to do next", "The winner", "mindgap train --recipe"] {
        assert!(page.contains(part), "{part}");
    }

    // What it handed over is what it says: the recipe trains, and the finished search is only printed again.
    let recipe = place.path("out/recipe.toml");
    let again = ["train", "--data", "data", "--recipe", recipe.to_str().unwrap(), "--epochs", "1", "--out", "again"];
    place.mindgap(&again).succeed();
    let before = place.bytes("out", "close.html");
    close(&place, &["--resume"]).succeed();
    assert_eq!(place.bytes("out", "close.html"), before);
    close(&place, &["--resume", "--budget", "5m"]).refuse(&["length of its winner is decided, with a budget of 0:36"]);
}

#[test]
fn few_images_are_divided_into_folds_and_a_small_budget_says_what_is_enough() {
    let place = Place::with_images(20, 10);
    // A training image that is in val too.
    fs::copy(place.path("data/val/even/1003.png"), place.path("data/train/even/copy.png")).unwrap();
    let end = close(&place, &["--budget", "25s", "--jobs", "2", "--json"]).succeed();
    let found: Value = serde_json::from_str(&end.stdout()).unwrap();
    assert_eq!(found, record(&place));
    assert_eq!((&found["look"]["folds"], found["data"].as_array().unwrap().len()), (&5.into(), 5));
    assert_eq!(found["look"]["left_out"], serde_json::json!([["surplus duplicates", 1]]));
    let list = fs::read_to_string(place.path("out/exclude.txt")).unwrap();
    assert!(list.contains("train/even/copy.png") != list.contains("val/even/1003.png"), "{list}");
    // All 90 images are validated once, and half of them judge.
    let images = found["verdict"]["winner"]["images"].as_u64().unwrap();
    assert!((30..=60).contains(&images), "{images}");
    assert_eq!(found["reference"]["folders"].as_array().unwrap().len(), 5);
    let notes = found["notes"].to_string();
    assert!(notes.contains("would be enough for six"), "{notes}");
    assert!(place.path("out/model/final-seed0/done.json").exists() && place.path("out/model.onnx").exists());
}

#[test]
fn a_dry_run_plans_and_a_plan_is_trained_elsewhere() {
    let place = Place::with_images(40, 140);
    let end = close(&place, &["--budget", "24s", "--seeds", "2", "--dry-run", "--plan"]).succeed();
    let text = end.stderr();
    for part in ["Plan for 0:24", "reference", "winner", "images/s", "420 val images"] {
        assert!(text.contains(part), "{text}");
    }
    let planned = record(&place);
    assert_eq!((&planned["stage"], &planned["trials"]), (&"planned".into(), &serde_json::json!([])));
    assert!(!place.path("out/plan.jsonl").exists());

    // Workers train what stands in the plan, and the search is resumed, until there is nothing more to train.
    let lines = || fs::read_to_string(place.path("out/plan.jsonl")).unwrap().lines().count();
    let mut trained = 0;
    while close(&place, &["--resume", "--plan"]).succeed().stderr().contains("train them with mindgap run") {
        assert_eq!(record(&place)["plan"], planned["plan"]);
        assert!(lines() > trained, "the plan does not grow");
        while trained < lines() {
            let index = trained.to_string();
            place.mindgap(&["run", "--plan", "out/plan.jsonl", "--index", &index, "--threads", "1"]).succeed();
            trained += 1;
        }
    }
    let found = record(&place);
    assert_eq!(found["stage"], "done");
    assert!(trained >= 4 && found["verdict"]["word"].is_string(), "{}", found["sentence"]);
    assert!(place.path("out/model.pt").exists());
    // Reference and winner have a run of each seed, and the verdict is over both.
    for which in ["reference", "last"] {
        let folders: Vec<_> = found[which]["folders"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        assert!(
            matches!(&folders[..], [first, second] if first.ends_with("-seed0") && second.ends_with("-seed1")),
            "{folders:?}"
        );
    }
}

#[test]
fn a_target_that_is_shown_ends_the_search() {
    let place = Place::with_images(100, 140);
    // A short reference leaves the time to the search, which the target ends long before the budget does.
    let end = close(&place, &["--budget", "15m", "--epochs", "2", "--target-acc", "40"]).succeed();
    let found = record(&place);
    let met = found["met"].as_u64().unwrap_or_else(|| panic!("{}", end.stderr())) as usize;
    let candidate = &found["candidates"][found["trials"][met]["candidate"].as_u64().unwrap() as usize]["name"];
    assert!(found["last"]["folders"][0].as_str().unwrap().contains(candidate.as_str().unwrap()), "{candidate}");
    assert!(found["verdict"]["winner"]["val_acc"].as_f64().unwrap() > 40.0);
    assert!(found["spent_seconds"].as_f64().unwrap() < 600.0 && end.stderr().contains("The target is met"));
    assert!(place.path("out/close.html").exists() && !place.path("out/final-seed0").exists());
}

#[test]
fn images_whose_mirror_images_are_of_another_class_are_not_mirrored() {
    // Light from the left is one class, light from the right another: each is the other's mirror image.
    let place = Place::with_images(100, 140);
    for folder in
        ["data/train", "data/val"].into_iter().flat_map(|split| CLASSES.map(|class| format!("{split}/{class}")))
    {
        for file in fs::read_dir(place.path(folder)).unwrap() {
            let path = file.unwrap().path();
            image::open(&path).unwrap().rotate90().save(&path).unwrap();
        }
    }
    close(&place, &["--budget", "1h", "--epochs", "10", "--plan"]).succeed();
    place.mindgap(&["run", "--plan", "out/plan.jsonl", "--index", "0", "--threads", "1"]).succeed();
    let text = close(&place, &["--resume", "--plan"]).succeed().stderr();
    assert!(text.contains("no candidate mirrors images"), "{text}");
    let found = record(&place);
    let changed = found["mirroring"]["changed"].as_array().unwrap();
    assert!(changed.contains(&CLASSES[0].into()) && changed.contains(&CLASSES[2].into()), "{}", found["mirroring"]);
    // Not one of the runs that come next.
    let plan = fs::read_to_string(place.path("out/plan.jsonl")).unwrap();
    let runs: Vec<Value> = plan.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(runs.len() > 3, "{plan}");
    assert!(runs.iter().all(|run| run["recipe"]["hflip"].as_f64().unwrap_or(0.0) == 0.0), "{plan}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_trained() {
    let place = Place::with_images(12, 5);
    close(&place, &[]).refuse(&["--budget"]);
    close(&place, &["--budget", "5s"]).refuse(&["--budget is too short"]);
    close(&place, &["--resume"]).refuse(&["holds no search"]);
    close(&place, &["--budget", "1m", "--target-acc", "120"]).refuse(&["--target-acc"]);
    close(&place, &["--budget", "1m", "--fold", "1"]).refuse(&["--folds alone"]);
    close(&place, &["--budget", "1m", "--folds", "1"]).refuse(&["--folds takes a number from 2 to 100"]);
    close(&place, &["--budget", "1m", "--data", "data"]).refuse(&["without --data"]);
    fs::create_dir(place.path("out")).unwrap_or_default();
    fs::write(place.path("out/notes.txt"), "mine").unwrap();
    close(&place, &["--budget", "1m"]).refuse(&["out is not empty", "notes.txt"]);
    assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 1);
}

#[test]
fn a_search_is_resumed_with_the_folds_and_images_that_it_began_with() {
    let place = Place::with_images(20, 5);
    close(&place, &["--budget", "1m", "--folds", "4", "--dry-run"]).succeed();
    close(&place, &["--resume", "--folds", "3"]).refuse(&["has --folds 4, not --folds 3"]);
    place.mindgap(&["close", "data/", "--out", "out", "--resume", "--dry-run"]).succeed();
    // Before anything is trained there may be another plan.
    close(&place, &["--resume", "--jobs", "2", "--dry-run"]).succeed();
    assert_eq!(record(&place)["jobs"], 2);
    fs::remove_file(place.path("data/train/even/0007.png")).unwrap();
    let planned = record(&place);
    // Once, not by each run.
    let text = close(&place, &["--resume"]).refuse(&["are not those that the search", "put them back"]).stderr();
    assert_eq!(text.matches("put them back").count(), 1, "{text}");
    assert_eq!(record(&place)["plan"], planned["plan"]);
    assert!(!place.path("out/plan.jsonl").exists());
}
