//! Every knob of regularisation passes the same three tests; a fourth, its effect on an example worked by hand, stands
//! beside its mathematics in the knob's own module.
//!
//! 1. Switched off it is the identity: the run ends with the bytes of a plain loop that knows no knobs.
//! 2. Switched on the network learns, and not what it learns without.
//! 3. Stopped in the middle of an epoch and resumed the run ends with the bytes of one never stopped.

mod support;

use std::{
    path::PathBuf,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use mindgap::{
    augment::Normalize,
    durable::{Archive, Array},
    model::{Architecture, Mode, ResNet, weights},
    random::{Purpose, Stream},
    recipe::{Layers, Recipe, resolve, schedule},
    run::{EpochRecord, Views},
    train::{Checkpoint, Outcome, Sides, Trainer, fit, optim::Optimizer, order, tta},
};
use support::{Place, listener::Listener};
use tch::{Device, Tensor};
use toml::Table;

const EPOCHS: u32 = 6;

/// Images of three classes, one of them larger than the others.
static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::with_images(20, 8);
    (100..112).for_each(|number| place.write_image(&format!("data/train/even/{number}.png"), 1, number));
    place
});

/// Weights that were trained for a while from another seed.
static WEIGHTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let (recipe, data) = (Recipe { seed: 7, ..recipe(&[]) }, PLACE.dataset());
    let mut trainer = Trainer::new(&recipe, &data, Device::Cpu).unwrap();
    let stop = AtomicBool::new(false);
    trainer.train_epoch(&data, &mut Listener { epochs: Vec::new(), stop: &stop, stop_at: None }, &stop, None).unwrap();
    let arrays = Checkpoint::of(&trainer, &data.fingerprint).unwrap().network();
    let file = PLACE.path("weights.safetensors");
    Archive { arrays, ..Archive::default() }.save(&file).unwrap();
    file
});

/// The small run of these tests with `keys` laid over it, one after the other.
fn recipe(keys: &[&str]) -> Recipe {
    let small = format!(
        "width = 4\nmodel = 'resnet14'\nstem_stride = 2\nbatch_size = 8\nepochs = {EPOCHS}\nlr = 0.1\nsched = 'cosine'"
    );
    let mut layers = Layers::default();
    for keys in [&[small.as_str()], keys].concat() {
        let keys = match keys.contains("WEIGHTS") {
            true => keys.replace("WEIGHTS", WEIGHTS.to_str().unwrap()),
            false => keys.to_owned(),
        };
        layers = layers.flags(&keys.parse::<Table>().unwrap()).unwrap();
    }
    Recipe { img_size: Some(16), in_chans: Some(1), ..resolve(&layers).unwrap() }
}

/// What is left of a run.
#[derive(Debug, PartialEq)]
struct End {
    /// The full training state.
    state: Vec<Array>,
    /// Its epochs without their times.
    epochs: Vec<EpochRecord>,
    /// Its second figure, if any.
    views: Option<Views>,
}

fn train(recipe: &Recipe, stop_at: Option<u64>) -> End {
    tch::set_num_threads(1);
    let data = PLACE.dataset();
    let sides = Sides::of(&data, recipe.data_seed);
    let mut trainer = Trainer::new(recipe, &data, Device::Cpu).unwrap();
    let stop = AtomicBool::new(false);
    let mut listener = Listener { epochs: Vec::new(), stop: &stop, stop_at: stop_at.map(|update| (2, update)) };
    let mut outcome = fit(&mut trainer, &data, &sides, None, &mut listener, &stop).unwrap();
    if stop_at.is_some() {
        assert_eq!(outcome, Outcome::Stopped);
        let file = tempfile::NamedTempFile::new().unwrap();
        let stopped = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive();
        stopped.save(file.path()).unwrap();
        trainer = Trainer::new(recipe, &data, Device::Cpu).unwrap();
        Checkpoint::load(file.path()).unwrap().restore(&mut trainer).unwrap();
        let restored = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive();
        assert!(
            restored.metadata == stopped.metadata && restored.arrays == stopped.arrays,
            "something was not restored"
        );
        listener.stop_at = None;
        stop.store(false, Ordering::Relaxed);
        outcome = fit(&mut trainer, &data, &sides, None, &mut listener, &stop).unwrap();
    }
    assert_eq!(outcome, Outcome::Finished);
    let state = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive().arrays;
    let views = tta::measure(&trainer, &data, &sides).unwrap();
    End { state, epochs: listener.epochs, views }
}

/// The weights that a loop without knobs ends with, written out here.
static PLAIN: LazyLock<Vec<Array>> = LazyLock::new(|| {
    tch::set_num_threads(1);
    let (recipe, data) = (recipe(&[]), PLACE.dataset());
    let model = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), recipe.seed, Device::Cpu);
    let normalize = Normalize::new(&data.mean, &data.std, Device::Cpu);
    let mut optimizer = Optimizer::new(&recipe, &model.parameters);
    let updates = data.train.len() as u64 / 8;
    for epoch in 1..=EPOCHS {
        let order = order(&recipe, &data.train.labels, epoch);
        for batch in data.train.batches(order, 8, Device::Cpu).take(updates as usize) {
            let batch = batch.unwrap();
            let noise = Stream::new(0, Purpose::Network, 0, 0);
            let logits = model.forward(&normalize.forward(&batch.images), Mode::Train(noise.into()));
            let loss = logits.cross_entropy_for_logits(&batch.labels);
            let trained: Vec<&Tensor> = model.parameters.trained().map(|parameter| &parameter.tensor).collect();
            let gradients = Tensor::run_backward(&[loss], &trained, false, false);
            optimizer.step(&gradients, schedule::rate(&recipe, optimizer.updates, updates));
        }
    }
    let all = model.parameters.all().iter();
    all.map(|parameter| weights::to_array(format!("model/{}", parameter.name), &parameter.tensor).unwrap()).collect()
});

/// A run without knobs.
static BASE: LazyLock<End> = LazyLock::new(|| train(&recipe(&[]), None));

#[test]
fn without_knobs_a_run_is_a_plain_loop() {
    for array in PLAIN.iter() {
        assert!(BASE.state.contains(array), "{} differs", array.name);
    }
}

/// Switching the knob `off` above `on` leaves nothing of it.
fn off_is_the_identity(on: &str, off: &str) {
    let off = recipe(&[on, off]);
    assert_eq!(off, recipe(&[]));
    assert!(train(&off, None) == *BASE);
}

/// The network learns to tell the classes apart, and something of the run differs from one without the knob.
fn trains(on: &str) {
    let end = train(&recipe(&[on]), None);
    let last = end.epochs.last().unwrap();
    assert!(last.probe_loss < 0.9, "a probe loss of {}; chance is 1.099", last.probe_loss);
    assert!(last.probe_acc > 60.0, "a probe accuracy of {} %", last.probe_acc);
    assert!(end != *BASE, "the knob changes nothing");
}

fn resumes_to_the_same_bytes(on: &str) {
    let recipe = recipe(&[on]);
    let whole = train(&recipe, None);
    for stop_at in [1, 5] {
        let resumed = train(&recipe, Some(stop_at));
        for (one, other) in whole.state.iter().zip(&resumed.state) {
            assert!(one == other, "{} differs", one.name);
        }
        assert_eq!(whole, resumed);
    }
}

macro_rules! knobs {
    ($($name:ident: on $on:literal, off $off:literal;)+) => {
        $(mod $name {
            #[test]
            fn off_is_the_identity() {
                super::off_is_the_identity($on, $off);
            }

            #[test]
            fn trains() {
                super::trains($on);
            }

            #[test]
            fn resumes_to_the_same_bytes() {
                super::resumes_to_the_same_bytes($on);
            }
        })+
    };
}

knobs! {
    weight_decay: on "weight_decay = 5e-3", off "weight_decay = 0.0";
    norm_decay: on "weight_decay = 5e-3\nnorm_decay = true", off "weight_decay = 0.0\nnorm_decay = false";
    clip_grad: on "clip_grad = 0.5", off "clip_grad = inf";
    amp: on "amp = true", off "amp = false";
    amp_float16: on "amp = true\namp_dtype = 'float16'\ngrad_accum_steps = 2",
        off "amp = false\namp_dtype = 'bfloat16'\ngrad_accum_steps = 1";
    model_ema: on "model_ema = true\nmodel_ema_decay = 0.9", off "model_ema = false\nmodel_ema_decay = 0.998";
    swa: on "swa_start = 2", off "swa_start = 0";
    sam: on "sam = 0.05", off "sam = 0.0";
    sam_every: on "sam = 0.05\nsam_every = 4", off "sam = 0.0\nsam_every = 1";
    drop: on "drop = 0.2", off "drop = 0.0";
    drop_path: on "drop_path = 0.2", off "drop_path = 0.0";
    drop_block: on "drop_block = 0.1", off "drop_block = 0.0";
    smoothing: on "smoothing = 0.1", off "smoothing = 0.0";
    mixup: on "mixup = 0.2", off "mixup = 0.0";
    cutmix: on "cutmix = 0.5\nmixup_prob = 0.5", off "cutmix = 0.0\nmixup_prob = 1.0";
    both_mixes: on "mixup = 0.2\ncutmix = 0.5\nmixup_switch_prob = 0.3\nmixup_off_epoch = 5",
        off "mixup = 0.0\ncutmix = 0.0\nmixup_switch_prob = 0.5\nmixup_off_epoch = 0";
    class_weights: on "class_weights = 'balanced'", off "class_weights = 'none'";
    balanced_sampling: on "balanced_sampling = true", off "balanced_sampling = false";
    hflip: on "hflip = 0.5", off "hflip = 0.0";
    rotate: on "rotate = 10.0", off "rotate = 0.0";
    translate: on "translate = 0.05", off "translate = 0.0";
    zoom: on "zoom = [0.9, 1.1]", off "zoom = [1.0, 1.0]";
    scale: on "scale = [0.6, 1.0]\nratio = [0.9, 1.1]", off "scale = [1.0, 1.0]\nratio = [0.75, 1.3333333333333333]";
    crop_pad: on "crop_pad = 1", off "crop_pad = 0";
    border: on "rotate = 10.0\nborder = 'zero'", off "rotate = 0.0\nborder = 'reflect'";
    color_jitter: on "color_jitter = [0.2, 0.2]", off "color_jitter = []";
    blur: on "blur = 0.5", off "blur = 0.0";
    reprob: on "reprob = 0.3", off "reprob = 0.0";
    trivial: on "aa = 'trivial'", off "aa = 'none'";
    progressive: on "progressive = 8", off "progressive = 0";
    early_stop: on "early_stop = 3\nlr = 0.3", off "early_stop = 0\nlr = 0.1";
    tta_flip: on "tta = 'flip'", off "tta = 'none'";
    tta_ten_crop: on "tta = 'ten-crop'", off "tta = 'none'";
    pretrained: on "pretrained = 'WEIGHTS'", off "pretrained = ''";
    freeze_until: on "pretrained = 'WEIGHTS'\nfreeze_until = 'layer2'", off "pretrained = ''\nfreeze_until = 'conv1'";
    layer_decay: on "layer_decay = 0.8", off "layer_decay = 1.0";
    all_at_once: on "pretrained = 'WEIGHTS'\nfreeze_until = 'layer1'\nlayer_decay = 0.9\nweight_decay = 5e-4\nmodel_ema = true\nsam = 0.02\nsam_every = 2\ndrop = 0.1\n\
            drop_path = 0.05\ndrop_block = 0.05\nsmoothing = 0.05\nmixup = 0.1\ncutmix = 0.5\nmixup_prob = 0.3\n\
            balanced_sampling = true\nhflip = 0.5\nrotate = 5.0\ncolor_jitter = [0.1, 0.1]\nreprob = 0.1\n\
            progressive = 12\ntta = 'flip'",
        off "pretrained = ''\nfreeze_until = 'conv1'\nlayer_decay = 1.0\nweight_decay = 0.0\nmodel_ema = false\nsam = 0.0\nsam_every = 1\ndrop = 0.0\ndrop_path = 0.0\n\
                drop_block = 0.0\nsmoothing = 0.0\nmixup = 0.0\ncutmix = 0.0\nmixup_prob = 1.0\n\
                balanced_sampling = false\nhflip = 0.0\nrotate = 0.0\ncolor_jitter = []\nreprob = 0.0\n\
                progressive = 0\ntta = 'none'";
}
