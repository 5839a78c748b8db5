//! A run that was stopped, killed or extended resumes to the bytes of one never interrupted.

use std::{fs, process::Stdio, thread::sleep, time::Duration};

use crate::support::{Finished, Place, interposed::Stopping, numbers, train_words};
use mindgap::{
    durable::Archive,
    run::{Outputs, RunFolder, best_epoch},
};
use serde_json::Value;

const EPOCHS: &[&str] = &["--epochs", "6"];

/// A run in `out` that stops itself each time that it has replaced its file `file`, `times` times in all.
fn start(place: &Place, out: &str, more: &[&str], file: &str, times: u32) -> Stopping {
    let mut command = place.command(&train_words(out, more));
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    Stopping::start(command, &[&format!("{out}/{file}")], times)
}

fn change(state: &mut Archive, change: impl FnOnce(&mut Value)) {
    let mut numbers = numbers(state);
    change(&mut numbers);
    state.metadata.insert("state".into(), numbers.to_string());
}

/// Copies the files of run `from`, folders apart, to run `to`.
fn copy_files(place: &Place, from: &str, to: &str) {
    fs::create_dir_all(place.path(to)).unwrap();
    for entry in fs::read_dir(place.path(from)).unwrap() {
        let entry = entry.unwrap();
        if !entry.path().is_dir() {
            fs::copy(entry.path(), place.path(to).join(entry.file_name())).unwrap();
        }
    }
}

fn assert_same_run(place: &Place, one: &str, other: &str) {
    assert_eq!(place.epochs(one), place.epochs(other));
    for file in ["model.safetensors", "last.safetensors", "best.safetensors", "predictions.safetensors"] {
        assert!(place.bytes(one, file) == place.bytes(other, file), "{file} differs");
    }
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let place = Place::with_images(20, 5);
    let many = "--model-ema --sam 0.05 --sam-every 2 --drop 0.1 --drop-path 0.1 --drop-block 0.1 --mixup 0.2 --cutmix 1 --smoothing 0.1 \
                --hflip 0.5 --rotate 9 --zoom 0.9 1.1 --reprob 0.2 --progressive 8 --balanced-sampling --early-stop 4 --tta flip";
    let many: Vec<&str> = many.split_whitespace().collect();
    for knobs in [&["--nesterov"] as &[&str], &["--opt", "adamw", "--lr", "0.01", "--grad-accum-steps", "2"], &many] {
        let words = [EPOCHS, knobs].concat();
        let name = |suffix: &str| format!("{}-{suffix}", knobs.len());
        let (whole, torn) = (name("whole"), name("torn"));
        place.train(&whole, &words).succeed();
        let resumed = [words.as_slice(), &["--resume"]].concat();
        for kill in 1..=3 {
            let run = start(&place, &torn, &resumed, "last.safetensors", 1);
            run.wait_for_stop();
            run.proceed();
            // Somewhere between this checkpoint and the end: the moment decides nothing.
            sleep(Duration::from_millis(5 * kill));
            run.kill();
        }
        place.train(&torn, &resumed).succeed();
        assert_same_run(&place, &torn, &whole);
    }
}

#[test]
fn a_signal_in_the_middle_of_an_epoch_leaves_a_checkpoint_from_which_the_run_resumes() {
    let place = Place::with_images(20, 5);
    let words = [EPOCHS, &["--checkpoint-every", "3"]].concat();
    place.train("whole", &words).succeed();
    let run = start(&place, "stopped", &words, "last.safetensors", 1);
    run.wait_for_stop();
    run.send(libc::SIGTERM);
    assert_eq!(run.finish().status.code(), Some(75));
    let state = Archive::load(&place.path("stopped/last.safetensors")).unwrap();
    assert_ne!(numbers(&state)["position"]["updates"], 0);
    assert!(!place.path("stopped/done.json").exists());
    // The words that the program itself advises.
    place.mindgap(&["train", "--resume", "--out", "stopped", "--threads", "1"]).succeed();
    assert_same_run(&place, "stopped", "whole");
}

#[test]
fn a_run_killed_inside_an_epoch_resumes_from_there() {
    let place = Place::with_images(20, 5);
    let words = [EPOCHS, &["--model-ema", "--checkpoint-every", "3"]].concat();
    place.train("whole", &words).succeed();
    let run = start(&place, "killed", &words, "last.safetensors", 1);
    run.wait_for_stop();
    run.kill();
    let state = Archive::load(&place.path("killed/last.safetensors")).unwrap();
    let position = &numbers(&state)["position"];
    assert_eq!(position["epochs"], 0, "the first checkpoint was written inside the first epoch");
    assert_eq!(position["updates"], 3);
    assert!(numbers(&state)["seconds_in_epoch"].as_f64().unwrap() > 0.0);
    let last = ["evaluate", "killed", "--which", "last", "--threads", "1"];
    place.mindgap(&last).refuse(&["was stopped within an epoch", "mindgap train --resume"]);
    place.train("killed", &[words.as_slice(), &["--resume"]].concat()).succeed();
    assert_same_run(&place, "killed", "whole");
}

#[test]
fn the_last_epoch_of_a_run_that_stopped_within_the_next_one_is_the_one_that_ended() {
    let place = Place::with_images(20, 5);
    // Checkpoints after updates 3 and 6, after the epoch, and after update 3 of the second; each but the first moves the one before it.
    let run = start(&place, "killed", &[EPOCHS, &["--checkpoint-every", "3"]].concat(), "previous.safetensors", 3);
    for _ in 0..2 {
        run.wait_for_stop();
        run.proceed();
    }
    run.wait_for_stop();
    run.kill();
    let state = Archive::load(&place.path("killed/last.safetensors")).unwrap();
    assert_eq!(
        (&numbers(&state)["position"]["epochs"], &numbers(&state)["position"]["updates"]),
        (&1.into(), &3.into())
    );
    let found = place.mindgap(&["evaluate", "killed", "--which", "last", "--threads", "1", "--json"]).succeed();
    let found: Value = serde_json::from_str(&found.stdout()).unwrap();
    let [found, expected] = [&found["loss"], &place.epochs("killed")[0]["val_loss"]].map(|loss| loss.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-5, "{found} {expected}");
}

#[test]
fn a_stop_that_is_cut_short_by_a_kill_costs_nothing_but_time() {
    let place = Place::with_images(20, 5);
    place.train("whole", EPOCHS).succeed();
    let resumed = [EPOCHS, &["--resume"]].concat();
    for delay in [1, 5, 20] {
        let run = start(&place, "cut", &resumed, "last.safetensors", 1);
        run.wait_for_stop();
        run.send(libc::SIGTERM);
        run.proceed();
        // Somewhere in the stop: the moment decides nothing.
        sleep(Duration::from_millis(delay));
        run.kill();
    }
    place.train("cut", &resumed).succeed();
    assert_same_run(&place, "cut", "whole");
}

/// The comparison of bytes bites: a checkpoint that forgets any one thing leads elsewhere.
#[test]
fn whatever_a_checkpoint_forgets_is_noticed() {
    let place = Place::with_images(20, 5);
    let words = [EPOCHS, &["--model-ema", "--checkpoint-every", "3"]].concat();
    place.train("whole", &words).succeed();
    let run = start(&place, "killed", &words, "previous.safetensors", 1);
    run.wait_for_stop();
    run.kill();
    let state = Archive::load(&place.path("killed/previous.safetensors")).unwrap();
    fs::remove_file(place.path("killed/previous.safetensors")).unwrap();

    let zero = |state: &mut Archive, mark: &str| {
        let arrays: Vec<_> = state.arrays.iter_mut().filter(|array| array.name.starts_with(mark)).collect();
        assert!(!arrays.is_empty(), "no array of {mark}");
        arrays.into_iter().for_each(|array| array.bytes.fill(0));
    };
    type Forgetting<'a> = (&'a str, &'a dyn Fn(&mut Archive));
    let cases: [Forgetting; 5] = [
        ("nothing", &|_| ()),
        ("momentum", &|state| zero(state, "momentum/")),
        ("average", &|state| zero(state, "average/")),
        ("position", &|state| change(state, |numbers| numbers["position"]["updates"] = 0.into())),
        ("schedule", &|state| change(state, |numbers| numbers["optimizer_updates"] = 0.into())),
    ];
    for (forgotten, forget) in cases {
        copy_files(&place, "killed", forgotten);
        let mut changed = state.clone();
        forget(&mut changed);
        changed.save(&place.path(forgotten).join("last.safetensors")).unwrap();
        place.train(forgotten, &[words.as_slice(), &["--resume"]].concat()).succeed();
        let same = place.bytes(forgotten, "model.safetensors") == place.bytes("whole", "model.safetensors")
            && place.epochs(forgotten) == place.epochs("whole");
        assert_eq!(same, forgotten == "nothing", "a checkpoint without its {forgotten}");
    }
}

#[test]
fn a_finished_run_is_left_alone_and_extended_by_more_epochs() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    let before = place.bytes("run", "last.safetensors");
    place.mindgap(&["train", "--resume", "--out", "run"]).succeed();
    assert!(place.bytes("run", "last.safetensors") == before);

    let first_epochs = place.epochs("run");
    place.mindgap(&["train", "--resume", "--out", "run", "--epochs", "4", "--threads", "1"]).succeed();
    let epochs = place.epochs("run");
    assert_eq!((epochs.len(), &epochs[..2]), (4, &first_epochs[..]));
    let recipe = String::from_utf8(place.bytes("run", "recipe.toml")).unwrap();
    assert!(recipe.contains("epochs = 4"), "{recipe}");
    let environment: serde_json::Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!(environment["resumes"][0]["after_epoch"], 2);
}

#[test]
fn the_command_that_extended_a_run_continues_it_too() {
    let of_epochs = |epochs| ["--preset", "ema", "--epochs", epochs, "--resume"];
    let place = Place::with_run(12, 5, "run", &of_epochs("4"));
    place.train("run", &of_epochs("6")).succeed();
    let end = place.train("run", &of_epochs("6")).succeed();
    assert!(end.stderr().contains("This run is finished"), "{}", end.stderr());
    fs::remove_file(place.path("run/done.json")).unwrap();
    place.train("run", &of_epochs("6")).succeed();
    place.train("run", &of_epochs("7")).succeed();
    place.train("run", &of_epochs("7")).succeed();
    assert_eq!(place.epochs("run").len(), 7);
    let environment: Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!(environment["initial_epochs"], 4);
    // A schedule of another shape is still refused.
    place.train("run", &[&of_epochs("7")[..], &["--sched", "cosine"]].concat()).refuse(&["schedule"]);
}

#[test]
fn files_that_are_not_in_use_may_not_come_or_go() {
    let place = Place::with_images(12, 5);
    let broken = place.path("data/train/bright/0000-broken.png");
    fs::write(&broken, "broken").unwrap();
    place.train("run", &["--epochs", "1", "--skip-bad"]).succeed();
    fs::remove_file(&broken).unwrap();
    let more = ["--epochs", "2", "--skip-bad", "--resume"];
    place.train("run", &more).refuse(&["files were added to \"data\" or removed from it", "restore those files"]);
    fs::write(&broken, "broken").unwrap();
    place.train("run", &more).succeed();
}

#[test]
fn a_damaged_checkpoint_is_found_and_the_one_before_used() {
    let place = Place::with_images(12, 5);
    place.train("whole", EPOCHS).succeed();
    place.train("damaged", EPOCHS).succeed();
    fs::remove_file(place.path("damaged/done.json")).unwrap();
    let mut bytes = place.bytes("damaged", "last.safetensors");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(place.path("damaged/last.safetensors"), bytes).unwrap();
    let end = place.train("damaged", &[EPOCHS, &["--resume"]].concat()).succeed();
    assert!(end.stderr().contains("resuming from"), "{}", end.stderr());
    assert_same_run(&place, "damaged", "whole");
}

#[test]
fn another_recipe_or_other_data_are_refused_with_what_differs() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    let before = place.bytes("run", "last.safetensors");
    place.train("run", &["--epochs", "2", "--resume", "--lr", "0.2"]).refuse(&["lr: 0.2 here, 0.05 there"]);
    place.train("run", &["--epochs", "1", "--resume"]).refuse(&["epochs: 1 here, 2 there"]);
    place.write_image("data/train/dark/more.png", 2, 77);
    place.train("run", &["--epochs", "3", "--resume"]).refuse(&["trained on other data", "fingerprint"]);
    assert!(place.bytes("run", "last.safetensors") == before);
}

#[test]
fn a_checkpoint_of_a_newer_format_is_refused_and_one_of_an_older_is_read() {
    let place = Place::with_images(12, 5);
    for run in ["whole", "run"] {
        place.train(run, &["--epochs", "3"]).succeed();
    }
    place.mindgap(&["train", "--resume", "--out", "whole", "--epochs", "6"]).succeed();
    let last = place.path("run/last.safetensors");
    let state = Archive::load(&last).unwrap();
    fs::remove_file(place.path("run/previous.safetensors")).unwrap();

    let mut newer = state.clone();
    newer.metadata.insert("format".into(), "99".into());
    newer.save(&last).unwrap();
    let resume = ["train", "--resume", "--out", "run", "--epochs", "6"];
    place.mindgap(&resume).refuse(&["last.safetensors", "format 99", "newer mindgap"]);

    // Formats 1 and 2 had a metadata key for each number; format 1 had no averaged weights and no early stopping, for
    // which this run has no use.
    let numbers = numbers(&state);
    let keys_of_1 = [
        ("epochs", &numbers["position"]["epochs"]),
        ("updates_in_epoch", &numbers["position"]["updates"]),
        ("loss_sum", &numbers["position"]["loss_sum"]),
        ("optimizer_updates", &numbers["optimizer_updates"]),
    ];
    let keys_of_2 = [
        ("averaged", &numbers["averaged"]),
        ("lowest_val_loss", &numbers["early_stopping"]["lowest_val_loss"]),
        ("epochs_since_lowest", &numbers["early_stopping"]["epochs_since"]),
    ];
    let finished = |keys: &[(&str, &Value)], format: &str| {
        let run = format!("format-{format}");
        copy_files(&place, "run", &run);
        let mut older = state.clone();
        older.metadata.remove("state").unwrap();
        older.metadata.insert("format".into(), format.into());
        older.metadata.extend(keys.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        older.save(&place.path(&run).join("last.safetensors")).unwrap();
        place.mindgap(&["train", "--resume", "--out", &run, "--epochs", "6"]).succeed();
        assert_same_run(&place, &run, "whole");
    };
    finished(&keys_of_1, "1");
    finished(&[keys_of_1.as_slice(), &keys_of_2].concat(), "2");
}

#[test]
fn a_checkpoint_of_another_recipe_is_refused_with_a_diff() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    place.train("other", &["--epochs", "2", "--momentum", "0.5"]).succeed();
    fs::remove_file(place.path("run/done.json")).unwrap();
    fs::copy(place.path("other/last.safetensors"), place.path("run/last.safetensors")).unwrap();
    place.mindgap(&["train", "--resume", "--out", "run"]).refuse(&["momentum: 0.9 here, 0.5 there"]);
}

#[test]
fn records_that_are_missing_are_not_passed_over() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "3"]);
    let text = String::from_utf8(place.bytes("run", "epochs.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(place.path("run/epochs.jsonl"), format!("{}\n{}\n", lines[0], lines[2])).unwrap();
    place.mindgap(&["train", "--resume", "--out", "run", "--epochs", "4"]).refuse(&["epochs.jsonl", "from 1 to 3"]);
}

#[test]
fn a_lost_best_state_is_found_before_training_and_restored_where_it_can_be() {
    let place = Place::with_images(12, 5);
    place.train("whole", EPOCHS).succeed();
    place.train("repaired", EPOCHS).succeed();
    let records = place.epochs("repaired");
    let losses: Vec<f64> = records.iter().map(|record| record["val_loss"].as_f64().unwrap()).collect();
    let best = losses.iter().position(|loss| losses.iter().all(|other| loss <= other)).unwrap() + 1;
    fs::remove_file(place.path("repaired/done.json")).unwrap();
    fs::write(place.path("repaired/best.safetensors"), "damage").unwrap();
    let end = place.mindgap(&["train", "--resume", "--out", "repaired", "--threads", "1"]);
    if best >= 5 {
        // It is the last or the last but one, which are both still there.
        assert_same_run(&place, "repaired", "whole");
        assert!(end.succeed().stderr().contains("best.safetensors"));
    } else {
        end.refuse(&["best.safetensors", "another --out"]);
    }
}

/// Kills a run where it has replaced `file` the `times`-th time.
fn killed_at(place: &Place, out: &str, file: &str, times: u32) {
    let run = start(place, out, EPOCHS, file, times);
    for _ in 1..times {
        run.wait_for_stop();
        run.proceed();
    }
    run.wait_for_stop();
    run.kill();
}

/// Resumes a run by kernels without vectors, which round otherwise.
fn resumed_with_other_bits(place: &Place, out: &str) -> RunFolder {
    let resumed = [EPOCHS, &["--resume"]].concat();
    let mut command = place.command(&train_words(out, &resumed));
    command.env("ATEN_CPU_CAPABILITY", "default").env("ONEDNN_MAX_CPU_ISA", "SSE41");
    Finished(command.output().unwrap()).succeed();
    RunFolder::open(&place.path(out)).unwrap()
}

fn epoch_of_best_state(folder: &RunFolder) -> Value {
    numbers(&Archive::load(&folder.file(RunFolder::BEST)).unwrap())["position"]["epochs"].clone()
}

/// Whether the outputs have the mean loss of a record, which rounds losses as the device does.
fn are_of(outputs: &Outputs, val_loss: f64) -> bool {
    (outputs.measured().mean_loss() - val_loss).abs() < 1e-5
}

#[test]
fn what_belongs_to_the_best_epoch_is_of_that_epoch_wherever_a_run_was_killed() {
    let place = Place::with_images(20, 5);
    for file in ["predictions.next.safetensors", "last.safetensors", "best.safetensors", "predictions.safetensors"] {
        for times in 1..=3 {
            let out = format!("{file}-{times}");
            killed_at(&place, &out, file, times);
            let folder = resumed_with_other_bits(&place, &out);
            let records = folder.epochs().unwrap().records;
            let (best, last) = (best_epoch(&records).unwrap(), records.last().unwrap());
            let outputs = folder.predictions().unwrap();
            assert!(are_of(&outputs.last_val, last.val_loss) && are_of(&outputs.best_val, best.val_loss), "{out}");
            assert_eq!(epoch_of_best_state(&folder), best.epoch, "{out}");
        }
    }
}

#[test]
fn a_best_epoch_that_is_repeated_and_then_worse_than_the_one_before_leaves_nothing() {
    let place = Place::with_images(20, 5);
    // Epoch 2 was the best, has its record and its outputs, and no checkpoint.
    killed_at(&place, "run", "predictions.next.safetensors", 2);
    let records = RunFolder::open(&place.path("run")).unwrap().epochs().unwrap().records;
    assert_eq!(best_epoch(&records).unwrap().epoch, 2);
    // As if the first epoch were better than any other.
    let text = String::from_utf8(place.bytes("run", "epochs.jsonl")).unwrap();
    let better = text.replacen(&format!("\"val_loss\":{:?}", records[0].val_loss), "\"val_loss\":1e-9", 1);
    assert_ne!(better, text);
    fs::write(place.path("run/epochs.jsonl"), better).unwrap();
    let folder = resumed_with_other_bits(&place, "run");
    assert_eq!(epoch_of_best_state(&folder), 1);
    assert!(are_of(&folder.predictions().unwrap().best_val, records[0].val_loss));
}

#[test]
fn a_resumed_run_computes_with_the_threads_it_began_with() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "1"]);
    place.mindgap(&["train", "--resume", "--out", "run", "--epochs", "2"]).succeed();
    let environment: serde_json::Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!((&environment["threads"], &environment["resumes"][0]["threads"]), (&1.into(), &1.into()));
}

#[test]
fn a_run_killed_before_its_recipe_was_written_starts_again() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "1"]);
    fs::create_dir(place.path("early")).unwrap();
    for file in ["run.lock", "environment.json"] {
        fs::copy(place.path("run").join(file), place.path("early").join(file)).unwrap();
    }
    place.train("early", &["--epochs", "1", "--resume"]).succeed();
    assert_same_run(&place, "early", "run");
}

#[test]
fn resuming_a_folder_of_other_things_is_refused() {
    let place = Place::with_images(12, 5);
    fs::create_dir(place.path("thesis")).unwrap();
    fs::write(place.path("thesis/environment.json"), "{}").unwrap();
    place.train("thesis", &["--resume"]).refuse(&["thesis", "environment.json"]);
}

#[test]
fn resuming_a_folder_without_a_run_starts_it() {
    let place = Place::with_images(12, 5);
    place.train("new", &["--epochs", "1", "--resume"]).succeed();
    assert_eq!(place.epochs("new").len(), 1);
}
