//! `mindgap train`: one run, from its flags to its final figures.

mod args;
mod live;
mod portable;
mod request;
mod texts;

use std::path::Path;

use anyhow::{Context, Result};

pub use args::Args;
use live::LiveReport;
use request::Request;

use crate::cli::{
    ExitStatus,
    flags::{compute::Compute, data::DataFlags},
    output::{
        print::print,
        say::{say, say_notes},
    },
    process::signals,
    ranks::{Message, ProcessGroup},
};
use mindgap::{
    data::Dataset,
    durable, gap,
    recipe::Recipe,
    run::{Done, Events, RunFolder, RunProgress, shell_word},
    stats::counted,
    torch::{self, device},
    train::{EvalSets, Failure, FitOutcome, Run, RunInProgress, Trainer, complete_recipe, fit},
};

/// Trains the run that the flags describe.
/// Fails on a bad flag, file or data set before the first step, with a [`Failure`](mindgap::train::Failure) after it.
pub fn run(args: &Args) -> Result<ExitStatus> {
    torch::restart_with_sleeping_threads();
    if args.planned.is_some() {
        // The workers of a plan may be tasks of one Slurm step, but each trains its own runs.
        return train(args, None);
    }
    args.ranks.with_group(args.compute.requested(), |group| match group {
        Some(group) if group.info().rank > 0 => follow(&args.data, &args.compute, group),
        _ => train(args, group),
    })
}

/// Trains as any rank but the first: receives the run from rank 0, trains its part on this process's own data and device,
/// and writes no files.
/// Fails if the data cannot be opened or are not rank 0's, and if training fails, here or on another rank.
fn follow(data: &DataFlags, compute: &Compute, group: &ProcessGroup) -> Result<ExitStatus> {
    let Message::Train { recipe, source, selection, skipped_before, threads, checkpoint_every } = group.receive()?
    else {
        return Ok(ExitStatus::Done);
    };
    let recipe: Recipe = toml::from_str(&recipe).context("rank 0's recipe")?;
    let device = compute.prepare(threads, Some(group.info()))?;
    let data = data.reading(*selection).open(&source, &recipe, skipped_before)?;
    let recipe = complete_recipe(recipe, &data);
    let sets = EvalSets::of(&data, recipe.data_seed);
    // `join` replaces its weights by rank 0's.
    let mut trainer = Trainer::before_restore(&recipe, &data, device)?;
    let stop = signals::stop_flag()?;
    trainer.join(group.connect(device, &data)?)?;
    let outcome = fit(&mut trainer, &data, &sets, None, checkpoint_every, &mut (), &stop)
        .map_err(|error| failure(error, false))?;
    group.leave()?;
    Ok(if outcome == FitOutcome::Finished { ExitStatus::Done } else { ExitStatus::Stopped })
}

/// Trains as the only process of the run, or as rank 0 of a process group.
fn train(args: &Args, group: Option<&ProcessGroup>) -> Result<ExitStatus> {
    let mut request = Request::of(args)?;
    if let (Some(folder), None) = (&args.out, &request.previous) {
        RunFolder::check_unused(folder)?;
    }
    if let Some(done) = request.finished(args) {
        if let Some(group) = group {
            group.send(&Message::Finished)?;
        }
        say_finished(args, &done);
        return conclude(args, args.out.as_deref().unwrap_or(Path::new("")), &done);
    }
    check_destination(args, &request)?;
    request.fetch_weights()?;
    let size = group.map_or(1, |group| group.info().size);
    let threads = request.threads_before(size);
    if let Some(group) = group {
        group.send(&request.message(threads, args.checkpoint_every))?;
    }
    let device = args.compute.prepare(threads, group.map(ProcessGroup::info))?;
    args.compute.check_amp(&request.recipe, device)?;
    if device.is_cuda() {
        say_notes(args.compute.missing_of(request.command_before()).into_iter().map(|flag| {
            format!("this run was begun with {flag}: without it the resumed one does not end with the same bytes")
        }));
    }
    let data = request.open_data(args)?;
    let stop = signals::stop_flag()?;

    let run = Run::new(request.recipe.clone(), &data)?.device(device).ranks(size).stop(&stop);
    let run = run.checkpoint_every(args.checkpoint_every);
    let mut run = match &args.out {
        Some(path) if args.resume => run.folder(path).resume(),
        Some(path) => run.folder(path),
        None => run.new_folder_in("runs", &request.name()),
    }
    .start()?;
    announce(&run, &request, &data, size)?;
    if let Some(group) = group {
        run.trainer.join(group.connect(device, &data)?)?;
    }
    train_and_report(run, &data, args, group)
}

/// Trains the run with its live report, and prints the final figures.
fn train_and_report(
    mut run: RunInProgress,
    data: &Dataset,
    args: &Args,
    group: Option<&ProcessGroup>,
) -> Result<ExitStatus> {
    let folder = run.folder.as_ref().context("a run of the command line has a folder")?;
    let path = folder.path().to_owned();
    let events = Events::new(&path, folder.environment()?.began(), run.records())?;
    let mut report = LiveReport::new(&path, data.val.gallery());
    let failure = |error| failure(error, args.planned.is_some());
    let recipe = &run.trainer.recipe;
    let mut observers = ((events, &mut report), RunProgress::new(recipe.epochs, recipe.batch_size, args.json));
    let outcome = run.fit(&mut observers).map_err(failure);
    // Removes the progress bar before anything else is printed.
    drop(observers);
    if let (Some(group), Ok(_)) = (group, &outcome) {
        group.leave().map_err(failure)?;
    }
    let epoch = run.trainer.position.epochs + 1;
    let done = match outcome {
        Ok(FitOutcome::Finished) => {
            portable::write(&path);
            run.finish().map(|trained| trained.done).map_err(failure)
        }
        Ok(FitOutcome::Stopped) => Ok(None),
        Err(error) => Err(error),
    };
    report.end();
    match done? {
        Some(done) => conclude(args, &path, &done),
        None => {
            say(format_args!("Stopped in epoch {epoch}; everything up to here is kept."));
            let given = args.compute.given() + &args.ranks.given();
            let path = shell_word(&path.to_string_lossy());
            say(format_args!("Resume with: mindgap train --resume --out {path}{given}"));
            Ok(ExitStatus::Stopped)
        }
    }
}

/// `error` as a [`Failure`], with advice where memory ran out. A run of a plan has no flags of the recipe.
fn failure(error: anyhow::Error, is_planned: bool) -> anyhow::Error {
    if error.downcast_ref::<Failure>().is_some() {
        return error;
    }
    let text = format!("{error:#}");
    let memory = ["out of memory", "not enough memory", "can't allocate memory"];
    let is_memory = memory.iter().any(|words| text.to_lowercase().contains(words));
    let advice = match (is_memory, is_planned) {
        (false, _) => "",
        (true, false) => {
            "; a smaller --batch-size needs less memory, and --grad-accum-steps keeps the batch that the optimizer sees"
        }
        (true, true) => "; a plan of runs with a smaller --batch-size, and --grad-accum-steps, needs less memory",
    };
    Failure(format!("{text}{advice}")).into()
}

/// Says that there is nothing to train.
fn say_finished(args: &Args, done: &Done) {
    say(match (done.early_stopped, &args.planned) {
        (true, _) => "This run is finished: it stopped early.",
        (false, Some(_)) => "This run is finished.",
        (false, None) => "This run is finished; more --epochs would extend it.",
    });
}

/// Checks that the run can be written, before a large data set is read.
fn check_destination(args: &Args, request: &Request) -> Result<()> {
    durable::check_writable(args.out.as_deref().unwrap_or(Path::new("runs")))?;
    if let (Some(folder), true, None, None) = (&args.out, args.resume, &request.previous, &args.planned) {
        say(format_args!("There is no run in {} to resume: a new one begins.", folder.display()));
    }
    Ok(())
}

/// Describes on stderr the run that is about to be trained.
fn announce(run: &RunInProgress, request: &Request, data: &Dataset, ranks: usize) -> Result<()> {
    for warning in &run.warnings {
        say(format_args!("warning: {warning}"));
    }
    say_notes(&data.notes);
    let recipe = &run.trainer.recipe;
    say(texts::description(data, &run.sets, recipe, run.cost()?).trim_end());
    say(format_args!(
        "recipe   {}; {} in batches of {}",
        request.recipe_source(),
        counted(recipe.epochs as usize, "epoch"),
        recipe.batch_size
    ));
    if let Some(file) = &run.trainer.pretrained {
        say(match (&file.repo, &file.commit) {
            (Some(repo), Some(commit)) => format!("weights  {repo} at commit {commit}, {}", file.path),
            _ => format!("weights  {}", file.path),
        });
        for note in &file.notes {
            say(format_args!("         {note}"));
        }
    }
    let knobs = recipe.knobs_on().join(", ");
    say(format_args!("knobs    {}", if knobs.is_empty() { "none" } else { &knobs }));
    say_notes(
        recipe.unread().into_iter().map(|key| format!("{} changes nothing: it goes with {}", key.flag(), key.with)),
    );
    let updates = run.trainer.updates_per_epoch(data.train.len());
    if updates < FEW_UPDATES {
        say_notes([format!(
            "an epoch has {}: {} images in batches of {}; a smaller batch_size makes more",
            counted(updates as usize, "update"),
            data.train.len(),
            recipe.batch_size
        )]);
    }
    let threads = counted(tch::get_num_threads() as usize, "thread");
    let machine = format!("{}, {threads}", device::name(run.trainer.device()));
    say(match ranks {
        1 => format!("device   {machine}"),
        ranks => format!("device   {machine}, on each of {ranks} processes"),
    });
    if let Some(folder) = &run.folder {
        say(format_args!("run      {}", folder.path().display()));
    }
    Ok(())
}

/// Updates in an epoch below which their number is said.
const FEW_UPDATES: u64 = 10;

/// Prints the final figures.
fn conclude(args: &Args, folder: &Path, done: &Done) -> Result<ExitStatus> {
    let records = RunFolder::open(folder)?.epochs()?.records;
    let text = if args.json {
        let mut json = serde_json::to_value(done)?;
        json["run"] = folder.display().to_string().into();
        serde_json::to_string_pretty(&json)? + "\n"
    } else {
        texts::summary(folder, done, gap::open_since(&records))
    };
    match print(text) {
        // The figures are in the run's folder too, so that a failed print is no failure of the training.
        Err(error) if !args.json => say(format_args!("warning: {error}")),
        printed => printed?,
    }
    Ok(ExitStatus::Done)
}
