//! Runs that start from weights trained elsewhere: which layers move, and where the file has to be.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::Place;
use mindgap::durable::{Archive, Array};

/// A place with a finished run `first`, whose weights the others start from.
fn place() -> Place {
    Place::with_run(20, 5, "first", &["--model", "resnet14", "--epochs", "3"])
}

const WEIGHTS: &str = "first/model.safetensors";

/// A run on other weights than `first` drew.
fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["--model", "resnet14", "--epochs", "2", "--seed", "9", "--pretrained", WEIGHTS];
    words.extend(more);
    words
}

fn arrays(path: &Path) -> BTreeMap<String, Array> {
    let arrays = Archive::load(path).unwrap().arrays;
    arrays.into_iter().map(|array| (array.name.clone(), array)).collect()
}

#[test]
fn frozen_layers_keep_their_bytes_whatever_else_is_on() {
    let place = place();
    let all = "--model-ema --sam 0.05 --clip-grad 1 --weight-decay 0.01 --norm-decay --drop-path 0.2 --drop-block 0.1";
    let swa = "--swa-start 1 --opt adamw --lr 0.01 --layer-decay 0.7 --grad-accum-steps 2";
    for (out, knobs) in [("all", all), ("swa", swa)] {
        let knobs: Vec<&str> = knobs.split(' ').collect();
        place.train(out, &words(&[&knobs[..], &["--freeze-until", "layer2"]].concat())).succeed();
        let before = arrays(&place.path(WEIGHTS));
        for (name, array) in arrays(&place.path(out).join("model.safetensors")) {
            let frozen = ["conv1", "bn1", "layer1"].contains(&name.split('.').next().unwrap());
            if !name.ends_with("num_batches_tracked") {
                assert_eq!(array == before[&name], frozen, "{out}: {name}");
            }
        }
        let state = arrays(&place.path(out).join("last.safetensors"));
        let remembered = |name: &&String| ["momentum", "first_moment"].contains(&name.split('/').next().unwrap());
        let remembered: Vec<&String> = state.keys().filter(remembered).collect();
        assert!(!remembered.is_empty());
        assert!(remembered.iter().all(|name| !name.contains("/layer1") && !name.contains("/conv1")), "{remembered:?}");
    }
}

#[test]
fn a_resumed_run_needs_the_file_no_more() {
    let place = place();
    let run = words(&["--freeze-until", "layer1"]);
    place.train("torn", &run).succeed();
    let again = ["train", "--resume", "--out", "torn", "--epochs", "3", "--threads", "1"];
    fs::write(place.path(WEIGHTS), "something else").unwrap();
    let warned = place.mindgap(&again).succeed().stderr();
    assert!(warned.contains("has changed since the run began"), "{warned}");
    fs::remove_file(place.path(WEIGHTS)).unwrap();
    place.mindgap(&["train", "--resume", "--out", "torn", "--epochs", "4", "--threads", "1"]).succeed();
    assert_eq!(place.epochs("torn").len(), 4);
}

#[test]
fn a_run_without_a_checkpoint_starts_again_from_the_same_weights_only() {
    let place = place();
    place.train("run", &words(&[])).succeed();
    let epochs = place.epochs("run");
    let lose_checkpoints = || {
        for file in ["last", "previous", "best"] {
            let _ = fs::remove_file(place.path(format!("run/{file}.safetensors")));
        }
        let _ = fs::remove_file(place.path("run/done.json"));
    };
    lose_checkpoints();
    let again = ["train", "--resume", "--out", "run", "--threads", "1"];
    place.mindgap(&again).succeed();
    assert_eq!(place.epochs("run"), epochs);
    lose_checkpoints();
    place.train("other", &["--model", "resnet14", "--epochs", "1", "--seed", "3"]).succeed();
    fs::copy(place.path("other/model.safetensors"), place.path(WEIGHTS)).unwrap();
    place.mindgap(&again).refuse(&["first/model.safetensors has changed since the run in run began", "another folder"]);
    fs::remove_file(place.path(WEIGHTS)).unwrap();
    place.mindgap(&again).refuse(&["first/model.safetensors", "cannot be read"]);
}

#[test]
fn a_runs_recipe_repeats_it_from_any_folder() {
    let place = place();
    place.train("one", &words(&[])).succeed();
    fs::create_dir(place.path("elsewhere")).unwrap();
    let mut again = place.command(&["train", "--data", "../data", "--recipe", "../one/recipe.toml", "--out", "two"]);
    again.args(["--threads", "1", "--device", "cpu"]).current_dir(place.path("elsewhere"));
    assert!(again.output().unwrap().status.success());
    assert_eq!(place.epochs("one"), place.epochs("elsewhere/two"));
}

#[test]
fn what_is_compared_starts_from_the_same_file() {
    let place = place();
    let line = "compare --presets seed,weight-decay --seeds 1 --out both --data data --model resnet14 --width 4 --stem-stride 2 \
                --batch-size 8 --epochs 1 --threads 1 --device cpu --freeze-until layer2 --pretrained";
    let words: Vec<&str> = line.split_whitespace().chain([WEIGHTS]).collect();
    place.mindgap(&words).succeed();
    for run in ["seed", "weight-decay"] {
        let found = arrays(&place.path(format!("both/{run}-seed0/model.safetensors")));
        assert_eq!(found["conv1.weight"], arrays(&place.path(WEIGHTS))["conv1.weight"]);
    }
}

#[test]
fn what_was_done_to_the_weights_is_said_and_recorded() {
    let place = place();
    place.write_image("data/train/striped/1.png", 1, 7);
    place.write_image("data/val/striped/2.png", 1, 8);
    let said = place.train("run", &words(&[])).succeed().stderr();
    let note = "its classifier is left out and a new one drawn: the file has 3 classes, these images 4";
    assert!(said.contains(note) && said.contains("its stem is moved from its own normalisation"), "{said}");
    let environment = fs::read_to_string(place.path("run/environment.json")).unwrap();
    assert!(environment.contains(note) && environment.contains("\"hash\""), "{environment}");
}

#[test]
fn the_preset_for_pretrained_weights_refuses_to_begin_without() {
    let place = place();
    let small = ["--model", "resnet14", "--epochs", "2", "--preset", "fine-tune"];
    place.train("run", &small).refuse(&["preset fine-tune", "give --pretrained FILE.safetensors"]);
    assert!(!place.path("run").exists());
    place.train("run", &[&small[..], &["--pretrained", WEIGHTS]].concat()).succeed();
    assert!(fs::read_to_string(place.path("run/recipe.toml")).unwrap().contains("layer_decay = 0.75"));
}

#[test]
fn what_makes_no_sense_is_refused_before_a_folder_is_made() {
    let place = place();
    place.train("run", &["--freeze-until", "layer2"]).refuse(&["freeze_until", "there are no pretrained weights"]);
    place.train("run", &words(&["--freeze-until", "layer4"])).refuse(&["resnet14 has three stages"]);
    place.train("run", &words(&["--model", "resnet8"])).refuse(&["layer1.1.conv1.weight is not in this network"]);
    place.train("run", &words(&["--pretrained", "data"])).refuse(&["is no file"]);
    place.train("run", &words(&["--pretrained", "none.safetensors"])).refuse(&["none.safetensors", "cannot be read"]);
    assert!(!place.path("run").exists());
}
