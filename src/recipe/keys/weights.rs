//! Knobs that average the weights or look around them.

use super::{Key, Kind, Range, Shown};

#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "lookahead", value_names: &["K"], kind: Kind::Whole(0..=u32::MAX),
        help: "Lookahead: updates after which the slow weights follow, and training continues from them",
        usual: "5", example: "lookahead = 3", ..Key::KNOB
    },
    Key {
        name: "lookahead_alpha", value_names: &["SHARE"], kind: Kind::Number(Range::UP_TO_1),
        help: "Share of the way that the slow weights take",
        remedy: "give 0.5", default: Shown::Value, with: "lookahead", is_read: |recipe| recipe.lookahead > 0,
        usual: "0.5", example: "lookahead = 3\nlookahead_alpha = 0.8", ..Key::KNOB
    },
    Key {
        name: "model_ema",
        help: "Average the weights exponentially; the average is the model",
        example: "model_ema = true\nmodel_ema_decay = 0.9", ..Key::KNOB
    },
    Key {
        name: "model_ema_decay", value_names: &["D"], kind: Kind::Number(Range::BELOW_1),
        help: "How much of that average each update keeps, less at the start",
        remedy: "give 0.998, or 0.9998 for long runs", default: Shown::Value, with: "model_ema",
        is_read: |recipe| recipe.model_ema, usual: "0.998", example: "model_ema = true\nmodel_ema_decay = 0.9",
        ..Key::KNOB
    },
    Key {
        name: "swa_start", value_names: &["EPOCH"], kind: Kind::Whole(0..=u32::MAX),
        help: "Average the weights of all epochs from this one on, equally; the average is the model",
        usual: "last quarter", example: "swa_start = 2", ..Key::KNOB
    },
    Key {
        name: "sam", value_names: &["RHO"], kind: Kind::Number(Range::FROM_0),
        help: "Sharpness-aware minimisation: radius",
        usual: "0.05", example: "sam = 0.05", ..Key::KNOB
    },
    Key {
        name: "sam_every", value_names: &["K"], kind: Kind::Whole(1..=u32::MAX),
        help: "Updates of which one is sharpness-aware",
        remedy: "give 1 for every update", default: Shown::Value, with: "sam", is_read: |recipe| recipe.sam > 0.0,
        example: "sam = 0.05\nsam_every = 4", ..Key::KNOB
    },
];
