//! The knobs that `knobs.rs` and `cuda.rs` test, the small run on which they test them, and its images.

use std::{
    path::PathBuf,
    sync::{LazyLock, atomic::AtomicBool},
};

use mindgap::{
    durable::Archive,
    recipe::{Layers, Recipe, resolve},
    train::{Checkpoint, Trainer},
};
use tch::Device;
use toml::Table;

use crate::support::{Place, listener::Listener};

/// Hands every knob to the macro `$use`: a name, the recipe keys that switch it on, and those that switch it off.
macro_rules! for_each_knob {
    ($use:ident) => {
        $use! {
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
    };
}
pub(crate) use for_each_knob;

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
    let arrays = Checkpoint::of(&trainer, &data.fingerprint).unwrap().network();
    let file = PLACE.path("weights.safetensors");
    Archive { arrays, ..Archive::default() }.save(&file).unwrap();
    file
});

/// The small run of these tests with `keys` laid over it, one after the other.
pub fn recipe(keys: &[&str]) -> Recipe {
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
