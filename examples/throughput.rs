//! Measures how many images a second training processes, end to end: augment, forward, backward, step.
//!
//! ```text
//! cargo run --release --example throughput -- --data DIR --limit 4096 --epochs 3
//!     [--depth 20] [--width 16] [--stem small] [--stem-stride 1] [--batch-size 128] [--threads N] [--cache] [--first-step]
//!     [--device cuda:0] [--precision float32|tf32|bf16]
//! ```
//!
//! Expect one line of JSON: images a second of each epoch, their median without the first, which warms up, the loss of
//! the last epoch, seconds from the start of the program to the first step, and the peak of resident memory. Then come the
//! figures measured after training: images a second of evaluation, the shares of a training step that gathering a batch
//! and augmenting it take, and the rate of multiply-adds in training as a share of the rate in a large matrix product. On
//! a CUDA device there are also the peak of its memory and, from one more epoch under libtorch's profiler, the kernels of
//! an update and the share of the time in which the device is busy. Nothing is written. `scripts/bench` runs it in turn
//! with a PyTorch script that prints the same first keys.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mindgap::{
    augment::Augment,
    data::{self, Dataset, NoProgress, Options},
    model::Architecture,
    recipe::{Layers, resolve},
    run::Observer,
    torch::{self, device, observe::trace},
    train::{EpochOutcome, Position, Trainer, evaluate, order},
};
use tch::{Device, Kind, Tensor};

#[derive(Parser)]
struct Args {
    /// A folder with train/CLASS/* and val/CLASS/*
    #[arg(long)]
    data: PathBuf,
    /// Training images to use, the same share of every class
    #[arg(long, default_value_t = 4096)]
    limit: usize,
    /// Epochs, of which the first is not counted in the median
    #[arg(long, default_value_t = 3)]
    epochs: u32,
    #[arg(long, default_value_t = 20)]
    depth: u32,
    #[arg(long, default_value_t = 16)]
    width: u32,
    /// The stem of a network that has a choice, at depths 18, 34 and 50
    #[arg(long)]
    stem: Option<String>,
    #[arg(long, default_value_t = 1)]
    stem_stride: u32,
    #[arg(long, default_value_t = 128)]
    batch_size: u32,
    #[arg(long)]
    threads: Option<usize>,
    /// Keep the decoded images for the next start, as `mindgap train` does
    #[arg(long)]
    cache: bool,
    /// End after the first update
    #[arg(long)]
    first_step: bool,
    #[arg(long, default_value = "auto")]
    device: String,
    /// float32, tf32 (float32 by TF32 on a CUDA device) or bf16 (mixed precision, TF32 for the rest)
    #[arg(long, default_value = "tf32", value_parser = ["float32", "tf32", "bf16"])]
    precision: String,
}

/// Records when the first update was done.
struct FirstStep<'a> {
    done: Option<Instant>,
    /// The flag that stops training after it.
    stop: Option<&'a AtomicBool>,
}

impl Observer for FirstStep<'_> {
    fn step(&mut self, _update: u64, _batch_loss: Option<f64>) {
        self.done.get_or_insert_with(Instant::now);
        if let Some(stop) = self.stop {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

impl FirstStep<'_> {
    /// Seconds from `begun` to the end of the first update.
    fn seconds(&self, begun: Instant) -> Result<f64> {
        Ok(self.done.context("no update was made")?.duration_since(begun).as_secs_f64())
    }
}

/// The speed of the parts of training.
struct Parts {
    evaluated_images_per_s: f64,
    /// Share of a training step spent waiting for its batch.
    gathering: f64,
    /// Share of a training step spent on augmentation.
    augmentation: f64,
    /// Billion (10⁹) operations a second of training, two for each multiply-add; a backward pass counts as two forward
    /// passes.
    gflops: f64,
    /// Operations a second of training, as a share of the rate of a product of matrices of 2048 × 2048.
    share_of_matmul_rate: f64,
}

impl Parts {
    /// Measures the parts, given the `rate` of training in images a second.
    fn measure(trainer: &Trainer, data: &Dataset, rate: f64) -> Result<Self> {
        let recipe = &trainer.recipe;
        let device = trainer.device();
        let positions: Vec<u32> = (0..data.val.len() as u32).collect();
        let start = Instant::now();
        evaluate(trainer.network(), &trainer.normalize, &data.val, &positions)?;
        let evaluated_images_per_s = positions.len() as f64 / start.elapsed().as_secs_f64();

        let augment = Augment::new(recipe, &trainer.normalize);
        let mut gathering = Duration::ZERO;
        let mut augmentation = Duration::ZERO;
        let mut before = Instant::now();
        for batch in data.train.batches(order(recipe, &data.train.labels, 1), recipe.batch_size as usize, device) {
            let batch = batch?;
            gathering += before.elapsed();
            before = Instant::now();
            let _ = torch::catch(|| Ok(augment.forward(&batch.images, 1, &batch.positions)))?;
            augmentation += before.elapsed();
            before = Instant::now();
        }
        let training = data.train.len() as f64 / rate;

        let cost = Architecture::new(recipe, data.channels, data.classes.len())?.cost(data.size);
        let gflops = 3.0 * 2.0 * cost.multiply_adds as f64 * rate / 1e9;
        Ok(Self {
            evaluated_images_per_s,
            gathering: gathering.as_secs_f64() / training,
            augmentation: augmentation.as_secs_f64() / training,
            gflops,
            share_of_matmul_rate: gflops / matmul_gflops(device),
        })
    }
}

/// The work of the device in an epoch of training.
struct Traced {
    /// Kernels an update.
    kernels: f64,
    /// Share of the time in which it is busy.
    busy: f64,
}

impl Traced {
    fn measure(trainer: &mut Trainer, data: &Dataset) -> Result<Self> {
        trainer.position = Position { epochs: trainer.position.epochs, ..Position::default() };
        let updates = trainer.updates_per_epoch(data.train.len());
        let stop = AtomicBool::new(false);
        let mut seconds = f64::NAN;
        let trace = trace(|| {
            let start = Instant::now();
            // The epoch reads its loss at the end, which waits for the device.
            trainer.train_epoch(data, &mut FirstStep { done: None, stop: None }, &stop, None)?;
            seconds = start.elapsed().as_secs_f64();
            Ok(())
        })?;
        Ok(Self { kernels: trace.kernels as f64 / updates as f64, busy: trace.busy / seconds })
    }
}

/// The rate of the fastest of five matrix products, after one to warm up.
fn matmul_gflops(device: Device) -> f64 {
    const SIDE: i64 = 2048;
    let matrix = Tensor::ones([SIDE, SIDE], (Kind::Float, device));
    let mut best = f64::INFINITY;
    for product in 0..6 {
        let start = Instant::now();
        let _ = matrix.matmul(&matrix).double_value(&[0, 0]);
        if product > 0 {
            best = best.min(start.elapsed().as_secs_f64());
        }
    }
    2.0 * (SIDE as f64).powi(3) / best / 1e9
}

fn main() -> Result<()> {
    torch::restart_with_sleeping_threads();
    let args = Args::parse();
    ensure!(args.epochs > 0, "--epochs 0: at least one is needed");
    let begun = Instant::now() - process_age().unwrap_or_default();
    torch::keep_pages();
    torch::set_threads(args.threads);
    torch::set_deterministic(false)?;
    torch::set_tf32(args.precision != "float32")?;
    let device = device::parse(&args.device)?;

    let all = count_files(&args.data.join("train"))?;
    let mut flags = serde_json::json!({
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
        "amp": args.precision == "bf16",
        "hflip": 0.5,
        "rotate": 10.0,
        "translate": 0.1,
        "zoom": [0.9, 1.1],
    });
    if let Some(stem) = args.stem {
        flags["stem"] = stem.into();
    }
    let recipe = resolve(&Layers::default().keys(&flags)?)?;
    let decoded_folder = args.cache.then(data::default_folder).flatten();
    let options = Options { train_fraction: recipe.train_fraction, decoded_folder, ..Options::default() };
    let data = data::open(&args.data.to_string_lossy(), &options, &NoProgress)?;
    let mut trainer = Trainer::new(&recipe, &data, device)?;

    let stop = AtomicBool::new(false);
    let mut first_step = FirstStep { done: None, stop: args.first_step.then_some(&stop) };
    let mut rates = Vec::new();
    let mut loss = f64::NAN;
    for epoch in 0..args.epochs {
        trainer.position = Position { epochs: epoch, ..Position::default() };
        let images = trainer.images_left(data.train.len());
        let start = Instant::now();
        match trainer.train_epoch(&data, &mut first_step, &stop, None)? {
            EpochOutcome::Finished { batch_loss } => loss = batch_loss,
            EpochOutcome::Paused | EpochOutcome::Stopped => {
                println!("{}", serde_json::json!({ "seconds_to_first_step": first_step.seconds(begun)? }));
                return Ok(());
            }
            EpochOutcome::OutOfImages(error) => return Err(error),
        }
        rates.push(images as f64 / start.elapsed().as_secs_f64());
    }
    let mut counted = if rates.len() > 1 { rates[1..].to_vec() } else { rates.clone() };
    counted.sort_by(f64::total_cmp);
    let median = (counted[(counted.len() - 1) / 2] + counted[counted.len() / 2]) / 2.0;
    // Read before the other measurements, whose memory would count too.
    let memory = match device {
        Device::Cuda(index) => Some(torch::device_memory(index)?.peak as f64 / 1e6),
        _ => None,
    };
    let traced = device.is_cuda().then(|| Traced::measure(&mut trainer, &data)).transpose()?;
    let parts = Parts::measure(&trainer, &data, median)?;
    println!(
        "{}",
        serde_json::json!({
            "way": "mindgap",
            "device": device::name(device),
            "precision": args.precision,
            "device_memory_mb": memory,
            "kernels_per_update": traced.as_ref().map(|traced| traced.kernels),
            "busy": traced.as_ref().map(|traced| traced.busy),
            "images_per_s": rates.iter().map(|rate| (rate * 10.0).round() / 10.0).collect::<Vec<_>>(),
            "median": (median * 10.0).round() / 10.0,
            "loss": (loss * 1e4).round() / 1e4,
            "images": data.train.len(),
            "seconds_to_first_step": first_step.seconds(begun)?,
            "peak_memory_mb": peak_memory_mb(),
            "evaluated_images_per_s": parts.evaluated_images_per_s,
            "share_of_gathering": parts.gathering,
            "share_of_augmentation": parts.augmentation,
            "gflops": parts.gflops,
            "share_of_matmul_rate": parts.share_of_matmul_rate,
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

/// The age of this process; None where there is no /proc.
fn process_age() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The 22nd field is the start time in ticks since boot. Fields are counted from the bracket after the process name,
    // which may hold spaces itself.
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime: f64 = fs::read_to_string("/proc/uptime").ok()?.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_secs_f64((uptime - ticks / 100.0).max(0.0)))
}

/// The peak of resident memory [MB]; None where there is no /proc.
fn peak_memory_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0 / 1e6)
}
