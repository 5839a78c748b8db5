//! Shows the runs of a plan while they are trained: on a terminal a bar over all runs with the epochs of the running ones, in a pipe
//! one line a finished run. Both show the time left.

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

struct Entry {
    epochs: u32,
    /// The cost of one of its epochs, in a unit that all runs share.
    weight: f64,
    /// The first epoch that ended while this command watched; an earlier command trained those before it.
    first: Option<u32>,
    reached: u32,
    has_ended: bool,
}

impl Race {
    /// Begins with no run started. Each of `runs` is a name, its epochs, and the cost of one epoch in a unit that all
    /// share. Everything is shown on standard error, so that standard output holds the result alone.
    pub fn new(runs: Vec<(String, u32, f64)>) -> Self {
        let total = runs.iter().map(|(_, epochs, _)| u64::from(*epochs)).sum();
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
        let mut entries = HashMap::new();
        for (name, epochs, weight) in runs {
            entries.insert(name, Entry { epochs, weight, first: None, reached: 0, has_ended: false });
        }
        Self { runs: Mutex::new(entries), begun: Instant::now(), bar }
    }

    /// Notes that the run called `name` has finished `epoch`.
    pub fn reached(&self, name: &str, epoch: u32) {
        let mut runs = self.runs();
        if let Some(run) = runs.get_mut(name) {
            run.first.get_or_insert(epoch);
            run.reached = run.reached.max(epoch);
        }
        self.show(&runs);
    }

    /// Notes that the run called `name` has ended.
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
        let ended = runs.values().filter(|run| run.has_ended).count();
        let all = runs.len();
        let left = time_left(runs.values(), self.begun.elapsed()).filter(|_| ended < all);
        let left = left.map_or(String::new(), |left| format!(" ({:#} left)", HumanDuration(left)));
        self.bar.suspend(|| say(format_args!("{ended}/{all}  {name} {what}{left}")));
        self.show(&runs);
        if ended == all {
            self.bar.finish_and_clear();
        }
    }

    fn show(&self, runs: &HashMap<String, Entry>) {
        let mut epochs = 0;
        let mut ended = 0;
        let mut running = Vec::new();
        for (name, run) in runs {
            // A run that stopped early has no epochs left.
            epochs += u64::from(if run.has_ended { run.epochs } else { run.reached });
            if run.has_ended {
                ended += 1;
            } else if run.first.is_some() {
                running.push(format!("{name} {}/{}", run.reached, run.epochs));
            }
        }
        running.sort();
        let left = time_left(runs.values(), self.begun.elapsed());
        let left = left.map_or(String::new(), |left| format!(", {:#} left", HumanDuration(left)));
        self.bar.set_position(epochs);
        self.bar.set_message(format!("{ended}/{} runs{left}; {}", runs.len(), running.join(", ")));
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // A panic of another thread leaves a state that can still be shown.
        self.runs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The time left at the pace so far; none before the first epoch has ended.
fn time_left<'a>(runs: impl Iterator<Item = &'a Entry>, elapsed: Duration) -> Option<Duration> {
    let mut done = 0.0;
    let mut left = 0.0;
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
        // An earlier command trained epochs 1 to 4 and a whole run.
        assert_eq!(left(&[entry(1.0, Some(5), 5, false), entry(1.0, None, 0, true)]), Some(300));
        // A run that stopped early has nothing left.
        assert_eq!(left(&[entry(1.0, Some(1), 5, true), entry(1.0, Some(1), 5, false)]), Some(30));
    }
}
