//! The knobs that `knobs.rs` and `cuda.rs` test, the small run on which they test them, and its images.
#![allow(dead_code)] // each test file uses its own part

use std::{
    path::PathBuf,
    sync::{LazyLock, atomic::AtomicBool},
};

use mindgap::{
    durable::Archive,
    export::{Classifier, FileFormat, Variant},
    model::Description,
    recipe::{
        Layers, Recipe,
        keys::{self, KeyRole},
        resolve,
    },
    train::{Checkpoint, Trainer},
};
use tch::Device;
use toml::{Table, Value};

use crate::support::{Place, listener::Listener};

/// Lines of a recipe that switch something on, and what it is called.
pub struct Row {
    pub name: &'static str,
    pub on: &'static str,
}

/// Rows beside those of the table of keys: other values, and many knobs together.
const MORE: [Row; 4] = [
    Row { name: "opt_muon", on: "opt = 'muon'\nlr = 0.01" },
    Row { name: "tta_ten_crop", on: "tta = 'ten-crop'" },
    Row {
        name: "network_options",
        on: "resnet_d = true\nblur_pool = true\nse = 4\nzero_init_last = true\nlayer_decay = 0.9\ndrop_path = 0.05\n\
             drop_block = 0.05",
    },
    Row {
        name: "all_at_once",
        on: "pretrained = '/WEIGHTS'\nfreeze_until = 'layer1'\nlayer_decay = 0.9\nweight_decay = 5e-4\nmodel_ema = true\n\
             sam = 0.02\nsam_every = 2\ndrop = 0.1\ndrop_path = 0.05\ndrop_block = 0.05\nsmoothing = 0.05\nmixup = 0.1\n\
             cutmix = 0.5\nmixup_prob = 0.3\nbalanced_sampling = true\nhflip = 0.5\nrotate = 5.0\n\
             color_jitter = [0.1, 0.1]\nreprob = 0.1\nprogressive = 12\ntta = 'flip'",
    },
];

/// Every knob and option of the table of keys, by its example; keys that share an example share a row.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for key in keys::all().filter(|key| key.role != KeyRole::Setting) {
        if rows.iter().all(|row| row.on != key.example) {
            rows.push(Row { name: key.name, on: key.example });
        }
    }
    rows.extend(MORE);
    rows
}

/// Lines that switch off what the lines `on` switch on.
pub fn off(on: &str) -> String {
    let base = Table::try_from(recipe(&[])).unwrap();
    let off = on.parse::<Table>().unwrap().into_iter().map(|(key, _)| {
        let value = match key.as_str() {
            // Keys that are absent where they are off.
            "pretrained" | "teacher" => Value::String(String::new()),
            "clip_grad" => Value::Float(f64::INFINITY),
            key => base[key].clone(),
        };
        (key, value)
    });
    off.collect::<Table>().to_string()
}

pub const EPOCHS: u32 = 6;

/// Images of three classes, one of them larger than the others.
pub static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::with_images(20, 8);
    (100..112).for_each(|number| place.write_image(&format!("data/train/even/{number}.png"), 1, number));
    place
});

/// Weights that were trained for a while from another seed.
pub static WEIGHTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let (recipe, data) = (Recipe { seed: 7, ..recipe(&[]) }, PLACE.dataset());
    let mut trainer = Trainer::new(&recipe, &data, Device::Cpu).unwrap();
    let stop = AtomicBool::new(false);
    trainer.train_epoch(&data, &mut Listener { epochs: Vec::new(), stop: &stop, stop_at: None }, &stop, None).unwrap();
    let arrays = Checkpoint::of(&trainer, &data.fingerprint).unwrap().network().unwrap();
    let file = PLACE.path("weights.safetensors");
    Archive { arrays, ..Archive::default() }.save(&file).unwrap();
    file
});

/// The TorchScript file of the network with these weights.
pub static TEACHER: LazyLock<PathBuf> = LazyLock::new(|| {
    let (recipe, data) = (recipe(&[]), PLACE.dataset());
    let description = Description {
        classes: data.classes.clone(),
        channels: data.channels,
        size: data.size,
        mean: data.mean.clone(),
        std: data.std.clone(),
        temperature: None,
        epoch: 1,
        recipe: recipe.to_toml(),
    };
    let weights = Archive::load(&WEIGHTS).unwrap().arrays;
    let classifier = Classifier::new(description, &weights, Device::Cpu).unwrap();
    let file = PLACE.path("teacher.pt");
    std::fs::write(&file, FileFormat::Torchscript.encode(&classifier, Variant::default()).unwrap()).unwrap();
    file
});

/// The small run of these tests with `keys` applied on top, one after the other.
pub fn recipe(keys: &[&str]) -> Recipe {
    let small = format!(
        "width = 4\nmodel = 'resnet14'\nstem_stride = 2\nbatch_size = 8\nepochs = {EPOCHS}\nlr = 0.1\nsched = 'cosine'"
    );
    let mut layers = Layers::default();
    for keys in [&[small.as_str()], keys].concat() {
        let mut keys = keys.to_owned();
        for (word, path) in [("/WEIGHTS", &WEIGHTS), ("/TEACHER", &TEACHER)] {
            if keys.contains(word) {
                keys = keys.replace(word, path.to_str().unwrap());
            }
        }
        layers = layers.keys(&keys.parse::<Table>().unwrap()).unwrap();
    }
    Recipe { img_size: Some(16), in_chans: Some(1), ..resolve(&layers).unwrap() }
}
