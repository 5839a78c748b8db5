//! `mindgap run`: trains one run of a plan. Repeating the command is safe: a finished run is not trained again, and an
//! interrupted one is resumed.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::{
    ExitStatus,
    commands::train,
    flags::{compute::Compute, data::DataFlags, recipe::RecipeSource},
    output::{print::print, say::say},
    ranks,
};
use mindgap::{
    compare::{Plan, PlannedRun},
    run::{Lock, Locked, RunFolder},
    torch,
    train::Previous,
};

/// The meaning of the exit codes for a job scheduler.
pub const HELP: &str = "Exit codes for a scheduler of array jobs: 0 also where the run was finished before, and where another \
                        process is training it (said on stderr; `mindgap compare --plan` lists the finished runs). After 75 the \
                        same command resumes the run from its checkpoint. 2 and 3 are errors that recur until their cause is \
                        removed.";

/// The environment variables that number tasks: of HyperQueue, Slurm's job arrays, Kubernetes' Indexed Jobs.
const VARIABLES: [&str; 3] = ["HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.help("Path of the planned data on this machine [default: the path in the plan]")))]
#[command(mut_arg("exclude", |flag| flag.help("Path of the planned list on this machine")))]
pub struct Args {
    /// The plan, as `mindgap plan` wrote it
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    plan: PathBuf,

    /// Index of the run in the plan, from 0 [default: HQ_TASK_ID, SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX]
    #[arg(long, value_name = "N", help_heading = "Run")]
    index: Option<usize>,

    /// Write a checkpoint after every N updates inside an epoch too [default: after each epoch]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,

    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    compute: Compute,

    /// Print the final figures as JSON on stdout, or who else trains the run; everything else on stderr
    #[arg(long, help_heading = "Run")]
    json: bool,
}

/// Trains the run, unless it is finished or another process is training it; neither is an error.
/// Fails on a bad flag, plan or data set, if the folder holds another run, and if training fails.
pub fn run(args: &Args) -> Result<ExitStatus> {
    // First of all, since it may execute the program again.
    torch::restart_with_sleeping_threads();
    let plan = Plan::read(&args.plan)?;
    let (index, from) = index(args.index)?;
    let run = plan.run(index)?;
    let folder = plan.folder(&run.job);
    say(format_args!("index    {index}, from {from}: {}, id {}", run.job.name(), run.id));
    if let Some(previous) = Previous::read(&folder)? {
        run.check_recipe(&previous.recipe, &folder)?;
    }
    match train_here(args, run, &folder) {
        Err(error) => match error.downcast_ref::<Locked>() {
            Some(locked) => left_to_another(args.json, &folder, locked),
            None => Err(error),
        },
        outcome => outcome,
    }
}

/// The index of the run that this process trains, and its source: the one `given`, or that of the environment variables.
/// Fails if no index is given and no variable is set, if one holds no number, and if two differ.
fn index(given: Option<usize>) -> Result<(usize, &'static str)> {
    if let Some(index) = given {
        return Ok((index, "--index"));
    }
    let mut taken: Option<(usize, &str)> = None;
    for name in VARIABLES {
        let Some(text) = env::var_os(name) else { continue };
        let number = text.to_string_lossy().parse().with_context(|| {
            format!("{name}={text:?} is no index of a run: whole numbers from 0 are, or give --index")
        })?;
        match taken {
            Some((before, first)) if before != number => bail!(
                "{first}={before} and {name}={number} name different runs: say which with --index, as in --index \"${name}\""
            ),
            Some(_) => {}
            None => taken = Some((number, name)),
        }
    }
    taken.with_context(|| {
        format!("which run? Give --index N, from 0; outside an array of tasks none of {} is set", VARIABLES.join(", "))
    })
}

/// Trains the run in this process.
fn train_here(args: &Args, run: &PlannedRun, folder: &Path) -> Result<ExitStatus> {
    if folder.exists() {
        // An early check, before the data are opened and the device is used; training itself takes the lock to keep it.
        drop(Lock::take(&folder.join(RunFolder::LOCK))?);
    }
    train::run(&train::Args {
        data: args.data.over(&run.data),
        source: RecipeSource {
            preset: Some(run.job.preset.clone()),
            planned: Some(run.recipe.clone()),
            ..RecipeSource::default()
        },
        out: Some(folder.to_owned()),
        resume: true,
        checkpoint_every: args.checkpoint_every,
        compute: args.compute.clone(),
        ranks: ranks::Flags::default(),
        json: args.json,
        planned: Some(run.data.clone()),
    })
}

/// Says that another process is training the run.
fn left_to_another(json: bool, folder: &Path, locked: &Locked) -> Result<ExitStatus> {
    say(format_args!("{} is left to {}, which is training it.", folder.display(), locked.holder()));
    if json {
        print(
            serde_json::to_string_pretty(&json!({"run": folder.display().to_string(), "left_to": locked.owner}))?
                + "\n",
        )?;
    }
    Ok(ExitStatus::Done)
}
