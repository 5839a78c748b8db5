//! Flags for what computes: device, threads, determinism. They decide the bits of a run, the recipe decides its
//! numbers.

use anyhow::Result;
use tch::Device;

use crate::torch::{self, device::Wanted};

/// Where and with what to compute.
#[derive(Clone, Debug, clap::Args)]
pub struct Compute {
    /// auto (CUDA where there is one), cpu, cuda, or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = "Machine")]
    device: Wanted,

    /// Threads that compute [default: one for each physical core]
    #[arg(long, value_name = "N", help_heading = "Machine", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    /// Deterministic CUDA kernels only, so that a resumed run equals an uninterrupted one bit for bit; CPU runs always
    /// do
    #[arg(long, help_heading = "Machine")]
    deterministic: bool,
}

impl Compute {
    /// Sets threads, allocator and determinism, and returns the device. Without `--threads` a resumed run computes with
    /// `threads_before`.
    ///
    /// # Errors
    /// The device is not there or its name is not known.
    pub fn prepare(&self, threads_before: Option<usize>) -> Result<Device> {
        torch::keep_pages();
        torch::set_deterministic(self.deterministic)?;
        torch::set_threads(self.threads.map(usize::from).or(threads_before));
        self.device.device()
    }

    /// Threads for each of so many runs at a time.
    pub fn threads_of_each(&self, runs: usize) -> usize {
        let all = self.threads.map_or_else(torch::physical_cores, usize::from);
        (all / runs).max(1)
    }

    /// The words that say the same to another `mindgap`, with so many threads.
    pub fn words(&self, threads: usize) -> Vec<String> {
        let mut words = vec![format!("--device={}", self.device), format!("--threads={threads}")];
        words.extend(self.deterministic.then(|| "--deterministic".to_owned()));
        words
    }
}
