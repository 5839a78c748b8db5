//! mindgap trains ResNet image classifiers on libtorch and answers one question: why is my validation
//! loss above my training loss, and what closes the distance without making the model worse?
//!
//! The crate's modules form layers. A file imports only from its own module and from modules of lower layers;
//! `tests/it/layers.rs` checks it.
//!
//! ```text
//! 5  cli       one file per command; wires the modules together
//! 4  report    one self-contained HTML page of a run or a comparison
//! 3  train     the loop, optimisers, evaluation, checkpoints
//!    compare   presets over seeds: figures, intervals, verdict
//!    gap       what recorded epochs or another trainer's log say about the gap, in plain words
//!    export    TorchScript, safetensors, ONNX; model files read back
//! 2  augment   batched image transforms on the device
//!    model     residual networks
//!    run       the run folder: the contract between training and everything after it
//! 1  data      image folders, tables, generated faces; decoding, loading
//!    recipe    every number that determines a run; schedules
//!    stats     means, errors, calibration: plain numbers in, plain numbers out
//! 0  torch     device, threads, allocator
//!    random    draws as a function of (seed, purpose, epoch, sample or step)
//!    durable   files that are whole or absent
//! ```

// What a user brought may be wrong: it is answered, never unwrapped.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod augment;
pub mod compare;
pub mod data;
pub mod durable;
pub mod export;
pub mod gap;
pub mod model;
pub mod random;
pub mod recipe;
pub mod report;
pub mod run;
pub mod stats;
pub mod torch;
pub mod train;
