//! One run of a report, read from its folder, whether finished or not.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    compare::{FinishedRun, Job, RunFigures, ValImages, split_fold},
    gap::Bill,
    recipe::Recipe,
    run::{Done, Environment, EpochRecord, Lock, Measured, Outputs, RunFolder},
    seal::{Witness, Witnesses},
    stats::Logits,
};

/// One run of a report.
#[derive(Clone, Debug)]
pub struct ReportedRun {
    /// Preset (or the name of the folder without the seed) and seed; a recorded run has the seed of its folder's name, or 0.
    pub job: Job,
    /// Whether the seed was stated, by the recipe, the folder's name or the comparison that shows the run.
    pub is_seed_known: bool,
    /// Folder of the run.
    pub folder: PathBuf,
    /// Recipe of the run; None for a recorded run.
    pub recipe: Option<Recipe>,
    /// Data, programs and device of its training.
    pub environment: Environment,
    /// Records of the epochs so far.
    pub epochs: Vec<EpochRecord>,
    /// Whether it is finished, running or ended early.
    pub state: State,
    /// Predictions for each val image after the last epoch; None before the first epoch has ended.
    pub val: Option<Answers>,
    /// The names of the val images, in the order of the predictions; of a finished run whose folder lists them.
    pub names: Option<Vec<String>>,
    /// The groups of the val images, such as patients, where they have groups; of such a run.
    pub val_groups: Option<Vec<String>>,
    /// The bill of the gap, where one was made.
    pub bill: Option<Bill>,
    /// The sealed test sets on which it was evaluated, as they were then.
    pub sealed_tests: Vec<Witness>,
}

/// Whether a run is finished, running or ended early.
#[derive(Clone, Debug)]
pub enum State {
    /// The run is finished, with these final figures.
    Finished(Box<Done>),
    /// A process is training the run.
    Running,
    /// The run is not finished, and no process is training it.
    Ended,
}

/// The predictions of a network for n images.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// Sample ids \[n\].
    pub ids: Vec<i64>,
    /// True classes \[n\].
    pub labels: Vec<i64>,
    /// The most probable class of each image \[n\]; None where a logit is NaN.
    pub predicted: Vec<Option<usize>>,
    /// Losses and hits.
    pub measured: Measured,
}

impl Answers {
    /// The predictions that these logits stand for.
    pub fn of(outputs: &Outputs, classes: usize) -> Self {
        let logits = Logits::new(&outputs.logits, &outputs.labels, classes);
        Self {
            ids: outputs.ids.clone(),
            labels: outputs.labels.clone(),
            predicted: logits.predicted(),
            measured: outputs.measured(),
        }
    }
}

impl ReportedRun {
    /// Reads the run in `folder`.
    /// Fails if it holds no run, or a file of it is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        read(path).with_context(|| format!("the run in {} cannot be shown", path.display()))
    }

    /// The seed as text; `not recorded` where nothing stated it.
    pub fn seed(&self) -> String {
        if self.is_seed_known { self.job.seed.to_string() } else { "not recorded".to_owned() }
    }

    /// The run for a comparison; None where it is not finished.
    pub fn finished(&self) -> Option<FinishedRun> {
        let (State::Finished(done), Some(val)) = (&self.state, &self.val) else { return None };
        Some(FinishedRun {
            job: self.job.clone(),
            place: None,
            recipe: self.recipe.clone(),
            environment: Some(self.environment.clone()),
            figures: RunFigures::of_done(done),
            val: val.measured.clone(),
            images: ValImages {
                fingerprint: Some(self.environment.data.fingerprint.clone()),
                ids: val.ids.clone(),
                names: self.names.clone(),
                labels: val.labels.clone(),
                classes: self.environment.data.classes.clone(),
                groups: self.val_groups.clone(),
                ..ValImages::default()
            },
            folds: Vec::new(),
        })
    }

    /// Whether the run is finished.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished(_))
    }
}

fn read(path: &Path) -> Result<ReportedRun> {
    let folder = RunFolder::open(path)?;
    let recipe = folder.recipe()?;
    let state = match folder.done()? {
        Some(done) => State::Finished(Box::new(done)),
        None if Lock::holder(&folder.file(RunFolder::LOCK)).is_some() => State::Running,
        None => State::Ended,
    };
    let bill = match &state {
        State::Finished(done) => Bill::read(&folder, done)?,
        _ => None,
    };
    let mut val = None;
    let (mut names, mut val_groups, mut numbers) = (None, None, None);
    if folder.file(RunFolder::PREDICTIONS).exists() {
        let predictions = folder.predictions()?;
        if matches!(state, State::Finished(_)) && folder.file(RunFolder::IMAGES).exists() {
            let images = folder.images()?;
            images.check(&predictions)?;
            numbers = images.group_numbers().map(|[val, _]| val);
            val_groups = images.val.iter().map(|image| image.group.clone()).collect();
            names = Some(images.val.into_iter().map(|image| image.name).collect());
        }
        if !predictions.last_val.labels.is_empty() {
            let answers = Answers::of(&predictions.last_val, predictions.classes);
            val = Some(Answers { measured: answers.measured.in_groups(numbers.as_deref()), ..answers });
        }
    }
    let mut epochs = folder.epochs()?.records;
    if let State::Finished(done) = &state {
        done.correct_last(&mut epochs);
    }
    let (preset, seed) = split_name(path);
    let seed = recipe.as_ref().map(|recipe| recipe.seed).or(seed);
    let fold = recipe.as_ref().and_then(|recipe| recipe.fold.filter(|_| recipe.folds.is_some()));
    Ok(ReportedRun {
        job: Job { preset, seed: seed.unwrap_or(0), fold },
        is_seed_known: seed.is_some(),
        folder: path.to_owned(),
        environment: folder.environment()?,
        epochs,
        sealed_tests: Witnesses::in_run(path)?,
        recipe,
        state,
        val,
        names,
        val_groups,
        bill,
    })
}

/// The name of a run's folder without the seed, and the seed where the name has one.
fn split_name(folder: &Path) -> (String, Option<u64>) {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map_or("run".into(), |name| name.to_string_lossy().into_owned());
    match split_fold(&name).0.rsplit_once("-seed").map(|(preset, seed)| (preset, seed.parse())) {
        Some((preset, Ok(seed))) if !preset.is_empty() => (preset.to_owned(), Some(seed)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_called_after_their_folder_without_the_seed() {
        for (folder, expected) in [
            ("runs/cmp/closed-small-seed12", "closed-small"),
            ("runs/cmp/closed-seed1-fold4", "closed"),
            ("runs/seed", "seed"),
            ("/a/b/closed-seed", "closed-seed"),
            ("-seed3", "-seed3"),
        ] {
            assert_eq!(split_name(Path::new(folder)).0, expected);
        }
    }
}
