//! mindgap trains ResNet image classifiers on libtorch and answers one question: why is my validation loss above my
//! training loss, and what closes the gap without making the model worse?
//!
//! The crate's modules form layers. A file imports only from its own module and from modules of lower layers;
//! `tests/it/layers.rs` checks it.
//!
//! ```text
//! 6  cli       one file per command: its flags and its run; part of the binary, not of the library
//! 5  report    one self-contained HTML page of a run or a comparison
//! 4  search    the recipe that closes the gap within a time budget: candidates, rungs, verdict
//! 3  train     the training loop, optimizers, evaluation, checkpoints; a run as a whole
//!    compare   presets compared over seeds: figures, intervals, verdict
//!    gap       findings about the gap, from recorded epochs or another trainer's log
//!    labels    labels that are probably wrong, from predictions on images that were not trained on
//!    seal      a sealed test set, and the ledger of evaluations on it
//!    export    TorchScript, safetensors, ONNX; model files read back
//! 2  augment   batched image transforms on the device
//!    model     residual networks
//!    hub       weights by name from the Hugging Face hub
//!    run       the run folder: the contract between training and everything after it
//! 1  data      image folders, tables, generated faces; decoding, loading
//!    recipe    every number that determines a run; presets, schedules
//!    stats     means, errors, tests, calibration: plain numbers in, plain numbers out
//! 0  torch     device, threads, allocator, operators that tch does not expose
//!    random    random draws as a function of (seed, purpose, epoch, sample or step)
//!    durable   files that are whole or absent
//! ```

// What a user brings may be wrong, and is answered with an error, never unwrapped.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod augment;
pub mod compare;
pub mod data;
pub mod durable;
pub mod export;
pub mod gap;
pub mod hub;
pub mod labels;
pub mod model;
pub mod random;
pub mod recipe;
pub mod report;
pub mod run;
pub mod seal;
pub mod search;
pub mod stats;
pub mod torch;
pub mod train;
