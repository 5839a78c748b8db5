//! Shows a comparison while it trains: one bar over all runs on a terminal, one line a finished run in a pipe.

use std::{collections::HashMap, sync::Mutex};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say::say;
use crate::compare::Fate;

/// The runs of a comparison and how far each has come.
pub struct Race {
    /// Epochs of each run.
    epochs: HashMap<String, u32>,
    state: Mutex<State>,
    bar: ProgressBar,
}

struct State {
    reached: HashMap<String, u32>,
    ended: usize,
}

impl Race {
    /// All runs at their start, by name, with their epochs. Everything is shown on standard error, which keeps the
    /// output free.
    pub fn new(runs: Vec<(String, u32)>) -> Self {
        let total = runs.iter().map(|(_, epochs)| u64::from(*epochs)).sum();
        let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
        let state = State { reached: HashMap::new(), ended: 0 };
        Self { epochs: runs.into_iter().collect(), state: Mutex::new(state), bar }
    }

    /// The run called `name` has finished `epoch`.
    pub fn reached(&self, name: &str, epoch: u32) {
        self.update(name, epoch, 0);
    }

    /// The run called `name` has ended.
    pub fn ended(&self, name: &str, fate: &Fate) {
        let epochs = self.epochs.get(name).copied().unwrap_or_default();
        let (done, total) = self.update(name, epochs, 1);
        let what = match fate {
            Fate::Finished => "finished".to_owned(),
            Fate::Stopped => "stopped".to_owned(),
            Fate::Failed(error) => format!("failed: {error:#}"),
        };
        self.bar.suspend(|| say(format_args!("{done}/{total}  {name} {what}")));
    }

    /// (runs ended, runs in all) after the change.
    fn update(&self, name: &str, epoch: u32, ended: usize) -> (usize, usize) {
        // A panic of another thread leaves a state that can still be shown.
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = state.reached.insert(name.to_owned(), epoch).unwrap_or_default();
        self.bar.inc(u64::from(epoch.saturating_sub(before)));
        state.ended += ended;
        let (done, total) = (state.ended, self.epochs.len());
        self.bar.set_message(format!("{done}/{total} runs, {:#} left", HumanDuration(self.bar.eta())));
        if done == total {
            self.bar.finish_and_clear();
        }
        (done, total)
    }
}
