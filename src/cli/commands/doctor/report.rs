//! The report of `mindgap doctor` as data.

use std::path::PathBuf;

use serde::Serialize;

use mindgap::torch::Installation;

use super::{machine::Machine, step::Step};

/// The whole report. `--json` prints it in this form.
#[derive(Debug, Serialize)]
pub struct Report {
    pub(super) mindgap: &'static str,
    pub(super) tch: &'static str,
    pub(super) installation: Installation,
    pub(super) libtorch: Libtorch,
    pub(super) machine: Machine,
    /// Threads of libtorch's operators.
    pub(super) threads: usize,
    /// Whether several processes can train one run: cargo feature `distributed`.
    pub(super) distributed: bool,
    pub(super) decoded: Option<Decoded>,
    pub(super) cuda: Cuda,
    pub(super) devices: Vec<Check>,
    /// Faults that prevent training, each with its fix.
    pub(super) failures: Vec<String>,
    /// Possible improvements, each with its fix.
    pub(super) advice: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Libtorch {
    /// Version of the headers that mindgap was compiled against.
    pub(super) version: &'static str,
    /// Version of the loaded libraries, such as `2.13.0+cu130`.
    pub(super) build: Option<String>,
    pub(super) folder: PathBuf,
    /// Loaded libraries of libtorch, CUDA and OpenMP.
    pub(super) loaded: Vec<PathBuf>,
}

/// The cache of decoded images.
#[derive(Debug, Serialize)]
pub struct Decoded {
    pub(super) folder: PathBuf,
    pub(super) bytes: u64,
    /// Largest size in bytes.
    pub(super) limit: u64,
}

/// Parts of mindgap that its authors, who had no GPU, could not run.
pub const NEVER_RUN: &str = "a training step on CUDA, --amp, TF32 and --deterministic there, NCCL: mindgap was written \
                         without a GPU (docs/gpu.md says how it can be checked on one)";

#[derive(Debug, Serialize)]
pub struct Cuda {
    /// The file with libtorch's CUDA kernels, if it is in libtorch's folder.
    pub(super) kernels: Option<PathBuf>,
    /// CUDA version that libtorch was built for, such as `13.0`.
    pub(super) needed: Option<String>,
    /// Newest CUDA version that the driver supports.
    pub(super) driver: Option<String>,
    /// Names of the devices that the driver lists.
    pub(super) gpus: Vec<String>,
    /// Why libtorch cannot use CUDA on this machine, and the fix.
    pub(super) missing: Option<String>,
    pub(super) never_run: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Check {
    pub(super) device: String,
    #[serde(flatten)]
    pub(super) step: Option<Step>,
    pub(super) error: Option<String>,
}
