//! A model that was trained on 16-bit images is asked about them as it was taught: the range of their values travels with
//! it.

use std::fs;

use crate::support::{CLASSES, Place};
use image::{ImageBuffer, Luma};
use serde_json::{Value, json};

/// Images of 12 bits in 16: how bright the upper half is against the lower.
fn place() -> Place {
    let place = Place::with_images(0, 0);
    for (split, first, count) in [("train", 0, 8), ("val", 100, 4)] {
        for (class, name) in CLASSES.into_iter().enumerate() {
            for number in first..first + count {
                let class = class as u32;
                let image = ImageBuffer::from_fn(16, 16, |x, y| {
                    let noise = (x * 7 + y * 13 + number * 31 + x * y * (number % 5)) % 97;
                    let light = if y < 8 { 40 * class } else { 80 - 40 * class };
                    Luma([((60 + light + noise) * 16 + number % 16) as u16])
                });
                let path = place.path(format!("data/{split}/{name}/{number}.png"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                image.save(path).unwrap();
            }
        }
    }
    place
}

fn json_of(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.mindgap(words).succeed().stdout()).unwrap()
}

fn close(a: &Value, b: &Value) {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    assert!((a - b).abs() < 1e-5, "{a} is not {b}");
}

#[test]
fn the_range_is_recorded_and_used_wherever_the_model_goes() {
    let place = place();
    let run = place.train("run", &["--epochs", "1"]).succeed();
    assert!(run.stderr().contains("36 16-bit images: values"), "{}", run.stderr());
    let environment: Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!(environment["range_16bit"], json!([0, 4095]));
    let recipe = String::from_utf8(place.bytes("run", "recipe.toml")).unwrap();
    assert!(recipe.contains("range_16bit = [0, 4095]") || recipe.contains("range_16bit = [\n"), "{recipe}");
    let audit = json_of(&place, &["inspect", "data", "--json"]);
    assert_eq!((&audit["range_16bit"], &audit["sixteen_bit"]), (&json!([0, 4095]), &json!(36)));
    assert_eq!(audit["fingerprint"], environment["data"]["fingerprint"]);

    let done: Value = serde_json::from_slice(&place.bytes("run", "done.json")).unwrap();
    let measured = json_of(&place, &["evaluate", "run", "--json", "--threads", "1", "--predictions", "table.csv"]);
    close(&measured["loss"], &done["best"]["val_loss"]);
    // On images that use fewer bits than those of the training, too.
    fs::create_dir(place.path("one")).unwrap();
    fs::rename(place.path("data/val/dark"), place.path("one/dark")).unwrap();
    let table = fs::read_to_string(place.path("table.csv")).unwrap();
    let row = table.lines().find(|line| line.contains("val/dark/100.png")).unwrap();
    let probability: Value = row.split(',').nth(4).unwrap().parse::<f64>().unwrap().into();
    for model in ["run", "run/model.safetensors", "run/model.pt"] {
        let told = json_of(&place, &["predict", model, "one/dark/100.png", "--json"]);
        close(&told["probability"], &probability);
        let alone = json_of(&place, &["evaluate", model, "--data", "one", "--split", "test", "--json"]);
        assert_eq!(alone["n"], 4);
    }
    let other = json_of(&place, &["predict", "run", "one/dark/100.png", "--json", "--range-16bit", "0", "65535"]);
    let (ours, others) = (probability.as_f64().unwrap(), other["probability"].as_f64().unwrap());
    assert!((ours - others).abs() > 1e-4, "{ours} and {others}");
}

#[test]
fn a_run_resumes_with_its_own_range() {
    let place = place();
    place.train("run", &["--epochs", "1"]).succeed();
    place.train("whole", &["--epochs", "2"]).succeed();
    place.train("run", &["--resume", "--epochs", "2"]).succeed();
    assert_eq!(place.epochs("run")[1]["epoch"], 2);
    let words = ["--resume", "--epochs", "3", "--range-16bit", "0", "65535"];
    place.train("run", &words).refuse(&["range_16bit"]);
    place.train("high", &["--epochs", "1", "--range-16bit", "0", "65535"]).succeed();
    let recipe = place.path("high/recipe.toml");
    assert!(fs::read_to_string(&recipe).unwrap().contains("65535"));
    place.train("high", &["--resume", "--epochs", "2"]).succeed();
    place.train("bad", &["--range-16bit", "9", "9"]).refuse(&["range_16bit"]);
}

#[test]
fn images_of_8_bits_have_no_range() {
    let place = Place::with_run(8, 4, "run", &["--epochs", "1"]);
    let text = String::from_utf8(place.bytes("run", "environment.json")).unwrap();
    let recipe = String::from_utf8(place.bytes("run", "recipe.toml")).unwrap();
    assert!(!text.contains("16bit") && !recipe.contains("16bit"));
}

#[test]
fn a_model_of_8_bits_takes_the_high_byte_in_every_command() {
    let place = Place::with_run(8, 4, "run", &["--epochs", "1"]);
    // The upper eight bits of images that use twelve.
    for (class, name) in CLASSES.into_iter().enumerate() {
        for number in 0..2 {
            let class = class as u32;
            let pixel = |x, y| Luma([(900 + 1000 * class + x * 61 + y * 7 + number) as u16]);
            let path = place.path(format!("deep/{name}/{number}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            ImageBuffer::from_fn(16, 16, pixel).save(path).unwrap();
        }
    }
    let words = ["evaluate", "run", "--data", "deep", "--split", "test", "--predictions", "table.csv"];
    let told = place.mindgap(&words).succeed().stderr();
    assert!(told.contains("16-bit images keep their high byte"), "{told}");
    let table = fs::read_to_string(place.path("table.csv")).unwrap();
    let row = table.lines().find(|line| line.contains("dark/0.png")).unwrap();
    let answer = json_of(&place, &["predict", "run", "deep/dark/0.png", "--json"]);
    close(&answer["probability"], &row.split(',').nth(4).unwrap().parse::<f64>().unwrap().into());
}

#[test]
fn values_beyond_the_models_range_are_told_once() {
    let place = place();
    place.train("run", &["--epochs", "1"]).succeed();
    for name in ["a", "b"] {
        ImageBuffer::from_fn(16, 16, |x, y| Luma([(4000 + 9 * x + y) as u16]))
            .save(place.path(format!("{name}.png")))
            .unwrap();
    }
    let told = place.mindgap(&["predict", "run", "data/val/dark/100.png", "a.png", "b.png"]).succeed().stderr();
    assert_eq!(told.matches("16-bit values outside 0 to 4095").count(), 1, "{told}");
    assert!(told.contains("first in \"a.png\""), "{told}");
    let within = place.mindgap(&["predict", "run", "data/val/dark"]).succeed().stderr();
    assert!(!within.contains("outside"), "{within}");
    // And of a test split.
    fs::create_dir_all(place.path("data/test/dark")).unwrap();
    fs::rename(place.path("a.png"), place.path("data/test/dark/a.png")).unwrap();
    let told = place.mindgap(&["evaluate", "run", "--split", "test"]).succeed().stderr();
    assert!(told.contains("The 16-bit images of test have values 4000 to 4150"), "{told}");
}
