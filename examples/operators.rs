//! Counts the libtorch operators that a training update calls, by phase.
//!
//! ```text
//! cargo run --release --example operators -- [--model resnet18] [--preset closed] [--recipe FILE] [--device cuda:0] [--names]
//! ```
//!
//! A GPU computes the layers of a small network faster than the host can call them, so that an update takes as long as its
//! calls. Expect a table with a row for each network and preset: the calls of one update in each phase, averaged over 50
//! updates, one of which checks whether the loss is finite, and their sum. The counts depend neither on the size of the
//! images nor on the batch size. Operators that another operator calls are not counted; views and allocations are,
//! although they launch no kernel. `--names` lists the operators of each phase.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use clap::Parser;
use mindgap::{
    data::{self, Dataset, NoProgress, Options},
    recipe::{Layers, Recipe, resolve},
    run::Observer,
    torch::{
        self, device,
        observe::{Calls, count_operators},
    },
    train::{Position, Trainer},
};

/// The phases of an update, in their order.
const PHASES: [&str; 9] =
    ["batch", "augment", "forward", "backward", "sharpness", "optimizer", "average", "finiteness", ""];

#[derive(Parser)]
struct Args {
    /// The network [default: resnet20, and resnet18 with a small stem]
    #[arg(long)]
    model: Option<String>,
    /// The preset [default: seed and closed]
    #[arg(long)]
    preset: Option<String>,
    /// A file with more recipe keys
    #[arg(long)]
    recipe: Option<std::path::PathBuf>,
    #[arg(long, default_value = "cpu")]
    device: String,
    /// List the operators of each phase too
    #[arg(long)]
    names: bool,
}

/// Sets a stop flag after some updates.
struct StopAfter<'a>(u64, &'a AtomicBool);

impl Observer for StopAfter<'_> {
    fn step(&mut self, update: u64, _batch_loss: Option<f64>) {
        if update == self.0 {
            self.1.store(true, Ordering::Relaxed);
        }
    }
}

/// The calls of the first `updates` updates of an epoch.
fn calls(recipe: &Recipe, data: &Dataset, device: tch::Device, updates: u64) -> Result<Calls> {
    let mut trainer = Trainer::new(recipe, data, device)?;
    ensure!(trainer.updates_per_epoch(data.train.len()) > updates, "the epoch is too short");
    // The second epoch, in which `progressive` and the mixing of images act as in most epochs.
    trainer.position = Position { epochs: 1, ..Position::default() };
    let stop = AtomicBool::new(false);
    count_operators(|| {
        trainer.train_epoch(data, &mut StopAfter(updates, &stop), &stop, None)?;
        Ok(())
    })
}

/// The calls of one phase.
fn sum(calls: &Calls, phase: &str) -> f64 {
    calls.get(phase).map_or(0, |calls| calls.values().sum()) as f64
}

fn main() -> Result<()> {
    torch::restart_with_sleeping_threads();
    let args = Args::parse();
    let device = device::parse(&args.device)?;
    let options = Options { img_size: Some(16), ..Options::default() };
    let data = data::open("faces", &options, &NoProgress)?;

    let models = args.model.map_or(vec!["resnet20".to_owned(), "resnet18".to_owned()], |model| vec![model]);
    let presets = args.preset.map_or(vec!["seed".to_owned(), "closed".to_owned()], |preset| vec![preset]);
    println!("{:10} {:8} {}", "network", "preset", PHASES.map(|phase| format!("{phase:>10}")).join(" ").trim_end());
    for model in &models {
        for preset in &presets {
            let mut flags = serde_json::json!({ "model": model, "width": 8, "batch_size": 4, "epochs": 2 });
            if model == "resnet18" {
                flags["stem"] = "small".into();
            }
            let mut layers = Layers::default().preset(preset)?;
            if let Some(file) = &args.recipe {
                layers = layers.file(file)?;
            }
            let recipe = resolve(&layers.keys(&flags)?)?;
            // The difference of the two counts leaves out the calls that an epoch makes once.
            let few = calls(&recipe, &data, device, 1)?;
            let more = calls(&recipe, &data, device, 51)?;
            let each = PHASES.map(|phase| (sum(&more, phase) - sum(&few, phase)) / 50.0);
            let columns = each.map(|count| format!("{count:10.1}")).join(" ");
            println!("{model:10} {preset:8} {columns}   in all {:.1}", each.iter().sum::<f64>());
            if args.names {
                for (phase, calls) in &more {
                    println!("  {}", if phase.is_empty() { "outside of phases" } else { phase });
                    for (name, count) in calls {
                        println!("    {:9.1} {name}", (*count as f64) / 51.0);
                    }
                }
            }
        }
    }
    Ok(())
}
