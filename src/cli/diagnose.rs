//! `mindgap diagnose`: what a run or another trainer's log shows, in plain words, and what to do.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{End, compute::Compute, learning_curve::learning_curve, print::print, say::say};
use crate::gap::{Case, diagnose, log};

/// Flags of `mindgap diagnose`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run folder; or a log: lines such as the origin's inside any text, timm's summary.csv, Lightning's metrics.csv,
    /// Keras' CSVLogger, any CSV with named columns
    #[arg(value_name = "RUN_DIR|LOG_FILE")]
    subject: PathBuf,

    /// Exit with 1 when the gap after the last epoch is above X nats
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    fail_on_gap: Option<f64>,

    /// Train the run anew on 10, 18, 32 and 56 % of its images, each with as many updates, and extrapolate: would more
    /// images close the gap? The runs are kept in RUN_DIR/learning-curve and not repeated
    #[arg(long)]
    learning_curve: bool,

    #[command(flatten)]
    compute: Compute,

    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the findings.
///
/// # Errors
/// There is no such run or log, it is damaged, or holds nothing to diagnose.
pub fn run(args: &Args) -> Result<End> {
    ensure!(args.fail_on_gap.is_none_or(f64::is_finite), "--fail-on-gap takes a number of nats");
    let case = if args.subject.is_dir() { Case::of_run(&args.subject)? } else { log::read(&args.subject)? };
    let mut diagnosis = diagnose(&case);
    if args.learning_curve {
        ensure!(
            case.run.is_some(),
            "--learning-curve trains a run anew: {} is a log, not a run folder",
            args.subject.display()
        );
        match learning_curve(&args.subject, &args.compute)? {
            Some(finding) => diagnosis.add(finding),
            None => {
                say("Stopped; the same command goes on.");
                return Ok(End::Stopped);
            }
        }
    }
    let text = if args.json { serde_json::to_string_pretty(&diagnosis)? + "\n" } else { diagnosis.to_text() };
    print(text)?;
    match (args.fail_on_gap, diagnosis.gap_loss) {
        (Some(limit), Some(gap)) if gap > limit => {
            say(format_args!("The gap of {gap:.3} nats is above --fail-on-gap {limit}."));
            Ok(End::ThresholdMissed)
        }
        (Some(limit), None) => {
            say(format_args!("No gap is known, so --fail-on-gap {limit} is not met."));
            Ok(End::ThresholdMissed)
        }
        _ => Ok(End::Done),
    }
}
