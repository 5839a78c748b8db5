//! Flags that several commands share.

mod class_weights;
pub mod compute;
pub mod data;
pub mod detect;
pub mod input;
pub mod job_recipes;
pub mod model_data;
pub mod model_file;
pub mod option_names;
pub mod planning;
pub mod recipe;
pub mod repeated;
pub mod selection;
pub mod weights;
