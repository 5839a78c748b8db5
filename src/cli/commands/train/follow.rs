//! `mindgap train` on every rank but the first: receives the run from rank 0, trains its part, and writes no files.

use anyhow::{Context, Result};

use super::failure::failure;
use crate::cli::{
    ExitStatus,
    flags::{compute::Compute, data::DataFlags},
    process::signals,
    ranks::{Message, ProcessGroup},
};
use mindgap::{
    recipe::Recipe,
    train::{EvalSets, FitOutcome, Trainer, complete_recipe, fit},
};

/// Trains with the other ranks, on this process's own data and device.
/// Fails if the data cannot be opened or are not rank 0's, and if training fails, here or on another rank.
pub fn run(data: &DataFlags, compute: &Compute, group: &ProcessGroup) -> Result<ExitStatus> {
    let Message::Train { recipe, source, exclude, folders, skipped_before, threads } = group.receive()? else {
        return Ok(ExitStatus::Done);
    };
    let recipe: Recipe = toml::from_str(&recipe).context("rank 0's recipe")?;
    let device = compute.prepare(threads, Some(group.info()))?;
    let data = data.reading(exclude, &folders).open(&source, &recipe, skipped_before)?;
    let recipe = complete_recipe(recipe, &data);
    let sets = EvalSets::of(&data, recipe.data_seed);
    // `join` replaces its weights by rank 0's.
    let mut trainer = Trainer::before_restore(&recipe, &data, device)?;
    let stop = signals::stop_flag()?;
    trainer.join(group.connect(device, &data)?)?;
    let outcome = fit(&mut trainer, &data, &sets, None, &mut (), &stop).map_err(failure)?;
    group.leave()?;
    Ok(if outcome == FitOutcome::Finished { ExitStatus::Done } else { ExitStatus::Stopped })
}
