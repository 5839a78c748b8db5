//! `mindgap diagnose`: explains in plain words what a run or another trainer's log shows, and what to do.

mod learning_curve;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use crate::cli::{
    ExitStatus,
    commands::diagnose::learning_curve::learning_curve,
    flags::{compute::Compute, detect},
    output::{overwrite::check_our_page, print::print, say::say},
};
use mindgap::{
    durable,
    gap::{
        Case, Diagnosis, diagnose,
        log::{self, Columns, LogOptions},
    },
    report::{Report, log_page},
    run::RunFolder,
    stats::counted,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run folder; or a log of another trainer: console output, tables (CSV, Markdown, fastai's), JSON, JSON lines,
    /// TensorBoard's event files. Several files, such as TensorBoard's exports of one figure each, are one log.
    /// docs/logs.md lists the forms
    #[arg(value_name = "RUN_DIR|LOG", required = true)]
    subjects: Vec<PathBuf>,

    /// Exit with 1 when the gap after the last epoch is above X nats
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    fail_on_gap: Option<f64>,

    /// Difference in val loss that is to be told, in nats: where the standard error of val is larger, folds are advised
    #[arg(long, value_name = "NATS", default_value_t = Case::DETECT, value_parser = detect::nats)]
    detect: f64,

    /// Of a log with several runs, judge run N, counted from 1 [default: the last]
    #[arg(long, value_name = "N")]
    run: Option<usize>,

    /// The log's column of training losses, unless its name says so
    #[arg(long, value_name = "COLUMN")]
    train_loss: Option<String>,

    /// The log's column of validation losses, unless its name says so
    #[arg(long, value_name = "COLUMN")]
    val_loss: Option<String>,

    /// The log's column of validation accuracies, unless its name says so
    #[arg(long, value_name = "COLUMN")]
    val_acc: Option<String>,

    /// The log's column of learning rates, unless its name says so
    #[arg(long, value_name = "COLUMN")]
    lr: Option<String>,

    /// The log's column of epochs, unless its name says so
    #[arg(long, value_name = "COLUMN")]
    epoch: Option<String>,

    /// How many classes the log's data has. They give the loss of guessing, which a log without accuracies does not show
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    classes: Option<u32>,

    /// Write a page with curves, gap and findings
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Train the run again on 10, 18, 32 and 56 % of its images, each with as many updates, and extrapolate: would more
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
/// Fails if there is no such run or log, or if it is damaged or holds nothing to diagnose.
pub fn run(args: &Args) -> Result<ExitStatus> {
    ensure!(args.fail_on_gap.is_none_or(f64::is_finite), "--fail-on-gap takes a number of nats");
    if let Some(page) = &args.html {
        check_our_page(page, "--html")?;
    }
    let case = Case { detect: args.detect, ..read(args)? };
    let mut diagnosis = diagnose(&case);
    if args.learning_curve {
        ensure!(case.run.is_some(), "--learning-curve trains a run again: {} is a log, not a run folder", case.name);
        match learning_curve(&args.subjects[0], &args.compute)? {
            Some(finding) => diagnosis.add(finding),
            None => {
                say("Stopped; the same command resumes.");
                return Ok(ExitStatus::Stopped);
            }
        }
    }
    if let Some(page) = &args.html {
        durable::write(page, page_of(args, &case, &diagnosis)?.as_bytes())?;
    }
    let text = if args.json { serde_json::to_string_pretty(&diagnosis)? + "\n" } else { diagnosis.to_text() };
    print(text)?;
    let last = case.curves.points.last();
    let has_diverged = last.is_some_and(|last| last.train_loss.is_infinite() || last.val_loss.is_infinite());
    match (args.fail_on_gap, diagnosis.gap_loss) {
        (Some(limit), _) if has_diverged => {
            say(format_args!("A loss of the last epoch is not a number, so --fail-on-gap {limit} is not met."));
            Ok(ExitStatus::ThresholdMissed)
        }
        (Some(limit), Some(gap)) if gap > limit => {
            say(format_args!("The gap of {gap:.3} nats is above --fail-on-gap {limit}."));
            Ok(ExitStatus::ThresholdMissed)
        }
        (Some(limit), None) => {
            say(format_args!("No gap is known, so --fail-on-gap {limit} is not met."));
            Ok(ExitStatus::ThresholdMissed)
        }
        _ => Ok(ExitStatus::Done),
    }
}

/// Reads the run or the log.
fn read(args: &Args) -> Result<Case> {
    let columns = Columns {
        train_loss: args.train_loss.clone(),
        val_loss: args.val_loss.clone(),
        val_acc: args.val_acc.clone(),
        lr: args.lr.clone(),
        epoch: args.epoch.clone(),
    };
    let options = LogOptions { columns, run: args.run, classes: args.classes.map(|n| n as usize) };
    let Some(run) = args.subjects.iter().find(|path| RunFolder::is_run(path)) else {
        args.subjects.iter().try_for_each(|path| refuse_folder_of_runs(path))?;
        return log::read(&args.subjects, &options);
    };
    ensure!(
        args.subjects.len() == 1,
        "{} is a run folder: it is diagnosed alone, and mindgap report shows several side by side",
        run.display()
    );
    ensure!(
        options == LogOptions::default(),
        "--run, --classes and the names of columns are for logs: {} is a run folder",
        run.display()
    );
    Case::of_run(run)
}

/// Fails if `path` is a folder with runs of mindgap in it, whose event files would be read as logs of others.
fn refuse_folder_of_runs(path: &Path) -> Result<()> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut runs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| RunFolder::is_run(path)).collect();
    runs.sort();
    if let Some(first) = runs.first() {
        bail!(
            "{} holds {}: name one, such as {}; mindgap report {} shows them side by side",
            path.display(),
            counted(runs.len(), "run"),
            first.display(),
            path.display()
        );
    }
    Ok(())
}

fn page_of(args: &Args, case: &Case, diagnosis: &Diagnosis) -> Result<String> {
    match case.run {
        Some(_) => Report::read(&args.subjects, None)?.to_html(),
        None => log_page(case, diagnosis),
    }
}
