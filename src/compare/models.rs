//! A comparison of models that are trained already, by whatever program: run folders or tables of predictions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{
    CommonImages, ComparedModel, Comparison, FinishedRun, GroupBy, Job, Models, PairedBy, Values, Weights, Which,
    folds::join_folds,
    grouping::group,
    mixed_groups,
    pairing::{common_images, pair},
    predictions,
};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// Folders of finished runs, mindgap's own or recorded.
    Runs,
    /// Tables of predictions.
    Predictions,
}

/// How models are compared.
#[derive(Clone, Debug, Default)]
pub struct ModelOptions {
    /// The group that the others are compared with; None for the first.
    pub baseline: Option<String>,
    /// What decides which runs form a group.
    pub group_by: GroupBy,
    /// Whether only the images that all have are compared, where some lack images of others.
    pub common: bool,
    /// The weights of runs whose predictions are compared.
    pub which: Which,
    /// What the values of tables are; None where the rows show it.
    pub values: Option<Values>,
}

impl Comparison {
    /// Compares the models at `places`, two or more.
    ///
    /// # Errors
    /// One cannot be read, it is not clear which form a group, they were not measured on the same images, or disagree about
    /// labels; no group is called like the baseline.
    pub fn of_models(
        places: &[PathBuf],
        kind: ModelKind,
        options: &ModelOptions,
        command_line: Vec<String>,
    ) -> Result<Self> {
        ensure!(places.len() > 1, "a comparison needs two or more; only {} is named", places.len());
        let mut notes = Vec::new();
        let mut runs = read(places, kind, options, None, &mut notes)?;
        let groups = group(&mut runs, places, &options.group_by)?;
        let mut compared = Vec::new();
        for (run, place) in runs.iter().zip(places) {
            let path = std::path::absolute(place).unwrap_or_else(|_| place.clone());
            let Job { preset: group, seed, fold } = run.job.clone();
            compared.push(ComparedModel { group, seed, fold, path: path.to_string_lossy().into_owned() });
        }
        let mixed = mixed_groups::notes(&runs, &groups);
        let jobs: Vec<Job> = runs.iter().map(|run| run.job.clone()).collect();
        runs = joined(runs)?;
        let mut left_out = 0;
        if options.common {
            let common = common_images(&runs)?;
            left_out = common.others(runs.iter().map(|run| &run.images));
            if left_out > 0 {
                notes.clear();
                runs = read(places, kind, options, Some(&common), &mut notes)?;
                for (run, job) in runs.iter_mut().zip(jobs) {
                    run.job = job;
                }
                runs = joined(runs)?;
            }
        }
        let baseline = match &options.baseline {
            None => groups[0].clone(),
            Some(name) => {
                ensure!(
                    groups.contains(name),
                    "no group is called {name:?} (`options.baseline`): the groups are {}",
                    groups.join(", ")
                );
                name.clone()
            }
        };
        notes.extend(mixed);
        let paired_by = pair(&mut runs)?;
        if paired_by == PairedBy::Name && kind == ModelKind::Runs {
            notes.push("The fingerprints of the data differ: images are paired by name.".to_owned());
        }
        let weights = match (kind, options.which) {
            (ModelKind::Runs, Which::Last) => Weights::Last,
            (ModelKind::Runs, Which::Best) => Weights::Best,
            (ModelKind::Predictions, _) => Weights::Given,
        };
        let images = runs[0].val.losses.len();
        let models = Models { runs: compared, weights, images, left_out, paired_by, notes };
        Self::conclude(&groups, &baseline, &runs, Vec::new(), command_line, Some(models))
    }
}

/// The runs, with the folds of each group and seed joined to one.
fn joined(runs: Vec<FinishedRun>) -> Result<Vec<FinishedRun>> {
    let (joined, incomplete) = join_folds(runs);
    if let Some((job, folds)) = incomplete.first() {
        bail!(
            "of the group {:?}, seed {}, {folds} folds are given: name the runs of all of its folds, or those of one fold alone",
            job.preset,
            job.seed
        );
    }
    Ok(joined)
}

/// Reads all models; of `common` images alone, where given.
fn read(
    places: &[PathBuf],
    kind: ModelKind,
    options: &ModelOptions,
    common: Option<&CommonImages>,
    notes: &mut Vec<String>,
) -> Result<Vec<FinishedRun>> {
    let mut runs = Vec::new();
    for place in places {
        runs.push(match kind {
            ModelKind::Runs => FinishedRun::of_folder(place, options.which, common)?,
            ModelKind::Predictions => table(place, options.values, common, notes)?,
        });
    }
    Ok(runs)
}

fn table(
    place: &Path,
    values: Option<Values>,
    common: Option<&CommonImages>,
    notes: &mut Vec<String>,
) -> Result<FinishedRun> {
    ensure!(
        !place.is_dir(),
        "{} is a folder: name tables of predictions, or compare folders of runs as such",
        place.display()
    );
    let cannot = || format!("{} cannot be used as predictions", place.display());
    let table = predictions::read(place, values).with_context(cannot)?;
    notes.extend(table.notes.iter().map(|note| format!("{}: {note}.", place.display())));
    Ok(FinishedRun::of_table(place, table, common))
}
