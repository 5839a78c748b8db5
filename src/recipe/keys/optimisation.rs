//! Keys of the budget and the optimiser.

use super::{Key, KeyRole, Kind, KnobFamily, Range, Shown};
use crate::recipe::{AmpDtype, Opt};

#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "epochs", value_names: &["N"], kind: Kind::Whole(1..=1_000_000),
        help: "Passes over the training images; phases of the schedule are stretched to fit",
        remedy: "give a whole number such as 50", example: "epochs = 7", ..Key::SETTING
    },
    Key {
        name: "batch_size", value_names: &["N"], kind: Kind::Whole(1..=u32::MAX),
        help: "Images per batch",
        remedy: "give a whole number from 1 up", example: "batch_size = 64", ..Key::SETTING
    },
    Key {
        name: "opt", value_names: &["NAME"], kind: Kind::Word(Opt::WORDS),
        help: "Optimiser",
        example: "opt = 'adamw'", ..Key::SETTING
    },
    Key {
        name: "lr", value_names: &["RATE"], kind: Kind::Number(Range::ABOVE_0),
        help: "Peak learning rate",
        remedy: "give a rate such as 0.05", example: "lr = 0.1", ..Key::SETTING
    },
    Key {
        name: "momentum", value_names: &["M"], kind: Kind::Number(Range::BELOW_1),
        help: "Momentum of SGD or Muon",
        remedy: "give 0.9, or 0 for none", with: "opt = sgd or muon", is_read: |recipe| recipe.opt != Opt::Adamw,
        example: "momentum = 0.8", ..Key::SETTING
    },
    Key {
        name: "nesterov",
        help: "Nesterov's momentum",
        default: Shown::Off, with: "opt = sgd", example: "nesterov = true", ..Key::SETTING
    },
    Key {
        name: "weight_decay", aliases: &["wd"], value_names: &["D"], kind: Kind::Number(Range::FROM_0),
        help: "Weight decay; spares norms and biases",
        default: Shown::Value, family: Some(KnobFamily::WeightDecay), usual: "5e-4", example: "weight_decay = 5e-3",
        ..Key::KNOB
    },
    Key {
        name: "norm_decay", aliases: &["norm-weight-decay"],
        help: "Let weight decay reach norms and biases too",
        with: "weight_decay", is_read: |recipe| recipe.weight_decay > 0.0,
        example: "weight_decay = 5e-3\nnorm_decay = true", ..Key::KNOB
    },
    Key {
        name: "norm_bias_lr", value_names: &["FACTOR"], kind: Kind::Number(Range::ABOVE_0),
        help: "Learning rate of the biases of norms, as a multiple of the others'",
        remedy: "give 1 for the same rate, or up to 64 for short runs", default: Shown::Value, usual: "64",
        example: "norm_bias_lr = 16.0", ..Key::KNOB
    },
    Key {
        name: "clip_grad", aliases: &["clip-grad-norm"], value_names: &["NORM"], kind: Kind::Number(Range::ABOVE_0),
        help: "Largest norm of the gradient; inf for no clipping",
        remedy: "give the largest norm allowed, or leave it out for no clipping", usual: "1 to 5",
        example: "clip_grad = 0.5", ..Key::KNOB
    },
    Key {
        name: "grad_accum_steps", value_names: &["N"], kind: Kind::Whole(1..=u32::MAX),
        help: "Batches whose gradients are averaged for one step",
        remedy: "give a whole number from 1 up", example: "grad_accum_steps = 2", ..Key::SETTING
    },
    Key {
        name: "amp",
        help: "Train in mixed precision; evaluation stays in float32",
        default: Shown::Off, role: KeyRole::Option, example: "amp = true", ..Key::SETTING
    },
    Key {
        name: "amp_dtype", value_names: &["TYPE"], kind: Kind::Word(AmpDtype::WORDS),
        help: "Short type of mixed precision",
        with: "amp", is_read: |recipe| recipe.amp, role: KeyRole::Option,
        example: "amp = true\namp_dtype = 'float16'\ngrad_accum_steps = 2", ..Key::SETTING
    },
];
