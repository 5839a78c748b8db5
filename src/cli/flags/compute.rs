//! Flags for the machine: device, threads, determinism. They decide the bits of a run, while the recipe decides its
//! numbers.

use anyhow::{Context, Result};
use tch::Device;

use crate::cli::ranks::RankInfo;
use mindgap::{
    recipe::Recipe,
    torch::{self, device::DeviceRequest},
    train,
};

/// The device, threads and precision to compute with.
#[derive(Clone, Debug, clap::Args)]
pub struct Compute {
    /// auto (CUDA where there is one), cpu, cuda, or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = "Machine")]
    device: DeviceRequest,

    /// Threads that compute [default: one for each physical core]
    #[arg(long, value_name = "N", help_heading = "Machine", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    /// Deterministic CUDA kernels only, so that a resumed run equals an uninterrupted one bit for bit; CPU runs always
    /// do
    #[arg(long, help_heading = "Machine")]
    deterministic: bool,

    /// Full float32 on CUDA; without it convolutions and matrix products may use TF32, with 10 bits of precision
    #[arg(long, help_heading = "Machine")]
    no_tf32: bool,

    /// Use --amp even where the device has no instructions for its type
    #[arg(long, help_heading = "Machine")]
    force_amp: bool,
}

impl Compute {
    /// Sets threads, allocator and determinism, and returns the device. Without `--threads` a resumed run computes with
    /// `threads_before`. The processes of one run divide cores and CUDA devices of a machine among them by their `rank`.
    /// Fails if the device does not exist or its name is unknown.
    pub fn prepare(&self, threads_before: Option<usize>, rank: Option<&RankInfo>) -> Result<Device> {
        torch::keep_pages();
        torch::set_deterministic(self.deterministic)?;
        torch::set_tf32(!self.no_tf32)?;
        let share = rank.and_then(|rank| rank.local_size).map(|processes| self.threads_of_each(processes));
        torch::set_threads(self.threads.map(usize::from).or(threads_before).or(share));
        match rank {
            None => self.device.device(),
            Some(rank) => self.device.device_of(rank.local_rank),
        }
    }

    /// What `--device` asks for.
    pub fn requested(&self) -> DeviceRequest {
        self.device
    }

    /// The device; nothing is set.
    /// Fails if the device does not exist or its name is unknown.
    pub fn device(&self) -> Result<Device> {
        self.device.device()
    }

    /// Checks that `device` has instructions for the precision of `recipe`, unless `--force-amp` is on.
    pub fn check_amp(&self, recipe: &Recipe, device: Device) -> Result<()> {
        if !recipe.amp || self.force_amp {
            return Ok(());
        }
        torch::check_amp(device, train::amp_kind(recipe.amp_dtype))
            .context("--amp is refused (add --force-amp to run slowly all the same)")
    }

    /// Threads for each of `runs` runs or processes at a time.
    pub fn threads_of_each(&self, runs: usize) -> usize {
        let all = self.threads.map_or_else(torch::physical_cores, usize::from);
        (all / runs).max(1)
    }

    /// The flags that were given and that a resumed run does not know by itself, each after a space.
    pub fn given(&self) -> String {
        let mut words = String::new();
        if self.device != DeviceRequest::Auto {
            words += &format!(" --device {}", self.device);
        }
        for (flag, is_given) in
            [("--deterministic", self.deterministic), ("--no-tf32", self.no_tf32), ("--force-amp", self.force_amp)]
        {
            if is_given {
                words += &format!(" {flag}");
            }
        }
        words
    }

    /// The flags that were given, the threads among them, each after a space.
    pub fn given_with_threads(&self) -> String {
        self.threads.map_or_else(String::new, |threads| format!(" --threads {threads}")) + &self.given()
    }

    /// The flags of `command_line`, which began a run, whose absence here changes its bits on CUDA.
    pub fn missing_of(&self, command_line: &[String]) -> Vec<&'static str> {
        let flags = [("--deterministic", self.deterministic), ("--no-tf32", self.no_tf32)];
        let is_missing = |(flag, given): &(&str, bool)| !given && command_line.iter().any(|word| word == flag);
        flags.into_iter().filter(is_missing).map(|(flag, _)| flag).collect()
    }

    /// These flags as arguments of another `mindgap` process, which is to compute with `threads` threads; None leaves the number to the run
    /// that it resumes.
    pub fn words(&self, threads: Option<usize>) -> Vec<String> {
        let mut words = vec![format!("--device={}", self.device)];
        words.extend(threads.map(|threads| format!("--threads={threads}")));
        words.extend(self.deterministic.then(|| "--deterministic".to_owned()));
        words.extend(self.no_tf32.then(|| "--no-tf32".to_owned()));
        words.extend(self.force_amp.then(|| "--force-amp".to_owned()));
        words
    }
}
