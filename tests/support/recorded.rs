//! A recorded run: a run folder as a recorder in another training loop writes it.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::Place;

/// The fields of a record that a loop may leave out.
const NOT_STATED: [&str; 4] = ["lr", "batch_loss", "steps", "train_images_per_s"];

/// Copies what a recorder would have written of the run `from` into the new folder `to`: neither recipe nor checkpoints,
/// a fingerprint of its own, no final figures.
pub fn record(place: &Place, from: &str, to: &str) {
    let (from, to) = (place.path(from), place.path(to));
    fs::create_dir_all(&to).unwrap();
    for file in ["images.csv", "predictions.safetensors"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let mut environment = read(&from.join("environment.json"));
    let fields = environment.as_object_mut().unwrap();
    fields.remove("tch");
    fields.insert(
        "recorder".into(),
        json!({"package": "mindgap 0.1.0 (Python 3.11)", "framework": "Lightning 2.5", "model": "timm ResNet", "parameters": 4711}),
    );
    let data = fields["data"].as_object_mut().unwrap();
    for name in ["channels", "size", "surplus_duplicates", "conflicting_groups"] {
        data.remove(name);
    }
    data.insert("mean".into(), json!([]));
    data.insert("std".into(), json!([]));
    let fingerprint = format!("py-{}", data["fingerprint"].as_str().unwrap());
    data.insert("fingerprint".into(), fingerprint.into());
    fs::write(to.join("environment.json"), environment.to_string()).unwrap();
    let mut lines = String::new();
    for line in fs::read_to_string(from.join("epochs.jsonl")).unwrap().lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        for name in NOT_STATED {
            record.as_object_mut().unwrap().remove(name);
        }
        lines += &format!("{record}\n");
    }
    fs::write(to.join("epochs.jsonl"), lines).unwrap();
}

/// The JSON in a file.
pub fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
