//! What every rank but the first does of `mindgap train`: it hears what is to be trained, trains its part, and writes
//! nothing.

use anyhow::{Context, Result};

use crate::cli::{
    End,
    commands::train::failure,
    flags::{
        compute::Compute,
        data::{DataFlags, decided},
    },
    process::signals,
    ranks::{Company, Word},
};
use mindgap::{
    data::Dataset,
    recipe::Recipe,
    run::{EpochRecord, Observer},
    train::{Outcome, Sides, Trainer, fit},
};

/// Trains with the others. Data and device are this process's own.
///
/// # Errors
/// The data cannot be opened or are not rank 0's; training fails, here or elsewhere.
pub fn run(data: &DataFlags, compute: &Compute, company: &Company) -> Result<End> {
    let Word::Train { recipe, source, exclude, folders, skipped_before, threads } = company.hear()? else {
        return Ok(End::Done);
    };
    let recipe: Recipe = toml::from_str(&recipe).context("rank 0's recipe")?;
    let device = compute.prepare(threads, Some(company.place()))?;
    let data: Dataset = data.reading(exclude, &folders).open(&source, &recipe, skipped_before)?;
    let recipe = decided(recipe, &data);
    let sides = Sides::of(&data, recipe.data_seed);
    // Its weights will be rank 0's.
    let mut trainer = Trainer::before_restore(&recipe, &data, device)?;
    let stop = signals::stop_flag()?;
    company.join(&mut trainer, &data)?;
    let outcome = fit(&mut trainer, &data, &sides, None, &mut Silence, &stop).map_err(failure)?;
    company.part()?;
    Ok(if outcome == Outcome::Finished { End::Done } else { End::Stopped })
}

/// Rank 0 tells of the run.
struct Silence;

impl Observer for Silence {
    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}
