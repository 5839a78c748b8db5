//! The second stage: what an epoch takes here, and how the budget is divided.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{judge::round_time, session::Session};
use crate::cli::process::child;
use mindgap::{
    data::Dataset,
    recipe::Recipe,
    run::{EpochRecord, Observer},
    search::{
        Base, BudgetPlan, ENOUGH_EPOCHS, Need, Network, Pace, Stage, TrialCost, WINNERS_SHARE, enough, networks,
        of_length,
    },
    stats, torch,
    train::{RangeTest, Run, Trainer, find_lr},
};
use tch::{Device, Kind};

/// Epochs of the winner below which a network is too large for the budget. The network of the start gets at least [`ENOUGH_EPOCHS`].
const LEAST_EPOCHS: f64 = 8.0;
/// A measured forward pass as a share of an update in float32.
const FORWARD: f64 = 1.0 / 3.0;
/// How many times as fast an update in bfloat16 is at least, where candidates train in it.
const LEAST_GAIN: f64 = 1.2;

impl Session {
    /// Measures what an epoch takes with each network, as far as the budget can afford it, and plans.
    /// Fails if the recipe cannot be trained on the data.
    pub fn measure(&mut self, data: &Dataset) -> Result<()> {
        self.enter(Stage::Measure)?;
        self.tell("Measure: images a second of the networks …");
        let device = self.args.compute.prepare(None, None)?;
        let limit = Duration::from_secs_f64((0.005 * self.record.budget_seconds).clamp(0.7, 2.0));
        let reference = self.record.reference.as_ref().context("the reference is known")?.recipe.clone();
        self.args.compute.check_amp(&reference, device)?;
        self.record.reference_pace = Some(pace(Network::of(&reference), reference.clone(), data, device, limit, 1.0)?);
        let mut base = Base {
            is_own: self.record.is_own,
            images: data.train.len(),
            networks: networks(data.size, &reference),
            amp: reference.amp,
            reference,
        };
        // A plan that is made a second time measures and asks a second time.
        self.record.needs.clear();
        self.record.notes.clear();
        self.record.startup_seconds = startup()? + self.record.open_seconds;
        self.measure_networks(&base, data, device, limit, 1.0)?;
        let gain = self.gain_of_bfloat16(&base, data, device, limit).filter(|gain| *gain >= LEAST_GAIN);
        if let Some(gain) = gain {
            base.amp = true;
            self.record.note(format!(
                "Candidates train in mixed precision (amp): an update in bfloat16 is {gain:.1} times as fast here. The reference does not."
            ));
            self.measure_networks(&base, data, device, limit, gain)?;
        }
        self.record.amp = base.amp;
        self.compare_rate(&base, data, device)?;
        let cost = self.trial_cost(&base);
        let plan = BudgetPlan::new(self.record.budget_seconds, self.spent(), &cost);
        let reference = self.record.reference_pace.as_ref().map_or(0.0, |pace| pace.epoch_seconds);
        let one_epoch_each =
            self.runs() * (reference + self.record.startup_seconds) + cost.last * (cost.epoch + cost.startup);
        if plan.reference + plan.search + plan.last < one_epoch_each {
            self.record.note(format!(
                "The budget will be exceeded: one epoch of the reference and one of the winner take about {} here. A budget of {} would be enough.",
                round_time(one_epoch_each),
                round_time(enough(&cost))
            ));
        }
        self.record.plan = Some(plan);
        self.enter(Stage::Planned)
    }

    /// Measures the networks, the cheapest first, up to the first that the budget cannot afford, and finds the largest that the search may start
    /// from. An update is `gain` times as fast as in float32.
    fn measure_networks(
        &mut self,
        base: &Base,
        data: &Dataset,
        device: Device,
        limit: Duration,
        gain: f64,
    ) -> Result<()> {
        self.record.paces.clear();
        self.record.start = 0;
        let affordable = |epoch: f64, epochs: f64, left: f64, runs: f64| epochs * epoch * runs <= WINNERS_SHARE * left;
        let (left, runs) = (self.left(), self.runs());
        for (index, network) in base.networks.iter().enumerate() {
            let recipe = base.recipe(&base.start(index), 1, self.record.seed);
            let found = match pace(network.clone(), recipe, data, device, limit, gain) {
                Ok(found) => found,
                Err(error) if index > 0 => {
                    let note = format!("{} cannot be trained here and is not tried: {error:#}", network.words());
                    self.record.note(note);
                    break;
                }
                Err(error) => return Err(error),
            };
            if index > 0 && !affordable(found.epoch_seconds, LEAST_EPOCHS, left, runs) {
                break;
            }
            if index <= start_for(base.images) && affordable(found.epoch_seconds, f64::from(ENOUGH_EPOCHS), left, runs)
            {
                self.record.start = index;
            }
            self.record.paces.push(found);
        }
        Ok(())
    }

    /// How many times as fast an update of the start's network is in bfloat16 as in float32; None where flags decide the precision, or
    /// workers on other machines, which may not have the instructions, or where this device has none.
    fn gain_of_bfloat16(&self, base: &Base, data: &Dataset, device: Device, limit: Duration) -> Option<f64> {
        let is_decided = self.record.decides_amp() || self.args.plan;
        if is_decided || torch::check_amp(device, Kind::BFloat16).is_err() {
            return None;
        }
        let start = self.record.start;
        let images_per_s = |amp: bool| {
            let base = Base { amp, ..base.clone() };
            let recipe = base.recipe(&base.start(start), 1, self.record.seed);
            // In float32 it could be trained. What cannot be in bfloat16 is not.
            let pace = pace(base.networks[start].clone(), recipe, data, device, limit, 1.0).ok()?;
            Some(pace.train_images_per_s)
        };
        Some(images_per_s(true)? / images_per_s(false)?)
    }

    /// What trainings of the start cost.
    pub fn trial_cost(&self, base: &Base) -> TrialCost {
        let recipe = base.recipe(&base.start(self.record.start), 1, self.record.seed);
        TrialCost {
            epoch: self.record.paces[self.record.start].epoch_seconds * self.folds(),
            startup: self.record.startup_seconds * self.folds(),
            updates: base.updates(&recipe),
            jobs: usize::from(self.record.jobs),
            last: self.record.seeds as f64 + self.network_for_use(),
        }
    }

    /// Asks a range test whether the usual rate is far off, where it takes no more than a hundredth of the budget.
    fn compare_rate(&mut self, base: &Base, data: &Dataset, device: Device) -> Result<()> {
        let pace = &self.record.paces[self.record.start];
        let recipe = base.recipe(&base.start(self.record.start), 1, self.record.seed);
        let updates = 0.01 * self.record.budget_seconds * pace.train_images_per_s / f64::from(recipe.batch_size);
        if self.record.is_own || updates < 100.0 {
            return Ok(());
        }
        let mut trainer = Trainer::new(&recipe, data, device)?;
        let test = RangeTest { start_lr: 1e-5, end_lr: 10.0, num_it: updates.min(400.0) as u32 };
        let curve = find_lr(&mut trainer, data, &test, |_| ())?;
        let guessing = (data.classes.len() as f64).ln();
        let Ok(found) = curve.suggest(guessing) else { return Ok(()) };
        let usual = recipe.lr;
        let need = match found.suggestion / usual {
            ratio if ratio > 2.0 => Need::RateTooLow,
            ratio if ratio < 0.5 => Need::RateTooHigh,
            _ => return Ok(()),
        };
        self.record.needs.push(need);
        self.record.note(format!(
            "A range test suggests the rate {}, the usual one is {}: the nearer level is tried early.",
            stats::rate_text(found.suggestion),
            stats::rate_text(usual)
        ));
        Ok(())
    }
}

/// The network that the search starts from on `images` training images, if the budget allows it: that of preset `closed`, and
/// smaller ones on few images, which a large network has memorised after some epochs.
fn start_for(images: usize) -> usize {
    match images {
        0..1_000 => 0,
        1_000..5_000 => 1,
        _ => 2,
    }
}

/// What a run takes beside its epochs: it starts the program, opens the data, and exports its network in two more processes.
fn startup() -> Result<f64> {
    let begun = Instant::now();
    child::output(["--version"])?;
    Ok(0.5 + 3.0 * begun.elapsed().as_secs_f64())
}

/// What an epoch of `recipe` takes, from training it for `limit`, where an update is `gain` times as fast as in float32, in which all is
/// evaluated.
fn pace(network: Network, recipe: Recipe, data: &Dataset, device: Device, limit: Duration, gain: f64) -> Result<Pace> {
    let stop = AtomicBool::new(false);
    let batch = f64::from(recipe.batch_size) * f64::from(recipe.grad_accum_steps);
    // A run whose images grow is as fast as at their full size, or faster.
    let recipe = Recipe { progressive: 0.0, ..of_length(&recipe, 1) };
    // Where weights are averaged, val is measured with the raw ones too.
    let vals = if recipe.averages_weights() { 2 } else { 1 };
    let mut run = Run::new(recipe, data)?.device(device).stop(&stop).start()?;
    let measured = (vals * run.sets.val.len() + run.sets.probe.len()) as f64;
    let mut stopwatch = Stopwatch { device, stop: &stop, limit, first: None, last: None, steps: 0, record: None };
    run.fit(&mut stopwatch)?;
    let pace =
        |train_images_per_s, epoch_seconds| Pace { network, train_images_per_s, epoch_seconds, is_of_a_run: false };
    if let Some(record) = stopwatch.record {
        return Ok(pace(record.train_images_per_s, record.seconds));
    }
    let per_second = match (stopwatch.first, stopwatch.last) {
        (Some(first), Some(last)) if last > first => {
            stopwatch.steps as f64 * batch / last.duration_since(first).as_secs_f64()
        }
        // Not even two updates within the limit: the slower, the rougher.
        _ => batch / limit.as_secs_f64(),
    };
    Ok(pace(per_second, (data.train.len() as f64 + FORWARD * gain * measured) / per_second))
}

/// Ends a training after some time, and keeps the moments of its updates. The first update, which also loads libraries, does not
/// count.
struct Stopwatch<'a> {
    device: Device,
    stop: &'a AtomicBool,
    limit: Duration,
    first: Option<Instant>,
    last: Option<Instant>,
    steps: u64,
    record: Option<EpochRecord>,
}

impl Observer for Stopwatch<'_> {
    fn step(&mut self, _: u64, _: Option<f64>) {
        // An update is only queued there.
        if let Device::Cuda(index) = self.device {
            tch::Cuda::synchronize(index as i64);
        }
        let now = Instant::now();
        let Some(first) = self.first else {
            self.first = Some(now);
            return;
        };
        self.steps += 1;
        self.last = Some(now);
        if now.duration_since(first) >= self.limit {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        self.record = Some(record.clone());
        Ok(())
    }
}
