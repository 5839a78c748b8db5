//! The mean of several runs' weights, kept where val gets better by it.

use std::fs;

use mindgap::durable::Archive;
use serde_json::Value;

use crate::support::Place;

const NET: [&str; 8] = ["--model", "resnet8", "--width", "4", "--batch-size", "8", "--threads", "1"];

fn train(place: &Place, out: &str, more: &[&str]) {
    place.mindgap(&[&["train", "--data", "data", "--out", out], &NET[..], more].concat()).succeed();
}

/// Runs `a` to `c`, each a noisy continuation of one run in an order of its own.
fn place() -> Place {
    let place = Place::with_images(24, 40);
    train(&place, "base", &["--epochs", "4"]);
    for (seed, run) in [("1", "a"), ("2", "b"), ("3", "c")] {
        // A high rate that never falls: each ends somewhere around the valley's floor.
        let noisy = ["--pretrained", "base/model.safetensors", "--opt", "sgd", "--lr", "0.3", "--epochs", "4"];
        train(&place, run, &[&["--preset", "augment", "--seed", seed], &noisy[..]].concat());
    }
    place
}

fn soup(place: &Place, words: &[&str]) -> Value {
    let words = [&["soup", "--json", "--threads", "1"], words].concat();
    serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap()
}

#[test]
fn runs_that_help_are_averaged_and_the_file_is_a_model() {
    let place = place();
    let found = soup(&place, &["a", "b", "c"]);
    let runs = found["runs"].as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!((runs.len(), &runs[0]["kept"]), (3, &true.into()), "{found}");
    // The best first; a run stays where the loss with it is the lowest so far.
    let mut lowest = f64::INFINITY;
    for (run, next) in runs.iter().zip(runs.iter().skip(1)) {
        assert!(number(&run["val_loss"]) <= number(&next["val_loss"]), "{found}");
    }
    for run in runs {
        let loss = number(&run["soup_val_loss"]);
        assert_eq!(run["kept"], loss < lowest, "{found}");
        lowest = lowest.min(loss);
    }
    let kept: Vec<&str> =
        runs.iter().filter(|run| run["kept"] == true).map(|run| run["run"].as_str().unwrap()).collect();
    assert!(kept.len() > 1, "noisy continuations of one run should make a soup: {found}");
    let difference = number(&found["soup"]["val_loss"]) - number(&found["best"]["val_loss"]);
    assert!((difference - number(&found["difference"]["mean"])).abs() < 1e-6, "{found}");
    assert_eq!(found["soup"]["images"], 60, "half of val judges");

    // Weights are means; running statistics are not.
    let archive = |file: &str| Archive::load(&place.path(file)).unwrap();
    let numbers = |archive: &Archive, name: &str| -> Vec<f32> {
        let bytes = &archive.array(name).unwrap().bytes;
        bytes.chunks_exact(4).map(|number| f32::from_le_bytes(number.try_into().unwrap())).collect()
    };
    let file = archive("soup.safetensors");
    let members: Vec<Archive> = kept.iter().map(|run| archive(&format!("{run}/last.safetensors"))).collect();
    assert_eq!(serde_json::from_str::<Vec<String>>(&file.metadata["soup"]).unwrap(), kept);
    for name in ["conv1.weight", "layer2.0.bn1.weight", "fc.bias"] {
        for (index, mean) in numbers(&file, name).into_iter().enumerate() {
            let sum: f32 = members.iter().map(|member| numbers(member, &format!("model/{name}"))[index]).sum();
            assert!((sum / members.len() as f32 - mean).abs() < 1e-6, "{name}");
        }
    }

    // The file is a model: its loss on all of val is that of both halves.
    let words = ["evaluate", "soup.safetensors", "--data", "data", "--split", "val", "--json", "--threads", "1"];
    let measured: Value = serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap();
    let halves = (lowest + number(&found["soup"]["val_loss"])) / 2.0;
    assert!((number(&measured["loss"]) - halves).abs() < 1e-3, "{measured} and {halves}");
    place.mindgap(&["export", "soup.safetensors", "--out", "soup.onnx"]).succeed();
}

#[test]
fn runs_that_make_no_soup_are_refused_or_left_out() {
    let place = Place::with_images(12, 10);
    train(&place, "a", &["--epochs", "1"]);
    train(&place, "other", &["--epochs", "1", "--seed", "7"]);
    train(&place, "deeper", &["--epochs", "1", "--model", "resnet14"]);
    let refuse = |words: &[&str], parts: &[&str]| {
        place.mindgap(&[&["soup", "--threads", "1"], words].concat()).refuse(parts);
    };
    refuse(&["a"], &["two runs or more"]);
    refuse(&["a", "deeper"], &["a and deeper make no soup", "their networks differ"]);
    refuse(&["a", "other", "--out", "soup.onnx"], &["soup.onnx is no .safetensors file", "mindgap export"]);
    fs::write(place.path("soup.safetensors"), "mine").unwrap();
    refuse(&["a", "other"], &["soup.safetensors exists", "--force"]);
    refuse(&["a", "other", "--out", "a/last.safetensors", "--force"], &["the run needs to continue"]);
    fs::rename(place.path("other/done.json"), place.path("done.json")).unwrap();
    refuse(&["a", "other", "--force"], &["the run in other is not finished"]);
    fs::rename(place.path("done.json"), place.path("other/done.json")).unwrap();
    place.write_image("data/train/bright/more.png", 0, 77);
    refuse(&["a", "other", "--force"], &["was changed since"]);
    assert_eq!(place.bytes(".", "soup.safetensors"), b"mine");
    fs::remove_file(place.path("data/train/bright/more.png")).unwrap();

    let end = place.mindgap(&["soup", "a", "other", "--force", "--threads", "1"]).succeed();
    assert!(end.stderr().contains("began from different weights"), "{}", end.stderr());
    let is_alone = end.stdout().contains("there is no soup to write");
    assert_eq!(place.bytes(".", "soup.safetensors") == b"mine", is_alone, "{}", end.stdout());
}
