//! Trains the demo on the generated faces and prints since which epoch validation loss lies above training loss.
//!
//! ```text
//! cargo run --release --example 01_train_on_faces [EPOCHS]
//! ```
//!
//! Expect one line per epoch. The loss on the probe (training images) keeps falling while the loss on val turns and rises:
//! the gap opens. The last line says since which epoch it is open. Nothing is written to disk.

use anyhow::{Context, Result};
use mindgap::{
    data::{self, NoProgress, Options},
    gap,
    recipe::Recipe,
    run::epoch_line,
    train::Run,
};

fn main() -> Result<()> {
    let mut recipe = Recipe::preset("demo")?;
    if let Some(epochs) = std::env::args().nth(1) {
        recipe = recipe.epochs(epochs.parse().context("EPOCHS must be a number")?);
    }
    let epochs = recipe.epochs;

    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let run = Run::new(recipe, &data)?.on_epoch(|record| println!("{}", epoch_line(record, epochs))).fit()?;

    match gap::open_since(&run.records) {
        Some(epoch) => println!("The gap has been above two standard errors since epoch {epoch}."),
        None => println!("The gap is not above two standard errors."),
    }
    Ok(())
}
