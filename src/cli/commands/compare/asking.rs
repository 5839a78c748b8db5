//! The flags that ask how many seeds a comparison needs, or leave their number to it.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cli::flags::detect;
use mindgap::compare::Question;

/// Flags of the question.
#[derive(Clone, Debug, clap::Args)]
pub struct Asking {
    /// The difference in val loss that is to be told, in nats: says how many seeds, and how much time here, that needs
    /// for 80 % power, and calls presets that differ by less what they are
    #[arg(long, value_name = "NATS", value_parser = detect::nats, help_heading = "Comparison")]
    #[arg(conflicts_with_all = ["plan", "runs", "predictions"])]
    detect: Option<f64>,

    /// Add seeds until each answer stands, by a test that keeps its error rate at every check, or cannot stand within
    /// --max-seeds and --budget
    #[arg(long, value_name = "WHAT", help_heading = "Comparison")]
    #[arg(conflicts_with_all = ["plan", "runs", "predictions", "seeds"])]
    until: Option<Until>,

    /// Of --until: the most seeds of a preset [default: 30; with --budget 200]
    #[arg(long, value_name = "N", help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(3..=1000))]
    max_seeds: Option<u32>,

    /// Of --until: the most training time of all runs of the comparison, such as 90m or 1h30m, with --jobs at a time
    #[arg(long, value_name = "TIME", help_heading = "Comparison", value_parser = humantime::parse_duration)]
    budget: Option<Duration>,
}

/// What seeds are added until.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Until {
    /// Each preset is better, worse, or differs by no more than --detect
    Verdict,
}

impl Asking {
    /// The question, where one is asked; `jobs` runs are trained at a time.
    /// Fails on a limit without seeds to add.
    pub fn question(&self, jobs: u16) -> Result<Option<Question>> {
        let until_verdict = self.until.is_some();
        ensure!(
            until_verdict || self.max_seeds.is_none(),
            "--max-seeds limits --until verdict; --seeds sets their number"
        );
        ensure!(until_verdict || self.budget.is_none(), "--budget limits --until verdict; give that too");
        ensure!(self.budget.is_none_or(|budget| !budget.is_zero()), "--budget takes a time above 0, such as 90m or 3h");
        if !until_verdict && self.detect.is_none() {
            return Ok(None);
        }
        let most = self.max_seeds.unwrap_or(if self.budget.is_some() { 200 } else { 30 });
        Ok(Some(Question {
            detect: self.detect,
            until_verdict,
            max_seeds: until_verdict.then_some(most),
            budget_seconds: self.budget.map(|budget| budget.as_secs_f64()),
            jobs,
        }))
    }
}
