//! Makes one run of the folds of a cross-validation: its val images are those of all folds, each measured by the run that
//! was not trained on it.

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_128;

use super::{FinishedRun, Job, RunFigures, ValImages};
use crate::{run::Measured, stats::Course};

/// Joins the folds of each preset and seed to one run, in the order of the first fold of each. Runs without folds stay as
/// they are, and so do all where they validate on one and the same fold, which is a val split like another. Also returns the presets and seeds some of whose folds are missing, with how many are there: their runs
/// enter no figure.
pub fn join_folds(runs: Vec<FinishedRun>) -> (Vec<FinishedRun>, Vec<(Job, usize)>) {
    let validated: BTreeSet<Option<u32>> = runs.iter().map(|run| run.job.fold).collect();
    if validated.len() < 2 {
        return (runs, Vec::new());
    }
    let mut joined = Vec::new();
    let mut incomplete = Vec::new();
    let mut known: BTreeSet<(String, u64)> = BTreeSet::new();
    for run in &runs {
        if run.job.fold.is_none() {
            joined.push(run.clone());
            continue;
        }
        let Job { preset, seed, .. } = &run.job;
        if !known.insert((preset.clone(), *seed)) {
            continue;
        }
        let is_of_this = |other: &&FinishedRun| other.job.preset == *preset && other.job.seed == *seed;
        let mut folds: Vec<&FinishedRun> = runs.iter().filter(is_of_this).collect();
        folds.sort_by_key(|fold| fold.job.fold);
        let wanted = run.recipe.as_ref().and_then(|recipe| recipe.folds);
        if wanted == Some(folds.len() as u32) {
            joined.push(join(&folds));
        } else {
            incomplete.push((Job { fold: None, ..run.job.clone() }, folds.len()));
        }
    }
    (joined, incomplete)
}

/// One run of all `folds`, in their order.
fn join(folds: &[&FinishedRun]) -> FinishedRun {
    let first = folds[0];
    let mut val = Measured::default();
    let mut ids = Vec::new();
    let (mut names, mut groups) = (Some(Vec::new()), Some(Vec::new()));
    let mut labels = Vec::new();
    let mut numbers = Vec::new();
    let mut fingerprints = Some(String::new());
    for (number, fold) in (0..).zip(folds) {
        numbers.resize(numbers.len() + fold.images.ids.len(), fold.job.fold.unwrap_or(number));
        val.losses.extend(&fold.val.losses);
        val.correct.extend(&fold.val.correct);
        ids.extend(&fold.images.ids);
        labels.extend(&fold.images.labels);
        names = names.zip(fold.images.names.as_ref()).map(|(names, more)| [&names[..], more].concat());
        groups = groups.zip(fold.images.groups.as_ref()).map(|(groups, more)| [&groups[..], more].concat());
        fingerprints = fingerprints.zip(fold.images.fingerprint.as_ref()).map(|(all, one)| all + one);
    }
    FinishedRun {
        job: Job { fold: None, ..first.job.clone() },
        place: first.place.clone(),
        recipe: first.recipe.clone(),
        environment: first.environment.clone(),
        figures: figures_of_all(folds),
        val,
        images: ValImages {
            fingerprint: fingerprints.map(|all| format!("{:032x}", xxh3_128(all.as_bytes()))),
            ids,
            names,
            labels,
            classes: first.images.classes.clone(),
            groups,
            folds: Some(numbers),
            leaks: None,
            near_leaks: None,
        },
        folds: folds.iter().map(|fold| fold.figures.clone()).collect(),
    }
}

/// A figure of a run, where it has it.
type Figure = dyn Fn(&RunFigures) -> Option<f64>;

/// The figures of all folds together: means weighted by the folds' val images, so that those of val are means over all
/// images. The wall time is the sum.
fn figures_of_all(folds: &[&FinishedRun]) -> RunFigures {
    let images = |fold: &FinishedRun| fold.val.losses.len() as f64;
    // Runs of earlier versions say how many, not which: all of their images are compared.
    let count = |leaks: &[bool]| leaks.iter().filter(|&&is_leak| is_leak).count();
    let leaks = |fold: &FinishedRun| match &fold.images.leaks {
        Some(leaks) => count(leaks),
        None => fold.environment.as_ref().map_or(0, |environment| environment.data.val_in_train),
    };
    let near_leaks = |fold: &FinishedRun| match &fold.images.near_leaks {
        Some(leaks) => count(leaks),
        None => fold.environment.as_ref().and_then(|environment| environment.data.near_leaks).unwrap_or(0),
    };
    let without_leaks = |fold: &FinishedRun| images(fold) - leaks(fold) as f64;
    let without_both = |fold: &FinishedRun| without_leaks(fold) - near_leaks(fold) as f64;
    let over = |figure: &dyn Fn(&RunFigures) -> Option<f64>, weight: &dyn Fn(&FinishedRun) -> f64| {
        let mut sum = 0.0;
        let mut weights = 0.0;
        for fold in folds {
            sum += weight(fold) * figure(&fold.figures)?;
            weights += weight(fold);
        }
        Some(sum / weights)
    };
    let always = |figure: &dyn Fn(&RunFigures) -> f64| {
        over(&|figures| Some(figure(figures)), &images).expect("every fold has this figure")
    };
    let sometimes = |figure: &dyn Fn(&RunFigures) -> Option<f64>| over(figure, &images);
    // A fold without leaks is measured on all of its images.
    let clean = |without: &Figure, with: &Figure, weight: &dyn Fn(&FinishedRun) -> f64| {
        let has_leaks = folds.iter().any(|fold| without(&fold.figures).is_some());
        if has_leaks { over(&|figures| without(figures).or(with(figures)), weight) } else { None }
    };
    let exact = |without: &Figure, with: &Figure| clean(without, with, &without_leaks);
    let near = |without: &Figure, with: &Figure| clean(without, with, &without_both);
    let first = &folds[0].figures;
    let course = first.val_loss_course;
    let is_same_course = folds.iter().all(|fold| fold.figures.val_loss_course == course);
    let seconds: Option<Vec<f64>> = folds.iter().map(|fold| fold.figures.seconds).collect();
    RunFigures {
        val_loss: always(&|figures| figures.val_loss),
        val_acc: always(&|figures| figures.val_acc),
        probe_loss: sometimes(&|figures| figures.probe_loss),
        probe_acc: sometimes(&|figures| figures.probe_acc),
        gap_loss: sometimes(&|figures| figures.gap_loss),
        gap_acc: sometimes(&|figures| figures.gap_acc),
        overconfidence: always(&|figures| figures.overconfidence),
        temperature: always(&|figures| figures.temperature),
        calibration_error: always(&|figures| figures.calibration_error),
        cross_fitted_best_loss: sometimes(&|figures| figures.cross_fitted_best_loss),
        val_loss_without_leaks: exact(&|of| of.val_loss_without_leaks, &|of| Some(of.val_loss)),
        val_acc_without_leaks: exact(&|of| of.val_acc_without_leaks, &|of| Some(of.val_acc)),
        gap_loss_without_leaks: exact(&|of| of.gap_loss_without_leaks, &|of| of.gap_loss),
        val_loss_without_near_leaks: near(&|of| of.val_loss_without_near_leaks, &|of| {
            of.val_loss_without_leaks.or(Some(of.val_loss))
        }),
        val_acc_without_near_leaks: near(&|of| of.val_acc_without_near_leaks, &|of| {
            of.val_acc_without_leaks.or(Some(of.val_acc))
        }),
        gap_loss_without_near_leaks: near(&|of| of.gap_loss_without_near_leaks, &|of| {
            of.gap_loss_without_leaks.or(of.gap_loss)
        }),
        early_stopped: folds.iter().any(|fold| fold.figures.early_stopped),
        val_loss_course: if is_same_course { course } else { Course::Unclear },
        seconds: seconds.map(|seconds| seconds.iter().sum()),
        parameters: first.parameters,
        macs: first.macs,
    }
}
