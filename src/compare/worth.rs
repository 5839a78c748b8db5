//! What a fix of the data is worth: training without the images that it removes, against training without as many images
//! drawn at random, seed by seed, on the same val images.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{Delta, FinishedRun, MeanSd, pairing::pair};
use crate::{
    random::{Purpose, Stream},
    stats::{PowerLaw, bootstrap_interval, holm, paired_t},
};

/// The runs on all training images.
pub const WHOLE: &str = "all";
/// How many more images the learning curve is read at, as a share.
const MORE: f64 = 0.1;

/// A fix whose worth is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it removes: `labels`, `duplicates`. Its runs are called so.
    pub name: String,
    /// How many training images it removes.
    pub removed: usize,
}

impl Fix {
    /// The name of the runs without as many images drawn at random.
    pub fn control(&self) -> String {
        format!("{}-control", self.name)
    }
}

/// The worth of all fixes. `mindgap worth --json` prints it in this form. Losses in nats; changes below 0 are improvements.
#[derive(Clone, Debug, Serialize)]
pub struct Worth {
    /// The result in one sentence.
    pub sentence: String,
    /// The seeds of the runs.
    pub seeds: Vec<u64>,
    /// Training images of the runs on all of them.
    pub train: usize,
    /// Val images.
    pub val: usize,
    /// Val images that also appear in train, or nearly so.
    pub leaks: usize,
    /// Val loss of the runs on all training images.
    pub val_loss: MeanSd,
    /// Gap of these runs.
    pub gap_loss: MeanSd,
    /// Val loss of these runs without leaks minus their val loss: by how much the leaks flatter val. Absent without leaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flattery: Option<Delta>,
    /// The fixes.
    pub fixes: Vec<FixWorth>,
    /// What more images like these are worth; absent where no learning curve was asked for or none fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_images: Option<MoreImages>,
}

/// The worth of one fix: without the images that it removes, minus without as many random ones.
#[derive(Clone, Debug, Serialize)]
pub struct FixWorth {
    /// What it removes.
    pub fix: String,
    /// How many training images it removes.
    pub removed: usize,
    /// Change of val loss.
    pub val_loss: Delta,
    /// The same on the val images without leaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_loss_without_leaks: Option<Delta>,
    /// Change of val accuracy, in percentage points.
    pub val_acc: Delta,
    /// Change of the gap.
    pub gap_loss: Delta,
    /// Change of val loss against the runs on all training images.
    pub against_all: Delta,
    /// Change of val loss by the random removal alone, against the runs on all training images.
    pub control_against_all: Delta,
}

/// What more images like those of train are worth, by a power law through runs on shares of them.
#[derive(Clone, Debug, Serialize)]
pub struct MoreImages {
    /// How many more, as a share of train.
    pub share: f64,
    /// Expected change of val loss: mean over seeds.
    pub val_loss: f64,
    /// 95 % interval over seeds; absent below three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_seeds: Option<[f64; 2]>,
    /// Training images and mean val loss of each point of the curve.
    pub curve: Vec<(usize, f64)>,
}

impl Worth {
    /// The worth of `fixes`, from finished runs whose jobs are called [`WHOLE`], the fix, or [`Fix::control`]. `leaks` names the
    /// val images that also appear in train, or nearly so. `shares` are the runs of the learning curve: number of training images and
    /// runs, the whole set not among them.
    ///
    /// # Errors
    /// Runs are missing, or were not measured on the same val images.
    pub fn of(
        mut finished: Vec<FinishedRun>,
        fixes: &[Fix],
        leaks: &HashSet<String>,
        shares: &[(usize, Vec<FinishedRun>)],
    ) -> Result<Self> {
        ensure!(!finished.is_empty(), "no run is finished");
        pair(&mut finished)?;
        let runs_of = |name: &str| -> Result<Vec<&FinishedRun>> {
            let runs: Vec<&FinishedRun> = finished.iter().filter(|run| run.job.preset == name).collect();
            ensure!(!runs.is_empty(), "no run of `{name}` is finished");
            Ok(runs)
        };
        let whole = runs_of(WHOLE)?;
        let names = whole[0].images.names.as_ref().context("the runs have no images.csv")?;
        let clean: Vec<bool> = names.iter().map(|name| !leaks.contains(name)).collect();
        let leaked = clean.iter().filter(|clean| !**clean).count();
        let all = vec![true; clean.len()];
        let mut worths = Vec::new();
        for (number, fix) in (0..).zip(fixes) {
            let (with, control) = (runs_of(&fix.name)?, runs_of(&fix.control())?);
            let acc = |run: &FinishedRun| Ok(run.figures.val_acc);
            let gap = |run: &FinishedRun| run.figures.gap_loss.context("the runs have no gap");
            worths.push(FixWorth {
                fix: fix.name.clone(),
                removed: fix.removed,
                val_loss: change(&with, &control, &all, 4 * number)?,
                val_loss_without_leaks: (leaked > 0)
                    .then(|| change(&with, &control, &clean, 4 * number + 1))
                    .transpose()?,
                val_acc: difference(&with, &control, acc)?,
                gap_loss: difference(&with, &control, gap)?,
                against_all: change(&with, &whole, &all, 4 * number + 2)?.untested(),
                control_against_all: change(&control, &whole, &all, 4 * number + 3)?.untested(),
            });
        }
        correct(&mut worths);
        let environment = whole[0].environment.as_ref().context("a run has an environment")?;
        let gaps = whole.iter().map(|run| run.figures.gap_loss.unwrap_or(f64::NAN)).collect();
        let mut worth = Self {
            sentence: String::new(),
            seeds: whole.iter().map(|run| run.job.seed).collect(),
            train: environment.data.train,
            val: clean.len(),
            leaks: leaked,
            val_loss: MeanSd::of(whole.iter().map(|run| run.figures.val_loss).collect()),
            gap_loss: MeanSd::of(gaps),
            flattery: (leaked > 0 && leaked < clean.len()).then(|| flattery(&whole, &clean)),
            more_images: more_images(&whole, environment.data.train, shares),
            fixes: worths,
        };
        worth.sentence = worth.in_words();
        Ok(worth)
    }

    fn in_words(&self) -> String {
        let mut parts = Vec::new();
        for fix in &self.fixes {
            parts.push(format!("cleaning {}: {}", fix.fix, nats(&fix.val_loss)));
        }
        if let Some(more) = &self.more_images {
            parts.push(format!("{:.0} % more images: {:+.3}", 100.0 * more.share, more.val_loss));
        }
        match &self.flattery {
            Some(flattery) if flattery.mean > 0.0 => {
                parts.push(format!("leaks flattered val by {:.3}", flattery.mean));
            }
            Some(flattery) => parts.push(format!("leaks did not flatter val ({:+.3})", -flattery.mean)),
            None => {}
        }
        parts.join("; ") + "."
    }
}

/// A change of val loss with half the width of its 95 % interval, over seeds where there are enough.
fn nats(delta: &Delta) -> String {
    let interval = delta.ci_seeds.or(delta.ci_images);
    let reach = interval.map_or(String::new(), |[low, high]| format!(" ± {:.3}", (high - low) / 2.0));
    format!("{:+.3}{reach} nats", delta.mean)
}

/// Runs with the same seed.
fn by_seed<'a>(runs: &[&'a FinishedRun], base: &[&'a FinishedRun]) -> Result<Vec<[&'a FinishedRun; 2]>> {
    let mut pairs = Vec::new();
    for &run in runs {
        let same = base.iter().find(|other| other.job.seed == run.job.seed);
        pairs.extend(same.map(|&other| [run, other]));
    }
    ensure!(!pairs.is_empty(), "{} and {} have no seed in common", runs[0].name(), base[0].name());
    Ok(pairs)
}

/// The change of mean val loss on the images that `keep` holds, with intervals over seeds and over images.
fn change(runs: &[&FinishedRun], base: &[&FinishedRun], keep: &[bool], stream: u32) -> Result<Delta> {
    let pairs = by_seed(runs, base)?;
    let mut of_images = vec![0.0; keep.iter().filter(|keep| **keep).count()];
    let mut of_seeds = Vec::new();
    for [run, base] in &pairs {
        let losses = run.val.only(|image| keep[image]).losses_f64();
        let others = base.val.only(|image| keep[image]).losses_f64();
        let differences: Vec<f64> = losses.iter().zip(&others).map(|(loss, other)| loss - other).collect();
        of_seeds.push(differences.iter().sum::<f64>() / differences.len() as f64);
        of_images.iter_mut().zip(&differences).for_each(|(sum, difference)| *sum += difference / pairs.len() as f64);
    }
    let interval = bootstrap_interval(&of_images, &mut Stream::new(0, Purpose::Resample, stream, 3));
    let ci_images = interval.iter().all(|end| end.is_finite()).then_some(interval);
    Ok(Delta { ci_images, ..Delta::over_seeds(of_seeds) })
}

/// The difference of one figure, seed by seed.
fn difference(
    runs: &[&FinishedRun],
    base: &[&FinishedRun],
    figure: impl Fn(&FinishedRun) -> Result<f64>,
) -> Result<Delta> {
    let values = by_seed(runs, base)?.into_iter().map(|[run, base]| Ok(figure(run)? - figure(base)?));
    Ok(Delta::over_seeds(values.collect::<Result<_>>()?).untested())
}

/// Val loss on the clean images minus val loss, seed by seed.
fn flattery(whole: &[&FinishedRun], clean: &[bool]) -> Delta {
    let of = |run: &&FinishedRun| run.val.only(|image| clean[image]).mean_loss() - run.val.mean_loss();
    Delta::over_seeds(whole.iter().map(of).collect()).untested()
}

/// Corrects the p-values of the fixes by Holm's method.
fn correct(worths: &mut [FixWorth]) {
    let p: Vec<f64> = worths.iter().filter_map(|worth| worth.val_loss.p).collect();
    let mut corrected = holm(&p).into_iter();
    for worth in worths.iter_mut().filter(|worth| worth.val_loss.p.is_some()) {
        worth.val_loss.p_holm = corrected.next();
    }
}

/// Extrapolates val loss to more images, seed by seed.
fn more_images(whole: &[&FinishedRun], train: usize, shares: &[(usize, Vec<FinishedRun>)]) -> Option<MoreImages> {
    let mut changes = Vec::new();
    let mut curve = vec![(train, Vec::new())];
    curve.splice(0..0, shares.iter().map(|(images, _)| (*images, Vec::new())));
    for run in whole {
        let mut points = Vec::new();
        for (images, runs) in shares {
            let share = runs.iter().find(|other| other.job.seed == run.job.seed)?;
            points.push((*images as f64, share.figures.val_loss));
        }
        points.push((train as f64, run.figures.val_loss));
        let law = PowerLaw::of(&points)?;
        let n = train as f64;
        changes.push(law.at(n * (1.0 + MORE)) - law.at(n));
        curve.iter_mut().zip(&points).for_each(|((_, losses), (_, loss))| losses.push(*loss));
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    Some(MoreImages {
        share: MORE,
        val_loss: mean(&changes),
        ci_seeds: paired_t(&changes).map(|test| test.interval),
        curve: curve.into_iter().map(|(images, losses)| (images, mean(&losses))).collect(),
    })
}
