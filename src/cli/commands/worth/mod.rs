//! `mindgap worth`: what a fix of the data is worth, measured by training with and without it.

mod lists;
mod text;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::cli::{
    ExitStatus,
    flags::{
        compute::Compute,
        data::{Bar, DataFlags},
        job_recipes::JobRecipes,
        recipe::RecipeSource,
    },
    output::{print::print, say::say},
    process::{
        out_of_fold::LabelSearch,
        plan_training::{Ends, PlanTraining},
        signals,
    },
};
use lists::{Lists, Removal};
use mindgap::{
    compare::{self, FinishedRun, Fix, Job, Plan, PlannedData, PlannedRun, WHOLE, Worth},
    data::{Audit, Selection},
    durable,
    run::RunFolder,
    train::Failure,
};

#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.hide(true)))]
pub struct Args {
    /// A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces
    #[arg(value_name = "DIR|FILE.csv|faces")]
    subject: String,

    /// The fixes: training images to do without, each tried alone
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', required = true, help_heading = "Worth")]
    fix: Vec<FixName>,

    /// Seeds of each run, from --seed on; from three on there are intervals over seeds
    #[arg(long, value_name = "N", default_value = "3", help_heading = "Worth")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,

    /// A list of images with wrong labels, for the fix labels, plain or of `mindgap inspect --labels --write-exclude`
    /// [default: those that the search of `mindgap inspect --labels` finds]
    #[arg(long, value_name = "FILE", help_heading = "Worth")]
    suspects: Option<PathBuf>,

    /// Folds of the search for wrong labels
    #[arg(long, value_name = "K", default_value = "5", help_heading = "Worth")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=100))]
    label_folds: u32,

    /// Leave out the runs on 18, 32 and 56 % of the images, which tell what more images would be worth
    #[arg(long, help_heading = "Worth")]
    no_curve: bool,

    /// Folder of the runs; an existing one is resumed
    #[arg(long, value_name = "DIR", default_value = "runs/worth", help_heading = "Worth")]
    out: PathBuf,

    /// Runs at a time; the threads are divided among them
    #[arg(long, value_name = "J", default_value = "1", help_heading = "Worth")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    #[command(flatten)]
    data: DataFlags,

    #[command(flatten)]
    recipe: RecipeSource,

    #[command(flatten)]
    compute: Compute,

    /// Print JSON
    #[arg(long, help_heading = "Worth")]
    json: bool,
}

/// Training images that a fix does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FixName {
    /// Equal or nearly equal to an image of val or test
    NearLeaks,
    /// Equal to another training image
    Duplicates,
    /// Probably labelled wrongly
    Labels,
    /// Of a group that val or test also has
    Groups,
}

impl FixName {
    /// The name of the fix, which `--fix` takes.
    fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }
}

/// Shares of the training images that the learning curve is measured at, beside all of them.
const SHARES: [(&str, f64); 3] = [("share-18", 0.18), ("share-32", 0.32), ("share-56", 0.56)];

/// Trains with and without the images of each fix, and compares.
/// Fails on a bad flag, file or data set before the first run, and with a [`Failure`] where runs failed, after the others are trained.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let args = args.settled()?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    durable::check_writable(&args.out)?;
    let mut plans = vec![args.plan(WHOLE, None)?];
    let data = args.data.open_without_near_leaks(&args.subject, &plans[0][0].recipe, false)?;
    let audit = args.audit(&plans[0][0])?;
    let Some(suspects) = args.suspect_names(&audit)? else { return Ok(ExitStatus::Stopped) };

    let lists = Lists::new(&data, Path::new(&args.subject), plans[0][0].recipe.data_seed);
    let mut fixes = Vec::new();
    for (number, fix) in (0..).zip(&args.fix) {
        let name = fix.name();
        let removal = match fix {
            FixName::NearLeaks => lists.removal(number, &lists::near_leaks(&audit)),
            FixName::Duplicates => lists.removal(number, &lists::duplicates(&audit)),
            FixName::Labels => lists.removal(number, &suspects),
            FixName::Groups => lists.removal(number, &lists.groups_of_val()?),
        };
        let Some(Removal { fix: removed, control }) = removal? else {
            say(format_args!("{name}: no training image is concerned, so that there is nothing to fix."));
            continue;
        };
        let fix = Fix { name, removed: removed.len() };
        for (run, keys) in [(fix.name.clone(), removed), (fix.control(), control)] {
            let list = args.out.join(format!("{run}.txt"));
            durable::write(&list, (keys.join("\n") + "\n").as_bytes())?;
            plans.push(args.plan(&run, Some(&list))?);
        }
        fixes.push(fix);
    }
    ensure!(!fixes.is_empty(), "there is nothing to fix: none of the fixes concerns a training image");
    let shares = if args.no_curve { Vec::new() } else { args.share_plans(&plans[0])? };
    let runs: Vec<PlannedRun> = plans.iter().chain(&shares).flatten().cloned().collect();
    let (plan, _) = Plan::grow(&args.out, runs.clone())?;
    say(format_args!("Worth: {} runs of {} epochs, {} seeds each.", runs.len(), runs[0].recipe.epochs, args.seeds));
    let ends = args.training().train(&plan, &runs, &*signals::stop_flag()?);
    if ends.is_stopped() {
        say("Stopped; the same command resumes.");
        return Ok(ExitStatus::Stopped);
    }
    let finished = finished(&plan, &runs, &ends)?;
    let (points, finished): (Vec<_>, Vec<_>) =
        finished.into_iter().partition(|run| SHARES.iter().any(|(name, _)| run.job.preset == *name));
    let worth = Worth::of(finished, &fixes, &leaked_names(&plan, &plans[0])?, &by_share(points))?;
    let json = serde_json::to_string_pretty(&worth)? + "\n";
    let text = text::render(&worth);
    durable::write(&args.out.join("worth.json"), json.as_bytes())?;
    durable::write(&args.out.join("worth.md"), text.as_bytes())?;
    print(if args.json { json } else { text })?;
    Ok(ExitStatus::Done)
}

impl Args {
    /// The flags with the data that they are about.
    fn settled(&self) -> Result<Self> {
        ensure!(self.data.source.is_none(), "worth takes the data without --data: mindgap worth {} …", self.subject);
        ensure!(
            self.data.selection().exclude_train.is_none(),
            "worth leaves training images out itself; leave --exclude-train out"
        );
        for (index, fix) in self.fix.iter().enumerate() {
            ensure!(!self.fix[..index].contains(fix), "--fix names {} twice", fix.name());
        }
        let mut args = self.clone();
        args.data.source = Some(self.subject.clone());
        args.recipe.preset = self.recipe.preset_for(&self.subject);
        Ok(args)
    }

    fn training(&self) -> PlanTraining<'_> {
        PlanTraining { data: &self.data, compute: &self.compute, parallel: self.jobs }
    }

    /// The runs called `name`, without the training images in `list`, as lines of a plan.
    fn plan(&self, name: &str, list: Option<&Path>) -> Result<Vec<PlannedRun>> {
        let exclude_train = list.map(Path::to_owned);
        let data = self.data.reading(Selection { exclude_train, ..self.data.selection() });
        let preset = Some(self.recipe.preset.as_deref().unwrap_or("seed"));
        let recipes = JobRecipes { data: &data, source: &self.recipe, preset };
        let first = self.recipe.flags.number("seed").unwrap_or(0);
        let jobs = compare::jobs(&[name.to_owned()], first, u64::from(self.seeds), None);
        let mut runs = recipes.plan(jobs, &self.out)?;
        for run in &mut runs {
            run.data.variant = Some(name.to_owned());
        }
        Ok(runs)
    }

    /// The runs of the learning curve: on fewer images, with as many updates.
    fn share_plans(&self, whole: &[PlannedRun]) -> Result<Vec<Vec<PlannedRun>>> {
        let (recipe, train) = (&whole[0].recipe, whole[0].data.train);
        ensure!(
            recipe.fills_batch(train, SHARES[0].1),
            "18 % of {train} training images do not fill a batch of {}: add --no-curve, or take a smaller batch",
            recipe.batch_size
        );
        let mut plans = Vec::new();
        for (name, share) in SHARES {
            let data = self.data.open_without_near_leaks(&self.subject, &recipe.on_share(share)?, false)?;
            let data = PlannedData { variant: Some(name.to_owned()), ..self.data.planned(&data)? };
            let mut runs = Vec::new();
            for run in whole {
                let job = Job { preset: name.to_owned(), ..run.job.clone() };
                runs.push(PlannedRun::new(job, data.clone(), run.recipe.on_share(share)?)?);
            }
            plans.push(runs);
        }
        Ok(plans)
    }

    /// The audit of the data, with all findings named.
    fn audit(&self, run: &PlannedRun) -> Result<Audit> {
        say("Looking for duplicates, leaks and near-duplicates …");
        Audit::of(&self.subject, &self.data.audit_options(&run.recipe), None, 0, &Bar::default())
    }

    /// The names of the images whose labels are probably wrong; None where a signal stopped the search.
    fn suspect_names(&self, audit: &Audit) -> Result<Option<Vec<String>>> {
        if !self.fix.contains(&FixName::Labels) {
            return Ok(Some(Vec::new()));
        }
        if let Some(list) = &self.suspects {
            return lists::suspects(list).map(Some);
        }
        let mut recipe = RecipeSource::default();
        if let Some(data_seed) = self.recipe.flags.number("data_seed") {
            recipe.flags.set("data_seed", i64::try_from(data_seed)?);
        }
        let search = LabelSearch {
            training: self.training(),
            recipe: &recipe,
            folds: self.label_folds,
            seeds: 1,
            out: &self.out.join("labels"),
        };
        let found = search.run(&audit.findings.near_duplicate_names())?;
        Ok(found.map(|found| found.suspect_labels.into_iter().map(|suspect| suspect.name).collect()))
    }
}

/// All runs, finished.
fn finished(plan: &Plan, runs: &[PlannedRun], ends: &Ends) -> Result<Vec<FinishedRun>> {
    let (finished, missing) = compare::gather(plan, runs, |job| ends.failure(job));
    if let Some(first) = missing.first() {
        let all = missing.len();
        return Err(
            Failure(format!("{all} of {} runs failed; {}: {}", runs.len(), first.job.name(), first.reason)).into()
        );
    }
    Ok(finished)
}

/// The names of the val images that also appear in train, or nearly so.
fn leaked_names(plan: &Plan, whole: &[PlannedRun]) -> Result<HashSet<String>> {
    let images = RunFolder::open(&plan.folder(&whole[0].job))?.images()?;
    let mut leaked = HashSet::new();
    for (index, image) in images.val.iter().enumerate() {
        if images.leaks[index] || images.near_leaks.as_ref().is_some_and(|near_leaks| near_leaks[index]) {
            leaked.insert(image.name.clone());
        }
    }
    Ok(leaked)
}

/// The runs of the learning curve by their number of training images, the fewest first.
fn by_share(runs: Vec<FinishedRun>) -> Vec<(usize, Vec<FinishedRun>)> {
    let mut shares: Vec<(usize, Vec<FinishedRun>)> = Vec::new();
    for run in runs {
        let images = run.environment.as_ref().map_or(0, |environment| environment.data.train);
        match shares.iter_mut().find(|(known, _)| *known == images) {
            Some((_, runs)) => runs.push(run),
            None => shares.push((images, vec![run])),
        }
    }
    shares.sort_by_key(|(images, _)| *images);
    shares
}
