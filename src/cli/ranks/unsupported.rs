//! Stand-ins for process groups in a mindgap that was built without the feature `distributed`.

use anyhow::{Result, bail};
use tch::Device;

use super::{Message, RankInfo};
use crate::cli::ExitStatus;
use mindgap::{data::Dataset, torch::device::DeviceRequest, train::Ranks};

/// The flag `--ranks`, which is refused with an error that says why.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Needs a mindgap built with `--features distributed`
    #[arg(long, value_name = "N", hide = true)]
    ranks: Option<u16>,
}

/// A process group, of which there is no value.
#[derive(Debug)]
pub enum ProcessGroup {}

impl Flags {
    /// Nothing: one process trains.
    pub fn given(&self) -> String {
        String::new()
    }

    /// Calls `train` without a process group.
    /// Fails if `train` does, and if several processes are requested, of which each would train the whole run.
    pub fn with_group(
        &self,
        _device: DeviceRequest,
        train: impl FnOnce(Option<&ProcessGroup>) -> Result<ExitStatus>,
    ) -> Result<ExitStatus> {
        if let Some(ranks) = self.ranks.filter(|ranks| *ranks != 1) {
            bail!(
                "--ranks {ranks}: this mindgap was built for one process; build it with `cargo build --release --features \
                 distributed`, which needs Gloo's headers (Debian: libgloo-dev)"
            );
        }
        if let Some(info) = RankInfo::of_environment()? {
            bail!(
                "this is process {} of {} of one run, as the environment says, but this mindgap was built for one process: \
                 build it with `cargo build --release --features distributed`, or unset RANK and WORLD_SIZE",
                info.rank,
                info.size
            );
        }
        train(None)
    }
}

impl ProcessGroup {
    pub fn info(&self) -> &RankInfo {
        match *self {}
    }

    pub fn send(&self, _message: &Message) -> Result<()> {
        match *self {}
    }

    pub fn receive(&self) -> Result<Message> {
        match *self {}
    }

    pub fn connect(&self, _device: Device, _data: &Dataset) -> Result<Ranks> {
        match *self {}
    }

    pub fn leave(&self) -> Result<()> {
        match *self {}
    }
}
