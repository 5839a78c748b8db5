//! Keys of the budget and the optimiser.

use super::{Key, Kind, KnobFamily, Range, Role, Shown};
use crate::recipe::{AmpDtype, Opt};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "epochs",
        value_names: &["N"],
        help: "Passes over the training images; phases of the schedule are stretched to fit",
        kind: Kind::Whole(1..=1_000_000),
        remedy: "give a whole number such as 50",
        example: "epochs = 7",
        ..Key::SETTING
    },
    Key {
        name: "batch_size",
        value_names: &["N"],
        help: "Images per batch",
        kind: Kind::Whole(1..=u32::MAX),
        remedy: "give a whole number from 1 up",
        example: "batch_size = 64",
        ..Key::SETTING
    },
    Key {
        name: "opt",
        value_names: &["NAME"],
        help: "Optimiser",
        kind: Kind::Word(Opt::WORDS),
        example: "opt = 'adamw'",
        ..Key::SETTING
    },
    Key {
        name: "lr",
        value_names: &["RATE"],
        help: "Peak learning rate",
        kind: Kind::Number(Range::ABOVE_0),
        remedy: "give a rate such as 0.05",
        example: "lr = 0.1",
        ..Key::SETTING
    },
    Key {
        name: "momentum",
        value_names: &["M"],
        help: "Momentum of SGD",
        kind: Kind::Number(Range::BELOW_1),
        remedy: "give 0.9, or 0 for none",
        with: "opt = sgd",
        is_read: |recipe| recipe.opt == Opt::Sgd,
        example: "momentum = 0.8",
        ..Key::SETTING
    },
    Key {
        name: "nesterov",
        help: "Nesterov's momentum",
        default: Shown::Off,
        with: "opt = sgd",
        example: "nesterov = true",
        ..Key::SETTING
    },
    Key {
        name: "weight_decay",
        aliases: &["wd"],
        value_names: &["D"],
        help: "Weight decay; spares norms and biases",
        kind: Kind::Number(Range::FROM_0),
        remedy: "give 0 for none, 5e-4 for some",
        default: Shown::Value,
        family: Some(KnobFamily::WeightDecay),
        usual: "5e-4",
        example: "weight_decay = 5e-3",
        ..Key::KNOB
    },
    Key {
        name: "norm_decay",
        aliases: &["norm-weight-decay"],
        help: "Let weight decay reach norms and biases too",
        with: "weight_decay",
        is_read: |recipe| recipe.weight_decay > 0.0,
        example: "weight_decay = 5e-3\nnorm_decay = true",
        ..Key::KNOB
    },
    Key {
        name: "clip_grad",
        aliases: &["clip-grad-norm"],
        value_names: &["NORM"],
        help: "Largest norm of the gradient; inf for no clipping",
        kind: Kind::Number(Range::ABOVE_0),
        remedy: "give the largest norm allowed, or leave it out for no clipping",
        usual: "1 to 5",
        example: "clip_grad = 0.5",
        ..Key::KNOB
    },
    Key {
        name: "grad_accum_steps",
        value_names: &["N"],
        help: "Batches whose gradients are averaged for one step",
        kind: Kind::Whole(1..=u32::MAX),
        remedy: "give a whole number from 1 up",
        example: "grad_accum_steps = 2",
        ..Key::SETTING
    },
    Key {
        name: "amp",
        help: "Train in mixed precision; evaluation stays in float32",
        default: Shown::Off,
        role: Role::Option,
        example: "amp = true",
        ..Key::SETTING
    },
    Key {
        name: "amp_dtype",
        value_names: &["TYPE"],
        help: "Short type of mixed precision",
        kind: Kind::Word(AmpDtype::WORDS),
        with: "amp",
        is_read: |recipe| recipe.amp,
        role: Role::Option,
        example: "amp = true\namp_dtype = 'float16'\ngrad_accum_steps = 2",
        ..Key::SETTING
    },
];
