//! `mindgap train`: one run, from its flags to its last figures.

mod follow;
mod live;
mod portable;
pub mod resume;
mod texts;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Result, ensure};

use live::Live;

use crate::cli::{
    End,
    flags::{
        compute::Compute,
        data::{DataFlags, decided},
        recipe::RecipeSource,
    },
    output::{print::print, say::say},
    process::signals,
    ranks::{self, Company, Word},
};
use mindgap::{
    compare::{PlannedData, PlannedRun},
    data::{Dataset, SplitFolders},
    durable, gap,
    model::{Architecture, ModelCost},
    recipe::Recipe,
    run::{Done, Environment, Events, Resume, RunFolder, RunProgress, Versions, cpu_name, now},
    torch::{self, device},
    train::{self, Failure, Keeper, Outcome, Sides, Trainer, fit},
};

/// Flags of `mindgap train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    source: RecipeSource,

    /// Folder of the run [default: a new one under runs/, named after data and preset]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    out: Option<PathBuf>,

    /// Go on with the run in --out: where it stopped, or past its end with more --epochs; begin it where there is none
    #[arg(long, help_heading = "Run", requires = "out")]
    resume: bool,

    /// Write a checkpoint after every N updates inside an epoch too [default: after each epoch]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,

    #[command(flatten)]
    compute: Compute,

    #[command(flatten)]
    ranks: ranks::Flags,

    /// Print the final figures as JSON on stdout, everything else on stderr
    #[arg(long, help_heading = "Run")]
    json: bool,

    /// Of a planned run: the data that it must have.
    #[arg(skip)]
    planned: Option<PlannedData>,
}

impl Args {
    /// Those of a planned run, which begins in `folder` or goes on there.
    pub fn planned(
        run: &PlannedRun,
        folder: PathBuf,
        data: &DataFlags,
        compute: Compute,
        checkpoint_every: Option<u64>,
        json: bool,
    ) -> Self {
        let (preset, recipe) = (Some(run.job.preset.clone()), Some(run.recipe.clone()));
        Self {
            data: data.over(&run.data),
            source: RecipeSource { preset, planned: recipe, ..RecipeSource::default() },
            out: Some(folder),
            resume: true,
            checkpoint_every,
            compute,
            ranks: ranks::Flags::default(),
            json,
            planned: Some(run.data.clone()),
        }
    }
}

/// Trains.
///
/// # Errors
/// A bad flag, file or data set before the first step; a [`Failure`] after it.
pub fn run(args: &Args) -> Result<End> {
    torch::restart_with_sleeping_threads();
    if args.planned.is_some() {
        // The workers of a plan may be tasks of one Slurm step, yet each trains runs of its own.
        return lead(args, None);
    }
    args.ranks.company(|company| match company {
        Some(company) if company.place().rank > 0 => follow::run(&args.data, &args.compute, company),
        _ => lead(args, company),
    })
}

/// Trains as the one process of the run, or as the first of a company: the one that writes.
fn lead(args: &Args, company: Option<&Company>) -> Result<End> {
    let plan = Plan::of(args)?;
    if let Some(folder) = &args.out
        && plan.before.is_none()
    {
        RunFolder::check_unused(folder)?;
    }
    if let Some(done) = plan.finished(args) {
        say(match (done.early_stopped, &args.planned) {
            (true, _) => "This run is finished: it stopped early.",
            (false, Some(_)) => "This run is finished.",
            (false, None) => "This run is finished; more --epochs would extend it.",
        });
        if let Some(company) = company {
            company.tell(&Word::Finished)?;
        }
        return conclude(args, args.out.as_deref().unwrap_or(Path::new("")), &done);
    }
    // Now, and not after a large data set has been read.
    durable::check_writable(args.out.as_deref().unwrap_or(Path::new("runs")))?;
    if let (Some(folder), true, None, None) = (&args.out, args.resume, &plan.before, &args.planned) {
        say(format_args!("There is no run in {} to go on with: a new one begins.", folder.display()));
    }
    let size = company.map(|company| company.place().size);
    // A resumed run computes with as many threads as before, so that its bits stay the same.
    let versions_before = plan.before.as_ref().map(|before| &before.environment.versions);
    let threads_before = versions_before.filter(|before| before.ranks == size).map(|before| before.threads);
    let skipped_before = plan.before.as_ref().is_some_and(|before| before.environment.data.bad_files > 0);
    if let Some(company) = company {
        company.tell(&plan.word(threads_before, skipped_before))?;
    }
    let device = args.compute.prepare(threads_before, company.map(Company::place))?;
    args.compute.check_amp(&plan.recipe, device)?;
    let data =
        args.data.reading(plan.exclude.clone(), &plan.folders).open(&plan.source, &plan.opening(), skipped_before)?;
    let recipe = plan.recipe_for(&data)?;
    if let Some(planned) = &args.planned {
        let found = args.data.planned(&data)?;
        ensure!(
            planned.fingerprint == found.fingerprint,
            "the data are not those of the plan: planned were {planned}, here are {found}; --data names their place on this machine"
        );
    }
    ensure!(
        data.train.len() >= recipe.batch_size as usize,
        "{} training images do not fill one batch of {}: choose a --batch-size of at most {}",
        data.train.len(),
        recipe.batch_size,
        data.train.len()
    );
    let sides = Sides::of(&data, recipe.data_seed);
    ensure!(
        !sides.probe.is_empty(),
        "there is nothing to measure the training side on: every training image also stands in val, pixel for pixel; \
         `--data` needs training images of its own"
    );
    let mut trainer = match &plan.before {
        Some(before) => before.trainer(&recipe, &data, device)?,
        None => Trainer::new(&recipe, &data, device)?,
    };
    let folder = match &args.out {
        Some(path) => RunFolder::create(path, args.resume)?,
        None => RunFolder::create_next(Path::new("runs"), &plan.name())?,
    };
    if plan.before.is_some() {
        resume::restore(&folder, &mut trainer, &data)?;
    }
    write_provenance(&plan, &folder, &recipe, &data, &sides, &trainer, size)?;

    let cost = Architecture::new(&recipe, data.channels, data.classes.len())?.cost(data.size);
    announce(&folder, &plan, &trainer, &data, &sides, cost, size);
    let stop = signals::stop_flag()?;
    if let Some(company) = company {
        company.join(&mut trainer, &data)?;
    }
    let mut keeper = Keeper::new(&folder, &data, &sides)?;
    keeper.every = args.checkpoint_every;
    let events = Events::new(folder.path(), started(&folder.environment()?), &folder.epochs()?.records)?;
    let mut report = Live::new(&folder, data.val.gallery());
    let mut listeners = ((events, &mut report), RunProgress::new(recipe.epochs, recipe.batch_size, args.json));
    let outcome = fit(&mut trainer, &data, &sides, Some(&mut keeper), &mut listeners, &stop).map_err(failure);
    drop(listeners);
    if let (Some(company), Ok(_)) = (company, &outcome) {
        company.part().map_err(failure)?;
    }
    let done = match outcome {
        Ok(Outcome::Finished) => {
            portable::write(folder.path());
            keeper.finish(&trainer, cost.multiply_adds).map_err(failure).map(Some)
        }
        Ok(Outcome::Stopped) => Ok(None),
        Err(error) => Err(error),
    };
    report.end();
    let Some(done) = done? else {
        say(format_args!("Stopped in epoch {}; everything up to here is kept.", trainer.position.epochs + 1));
        say(format_args!("Go on with: mindgap train --resume --out {}", folder.path().display()));
        return Ok(End::Stopped);
    };
    conclude(args, folder.path(), &done)
}

/// The path `list` as a run records it.
fn absolute(list: &str) -> Option<String> {
    Some(fs::canonicalize(list).ok()?.to_string_lossy().into_owned())
}

/// When the run began, in seconds since 1970.
fn started(environment: &Environment) -> f64 {
    let time = humantime::parse_rfc3339(&environment.started).ok();
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// An error of a run that had begun.
pub(super) fn failure(error: anyhow::Error) -> anyhow::Error {
    if error.downcast_ref::<Failure>().is_some() {
        return error;
    }
    let text = format!("{error:#}");
    let memory = ["out of memory", "not enough memory", "can't allocate memory"];
    let advice = if memory.iter().any(|words| text.to_lowercase().contains(words)) {
        "; a smaller --batch-size needs less memory, and --grad-accum-steps keeps the batch that the optimiser sees"
    } else {
        ""
    };
    Failure(format!("{text}{advice}")).into()
}

/// What is to be trained, before the data are opened.
struct Plan {
    /// The data as the user or the resumed run names them.
    source: String,
    /// The list of samples to leave out of them.
    exclude: Option<String>,
    /// The folders of splits that the user or the resumed run names.
    folders: SplitFolders,
    /// The recipe, complete but for what the data decide.
    recipe: Recipe,
    /// The preset that it started from.
    preset: Option<String>,
    /// The recipe file that was laid over it.
    file: Option<PathBuf>,
    /// The run that is taken up again, if it had begun.
    before: Option<resume::Before>,
}

impl Plan {
    fn of(args: &Args) -> Result<Self> {
        let before = match &args.out {
            Some(path) if args.resume => resume::Before::read(path)?,
            _ => None,
        };
        if let Some(before) = before {
            let recipe = before.recipe_asked(&args.source)?;
            let source = args.data.source.clone().unwrap_or_else(|| before.source());
            let exclude = args.data.exclude.clone().or_else(|| before.exclude());
            let asked = args.data.folders();
            let folders = if asked.is_empty() { before.folders() } else { asked };
            let (preset, file) = (args.source.preset.clone(), args.source.recipe.clone());
            return Ok(Self { source, exclude, folders, recipe, preset, file, before: Some(before) });
        }
        let source = args.data.source.clone().unwrap_or_else(|| "faces".to_owned());
        let preset = args.source.preset_for(&source);
        let recipe = args.source.resolve_with(preset.as_deref())?;
        let (exclude, file) = (args.data.exclude.clone(), args.source.recipe.clone());
        Ok(Self { source, exclude, folders: args.data.folders(), recipe, preset, file, before: None })
    }

    /// What the other processes of a run must know of it.
    fn word(&self, threads: Option<usize>, skipped_before: bool) -> Word {
        Word::Train {
            recipe: self.opening().to_toml(),
            source: self.source.clone(),
            exclude: self.exclude.clone(),
            folders: self.folders.clone(),
            skipped_before,
            threads,
        }
    }

    /// The final figures when the run to be resumed needs no more epochs, on the data that it was trained on.
    fn finished(&self, args: &Args) -> Option<Done> {
        let (before, folder) = (self.before.as_ref()?, args.out.as_ref()?);
        let as_planned =
            args.planned.as_ref().is_some_and(|data| data.fingerprint == before.environment.data.fingerprint);
        let same_names = args.data.source.as_ref().is_none_or(|source| *source == before.environment.data.source)
            && args.data.exclude.as_ref().is_none_or(|list| absolute(list) == before.exclude())
            && self.folders == before.folders();
        if !(as_planned || same_names) || before.recipe.epochs != self.recipe.epochs {
            return None;
        }
        RunFolder::open(folder).and_then(|folder| folder.done()).unwrap_or_else(|error| {
            say(format_args!("warning: {error:#}; it is written anew"));
            None
        })
    }

    /// The recipe with what the data decide; for a resumed run, the one that goes on.
    fn recipe_for(&self, data: &Dataset) -> Result<Recipe> {
        let recipe = decided(self.recipe.clone(), data);
        recipe.validate()?;
        let Some(before) = &self.before else { return Ok(recipe) };
        before.check_data(data)?;
        Ok(Recipe { range_16bit: self.recipe.range_16bit, ..recipe })
    }

    /// The recipe by which the data are opened: a run that goes on reads its images as it did before.
    fn opening(&self) -> Recipe {
        let range_16bit = self.recipe.range_16bit.or(self.before.as_ref().map(resume::Before::range_16bit));
        Recipe { range_16bit, ..self.recipe.clone() }
    }

    /// A name for the run's folder.
    fn name(&self) -> String {
        let stem = Path::new(&self.source).file_stem().map_or("data".into(), |stem| stem.to_string_lossy());
        let preset = self.preset.as_deref().unwrap_or(&self.recipe.model);
        format!("{stem}-{preset}")
    }
}

/// Writes recipe.toml and environment.json.
fn write_provenance(
    plan: &Plan,
    folder: &RunFolder,
    recipe: &Recipe,
    data: &Dataset,
    sides: &Sides,
    trainer: &Trainer,
    ranks: Option<usize>,
) -> Result<()> {
    let command_line: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let versions = Versions { ranks, ..train::versions(trainer.model.parameters.device()) };
    let environment = if let Some(before) = &plan.before {
        folder.reopen()?;
        let mut environment = before.environment.clone();
        let after_epoch = trainer.position.epochs;
        environment.resumes.push(Resume { at: now(), after_epoch, command_line, versions });
        environment
    } else {
        Environment {
            versions,
            cpu: cpu_name(),
            data: train::data_source(&plan.source, data, sides),
            range_16bit: recipe.range_16bit.filter(|_| data.range_16bit.is_some()),
            folders: plan.folders.settled(Path::new(&plan.source))?,
            pretrained: trainer.pretrained.clone(),
            command_line,
            started: now(),
            resumes: Vec::new(),
        }
    };
    // The recipe last: with it the run has begun.
    folder.write_environment(&environment)?;
    folder.write_recipe(&recipe.to_toml())
}

/// Says on stderr what is about to be trained.
fn announce(
    folder: &RunFolder,
    plan: &Plan,
    trainer: &Trainer,
    data: &Dataset,
    sides: &Sides,
    cost: ModelCost,
    ranks: Option<usize>,
) {
    let recipe = &trainer.recipe;
    for note in &data.notes {
        say(format_args!("note: {note}"));
    }
    let origin = match (&plan.before, &plan.preset, &plan.file) {
        (Some(_), ..) => "of the run that goes on".to_owned(),
        (None, Some(preset), Some(file)) => format!("preset {preset}, {} over it", file.display()),
        (None, Some(preset), None) => format!("preset {preset}"),
        (None, None, Some(file)) => file.display().to_string(),
        (None, None, None) => "the default, preset seed's".to_owned(),
    };
    say(texts::description(data, sides, recipe, cost).trim_end());
    say(format_args!("recipe   {origin}; {} epochs in batches of {}", recipe.epochs, recipe.batch_size));
    if let Some(file) = &trainer.pretrained {
        say(format_args!("weights  {}", file.path));
        file.notes.iter().for_each(|note| say(format_args!("         {note}")));
    }
    let knobs = recipe.knobs_on().join(", ");
    say(format_args!("knobs    {}", if knobs.is_empty() { "none" } else { &knobs }));
    let machine = format!("{}, {} threads", device::name(trainer.model.parameters.device()), tch::get_num_threads());
    say(match ranks {
        None => format!("device   {machine}"),
        Some(ranks) => format!("device   {machine}, on each of {ranks} processes"),
    });
    say(format_args!("run      {}", folder.path().display()));
}

/// Prints the final figures.
fn conclude(args: &Args, folder: &Path, done: &Done) -> Result<End> {
    let records = RunFolder::open(folder)?.epochs()?.records;
    let text = if args.json {
        let mut json = serde_json::to_value(done)?;
        json["run"] = folder.display().to_string().into();
        serde_json::to_string_pretty(&json)? + "\n"
    } else {
        texts::summary(folder, done, gap::open_since(&records))
    };
    match print(text) {
        // The figures lie in the run's folder too: words that nobody can read are no failure of the training.
        Err(error) if !args.json => say(format_args!("warning: {error}")),
        printed => printed?,
    }
    Ok(End::Done)
}
