//! Keys of a run's course: growing images, an early end, views at evaluation, the schedule in a few words, seeds.

use super::{Key, KeyRole, Kind, Range, Shown};
use crate::recipe::{Sched, Tta};

#[rustfmt::skip]
pub(super) const COURSE: &[Key] = &[
    Key {
        name: "progressive", value_names: &["SIDE"], kind: Kind::Number(Range::FROM_0),
        help: "Side of the images in the first epoch, in pixels or, below 1, as a share of the full one, to which it grows",
        usual: "0.5", example: "progressive = 8.0", ..Key::KNOB
    },
    Key {
        name: "early_stop", value_names: &["PATIENCE"], kind: Kind::Whole(0..=u32::MAX),
        help: "Stop after so many epochs without a lower val loss",
        example: "early_stop = 3\nlr = 0.3", ..Key::KNOB
    },
    Key {
        name: "tta", value_names: &["VIEWS"], kind: Kind::Word(Tta::WORDS),
        help: "Second figure at the end, averaged over views of each image",
        default: Shown::Off, role: KeyRole::Option, usual: "flip", example: "tta = 'flip'", ..Key::SETTING
    },
];

/// Keys of [`crate::recipe::Shorthand`]: the first four shape the schedule, the last two lead up to it. What
/// depends on the recipe's rate and length is checked where the shorthand becomes phases.
#[rustfmt::skip]
pub(in crate::recipe) const SHORTHAND: &[Key] = &[
    Key {
        name: "sched", value_names: &["NAME"], kind: Kind::Word(Sched::WORDS),
        help: "The whole schedule in one word",
        default: Shown::Words("the reference recipe's cyclic and falling phases"), example: "sched = 'cosine'",
        ..Key::SETTING
    },
    Key {
        name: "min_lr", aliases: &["lr-min"], value_names: &["RATE"], kind: Kind::Number(Range::FROM_0),
        help: "Lowest rate of cosine, one-cycle and cyclic",
        remedy: "give a rate from 0 to lr", default: Shown::Words("0; cyclic: a fiftieth of lr"),
        with: "sched = cosine, one-cycle or cyclic",
        example: "sched = 'cosine'\nmin_lr = 1e-4", ..Key::SETTING
    },
    Key {
        name: "decay_epochs", aliases: &["lr-step-size"], value_names: &["N"], kind: Kind::Number(Range::ABOVE_0),
        help: "Epochs between the steps of step",
        remedy: "give a number of epochs", default: Shown::Words("a third of the run"), with: "sched = step",
        example: "sched = 'step'\ndecay_epochs = 10", ..Key::SETTING
    },
    Key {
        name: "decay_rate", aliases: &["lr-gamma"], value_names: &["FACTOR"], kind: Kind::Number(Range::ABOVE_0_TO_1),
        help: "What each step of step multiplies the rate by",
        remedy: "give 0.1 for a tenth", default: Shown::Words("0.1"), with: "sched = step",
        example: "sched = 'step'\ndecay_rate = 0.2", ..Key::SETTING
    },
    Key {
        name: "warmup_epochs", aliases: &["lr-warmup-epochs"], value_names: &["N"], kind: Kind::Number(Range::FROM_0),
        help: "Epochs, out of `epochs`, of linear warm-up",
        remedy: "give a number of epochs, or 0 for none", default: Shown::Words("0"), example: "warmup_epochs = 2",
        ..Key::SETTING
    },
    Key {
        name: "warmup_lr", value_names: &["RATE"], kind: Kind::Number(Range::FROM_0),
        help: "Rate at which the warm-up begins",
        remedy: "give a rate from 0 to lr", default: Shown::Words("0"), with: "warmup_epochs",
        example: "warmup_epochs = 2\nwarmup_lr = 0.001", ..Key::SETTING
    },
];

#[rustfmt::skip]
pub(super) const SEEDS: &[Key] = &[
    Key {
        name: "seed", value_names: &["N"], kind: Kind::Seed,
        help: "Moves initialisation, order, augmentation and dropout",
        example: "seed = 1", ..Key::SETTING
    },
    Key {
        name: "data_seed", value_names: &["N"], kind: Kind::Seed,
        help: "Moves split, folds, fraction, probe and generated faces",
        example: "data_seed = 1", ..Key::SETTING
    },
    Key {
        name: "folds", value_names: &["K"], kind: Kind::Whole(2..=1000),
        help: "Divide train and val together into folds, of which one validates",
        remedy: "give 5 or 10, or leave it out", default: Shown::Off, example: "folds = 5\nfold = 0", ..Key::SETTING
    },
    Key {
        name: "fold", value_names: &["I"], kind: Kind::Whole(0..=999),
        help: "The fold that validates, from 0",
        remedy: "give a number below folds", default: Shown::Off, with: "folds", is_read: |recipe| recipe.folds.is_some(),
        example: "folds = 5\nfold = 1", ..Key::SETTING
    },
];
