//! Flags that several commands share, and what they stand for.

pub mod compute;
pub mod data;
pub mod input;
pub mod model_file;
pub mod planning;
pub mod recipe;
pub mod splits;
pub mod views;
