//! The integration tests: what the `mindgap` command and the library promise, each file about one subject.
//!
//! One program holds them, since each program is linked against libtorch by itself. Tests that need a process to
//! themselves stand beside this folder: `allocator` (settings of malloc), `host_reads` (a counter of the process),
//! `cuda` and `distributed` (a device, a feature).

#[path = "../support/mod.rs"]
mod support;

mod augment;
mod bad_input;
mod bill;
mod cards;
mod clock;
mod close;
mod compare;
mod compare_runs;
mod death;
mod diagnose;
mod disk;
mod doctor;
mod documents;
mod evaluate;
mod export;
mod failure;
mod find_lr;
mod fine_tune;
mod folds;
mod fuzz;
mod gap;
mod groups;
mod help;
mod hub;
mod inspect;
mod keys;
mod knobs;
mod layers;
mod model;
mod near_leaks;
mod plan;
mod predict;
mod pretrained;
mod recorded;
mod report;
mod resume;
mod seal;
mod setup_script;
mod signals;
mod sixteen_bit;
mod soup;
mod steady;
mod torture;
mod train;
mod until;
mod vanishing;
mod words;
mod worth;
mod wrong_labels;
