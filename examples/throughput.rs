//! How many images a second training works through, end to end: augment, forward, backward, step.
//!
//! ```text
//! cargo run --release --example throughput -- --data DIR --limit 4096 --epochs 3
//!     [--depth 20] [--width 16] [--stem-stride 1] [--batch-size 128] [--threads N] [--cache]
//! ```
//!
//! Expect one line of JSON: images a second of each epoch, their median without the first, which warms up, the loss of
//! the last epoch, seconds from the start of the program to the first step, and the peak of resident memory. Nothing is
//! evaluated and nothing written. `scripts/bench` runs it in turn with a PyTorch script that prints the same.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mindgap::{
    data::{self, Options, Silent},
    recipe::{Layers, resolve},
    run::{EpochRecord, Observer},
    torch::{self, device},
    train::{Pass, Position, Trainer},
};

#[derive(Parser)]
struct Args {
    /// A folder with train/CLASS/* and val/CLASS/*
    #[arg(long)]
    data: PathBuf,
    /// Training images to use, the same share of every class
    #[arg(long, default_value_t = 4096)]
    limit: usize,
    /// The first one is not counted in the median
    #[arg(long, default_value_t = 3)]
    epochs: u32,
    #[arg(long, default_value_t = 20)]
    depth: u32,
    #[arg(long, default_value_t = 16)]
    width: u32,
    #[arg(long, default_value_t = 1)]
    stem_stride: u32,
    #[arg(long, default_value_t = 128)]
    batch_size: u32,
    #[arg(long)]
    threads: Option<usize>,
    /// Keep the decoded images for the next start, as `mindgap train` does
    #[arg(long)]
    cache: bool,
}

/// Notes when the first update was done.
struct FirstStep(Option<Instant>);

impl Observer for FirstStep {
    fn step(&mut self, _update: u64, _batch_loss: Option<f64>) {
        self.0.get_or_insert_with(Instant::now);
    }

    fn epoch_end(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}

fn main() -> Result<()> {
    torch::let_threads_sleep();
    let args = Args::parse();
    ensure!(args.epochs > 0, "--epochs 0: at least one is needed");
    let before_main = process_age().unwrap_or_default();
    let begun = Instant::now();
    torch::keep_pages();
    torch::set_threads(args.threads);

    let all = count_files(&args.data.join("train"))?;
    let recipe = Layers::default().flags(&serde_json::json!({
        "model": format!("resnet{}", args.depth),
        "width": args.width,
        "stem_stride": args.stem_stride,
        "batch_size": args.batch_size,
        "epochs": args.epochs,
        "train_fraction": (args.limit as f64 / all as f64).min(1.0),
        "lr": 0.05,
        "sched": "constant",
        "nesterov": true,
        "weight_decay": 5e-4,
        "hflip": 0.5,
        "rotate": 10.0,
        "translate": 0.1,
        "zoom": [0.9, 1.1],
    }))?;
    let recipe = resolve(&recipe)?;
    let decoded_folder = args.cache.then(data::default_folder).flatten();
    let options = Options { train_fraction: recipe.train_fraction, decoded_folder, ..Options::default() };
    let data = data::open(&args.data.to_string_lossy(), &options, &Silent)?;
    let mut trainer = Trainer::new(&recipe, &data, device::parse("auto")?)?;

    let mut first_step = FirstStep(None);
    let (mut rates, mut loss) = (Vec::new(), f64::NAN);
    for epoch in 0..args.epochs {
        trainer.position = Position { epochs: epoch, ..Position::default() };
        let (images, start) = (trainer.images_left(data.train.len()), Instant::now());
        match trainer.train_epoch(&data, &mut first_step, &AtomicBool::new(false), None)? {
            Pass::Finished { batch_loss } => loss = batch_loss,
            Pass::Paused => bail!("nobody asked it to pause"),
        }
        rates.push(images as f64 / start.elapsed().as_secs_f64());
    }
    let mut counted = if rates.len() > 1 { rates[1..].to_vec() } else { rates.clone() };
    counted.sort_by(f64::total_cmp);
    let median = (counted[(counted.len() - 1) / 2] + counted[counted.len() / 2]) / 2.0;
    let to_first_step = first_step.0.context("no update was made")?.duration_since(begun) + before_main;
    println!(
        "{}",
        serde_json::json!({
            "way": "mindgap",
            "images_per_s": rates.iter().map(|rate| (rate * 10.0).round() / 10.0).collect::<Vec<_>>(),
            "median": (median * 10.0).round() / 10.0,
            "loss": (loss * 1e4).round() / 1e4,
            "images": data.train.len(),
            "seconds_to_first_step": to_first_step.as_secs_f64(),
            "peak_memory_mb": peak_memory_mb(),
        })
    );
    Ok(())
}

/// Files below a folder of class folders.
fn count_files(folder: &std::path::Path) -> Result<usize> {
    let mut count = 0;
    for class in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let class = class?.path();
        if class.is_dir() {
            count += fs::read_dir(class)?.count();
        }
    }
    ensure!(count > 0, "{} holds no images", folder.display());
    Ok(count)
}

/// How long this process has been there; None where there is no /proc.
fn process_age() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The 22nd field counts from the name's closing bracket: ticks since the machine's start.
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime: f64 = fs::read_to_string("/proc/uptime").ok()?.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_secs_f64((uptime - ticks / 100.0).max(0.0)))
}

/// The most memory that was resident [MB]; None where there is no /proc.
fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0 / 1e6)
}
