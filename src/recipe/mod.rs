//! Every number that determines a run.
//!
//! A [`Recipe`] is resolved from layers, each over the one before it: defaults, a preset, a recipe file, flags
//! ([`Layers`], [`resolve`]). What comes out is complete: written as `recipe.toml` and read again it is the same
//! recipe, bit for bit. [`schedule::rate`] turns a recipe and a step into a learning rate.
//!
//! [`keys`] is the table of the recipe's keys. A new knob is a field of [`Recipe`] with its default and a row of the
//! table; flag, help, range, suggestions, files, differences, tests and `docs/knobs.md` follow from the two.

mod choice;
mod class_weights;
mod conflicts;
mod diff;
mod hub_name;
pub mod keys;
mod knobs;
mod layers;
mod model_name;
mod phase;
pub mod presets;
pub mod progressive;
mod rates;
mod raw_keys;
mod record;
pub mod schedule;
mod shorthand;
mod suggest;
pub mod train_crop;
mod validate;
mod validation;

pub use choice::{Aa, AmpDtype, Border, CycleMode, FirstTrained, Opt, Sched, Stem, Tta};
pub use class_weights::ClassWeights;
pub use diff::KeyDifference;
pub use hub_name::HubName;
pub use layers::{Layers, resolve};
pub use model_name::{Family, IMAGENET_MODELS, MODEL_NAMES, family};
pub use phase::{Curve, Phase};
pub use record::Recipe;
pub use shorthand::Shorthand;
pub use validation::{ValidationError, ValidationErrors};
