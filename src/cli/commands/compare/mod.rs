//! `mindgap compare`: trains several presets over several seeds and says which of their differences are real; or compares
//! models that are trained already.

mod asking;
mod models;
mod rounds;
mod write;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use asking::Asking;
use models::ModelFlags;
use rounds::Rounds;
use write::{command_line, print_comparison, write_files};

use crate::cli::{
    ExitStatus,
    flags::{compute::Compute, data::DataFlags, planning::Planning},
    output::say::say,
    process::{plan_training::PlanTraining, signals},
};
use mindgap::{
    compare::{self, Comparison, NotFinished, Plan, Question},
    report::Report,
    run::RunFolder,
    train::Failure,
};

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("group_by", |flag| flag.value_name("REGEX|BY").help(GROUP_BY)))]
pub struct Args {
    /// Train nothing; compare the finished runs of this plan, made by `mindgap plan`, and list the missing ones
    #[arg(long, value_name = "FILE", help_heading = "Comparison")]
    #[arg(conflicts_with_all = ["presets", "seeds", "quick", "out", "jobs"])]
    #[arg(conflicts_with_all = ["source", "group_by", "cache_limit", "no_cache", "workers"])]
    #[arg(conflicts_with_all = DataFlags::what_is_read())]
    #[arg(conflicts_with_all = ["preset", "recipe", "device", "threads", "deterministic", "no_tf32", "force_amp"])]
    plan: Option<PathBuf>,

    #[command(flatten)]
    models: ModelFlags,

    #[command(flatten)]
    planning: Planning,

    #[command(flatten)]
    asking: Asking,

    /// The preset or group that the others are compared with [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Comparison")]
    baseline: Option<String>,

    /// Runs at a time; the threads are divided among them
    #[arg(long, value_name = "J", default_value = "1", help_heading = "Comparison")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    #[command(flatten)]
    compute: Compute,

    /// Print the comparison as JSON on stdout
    #[arg(long, help_heading = "Comparison")]
    json: bool,
}

/// What `--group-by` groups here.
const GROUP_BY: &str = "Take the group of an image from its path below the data's folder: what the first ( ) of this regular \
    expression matches, or all of it. Of --runs and --predictions: what makes models seeds of one group: `recipe` (the \
    default: mindgap's own runs that differ in the seed alone), `name` (of folder or file, up to a seed at its end: r18-seed0, \
    r18_s1), `run` (none), a recipe key, or a field of environment.json";

/// Plans the runs, trains the missing ones, and compares all of them; with `--plan`, `--runs` or `--predictions` it only
/// compares.
/// Fails on a bad flag, file or data set before the first run, and with a [`Failure`] where runs failed, after the others are
/// trained and compared.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let question = args.asking.question(args.jobs)?;
    if args.models.are_given() {
        let flag = if args.models.runs.is_empty() { "--predictions" } else { "--runs" };
        ensure!(
            !args.planning.has_recipe_flags(),
            "{flag} compares models that are trained already, which no recipe flag changes; leave the recipe flags out"
        );
        let selection = args.planning.data.selection();
        let group_by = selection.group_by.as_deref();
        return models::run(&args.models, group_by, args.baseline.as_deref(), args.planning.out.as_deref(), args.json);
    }
    ensure!(!args.models.common, "--common is for --runs and --predictions: the runs of a plan have the same images");
    match &args.plan {
        Some(plan) => {
            ensure!(
                !args.planning.has_recipe_flags(),
                "--plan {}: the plan holds complete recipes, which no flag changes; leave the recipe flags out",
                plan.display()
            );
            compare_plan(args, &Plan::read(plan)?)
        }
        None => train_and_compare(args, question),
    }
}

/// Compares the finished runs of a plan that is trained elsewhere.
fn compare_plan(args: &Args, plan: &Plan) -> Result<ExitStatus> {
    let presets = plan.presets();
    let baseline = baseline(args, &presets)?;
    let (finished, missing) = compare::gather(plan, &plan.runs, |_| None);
    if !finished.iter().any(|run| run.job.preset == baseline) {
        let lines: String =
            missing.iter().map(|NotFinished { job, reason }| format!("\n  {}: {reason}", job.name())).collect();
        bail!(
            "no run of the baseline `{baseline}` is finished, so there is nothing to compare with; {} of {} runs are \
             missing:{lines}",
            missing.len(),
            plan.runs.len()
        );
    }
    let folder = plan.path.parent().unwrap_or(Path::new(""));
    conclude(&Comparison::new(&presets, &baseline, finished, missing, command_line())?, folder, args.json)?;
    Ok(ExitStatus::Done)
}

/// Makes the whole comparison on this machine.
fn train_and_compare(args: &Args, question: Option<Question>) -> Result<ExitStatus> {
    let planning = args.planning.settled();
    let presets = planning.presets()?;
    let baseline = baseline(args, &presets)?;
    let runs = planning.runs(question.and_then(|question| question.max_seeds))?;
    ensure!(
        question.is_none() || runs[0].job.fold.is_none(),
        "--detect and --until count seeds of independent runs, and the runs of folds share training images; compare folds with a \
         number of --seeds, or leave --folds out"
    );
    // Checked here so that the message appears on the terminal, not in each run's log. Finished runs need no device.
    for run in &runs {
        let is_done = planning.out().join(run.job.name()).join(RunFolder::DONE).exists();
        if run.recipe.amp && !is_done {
            args.compute.check_amp(&run.recipe, args.compute.device()?)?;
        }
    }
    let out = planning.out();
    let training = PlanTraining { data: &planning.data, compute: &args.compute, parallel: args.jobs };
    let rounds = Rounds { presets: &presets, baseline: &baseline, runs: &runs, question, training, out: &out };
    let stop = signals::stop_flag()?;
    let trained = rounds.train(&stop)?;
    let (finished, missing) = compare::gather(&trained.plan, &trained.runs, |job| trained.failure(job));
    let without_figures = missing.len();
    let stopped = trained.is_stopped;
    // A comparison that was stopped before a run of the baseline finished has nothing to compare yet.
    if !stopped || finished.iter().any(|run| run.job.preset == baseline) {
        let comparison = Comparison::new(&presets, &baseline, finished, missing, command_line())?;
        let comparison = match question {
            Some(question) => comparison.answering(question),
            None => comparison,
        };
        conclude(&comparison, &out, args.json)?;
    }
    if stopped {
        say(format_args!("Stopped; the same command resumes the comparison."));
        return Ok(ExitStatus::Stopped);
    }
    if without_figures > 0 {
        return Err(Failure(format!(
            "{without_figures} of {} runs failed; their logs are in {}",
            trained.runs.len(),
            out.display()
        ))
        .into());
    }
    Ok(ExitStatus::Done)
}

fn baseline(args: &Args, presets: &[String]) -> Result<String> {
    let baseline = args.baseline.clone().unwrap_or_else(|| presets[0].clone());
    ensure!(
        presets.contains(&baseline),
        "--baseline {baseline} is none of the presets {}; add it to --presets",
        presets.join(",")
    );
    Ok(baseline)
}

/// Writes compare.json, compare.md and the report into `folder` and prints one of them.
fn conclude(comparison: &Comparison, folder: &Path, json: bool) -> Result<()> {
    // The report reads the runs of compare.json.
    write_files(comparison, folder, || Report::read(&[folder.to_owned()], None))?;
    print_comparison(comparison, Some(folder), json)
}
