//! Knobs that change what the network is to answer, or how often it is asked.

use super::{Key, Kind, KnobFamily, Range, Shown};
use crate::recipe::Recipe;

#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "smoothing", aliases: &["label-smoothing"], value_names: &["SHARE"], kind: Kind::Number(Range::BELOW_1),
        help: "Label smoothing: share of each target spread over all classes",
        family: Some(KnobFamily::Smoothing), usual: "0.1", example: "smoothing = 0.1", ..Key::KNOB
    },
    Key {
        name: "focal", value_names: &["GAMMA"], kind: Kind::Number(Range::FROM_0),
        help: "Focal loss: count an image of probability p by (1 - p) to the power of this",
        usual: "2", example: "focal = 2.0", ..Key::KNOB
    },
    Key {
        name: "logit_adjust", value_names: &["TAU"], kind: Kind::Number(Range::FROM_0),
        help: "Logit adjustment for rare classes: add so many times the logarithm of each class's share in training",
        usual: "1", example: "logit_adjust = 1.0", ..Key::KNOB
    },
    Key {
        name: "teacher", value_names: &["MODEL"], kind: Kind::Path,
        help: "Learn the probabilities of a trained network too: a run folder, or a TorchScript file that you trust",
        example: "teacher = '/TEACHER'", ..Key::KNOB
    },
    Key {
        name: "kd_average",
        help: "Learn the probabilities of the averaged weights too: self-distillation",
        with: "model_ema or swa_start", is_read: |recipe| recipe.averages_weights(),
        example: "model_ema = true\nmodel_ema_decay = 0.9\nkd_average = true", ..Key::KNOB
    },
    Key {
        name: "kd_alpha", value_names: &["SHARE"], kind: Kind::Number(Range::UP_TO_1),
        help: "Share of the objective that the teacher has",
        remedy: "give a share such as 0.5", default: Shown::Value, with: "teacher or kd_average",
        is_read: Recipe::is_taught, example: "teacher = '/TEACHER'\nkd_alpha = 0.2", ..Key::KNOB
    },
    Key {
        name: "kd_temperature", value_names: &["T"], kind: Kind::Number(Range::ABOVE_0),
        help: "Temperature at which network and teacher are compared",
        remedy: "give a temperature such as 4", default: Shown::Value, with: "teacher or kd_average",
        is_read: Recipe::is_taught, example: "teacher = '/TEACHER'\nkd_temperature = 2.0", ..Key::KNOB
    },
    Key {
        name: "mixup", aliases: &["mixup-alpha"], value_names: &["ALPHA"], kind: Kind::Number(Range::FROM_0),
        help: "Mixup: alpha of its Beta distribution",
        family: Some(KnobFamily::Mixing), usual: "0.2", example: "mixup = 0.2", ..Key::KNOB
    },
    Key {
        name: "cutmix", aliases: &["cutmix-alpha"], value_names: &["ALPHA"], kind: Kind::Number(Range::FROM_0),
        help: "CutMix: alpha of its Beta distribution",
        family: Some(KnobFamily::Mixing), usual: "1", example: "cutmix = 0.5\nmixup_prob = 0.5", ..Key::KNOB
    },
    Key {
        name: "mixup_prob", value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability that a batch is mixed",
        remedy: "give 0 to switch it off, at most 1", default: Shown::Value, with: "mixup or cutmix",
        is_read: Recipe::mixes, example: "cutmix = 0.5\nmixup_prob = 0.5", ..Key::KNOB
    },
    Key {
        name: "mixup_switch_prob", value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability of CutMix where mixup is on too",
        remedy: "give 0 to switch it off, at most 1", default: Shown::Value, with: "mixup and cutmix",
        is_read: |recipe| recipe.mixup > 0.0 && recipe.cutmix > 0.0, example: BOTH_MIXES, ..Key::KNOB
    },
    Key {
        name: "mixup_off_epoch", value_names: &["N"], kind: Kind::Whole(0..=u32::MAX),
        help: "Last epoch that mixes; 0 for all",
        with: "mixup or cutmix", is_read: Recipe::mixes, example: BOTH_MIXES, ..Key::KNOB
    },
    Key {
        name: "class_weights", value_names: &["HOW"], kind: Kind::ClassWeights,
        help: "balanced: images count in inverse proportion to the size of their class; A=W,B=W: those of classes A and B count with these weights, others 1; or a table of class and weight",
        usual: "balanced", example: "class_weights = 'balanced'", ..Key::KNOB
    },
    Key {
        name: "balanced_sampling",
        help: "Draw the images so that all classes come equally often",
        example: "balanced_sampling = true", ..Key::KNOB
    },
];

const BOTH_MIXES: &str = "mixup = 0.2\ncutmix = 0.5\nmixup_switch_prob = 0.3\nmixup_off_epoch = 5";
