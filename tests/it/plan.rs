//! A comparison whose runs are trained one by one, in any order and by anybody, is the comparison of one machine.

use std::{fs, process::Stdio};

use crate::support::{Finished, Place, interposed::Stopping};
use serde_json::Value;

const NET: &[&str] = &["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--model", "resnet8"];

/// The words of `command` on presets, over two seeds.
fn words<'a>(command: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command, "--data", "data", "--presets", "seed,smoothing", "--seeds", "2", "--out", out], NET, more].concat()
}

fn plan(place: &Place, more: &[&str]) -> Finished {
    place.mindgap(&words("plan", "cmp", &[&["--epochs", "3"], more].concat()))
}

/// Index `index` of the plan, on one thread, so that all have the same bits.
fn run_words(index: &str) -> Vec<&str> {
    vec!["run", "--plan", "cmp/plan.jsonl", "--index", index, "--threads", "1"]
}

fn run(place: &Place, index: &str) -> Finished {
    place.mindgap(&run_words(index))
}

/// Starts a run, and returns it as it has stopped itself after its first checkpoint.
fn begun(place: &Place, index: &str, folder: &str) -> Stopping {
    let mut command = place.command(&run_words(index));
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let run = Stopping::start(command, &[&format!("{folder}/last.safetensors")], 1);
    run.wait_for_stop();
    run
}

/// compare.json without what differs between two comparisons of the same runs.
fn figures(place: &Place, out: &str) -> Value {
    let mut comparison: Value = serde_json::from_slice(&place.bytes(out, "compare.json")).unwrap();
    comparison.as_object_mut().unwrap().remove("command_line");
    for key in ["source", "path"] {
        comparison["data"].as_object_mut().unwrap().remove(key);
    }
    for preset in comparison["presets"].as_array_mut().unwrap() {
        preset["figures"].as_object_mut().unwrap().remove("seconds").unwrap();
    }
    comparison
}

#[test]
fn runs_trained_one_by_one_and_out_of_order_make_the_comparison_of_one_machine() {
    let place = Place::with_images(12, 5);
    let text = plan(&place, &[]).succeed().stdout();
    assert!(text.contains("3  smoothing-seed1"), "{text}");
    let missing =
        place.mindgap(&["compare", "--plan", "cmp/plan.jsonl"]).refuse(&["baseline", "seed-seed0: not begun"]);
    assert!(missing.stderr().contains("4 of 4"));

    // One is killed in the middle and taken up by the same words.
    begun(&place, "3", "cmp/smoothing-seed1").kill();
    run(&place, "2").succeed();
    let text = place.mindgap(&["compare", "--plan", "cmp/plan.jsonl"]).succeed().stdout();
    for line in ["1 of 4 runs", "- seed-seed0: not begun", "- smoothing-seed1: stopped after "] {
        assert!(text.contains(line), "{text}");
    }
    // From elsewhere, by the number that an engine gave it.
    for (index, variable) in [("3", "SLURM_ARRAY_TASK_ID"), ("0", "HQ_TASK_ID"), ("1", "JOB_COMPLETION_INDEX")] {
        fs::create_dir_all(place.path("elsewhere")).unwrap();
        let mut command = place.command(&["run", "--plan", "../cmp/plan.jsonl", "--threads", "1"]);
        let end = Finished(command.current_dir(place.path("elsewhere")).env(variable, index).output().unwrap());
        assert!(end.stderr().contains(&format!("{index}, from {variable}: ")), "{}", end.stderr());
        assert_eq!(end.stderr().matches("index    ").count(), 1, "{}", end.stderr());
        end.succeed();
    }
    place.mindgap(&["compare", "--plan", "cmp/plan.jsonl"]).succeed();

    place.mindgap(&words("compare", "local", &["--epochs", "3", "--threads", "1"])).succeed();
    assert_eq!(figures(&place, "cmp"), figures(&place, "local"));
    for name in ["seed-seed0", "smoothing-seed1"] {
        let (there, here) = (format!("cmp/{name}"), format!("local/{name}"));
        assert!(place.bytes(&there, "model.safetensors") == place.bytes(&here, "model.safetensors"), "{name}");
    }
    assert_eq!(place.bytes("cmp", "plan.jsonl"), place.bytes("local", "plan.jsonl"));
}

#[test]
fn a_finished_run_is_not_repeated() {
    let place = Place::with_images(12, 5);
    plan(&place, &[]).succeed();
    run(&place, "0").succeed();
    let written = || fs::metadata(place.path("cmp/seed-seed0/done.json")).unwrap().modified().unwrap();
    let before = written();
    // Not even its data are needed any more.
    fs::rename(place.path("data"), place.path("moved")).unwrap();
    let end = place.mindgap(&[&run_words("0")[..], &["--json"]].concat()).succeed();
    assert_eq!(serde_json::from_str::<Value>(&end.stdout()).unwrap()["last"]["epoch"], 3);
    assert_eq!(written(), before);
}

#[test]
fn of_two_workers_on_one_index_one_works_and_the_other_says_so() {
    let place = Place::with_images(12, 5);
    plan(&place, &[]).succeed();
    let worker = begun(&place, "1", "cmp/smoothing-seed0");
    let end = place.mindgap(&[&run_words("1")[..], &["--json"]].concat()).succeed();
    assert!(end.stderr().contains("is left to process"), "{}", end.stderr());
    assert_eq!(serde_json::from_str::<Value>(&end.stdout()).unwrap()["left_to"]["pid"], worker.id());
    let text = place.mindgap(&["compare", "--plan", "cmp/plan.jsonl"]).refuse(&["in training after "]).stderr();
    assert!(text.contains(&format!("process {}", worker.id())), "{text}");
    assert!(worker.finish().status.success());
}

#[test]
fn a_plan_grows_and_is_never_another() {
    let place = Place::with_images(12, 5);
    plan(&place, &[]).succeed();
    let before = place.bytes("cmp", "plan.jsonl");
    let end = plan(&place, &["--json", "--seeds", "1"]).succeed();
    let answer: Value = serde_json::from_str(&end.stdout()).unwrap();
    assert_eq!((&answer["added"], answer["runs"].as_array().unwrap().len()), (&0.into(), 4));
    assert_eq!(place.bytes("cmp", "plan.jsonl"), before);

    plan(&place, &["--seeds", "3"]).succeed();
    assert!(place.bytes("cmp", "plan.jsonl").starts_with(&before));
    let grown = place.bytes("cmp", "plan.jsonl");
    plan(&place, &["--lr", "0.01"]).refuse(&["seed-seed0", "lr: 0.01 here, 0.05 there", "a folder of its own"]);
    place.write_image("data/train/even/9999.png", 1, 77);
    plan(&place, &[]).refuse(&["other data", "37 training", "36 training", "fingerprint", "a folder of its own"]);
    assert_eq!(place.bytes("cmp", "plan.jsonl"), grown);
}

#[test]
fn what_was_not_planned_is_not_trained() {
    let place = Place::with_images(12, 5);
    plan(&place, &[]).succeed();
    run(&place, "4").refuse(&["index 4", "0 to 3"]);
    place.mindgap(&["run", "--plan", "no.jsonl", "--index", "0"]).refuse(&["no.jsonl", "mindgap plan"]);
    let by = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["run", "--plan", "cmp/plan.jsonl"]);
        Finished(command.envs(variables.iter().copied()).output().unwrap())
    };
    by(&[]).refuse(&["--index", "SLURM_ARRAY_TASK_ID"]);
    by(&[("HQ_TASK_ID", "x")]).refuse(&["HQ_TASK_ID=\"x\" is no index"]);
    by(&[("JOB_COMPLETION_INDEX", "-1")]).refuse(&["JOB_COMPLETION_INDEX=\"-1\" is no index"]);
    by(&[("HQ_TASK_ID", "1"), ("JOB_COMPLETION_INDEX", "2")]).refuse(&["HQ_TASK_ID=1", "JOB_COMPLETION_INDEX=2"]);
    by(&[("HQ_TASK_ID", "0"), ("SLURM_ARRAY_TASK_ID", "4")]).refuse(&[
        "HQ_TASK_ID=0",
        "SLURM_ARRAY_TASK_ID=4",
        "--index",
    ]);

    // A run of another recipe lies there already, though of one that only lacks epochs.
    let other = ["train", "--data", "data", "--out", "cmp/seed-seed0", "--epochs", "1", "--threads", "1"];
    place.mindgap(&[&other, NET].concat()).succeed();
    run(&place, "0").refuse(&["another recipe", "epochs: 3 here, 1 there"]);
    by(&[("HQ_TASK_ID", "0"), ("SLURM_ARRAY_TASK_ID", "0")]).refuse(&["0, from HQ_TASK_ID: ", "another recipe"]);
    for variable in ["HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
        let mut given = place.command(&["run", "--plan", "cmp/plan.jsonl", "--index", "0"]);
        let end = Finished(given.env(variable, "3").output().unwrap());
        end.refuse(&["0, from --index: ", "another recipe"]);
    }

    // The data changed, or others lie in their place.
    place.write_image("data/val/even/9999.png", 1, 77);
    run(&place, "1").refuse(&["not those of the plan", "15 validation", "16 validation", "--data"]);
    assert!(!place.path("cmp/smoothing-seed0/recipe.toml").exists());
    fs::rename(place.path("data"), place.path("moved")).unwrap();
    fs::remove_file(place.path("moved/val/even/9999.png")).unwrap();
    run(&place, "1").refuse(&["data"]);
    place.mindgap(&[&run_words("1")[..], &["--data", "moved"]].concat()).succeed();

    // A line was changed.
    let text = String::from_utf8(place.bytes("cmp", "plan.jsonl")).unwrap();
    fs::write(place.path("cmp/plan.jsonl"), text.replacen("\"lr\":0.05", "\"lr\":0.5", 1)).unwrap();
    run(&place, "1").refuse(&["line 1", "changed after it was planned"]);
}

#[test]
fn flags_that_a_plan_would_not_heed_are_refused() {
    let place = Place::with_images(12, 5);
    plan(&place, &[]).succeed();
    let unheeded = [
        ["--seeds", "3"],
        ["--lr", "0.1"],
        ["--threads", "2"],
        ["--data", "data"],
        ["--out", "there"],
        ["--exclude-train", "list.txt"],
        ["--merge", "dark=even"],
        ["--train-dir", "there"],
    ];
    for more in unheeded {
        place.mindgap(&[&["compare", "--plan", "cmp/plan.jsonl"], &more[..]].concat()).refuse(&["--plan"]);
    }
    place.mindgap(&["compare", "--plan", "cmp/plan.jsonl", "--baseline", "closed"]).refuse(&["closed"]);
}
