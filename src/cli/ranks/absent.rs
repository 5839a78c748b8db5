//! What stands for the other processes where mindgap was built for one.

use anyhow::{Result, bail};

use super::{Place, Word};
use crate::cli::End;
use mindgap::{data::Dataset, train::Trainer};

/// The flag that is refused, so that its user learns why.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Needs a mindgap built with `--features distributed`
    #[arg(long, value_name = "N", hide = true)]
    ranks: Option<u16>,
}

/// There is no such company.
#[derive(Debug)]
pub enum Company {}

impl Flags {
    /// No company.
    ///
    /// # Errors
    /// Somebody started several processes for one run: each would train it alone.
    pub fn company(&self, train: impl FnOnce(Option<&Company>) -> Result<End>) -> Result<End> {
        if let Some(ranks) = self.ranks.filter(|ranks| *ranks != 1) {
            bail!(
                "--ranks {ranks}: this mindgap was built for one process; build it with `cargo build --release --features \
                 distributed`, which needs Gloo's headers (Debian: libgloo-dev)"
            );
        }
        if let Some(place) = Place::of_environment()? {
            bail!(
                "this is process {} of {} of one run, as the environment says, but this mindgap was built for one process: \
                 build it with `cargo build --release --features distributed`, or unset RANK and WORLD_SIZE",
                place.rank,
                place.size
            );
        }
        train(None)
    }
}

impl Company {
    pub fn place(&self) -> &Place {
        match *self {}
    }

    pub fn tell(&self, _word: &Word) -> Result<()> {
        match *self {}
    }

    pub fn hear(&self) -> Result<Word> {
        match *self {}
    }

    pub fn join(&self, _trainer: &mut Trainer, _data: &Dataset) -> Result<()> {
        match *self {}
    }

    pub fn part(&self) -> Result<()> {
        match *self {}
    }
}
