//! The command line: its commands, and the flags, output and child processes that they share.

mod commands;
mod exit_status;
mod flags;
mod output;
mod process;
mod ranks;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

use commands::{
    bill, close, compare, completions, conclude, diagnose, doctor, evaluate, export, find_lr, gap, host, inspect, plan,
    predict, presets, report, run, seal, soup, train, worth,
};
pub use exit_status::ExitStatus;
use flags::{option_names::with_flags, repeated::repeated};
use mindgap::torch;
use output::say::say;

/// Train ResNet image classifiers, measure the gap between validation and training, and close it.
#[derive(Debug, Parser)]
#[command(name = "mindgap", version, after_help = exit_status::EXIT_CODES, args_override_self = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network and record how far validation lies above training
    Train(Box<train::Args>),
    /// Train several presets over several seeds and test which of their differences are real
    Compare(Box<compare::Args>),
    /// Write the runs of a comparison to a file, for other machines to train
    Plan(Box<plan::Args>),
    /// Train one run of a plan; safe to repeat, since a finished run is not trained again
    #[command(after_long_help = run::HELP)]
    Run(Box<run::Args>),
    /// Close the gap within a time budget: audit, search, train, and prove what helped
    Close(Box<close::Args>),
    /// Explain what a run or another trainer's log shows, and what to do
    Diagnose(diagnose::Args),
    /// Divide the gap of a run into what each cause contributes to it, in nats
    Bill(Box<bill::Args>),
    /// Audit a data set before training: duplicates, leaks, conflicting labels, broken files
    Inspect(Box<inspect::Args>),
    /// Measure what fixing the data is worth: leaks, duplicates, wrong labels, groups
    Worth(Box<worth::Args>),
    /// Run a learning-rate range test and suggest a rate
    FindLr(Box<find_lr::Args>),
    /// Write one HTML page of a run, or of several side by side
    Report(report::Args),
    /// Measure a trained network on a split of a data set
    Evaluate(Box<evaluate::Args>),
    /// Seal the test split of a data set: a ledger counts every evaluation on it
    Seal(Box<seal::Args>),
    /// Measure the gap of a model that was trained elsewhere: probe, val, calibration, leaks
    Gap(Box<gap::Args>),
    /// Average the weights of several runs into one network, where val gets better by it
    Soup(Box<soup::Args>),
    /// Classify image files with a trained network
    Predict(Box<predict::Args>),
    /// Write a trained network as TorchScript, safetensors or ONNX, and verify the file
    Export(export::Args),
    /// Compute the final figures of a run that another training loop recorded
    #[command(hide = true)]
    Conclude(conclude::Args),
    /// Run a model file on behalf of another mindgap process
    #[command(hide = true)]
    Host(host::Args),
    /// List the presets, or print one as a recipe file
    Presets(presets::Args),
    /// Check this machine: libtorch, devices, threads, a training step
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Reads the command line, runs the command, and prints its error, if there is one, on stderr.
pub fn main() -> ExitCode {
    if let Some(flag) = repeated(&std::env::args_os().collect::<Vec<_>>()) {
        let message = format!("{flag} is given twice, and only one would count: put what both say into one");
        Cli::command().error(ErrorKind::ArgumentConflict, message).exit();
    }
    let outcome = match Cli::parse().command {
        Command::Train(args) => train::run(&args),
        Command::Close(args) => close::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Bill(args) => bill::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Worth(args) => worth::run(&args),
        Command::FindLr(args) => find_lr::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Gap(args) => gap::run(&args),
        Command::Soup(args) => soup::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Conclude(args) => conclude::run(&args),
        Command::Host(args) => host::run(&args),
        Command::Presets(args) => presets::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
    };
    let status = outcome.unwrap_or_else(|error| {
        let message = with_flags(&format!("{error:#}"));
        say(format_args!("error: {}", torch::without_frames(&message)));
        ExitStatus::of(&error)
    });
    status.into()
}
