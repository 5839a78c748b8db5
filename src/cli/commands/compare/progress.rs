//! Shows a comparison while it trains: on a terminal a bar over all runs and how far those at work have come, in a pipe
//! one line a finished run. Both tell the time left.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::say::say;
use mindgap::compare::JobStatus;

/// The runs of a comparison and how far each has come.
pub struct Race {
    runs: Mutex<HashMap<String, Entry>>,
    begun: Instant,
    bar: ProgressBar,
}

/// One run.
struct Entry {
    epochs: u32,
    /// What an epoch of it costs against those of the others.
    weight: f64,
    /// The first epoch that was seen to end; those before it were done by an earlier command.
    first: Option<u32>,
    reached: u32,
    has_ended: bool,
}

impl Race {
    /// All runs at their start: name, epochs, and what an epoch costs in a unit that is the same for all. Everything is
    /// shown on standard error, which keeps the output free.
    pub fn new(runs: Vec<(String, u32, f64)>) -> Self {
        let total = runs.iter().map(|(_, epochs, _)| u64::from(*epochs)).sum();
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
        let entry =
            |(name, epochs, weight)| (name, Entry { epochs, weight, first: None, reached: 0, has_ended: false });
        Self { runs: Mutex::new(runs.into_iter().map(entry).collect()), begun: Instant::now(), bar }
    }

    /// The run called `name` has finished `epoch`.
    pub fn reached(&self, name: &str, epoch: u32) {
        let mut runs = self.runs();
        if let Some(run) = runs.get_mut(name) {
            run.first.get_or_insert(epoch);
            run.reached = run.reached.max(epoch);
        }
        self.show(&runs);
    }

    /// The run called `name` has ended.
    pub fn ended(&self, name: &str, status: &JobStatus) {
        let mut runs = self.runs();
        if let Some(run) = runs.get_mut(name) {
            run.has_ended = true;
        }
        let what = match status {
            JobStatus::Finished => "finished".to_owned(),
            JobStatus::Stopped => "stopped".to_owned(),
            JobStatus::Failed(error) => format!("failed: {error:#}"),
        };
        let (ended, all) = (runs.values().filter(|run| run.has_ended).count(), runs.len());
        let left = time_left(runs.values(), self.begun.elapsed()).filter(|_| ended < all);
        let left = left.map_or(String::new(), |left| format!(" ({:#} left)", HumanDuration(left)));
        self.bar.suspend(|| say(format_args!("{ended}/{all}  {name} {what}{left}")));
        self.show(&runs);
        if ended == all {
            self.bar.finish_and_clear();
        }
    }

    fn show(&self, runs: &HashMap<String, Entry>) {
        let epochs = |run: &Entry| if run.has_ended { run.epochs } else { run.reached };
        self.bar.set_position(runs.values().map(|run| u64::from(epochs(run))).sum());
        let at_work = runs.iter().filter(|(_, run)| run.first.is_some() && !run.has_ended);
        let mut at_work: Vec<String> =
            at_work.map(|(name, run)| format!("{name} {}/{}", run.reached, run.epochs)).collect();
        at_work.sort();
        let ended = runs.values().filter(|run| run.has_ended).count();
        let left = time_left(runs.values(), self.begun.elapsed());
        let left = left.map_or(String::new(), |left| format!(", {:#} left", HumanDuration(left)));
        self.bar.set_message(format!("{ended}/{} runs{left}; {}", runs.len(), at_work.join(", ")));
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // A panic of another thread leaves a state that can still be shown.
        self.runs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// At the pace so far; none before the first epoch has ended.
fn time_left<'a>(runs: impl Iterator<Item = &'a Entry>, elapsed: Duration) -> Option<Duration> {
    let (mut done, mut left) = (0.0, 0.0);
    for run in runs {
        if let Some(first) = run.first {
            done += run.weight * f64::from(run.reached + 1 - first);
        }
        if !run.has_ended {
            left += run.weight * f64::from(run.epochs.saturating_sub(run.reached));
        }
    }
    (done > 0.0).then(|| Duration::from_secs_f64((elapsed.as_secs_f64() * left / done).min(1e9)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_knows_what_an_epoch_costs_and_what_was_done_before() {
        let entry = |weight, first, reached, has_ended| Entry { epochs: 10, weight, first, reached, has_ended };
        let left = |runs: &[Entry]| time_left(runs.iter(), Duration::from_secs(60)).map(|left| left.as_secs());
        assert_eq!(left(&[entry(1.0, None, 0, false)]), None);
        // 5 of 20 equal epochs in a minute.
        assert_eq!(left(&[entry(1.0, Some(1), 5, false), entry(1.0, None, 0, false)]), Some(180));
        // The other run costs three times as much.
        assert_eq!(left(&[entry(1.0, Some(1), 5, false), entry(3.0, None, 0, false)]), Some(420));
        // Epochs 1 to 4 and a whole run were there when this command began.
        assert_eq!(left(&[entry(1.0, Some(5), 5, false), entry(1.0, None, 0, true)]), Some(300));
        // A run that stopped early has nothing left.
        assert_eq!(left(&[entry(1.0, Some(1), 5, true), entry(1.0, Some(1), 5, false)]), Some(30));
    }
}
