//! `mindgap compare`: several presets over several seeds, and what is real of their differences.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};

use super::{
    End, child, compute::Compute, data_flags::DataFlags, print::print, race::Race, recipe_flags::RecipeSource,
    say::say, signals,
};
use crate::{
    compare::{self, Comparison, Fate, FinishedRun, Job, NotFinished},
    durable,
    model::Architecture,
    recipe::Recipe,
    report::Report,
    run::RunFolder,
    train::Failure,
};

/// Flags of `mindgap compare`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The presets to compare, separated by commas
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        help_heading = "Comparison",
        required_unless_present = "quick"
    )]
    presets: Vec<String>,

    /// Seeds of each preset, from --seed on [default: 3]
    #[arg(long, value_name = "N", help_heading = "Comparison", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: Option<u32>,

    /// The preset that the others are compared with [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Comparison")]
    baseline: Option<String>,

    /// Runs at a time; the threads are divided among them
    #[arg(long, value_name = "J", default_value = "1", help_heading = "Comparison")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Two presets on faces with a small network, in a few minutes
    #[arg(long, help_heading = "Comparison", conflicts_with_all = ["presets", "preset", "recipe"])]
    quick: bool,

    /// Folder of the comparison; one that is there is taken up again
    #[arg(long, value_name = "DIR", default_value = "runs/compare", help_heading = "Comparison")]
    out: PathBuf,

    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    source: RecipeSource,

    #[command(flatten)]
    compute: Compute,

    /// Print the comparison as JSON on stdout
    #[arg(long, help_heading = "Comparison")]
    json: bool,
}

/// Trains what is missing and prints what all runs say.
///
/// # Errors
/// A bad flag, file or data set before the first run; a [`Failure`] where runs failed, once the others are done and
/// written up.
pub fn run(args: &Args) -> Result<End> {
    let args = args.settled();
    let presets = args.checked_presets()?;
    let baseline = args.baseline.clone().unwrap_or_else(|| presets[0].clone());
    ensure!(
        presets.contains(&baseline),
        "--baseline {baseline}: it is none of --presets {}; add it there",
        presets.join(",")
    );
    let first = args.source.flags.seed.unwrap_or(0);
    let jobs = compare::plan(&presets, first, u64::from(args.seeds.unwrap_or(3)));
    let recipes = jobs.iter().map(|job| args.recipe_of(job)).collect::<Result<Vec<_>>>()?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    durable::check_writable(&args.out)?;

    let stop = signals::stop_flag()?;
    let fates = args.train(&jobs, &recipes, &stop);
    let (finished, missing) = args.gather(&jobs, &fates)?;
    let stopped = fates.iter().any(|fate| matches!(fate, Fate::Stopped));
    let failed = fates.iter().filter(|fate| matches!(fate, Fate::Failed(_))).count();
    // A comparison that was stopped before the baseline's first end has nothing to say yet.
    if !stopped || finished.iter().any(|run| run.job.preset == baseline) {
        let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        args.conclude(&Comparison::new(&presets, &baseline, &finished, missing, words)?)?;
    }
    if stopped {
        say(format_args!("Stopped; go on with the same command."));
        return Ok(End::Stopped);
    }
    if failed > 0 {
        return Err(Failure(format!(
            "{failed} of {} runs failed; their logs are in {}",
            jobs.len(),
            args.out.display()
        ))
        .into());
    }
    Ok(End::Done)
}

impl Args {
    /// The flags with what `--quick` stands for.
    fn settled(&self) -> Self {
        let mut args = self.clone();
        if args.quick {
            args.presets = vec!["seed".into(), "augment".into()];
            let flags = &mut args.source.flags;
            flags.epochs = flags.epochs.or(Some(12));
            flags.stem_stride = flags.stem_stride.or(Some(2));
            args.data.source = args.data.source.or_else(|| Some("faces".to_owned()));
        }
        args
    }

    fn checked_presets(&self) -> Result<Vec<String>> {
        ensure!(self.source.preset.is_none(), "--preset names one preset; a comparison takes --presets A,B,C");
        let mut presets: Vec<String> = Vec::new();
        for preset in &self.presets {
            ensure!(!presets.contains(preset), "--presets names `{preset}` twice");
            presets.push(preset.clone());
        }
        ensure!(presets.len() > 1, "--presets {}: a comparison needs two at least", presets.join(","));
        Ok(presets)
    }

    fn recipe_of(&self, job: &Job) -> Result<Recipe> {
        let mut source = self.source.clone();
        source.flags.seed = Some(job.seed);
        source.resolve_with(Some(&job.preset)).with_context(|| format!("preset {}", job.preset))
    }

    fn folder(&self, job: &Job) -> PathBuf {
        self.out.join(job.name())
    }

    /// Trains every job that is not finished, each in a process of its own.
    fn train(&self, jobs: &[Job], recipes: &[Recipe], stop: &AtomicBool) -> Vec<Fate> {
        let parallel = usize::from(self.jobs).min(jobs.len());
        let threads = self.compute.threads_of_each(parallel);
        let entry = |(job, recipe): (&Job, &Recipe)| (job.name(), recipe.epochs, cost_of_an_epoch(recipe));
        let race = Race::new(jobs.iter().zip(recipes).map(entry).collect());
        let mut words = self.data.words();
        words.extend(self.compute.words(threads));
        let train_one = |job: &Job| {
            let file = self.out.join(format!("{}.toml", job.name()));
            durable::write(&file, self.recipe_of(job)?.to_toml().as_bytes())?;
            child::train(&words, &file, &self.folder(job), stop, |epoch| race.reached(&job.name(), epoch))
        };
        compare::run(jobs, parallel, stop, train_one, |job, fate| race.ended(&job.name(), fate))
    }

    /// Reads the runs that are finished; the others with the reason why they are not.
    fn gather(&self, jobs: &[Job], fates: &[Fate]) -> Result<(Vec<FinishedRun>, Vec<NotFinished>)> {
        let (mut finished, mut missing) = (Vec::new(), Vec::new());
        for (job, fate) in jobs.iter().zip(fates) {
            let reason = match (fate, FinishedRun::read(job, &self.folder(job))) {
                (Fate::Failed(error), _) => format!("{error:#}"),
                (_, Ok(Some(run))) => {
                    finished.push(run);
                    continue;
                }
                (_, Ok(None)) => "stopped".to_owned(),
                (_, Err(error)) => format!("{error:#}"),
            };
            missing.push(NotFinished { job: job.clone(), reason });
        }
        Ok((finished, missing))
    }

    /// Writes compare.json and compare.md and prints one of them.
    fn conclude(&self, comparison: &Comparison) -> Result<()> {
        let json = serde_json::to_string_pretty(comparison)? + "\n";
        let markdown = comparison.to_markdown();
        let write = |name: &str, text: &str| durable::write(&self.out.join(name), text.as_bytes());
        write(Comparison::FILE, &json)?;
        write("compare.md", &markdown)?;
        let report = Report::read(std::slice::from_ref(&self.out), None)?;
        write(RunFolder::REPORT, &report.to_html()?)?;
        let text = match (self.json, io::stdout().is_terminal()) {
            (true, _) => json,
            (false, true) => comparison.to_brief(),
            (false, false) => markdown,
        };
        print(text)?;
        say(format_args!("\nAll figures: {}", self.out.join("compare.md").display()));
        say(format_args!("Report: {}", self.out.join(RunFolder::REPORT).display()));
        Ok(())
    }
}

/// What an epoch of `recipe` costs against one of another recipe on the same images: multiply-adds, at sizes that stand
/// for what the data decide.
fn cost_of_an_epoch(recipe: &Recipe) -> f64 {
    let network = Architecture::new(recipe, recipe.in_chans.unwrap_or(1), 10);
    network.map_or(1.0, |network| network.cost(recipe.img_size.unwrap_or(48)).multiply_adds as f64)
}
