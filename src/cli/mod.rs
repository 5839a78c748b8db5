//! One file per command: its flags and its `run`.

pub mod doctor;
pub mod presets;
pub mod recipe_flags;
