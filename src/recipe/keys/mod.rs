//! The table of recipe keys: one row of plain data for each key that a recipe file, a preset or a flag may set.
//!
//! Flags and their help, types and ranges, what is said of a value that is refused, which knobs are on, advice, the tests
//! of every knob and `docs/knobs.md` are made from the rows. What two keys mean for each other is code, in `conflicts`.
//! Rows are laid out by hand: what the key takes, what it does, and the rest.

mod images;
mod network;
mod optimisation;
mod range;
mod row;
mod schedule;
mod targets;
mod weights;

pub use range::Range;
pub(super) use row::show;
pub(super) use schedule::SHORTHAND;

pub use row::{Key, KeyRole, Kind, KnobFamily, Shown};

/// Keys that belong together, under the heading that help gives them.
#[derive(Debug)]
pub struct Section {
    /// The heading.
    pub heading: &'static str,
    /// Its keys, in the order of the recipe's fields.
    pub keys: &'static [Key],
}

/// Every key, in the order of help.
pub static SECTIONS: [Section; 11] = [
    Section { heading: "Network", keys: network::NETWORK },
    Section { heading: "Pretrained weights", keys: network::PRETRAINED },
    Section { heading: "Images", keys: images::IMAGES },
    Section { heading: "Optimisation", keys: optimisation::KEYS },
    Section { heading: "Regularisation: network", keys: network::NOISE },
    Section { heading: "Regularisation: targets", keys: targets::KEYS },
    Section { heading: "Regularisation: images", keys: images::AUGMENTATION },
    Section { heading: "Regularisation: weights", keys: weights::KEYS },
    Section { heading: "Regularisation: course and evaluation", keys: schedule::COURSE },
    Section { heading: "Schedule", keys: SHORTHAND },
    Section { heading: "Seeds", keys: schedule::SEEDS },
];

/// Every key, in the order of help.
pub fn all() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// The key called `name`.
pub fn get(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}
