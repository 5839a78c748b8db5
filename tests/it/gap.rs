//! The gap of a model that was trained elsewhere: the figures of a run for what mindgap exported, plain errors for what
//! does not fit, and nothing that a hostile file does beyond its own process.

use std::fs;

use serde_json::Value;

use crate::support::{Finished, Place};
use mindgap::torch::ScriptModule;

/// A model that tells the classes bright, dark and even by the light of the upper and the lower half, for pixels of 0–1.
const LIGHT: &str = "\
def light(self, x: Tensor) -> Tensor:
    d = 20.0 * (x[:, :, :8].mean([1, 2, 3]) - x[:, :, 8:].mean([1, 2, 3]))
    return torch.stack([-d, d, torch.zeros_like(d) + 2.0], 1)
";

/// A place with images and with `model.pt`, whose `forward` is `body`.
fn place_with(body: &str) -> Place {
    let place = Place::with_images(6, 4);
    write_model(&place, "model.pt", body);
    place
}

fn write_model(place: &Place, name: &str, body: &str) {
    let mut module = ScriptModule::new("Stranger").unwrap();
    module.define(&format!("{LIGHT}\ndef forward(self, x: Tensor) -> Tensor:\n    {body}\n")).unwrap();
    module.set_training(false).unwrap();
    fs::write(place.path(name), module.to_bytes(&[]).unwrap()).unwrap();
}

const INPUT: [&str; 4] = ["--img-size", "16", "--in-chans", "1"];
const UNIT: [&str; 4] = ["--mean", "0", "--std", "1"];

fn gap(place: &Place, model: &str, more: &[&str]) -> Finished {
    place.mindgap(&[&["gap", model, "--data", "data", "--threads", "1", "--device", "cpu"], more].concat())
}

/// The figures of a stranger for pixels of 0–1.
fn figures(place: &Place, more: &[&str]) -> Value {
    let finished = gap(place, "model.pt", &[&INPUT, &UNIT, more, &["--json"]].concat()).succeed();
    serde_json::from_str(&finished.stdout()).unwrap()
}

/// Asserts that two figures agree, or that neither is there.
fn assert_near(found: &Value, expected: &Value, name: &str) {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-5, "{name}: {found}, not {expected}"),
        _ => assert_eq!(found, expected, "{name}"),
    }
}

#[test]
fn an_exported_run_has_the_figures_of_its_last_epoch() {
    let place = Place::with_images(10, 6);
    // A leak.
    fs::copy(place.path("data/train/even/0000.png"), place.path("data/val/even/9999.png")).unwrap();
    place.train("run", &["--epochs", "2"]).succeed();
    let export = ["export", "run", "--which", "last", "--format", "torchscript", "--out", "last.pt"];
    place.mindgap(&export).succeed();
    let done: Value = serde_json::from_slice(&place.bytes("run", "done.json")).unwrap();
    let last = place.epochs("run").pop().unwrap();
    for words in [&["last.pt"][..], &["run", "--which", "last"]] {
        let found = gap(&place, words[0], &[&words[1..], &["--json"]].concat()).succeed();
        let found: Value = serde_json::from_str(&found.stdout()).unwrap();
        for (name, expected) in last.as_object().unwrap() {
            if !["epoch", "lr", "batch_loss", "steps", "val_half_losses"].contains(&name.as_str()) {
                assert_near(&found[name], expected, name);
            }
        }
        assert!(found["gap_loss_without_leaks"].is_f64() && found["val_in_train"] == 1, "{found}");
        for name in ["overconfidence", "calibration_error"] {
            assert_near(&found[name], &done[name], name);
        }
        // A fitted number.
        assert!((found["temperature"].as_f64().unwrap() / done["temperature"].as_f64().unwrap() - 1.0).abs() < 1e-3);
    }
    gap(&place, "last.pt", &UNIT).refuse(&["--mean and --std are for models that do not normalise"]);
    gap(&place, "last.pt", &["--class-order", "bright,dark,even"]).refuse(&["--class-order is for models"]);
}

#[test]
fn a_stranger_is_measured_once_its_input_is_stated() {
    let place = place_with("return self.light(x)");
    gap(&place, "model.pt", &[]).refuse(&["does not state which images it takes: add --img-size"]);
    gap(&place, "model.pt", &INPUT).refuse(&["does not state how its images are normalised", "0.485,0.456,0.406"]);
    let found = figures(&place, &[]);
    assert_eq!((&found["probe"], &found["val"], &found["val_in_train"]), (&12.into(), &12.into(), &0.into()));
    assert_eq!(
        (&found["probe_acc"], &found["val_acc"], &found["gap_acc"]),
        (&100.0.into(), &100.0.into(), &0.0.into())
    );
    assert_eq!(found["classes"][1]["name"], "dark");
    let text = gap(&place, "model.pt", &[&INPUT[..], &UNIT].concat()).succeed().stdout();
    assert!(
        text.contains("accuracy 100.00 %, 12 training images") && text.contains("within two standard errors"),
        "{text}"
    );
    // The same network for images that are normalised in another way, and in batches of another size.
    write_model(&place, "model.pt", "return self.light(x * 0.25 + 0.5)");
    let words = [&INPUT[..], &["--mean", "0.5", "--std", "0.25", "--batch-size", "5", "--json"]].concat();
    let other = gap(&place, "model.pt", &words).succeed().stdout();
    let other: Value = serde_json::from_str(&other).unwrap();
    for name in ["probe_loss", "val_loss", "gap_loss_se"] {
        assert_near(&other[name], &found[name], name);
    }
    // A model that takes five images, no fewer: the last call is filled up.
    write_model(&place, "model.pt", "return self.light(x.reshape([5, 1, 16, 16]) * 0.25 + 0.5)");
    let fixed = gap(&place, "model.pt", &words).succeed().stdout();
    assert_eq!(serde_json::from_str::<Value>(&fixed).unwrap(), other);
}

#[test]
fn probabilities_and_another_order_of_classes_are_understood() {
    let place = place_with("return self.light(x)");
    let logits = figures(&place, &[]);
    write_model(&place, "model.pt", "return torch.softmax(self.light(x), 1)");
    let said = gap(&place, "model.pt", &[&INPUT[..], &UNIT].concat()).succeed().stderr();
    assert!(said.contains("the model gives probabilities, since every row sums to 1"), "{said}");
    assert_near(&figures(&place, &[])["val_loss"], &logits["val_loss"], "val_loss");
    assert!(figures(&place, &["--outputs", "logits"])["val_loss"].as_f64() > logits["val_loss"].as_f64());
    let refuse = |more: &[&str], words: &[&str]| {
        gap(&place, "model.pt", &[&INPUT[..], &UNIT, more].concat()).refuse(words);
    };
    write_model(&place, "model.pt", "return self.light(x).flip([1])");
    let wrong = figures(&place, &[]);
    assert!(wrong["val_acc"].as_f64().unwrap() < 50.0);
    fs::write(place.path("order.txt"), "even\ndark\nbright\n").unwrap();
    for order in ["even,dark,bright", "order.txt"] {
        assert_near(&figures(&place, &["--class-order", order])["val_loss"], &logits["val_loss"], order);
    }
    refuse(&["--outputs", "probabilities"], &["not between 0 and 1 with a sum of 1"]);
    refuse(&["--class-order", "even,dark"], &["the data hold classes", "[\"bright\"]"]);
    refuse(&["--class-order", "even,dark,bright,even"], &["names \"even\" twice"]);
}

#[test]
fn what_does_not_fit_is_told() {
    let place = place_with("return self.light(x)");
    let refuse = |body: &str, more: &[&str], words: &[&str]| {
        write_model(&place, "model.pt", body);
        gap(&place, "model.pt", &[&INPUT[..], more].concat()).refuse(words);
    };
    let stem = "return torch.conv2d(x, torch.ones([3, 3, 3, 3])).mean([2, 3])";
    refuse(stem, &UNIT, &["the model fails on images of 16×16 pixels in 1 channels"]);
    refuse(
        "return self.light(x)[:, :2]",
        &UNIT,
        &["gives 2 outputs an image, but there are 3 classes: bright, dark, even"],
    );
    refuse("return self.light(x)[:, 0]", &UNIT, &["instead of logits [n, classes]"]);
    refuse("return self.light(x) / 0.0 * 0.0", &UNIT, &["12 of the 12 images", "not finite"]);
    refuse("return self.light(x)", &["--mean", "0.1,0.2", "--std", "1"], &["--mean has 2 numbers"]);
    refuse("return self.light(x)", &["--mean", "0", "--std", "0"], &["are not all above 0"]);
    refuse("return self.light(x)", &["--mean", "124", "--std", "58"], &["divide them by 255"]);
    // Val drawn here would hold images of the model's training.
    let drawn = [&["gap", "model.pt", "--data", "data/train"], &INPUT[..], &UNIT].concat();
    place.mindgap(&drawn).refuse(&["has no val split", "--val-dir"]);
    place.mindgap(&[&["gap", "model.pt"], &INPUT[..], &UNIT].concat()).refuse(&["which data?", "--data"]);
    fs::write(place.path("model.onnx"), "").unwrap();
    gap(&place, "model.onnx", &[]).refuse(&["is ONNX", "torch.jit.trace", "onnxruntime"]);
}

#[test]
fn a_hostile_file_harms_nothing() {
    let place = place_with("return self.light(x)");
    let words = [&INPUT[..], &UNIT, &["--script-time", "2"]].concat();
    fs::write(place.path("model.pt"), b"PK no archive").unwrap();
    gap(&place, "model.pt", &words).refuse(&["cannot be loaded as TorchScript"]);
    write_model(&place, "model.pt", "\n    while bool(x.sum() > -1.0):\n        x = x + 1.0\n    return x");
    gap(&place, "model.pt", &words).refuse(&["did not answer within 2 s"]);
    write_model(&place, "model.pt", "return torch.zeros([1000000, 1000000])");
    let refused = gap(&place, "model.pt", &words);
    assert!(refused.code() == 2 && !refused.stderr().contains("panicked"), "{}", refused.stderr());
    write_model(&place, "model.pt", "return torch.zeros([2, 3])");
    gap(&place, "model.pt", &words).refuse(&["2 rows of logits for 12 images"]);
}

#[test]
fn the_predictions_are_a_table_that_compare_reads() {
    let place = place_with("return self.light(x)");
    let words = [&INPUT[..], &UNIT, &["--predictions", "val.csv"]].concat();
    gap(&place, "model.pt", &words).succeed();
    let table = fs::read_to_string(place.path("val.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (13, "name,label,bright,dark,even"));
    assert!(lines[1].starts_with("val/bright/1000.png,bright,0.9"), "{}", lines[1]);
    gap(&place, "model.pt", &words).refuse(&["exists already: add --force"]);
    gap(&place, "model.pt", &[&words[..], &["--force"]].concat()).succeed();
}
