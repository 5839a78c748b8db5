//! A finished run of a comparison, read from its folder.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::{CommonImages, Job, Measurement, RunFigures, ValImages, images::kept, predictions::PredictionsTable};
use crate::{
    data,
    recipe::Recipe,
    run::{DataSource, Done, Environment, Images, Measured, Outputs, RunFolder},
};

/// One finished run, or one model's predictions.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Preset (or the name of its group) and seed.
    pub job: Job,
    /// The folder or file, as the user named it; None for the run of a plan, which its job names.
    pub place: Option<String>,
    /// Recipe of the run; None where it is not recorded.
    pub recipe: Option<Recipe>,
    /// Data, programs and device of its training; None for predictions alone.
    pub environment: Option<Environment>,
    /// Its figures.
    pub figures: RunFigures,
    /// Losses and hits on val, image by image.
    pub val: Measured,
    /// The val images, in the order of the losses.
    pub images: ValImages,
    /// The figures of each fold, where this run is made of all folds of a cross-validation; else empty.
    pub folds: Vec<RunFigures>,
}

/// The weights whose predictions are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The weights after the last epoch: nothing was selected.
    #[default]
    Last,
    /// The weights after the epoch of lowest val loss. Their figures are optimistic: the same images chose the epoch.
    Best,
}

impl FinishedRun {
    /// Reads the run of `job` from `folder`; None where it is not finished.
    ///
    /// # Errors
    /// A file of it is damaged.
    pub fn read(job: &Job, folder: &Path) -> Result<Option<Self>> {
        if !folder.join(RunFolder::DONE).exists() {
            return Ok(None);
        }
        read(job, folder).with_context(|| cannot(folder)).map(Some)
    }

    /// Reads the finished run in `folder`, of mindgap's own or recorded, with the figures of the weights `which` on those of
    /// its images that are in `common`, or on all. Its job is a placeholder, which the caller replaces.
    ///
    /// # Errors
    /// The run is not finished, a file of it is damaged, or it lost the outputs of its best epoch.
    pub fn of_folder(folder: &Path, which: Which, common: Option<&CommonImages>) -> Result<Self> {
        of_folder(folder, which, common).with_context(|| cannot(folder))
    }

    /// The model whose predictions stand in `table`, read from the file at `place`, on those of its images that are in
    /// `common`, or on all. Its job is a placeholder, which the caller replaces.
    pub fn of_table(place: &Path, table: PredictionsTable, common: Option<&CommonImages>) -> Self {
        let classes = table.classes.len();
        let images = ValImages {
            fingerprint: None,
            ids: table.outputs.ids.clone(),
            names: Some(table.names),
            labels: table.outputs.labels.clone(),
            classes: table.classes,
            ..ValImages::default()
        };
        let (val, images) = match common {
            None => (table.outputs, images),
            Some(common) => {
                let keep = common.of(&images);
                (table.outputs.only(|image| keep[image]), images.only(&keep))
            }
        };
        let in_first_half = halves(&val.labels, classes, 0);
        let figures = RunFigures::measure(&Measurement {
            val: &val,
            probe: None,
            classes,
            leaks: None,
            near_leaks: None,
            in_first_half: &in_first_half,
        });
        Self {
            job: Job { preset: String::new(), seed: 0, fold: None },
            place: Some(place.display().to_string()),
            recipe: None,
            environment: None,
            figures,
            val: val.measured(),
            images,
            folds: Vec::new(),
        }
    }

    /// Names the run in a message.
    pub fn name(&self) -> String {
        self.place.clone().unwrap_or_else(|| self.job.name())
    }
}

fn cannot(folder: &Path) -> String {
    format!("the run in {} cannot be compared", folder.display())
}

fn read(job: &Job, path: &Path) -> Result<FinishedRun> {
    let run = of_folder(path, Which::Last, None)?;
    if let Some(recipe) = run.recipe.as_ref().filter(|recipe| recipe.seed != job.seed) {
        bail!("it was trained with seed {}, not {}", recipe.seed, job.seed);
    }
    if let Some(recipe) = run.recipe.as_ref().filter(|recipe| job.fold.is_some() && recipe.fold != job.fold) {
        bail!("it was validated on fold {:?}, not {:?}", recipe.fold, job.fold);
    }
    Ok(FinishedRun { job: job.clone(), place: None, ..run })
}

fn of_folder(path: &Path, which: Which, common: Option<&CommonImages>) -> Result<FinishedRun> {
    let folder = RunFolder::open(path)?;
    let environment = folder.environment()?;
    let Some(done) = folder.done()? else {
        match &environment.recorder {
            Some(_) => {
                bail!("it is not concluded: its recorder does that when it finishes, or `mindgap conclude` by hand")
            }
            None => bail!("it is not finished: `mindgap train --resume --out` finishes it"),
        }
    };
    let recipe = folder.recipe()?;
    let predictions = folder.predictions()?;
    let has_images = folder.file(RunFolder::IMAGES).exists();
    let listed = if has_images { Some(folder.images()?) } else { None };
    if let Some(listed) = &listed {
        listed.check(&predictions)?;
    }
    let classes = environment.data.classes.len();
    ensure!(
        predictions.classes == classes,
        "its predictions are of {} classes, its data of {classes}",
        predictions.classes
    );

    let (val, probe) = match which {
        Which::Last => (&predictions.last_val, &predictions.last_probe),
        Which::Best => (&predictions.best_val, &predictions.best_probe),
    };
    ensure!(
        !val.ids.is_empty(),
        "it holds no predictions on val{}",
        if which == Which::Best { " of its best epoch" } else { "" }
    );
    let images = val_images(val, listed.as_ref(), &environment.data);
    let measured = val.measured();
    let figures = match (which, common) {
        (Which::Last, None) => RunFigures::of_done(&done),
        _ => {
            let data_seed = recipe.as_ref().map_or(0, |recipe| recipe.data_seed);
            let leaks = known_leaks(listed.as_ref(), &environment.data, val.ids.len())?;
            let near_leaks = listed.as_ref().and_then(|listed| listed.near_leaks.as_deref());
            let halves = match &listed {
                Some(listed) => listed.in_first_half.clone(),
                None => halves(&val.labels, classes, data_seed),
            };
            let keep = common.map(|common| common.of(&images));
            let measurement = Measurement {
                val,
                probe: Some(probe),
                classes,
                leaks: Some(&leaks),
                near_leaks,
                in_first_half: &halves,
            };
            remeasured(&measurement, keep.as_deref(), &done)
        }
    };
    let run = FinishedRun {
        job: Job { preset: String::new(), seed: 0, fold: None },
        place: Some(path.display().to_string()),
        recipe,
        environment: Some(environment),
        figures,
        val: measured,
        images,
        folds: Vec::new(),
    };
    let Some(common) = common else { return Ok(run) };
    let keep = common.of(&run.images);
    Ok(FinishedRun { val: run.val.only(|image| keep[image]), images: run.images.only(&keep), ..run })
}

fn val_images(val: &Outputs, listed: Option<&Images>, data: &DataSource) -> ValImages {
    ValImages {
        fingerprint: Some(data.fingerprint.clone()),
        ids: val.ids.clone(),
        names: listed.map(|listed| listed.val.iter().map(|image| image.name.clone()).collect()),
        labels: val.labels.clone(),
        classes: data.classes.clone(),
        groups: listed.and_then(|listed| listed.val.iter().map(|image| image.group.clone()).collect()),
        folds: None,
        leaks: listed.map(|listed| listed.leaks.clone()),
        near_leaks: listed.and_then(|listed| listed.near_leaks.clone()),
    }
}

/// Which of `n` val images also appear in train.
/// Fails if there are some, and an earlier version did not write which.
fn known_leaks(listed: Option<&Images>, data: &DataSource, n: usize) -> Result<Vec<bool>> {
    match listed {
        Some(listed) => Ok(listed.leaks.clone()),
        None if data.val_in_train == 0 => Ok(vec![false; n]),
        None => bail!(
            "{} of its val images also appear in train, and it has no images.csv that says which: an earlier version did not write it; only \
             the last epoch on all images can be compared",
            data.val_in_train
        ),
    }
}

/// The two halves of val, drawn as for training.
pub(super) fn halves(labels: &[i64], classes: usize, data_seed: u64) -> Vec<bool> {
    let labels: Vec<u32> = labels.iter().map(|&label| label as u32).collect();
    data::val_halves(&labels, classes, data_seed)
}

/// The figures of these outputs on the images for which `keep` holds. Cost and time remain those of the run; its best epoch
/// and its course are known only on all images.
fn remeasured(all: &Measurement, keep: Option<&[bool]>, done: &Done) -> RunFigures {
    let of_run = RunFigures::of_done(done);
    let figures = match keep {
        None => RunFigures {
            cross_fitted_best_loss: of_run.cross_fitted_best_loss,
            val_loss_course: of_run.val_loss_course,
            ..RunFigures::measure(all)
        },
        Some(keep) => {
            let [leaks, near_leaks] = [all.leaks, all.near_leaks].map(|mask| mask.map(|mask| kept(mask, keep)));
            RunFigures::measure(&Measurement {
                val: &all.val.only(|image| keep[image]),
                leaks: leaks.as_deref(),
                near_leaks: near_leaks.as_deref(),
                in_first_half: &kept(all.in_first_half, keep),
                ..*all
            })
        }
    };
    RunFigures { seconds: of_run.seconds, parameters: of_run.parameters, macs: of_run.macs, ..figures }
}
