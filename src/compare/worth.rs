//! What a fix of the data is worth: training without the images that it removes, against training without as many images
//! drawn at random, seed by seed, on the same val images.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::{Against, Delta, FinishedRun, MeanSd, RunFigures, pairing::pair};
use crate::stats::{PowerLaw, mean, paired_t, percent};

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
    /// Change of val loss, on all val images.
    pub val_loss: Delta,
    /// Change of val loss on the val images that are no leaks, exact or near.
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
        let mut worths = Vec::new();
        for (number, fix) in (0..).zip(fixes) {
            worths.push(FixWorth::new(fix, &runs_of(&fix.name)?, &runs_of(&fix.control())?, &whole, &clean, number)?);
        }
        Delta::correct(worths.iter_mut().map(|worth| &mut worth.val_loss));
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

impl FixWorth {
    /// The worth of fix number `number`, from the runs `with` it, those of its `control` and those on the `whole` train.
    /// `clean[i]` says whether val's image i is no leak.
    fn new(
        fix: &Fix,
        with: &[&FinishedRun],
        control: &[&FinishedRun],
        whole: &[&FinishedRun],
        clean: &[bool],
        number: u32,
    ) -> Result<Self> {
        let against = |runs: &[&FinishedRun], base: &[&FinishedRun], order: u32| {
            let name = |runs: &[&FinishedRun]| runs[0].name();
            Against::new(runs, base, 4 * number + order)
                .with_context(|| format!("{} and {} have no seed in common", name(runs), name(base)))
        };
        let found = against(with, control, 0)?;
        let clean_change = if clean.contains(&false) && clean.contains(&true) {
            let [with, control] = [with, control].map(|runs| runs.iter().map(|run| run.on(clean)).collect::<Vec<_>>());
            let [with, control] = [&with, &control].map(|runs| runs.iter().collect::<Vec<_>>());
            Some(against(&with, &control, 1)?.val_loss)
        } else {
            None
        };
        Ok(Self {
            fix: fix.name.clone(),
            removed: fix.removed,
            val_loss: found.val_loss,
            val_loss_without_leaks: clean_change,
            val_acc: found.val_acc,
            gap_loss: found.gap_loss.context("the runs have no gap")?,
            against_all: against(with, whole, 2)?.val_loss.untested(),
            control_against_all: against(control, whole, 3)?.val_loss.untested(),
        })
    }
}

impl FinishedRun {
    /// The run on the val images that `keep` holds; of its figures, val loss and val accuracy are those of these images.
    fn on(&self, keep: &[bool]) -> Self {
        let val = self.val.only(|image| keep[image]);
        let figures = RunFigures { val_loss: val.mean_loss(), val_acc: percent(&val.correct), ..self.figures.clone() };
        Self { val, images: self.images.only(keep), figures, ..self.clone() }
    }
}

/// Val loss on the clean images minus val loss, seed by seed.
fn flattery(whole: &[&FinishedRun], clean: &[bool]) -> Delta {
    let of = |run: &&FinishedRun| run.val.only(|image| clean[image]).mean_loss() - run.val.mean_loss();
    Delta::over_seeds(whole.iter().map(of).collect()).untested()
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
    Some(MoreImages {
        share: MORE,
        val_loss: mean(&changes),
        ci_seeds: paired_t(&changes).map(|test| test.interval),
        curve: curve.into_iter().map(|(images, losses)| (images, mean(&losses))).collect(),
    })
}
