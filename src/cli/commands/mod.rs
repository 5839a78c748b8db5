//! The commands, one module each, with its flags and its `run`.

pub mod bill;
pub mod close;
pub mod compare;
pub mod completions;
pub mod conclude;
pub mod diagnose;
pub mod doctor;
pub mod evaluate;
pub mod export;
pub mod find_lr;
pub mod gap;
pub mod host;
pub mod inspect;
pub mod plan;
pub mod predict;
pub mod presets;
pub mod report;
pub mod run;
pub mod seal;
pub mod soup;
pub mod train;
pub mod worth;
