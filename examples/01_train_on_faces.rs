//! Trains the demo on the generated faces by the library alone: recipe, data, trainer, loop.
//!
//! ```text
//! cargo run --release --example 01_train_on_faces [EPOCHS]
//! ```
//!
//! Expect one line per epoch, in which the training loss (of the probe) falls on and on while the validation loss turns
//! round and rises: the gap. Then one line that says since when it is open. Nothing is written to disk.

use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use mindgap::{
    data::{self, NoProgress, Options},
    gap,
    recipe::{Layers, resolve},
    run::{EpochRecord, Observer, origin_line},
    torch::{self, device},
    train::{Sides, Trainer, fit},
};

/// Prints every epoch and remembers it.
struct Listener {
    epochs: u32,
    records: Vec<EpochRecord>,
}

impl Observer for Listener {
    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        println!("{}", origin_line(record, self.epochs));
        self.records.push(record.clone());
        Ok(())
    }
}

fn main() -> Result<()> {
    torch::keep_pages();
    torch::set_threads(None);
    let device = device::parse("auto")?;

    let mut recipe = resolve(&Layers::default().preset("demo")?)?;
    if let Some(epochs) = std::env::args().nth(1) {
        let epochs: u32 = epochs.parse().context("EPOCHS is a number")?;
        recipe = resolve(&Layers::default().preset("demo")?.keys(&serde_json::json!({ "epochs": epochs }))?)?;
    }
    let data = data::open("faces", &Options::default(), &NoProgress)?;
    let sides = Sides::of(&data, recipe.data_seed);
    let mut trainer = Trainer::new(&recipe, &data, device)?;

    let mut listener = Listener { epochs: recipe.epochs, records: Vec::new() };
    fit(&mut trainer, &data, &sides, None, &mut listener, &AtomicBool::new(false))?;
    match gap::open_since(&listener.records) {
        Some(epoch) => println!("The gap has been above two standard errors since epoch {epoch}."),
        None => println!("The gap is not above two standard errors."),
    }
    Ok(())
}
