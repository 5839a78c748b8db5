//! Trains the demo on the generated faces and says since when validation loss lies above training loss.
//!
//! ```text
//! cargo run --release --example 01_train_on_faces [EPOCHS]
//! ```
//!
//! Expect one line per epoch, in which the loss of the probe (training images) keeps falling while the loss of val turns
//! round and rises: the gap. The last line says since when it is open. Nothing is written to disk.

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
        recipe = recipe.epochs(epochs.parse().context("EPOCHS is a number")?);
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
