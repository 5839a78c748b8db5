//! Every number that determines a run.
//!
//! A [`Recipe`] is resolved from layers, each over the one before it: defaults, a preset, a recipe file, flags
//! ([`Layers`], [`resolve`]). What comes out is complete: written as `recipe.toml` and read again it is the same
//! recipe, bit for bit. [`schedule::rate`] turns a recipe and a step into a learning rate.
//!
//! A new knob is a field of [`Recipe`] with its default, a flag in `cli::recipe_flags`, and a line in `validate`
//! for its range; layers, suggestions, files and differences follow from the field.

mod check;
mod choice;
mod complaint;
mod diff;
mod knobs;
mod layers;
mod model_name;
mod phase;
pub mod presets;
pub mod progressive;
mod rates;
mod record;
pub mod schedule;
mod shorthand;
mod suggest;
mod validate;

pub use choice::{Aa, AmpDtype, Border, ClassWeights, CycleMode, FirstTrained, Opt, Sched, Stem, Tta};
pub use complaint::{Complaint, Complaints};
pub use diff::Difference;
pub use layers::{Layers, resolve};
pub use model_name::{Family, MODELS, family};
pub use phase::{Curve, Phase};
pub use record::Recipe;
pub use shorthand::Shorthand;
