//! Every knob's module opens with its card: what it is, when it helps, what it costs, usual values, reference.

use std::fs;

/// The files with the cards, and the flags that each is about.
const CARDS: [(&str, &[&str]); 31] = [
    ("augment/blur.rs", &["--blur"]),
    ("augment/colour.rs", &["--color-jitter"]),
    ("augment/crop_pad.rs", &["--crop-pad"]),
    ("augment/cutmix.rs", &["--cutmix"]),
    ("augment/erase.rs", &["--reprob"]),
    ("augment/hflip.rs", &["--hflip"]),
    ("augment/mixup.rs", &["--mixup"]),
    ("augment/resized_crop.rs", &["--scale", "--ratio"]),
    ("augment/rotate_shift_zoom.rs", &["--rotate", "--translate", "--zoom"]),
    ("augment/trivial.rs", &["--aa trivial"]),
    ("model/architecture.rs", &["--model", "--width"]),
    ("model/drop.rs", &["--drop"]),
    ("model/drop_block.rs", &["--drop-block"]),
    ("model/drop_path.rs", &["--drop-path"]),
    ("model/freeze.rs", &["--freeze-until"]),
    ("model/pretrained/mod.rs", &["--pretrained"]),
    ("model/sync_norm.rs", &["--sync-bn"]),
    ("recipe/progressive.rs", &["--progressive"]),
    ("recipe/schedule.rs", &["--epochs"]),
    ("torch/amp.rs", &["--amp", "--amp-dtype"]),
    ("train/class_weights.rs", &["--class-weights"]),
    ("train/ema.rs", &["--model-ema", "--model-ema-decay"]),
    ("train/loss.rs", &["--smoothing"]),
    ("train/optim/clip.rs", &["--clip-grad"]),
    ("train/optim/layer_decay.rs", &["--layer-decay"]),
    ("train/optim/weight_decay.rs", &["--weight-decay", "--norm-decay"]),
    ("train/order.rs", &["--balanced-sampling"]),
    ("train/patience.rs", &["--early-stop"]),
    ("train/sharpness.rs", &["--sam", "--sam-every"]),
    ("train/swa.rs", &["--swa-start"]),
    ("train/tta.rs", &["--tta"]),
];

#[test]
fn every_knob_has_its_card() {
    for (file, flags) in CARDS {
        let text = fs::read_to_string(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let card: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for row in ["What", "When it helps", "Costs", "Usual values", "Reference"] {
            assert!(card.iter().any(|line| line.starts_with(&format!("//! | {row} | "))), "{file} lacks `{row}`");
        }
        for flag in flags {
            assert!(card.iter().any(|line| line.contains(flag)), "{file} does not name {flag}");
        }
    }
}
