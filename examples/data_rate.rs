//! Measures how many images a second are decoded, and how many a streamed pass over photos delivers to the network.
//!
//! ```text
//! cargo run --release --example data_rate -- decode --data DIR
//! cargo run --release --example data_rate -- stream --data DIR [--img-size 224] [--passes 3]
//! ```
//!
//! Expect one line of JSON with `images_per_s`. `decode` opens a data set as training does at its first start: every
//! file is read, checked, decoded and hashed. `stream` leaves the images on disk; for each batch of 128 it decodes them,
//! resizes and crops them to a square, then crops at random and mirrors, as training does. It runs no network and does not
//! count the first pass.
//! `scripts/bench-data` runs it in turn with torchvision.

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};
use mindgap::{
    augment::{Augment, Normalize},
    data::{self, NoProgress, Options},
    recipe::Recipe,
    torch,
};
use tch::Device;

#[derive(Clone, Copy, ValueEnum)]
enum Work {
    Decode,
    Stream,
}

#[derive(Parser)]
struct Args {
    /// The work to measure
    work: Work,
    /// A folder with train/CLASS/* and perhaps val/CLASS/*
    #[arg(long)]
    data: PathBuf,
    /// Side of streamed images
    #[arg(long, default_value_t = 224)]
    img_size: u32,
    /// Passes over the streamed images; the first one is not counted
    #[arg(long, default_value_t = 3)]
    passes: u32,
    /// Threads that decode streamed images [default: one per core]
    #[arg(long)]
    workers: Option<usize>,
}

fn main() -> Result<()> {
    torch::restart_with_sleeping_threads();
    let args = Args::parse();
    ensure!(args.passes > 1, "--passes {}: the first one is not counted", args.passes);
    torch::keep_pages();
    torch::set_threads(None);
    let rates = match args.work {
        Work::Decode => decode(&args)?,
        Work::Stream => stream(&args)?,
    };
    println!("{}", serde_json::json!({ "way": "mindgap", "images_per_s": rates, "median": median(&rates) }));
    Ok(())
}

/// Images a second of opening the data set.
fn decode(args: &Args) -> Result<Vec<f64>> {
    let start = Instant::now();
    let data = data::open(&args.data.to_string_lossy(), &Options::default(), &NoProgress)?;
    let images = data.train.len() + data.val.len() + data.test.as_ref().map_or(0, data::Split::len);
    Ok(vec![images as f64 / start.elapsed().as_secs_f64()])
}

/// Images a second of each pass over train but the first.
fn stream(args: &Args) -> Result<Vec<f64>> {
    let options = Options {
        cache_limit: 0,
        img_size: Some(args.img_size),
        in_chans: Some(3),
        workers: args.workers,
        ..Options::default()
    };
    let data = data::open(&args.data.to_string_lossy(), &options, &NoProgress)?;
    let recipe = Recipe { scale: [0.08, 1.0], hflip: 0.5, ..Recipe::default() };
    let augment = Augment::new(&recipe, &Normalize::new(&data.mean, &data.std, Device::Cpu));
    let mut rates = Vec::new();
    for pass in 0..args.passes {
        let start = Instant::now();
        let order: Vec<u32> = (0..data.train.len() as u32).collect();
        for batch in data.train.batches(order, 128, Device::Cpu) {
            let batch = batch?;
            let images = torch::catch(|| Ok(augment.forward(&batch.images, pass + 1, &batch.positions)))?;
            ensure!(images.size()[0] == batch.positions.len() as i64, "images are missing");
        }
        rates.push(data.train.len() as f64 / start.elapsed().as_secs_f64());
    }
    Ok(rates.split_off(1))
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}
