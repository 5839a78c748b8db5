//! Recorded runs: what another training loop trained and a recorder wrote is concluded, diagnosed and shown like a run of
//! mindgap's own, and what is not recorded is said, never invented.

use std::fs;

use mindgap::run::{Images, Predictions};
use serde_json::Value;

use crate::support::{
    Place,
    recorded::{read, record},
};

const RUN: &[&str] = &["--epochs", "3", "--model", "resnet8", "--seed", "1"];

fn place() -> Place {
    let place = Place::with_run(12, 5, "run", RUN);
    record(&place, "run", "recorded");
    place
}

#[test]
fn a_run_lists_its_images_in_the_order_of_its_predictions() {
    let place = Place::with_run(12, 5, "run", RUN);
    let images = Images::load(&place.path("run/images.csv")).unwrap();
    images.check(&Predictions::load(&place.path("run/predictions.safetensors")).unwrap()).unwrap();
    assert_eq!((images.val.len(), images.probe.len()), (15, 15));
    assert!(
        images
            .probe
            .iter()
            .all(|image| image.name.starts_with("train/") && place.path("data").join(&image.name).is_file())
    );
    // Classes are numbered by name: bright, dark, even.
    assert_eq!((&*images.val[5].name, images.val[5].label), ("val/dark/1000.png", 1));
    let data = place.dataset();
    assert_eq!((images.leaks, images.in_first_half), (data.val_in_train(), data.val_halves(0)));
}

#[test]
fn a_resumed_run_of_an_earlier_version_gets_its_list_of_images() {
    let place = Place::with_run(12, 5, "run", RUN);
    let list = place.bytes("run", "images.csv");
    fs::remove_file(place.path("run/images.csv")).unwrap();
    let longer = ["--epochs", "4", "--model", "resnet8", "--seed", "1", "--resume"];
    place.train("run", &longer).succeed();
    assert_eq!(place.bytes("run", "images.csv"), list);
    assert_eq!(place.epochs("run").len(), 4);
}

#[test]
fn a_recorded_run_is_concluded_with_the_figures_of_the_same_run_of_mindgaps_own() {
    let place = place();
    let end = place.mindgap(&["conclude", "recorded", "--json"]).succeed();
    let printed: Value = serde_json::from_str(&end.stdout()).unwrap();
    let mut own = read(&place.path("run/done.json"));
    let recorded = read(&place.path("recorded/done.json"));
    for (name, value) in recorded.as_object().unwrap() {
        assert_eq!(&printed[name], value);
    }
    // What is not stated is absent, and everything measured is the same.
    let last = own["last"].as_object_mut().unwrap();
    last.remove("steps");
    for name in ["lr", "batch_loss", "train_images_per_s"] {
        last.insert(name.into(), Value::Null);
    }
    own.as_object_mut().unwrap().remove("macs");
    own["parameters"] = 4711.into();
    assert_eq!(recorded, own);
    let rates = |run: &str| {
        let text = String::from_utf8(place.bytes(run, "summary.csv")).unwrap();
        text.lines().map(|line| line.split(',').take(7).collect::<Vec<_>>().join(",")).collect::<Vec<_>>()
    };
    assert_eq!(rates("recorded"), rates("run"));
    assert!(place.path("recorded/val").is_dir());
    let page = String::from_utf8(place.bytes("recorded", "report.html")).unwrap();
    for words in
        ["Recorded by mindgap 0.1.0 (Python 3.11)", "Lightning 2.5", "Not recorded: recipe, checkpoints", "Finished."]
    {
        assert!(page.contains(words), "{words}");
    }
    // A second conclusion changes no bit of it.
    let first = place.bytes("recorded", "done.json");
    place.mindgap(&["conclude", "recorded"]).succeed();
    assert_eq!(place.bytes("recorded", "done.json"), first);
}

#[test]
fn a_diagnosis_of_a_recorded_run_claims_nothing_about_its_recipe() {
    let place = place();
    let before = place.mindgap(&["diagnose", "recorded", "--json"]).succeed();
    let before: Value = serde_json::from_str(&before.stdout()).unwrap();
    place.mindgap(&["conclude", "recorded"]).succeed();
    let own = place.mindgap(&["diagnose", "run", "--json"]).succeed();
    let own: Value = serde_json::from_str(&own.stdout()).unwrap();
    let found = place.mindgap(&["diagnose", "recorded", "--json"]).succeed();
    let found: Value = serde_json::from_str(&found.stdout()).unwrap();
    assert_eq!((&before["gap_loss"], &found["gap_loss"]), (&own["gap_loss"], &own["gap_loss"]));
    let notes = found["notes"].to_string();
    assert!(notes.contains("its recipe is not recorded") && notes.contains("Lightning 2.5"), "{notes}");
    let text = found["findings"].to_string();
    assert!(text.contains("The recipe is not recorded") && !text.contains("recipe.toml"), "{text}");
    assert!(!text.contains("No regularisation is on") && !text.contains("on already: raise"), "{text}");
    place.mindgap(&["diagnose", "recorded", "--learning-curve"]).refuse(&["--learning-curve", "is not recorded"]);
}

#[test]
fn what_needs_a_recipe_or_weights_refuses_a_recorded_run_in_one_line() {
    let place = place();
    place.mindgap(&["conclude", "recorded"]).succeed();
    let image = place.path("data/val/dark/1000.png").display().to_string();
    let commands: [&[&str]; 5] = [
        &["export", "recorded", "--out", "model.pt"],
        &["predict", "recorded", &image],
        &["evaluate", "recorded", "--data", "data"],
        &["train", "--data", "data", "--out", "recorded", "--resume"],
        &["train", "--data", "data", "--out", "recorded"],
    ];
    for command in commands {
        let end = place.mindgap(command).refuse(&["recorded", "another training loop recorded"]);
        assert_eq!(end.stderr().lines().count(), 1, "{}", end.stderr());
    }
    place.mindgap(&["conclude", "run"]).refuse(&["run", "mindgap itself trained", "--resume"]);
    place.mindgap(&["conclude", "data"]).refuse(&["data", "holds no run"]);
    place.mindgap(&["conclude", "absent"]).refuse(&["absent"]);
    fs::write(place.path("recorded/images.csv"), "split,id,name,label,leak,half\nval,0,a,0,0,3\n").unwrap();
    place.mindgap(&["conclude", "recorded"]).refuse(&["images.csv", "line 2", "half \"3\""]);
}

#[test]
fn recorded_and_own_runs_stand_in_one_report() {
    let place = place();
    place.mindgap(&["conclude", "recorded"]).succeed();
    place.mindgap(&["report", "run", "recorded", "--out", "both.html"]).succeed();
    let page = fs::read_to_string(place.path("both.html")).unwrap();
    assert!(
        page.contains("another training loop (Lightning 2.5)") && page.contains("2 of 2 runs are finished"),
        "{page}"
    );
}
