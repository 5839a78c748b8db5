//! All runs together: `compare.json`.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Against, FinishedRun, Job, SeedFigures, Verdict, verdict};
use crate::{
    recipe::KeyDifference,
    run::{DataSource, Versions},
    stats::{Course, holm},
};

/// The content of `compare.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The verdict, one sentence.
    pub verdict: String,
    /// The preset that the others are compared with.
    pub baseline: String,
    /// Runs that are finished.
    pub finished: usize,
    /// Runs that were planned.
    pub planned: usize,
    /// The planned runs that are not finished, and why.
    pub not_finished: Vec<NotFinished>,
    /// The presets that have a finished run, in the order in which they were named.
    pub presets: Vec<Compared>,
    /// The data that all runs were trained on.
    pub data: DataSource,
    /// Programs and device that trained the runs.
    pub versions: Versions,
    /// The command, word by word.
    pub command_line: Vec<String>,
}

/// One preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Name of the preset.
    pub preset: String,
    /// What the comparison says of it.
    #[serde(rename = "finding")]
    pub verdict: Verdict,
    /// The seeds of its finished runs.
    pub seeds: Vec<u64>,
    /// Trainable numbers of its network.
    pub parameters: u64,
    /// Multiply-adds of one image.
    pub macs: u64,
    /// Figures of its finished runs, over their seeds.
    pub figures: SeedFigures,
    /// What val loss did at the end of each of its finished runs, in the order of `seeds`.
    #[serde(default)]
    pub val_loss_course: Vec<Course>,
    /// How it differs from the baseline; absent for the baseline itself and without a common seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// The recipe keys in which it differs from the baseline; the preset's own value comes first.
    pub recipe: Vec<KeyDifference>,
}

/// A planned run that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFinished {
    /// The run.
    #[serde(flatten)]
    pub job: Job,
    /// Why it is not finished.
    pub reason: String,
}

impl Comparison {
    /// Name of the file that holds a comparison.
    pub const FILE: &str = "compare.json";

    /// Compares the `finished` runs, preset by preset in the order of `presets`. Runs that are `not_finished` are named
    /// and enter no figure.
    ///
    /// # Errors
    /// No run of the baseline is finished, or runs were trained or measured on different images.
    pub fn new(
        presets: &[String],
        baseline: &str,
        finished: &[FinishedRun],
        not_finished: Vec<NotFinished>,
        command_line: Vec<String>,
    ) -> Result<Self> {
        let base = runs_of(baseline, finished);
        ensure!(
            !base.is_empty(),
            "no run of the baseline `{baseline}` is finished, so there is nothing to compare with"
        );
        for run in finished {
            let same_images = run.data.fingerprint == base[0].data.fingerprint && run.ids == base[0].ids;
            ensure!(
                same_images,
                "{} and {} were measured on different images: give a comparison a folder of its own (--out)",
                run.job.name(),
                base[0].job.name()
            );
        }
        let mut compared = Vec::new();
        for (number, preset) in (0..).zip(presets) {
            let runs = runs_of(preset, finished);
            if !runs.is_empty() {
                compared.push(Compared::new(preset, &runs, preset == baseline, &base, number));
            }
        }
        judge(&mut compared);
        Ok(Self {
            verdict: verdict::sentence(baseline, &compared),
            baseline: baseline.to_owned(),
            finished: finished.len(),
            planned: finished.len() + not_finished.len(),
            not_finished,
            presets: compared,
            data: base[0].data.clone(),
            versions: base[0].versions.clone(),
            command_line,
        })
    }
}

impl Compared {
    fn new(preset: &str, runs: &[&FinishedRun], is_base: bool, base: &[&FinishedRun], number: u32) -> Self {
        let mut recipe = runs[0].recipe.diff(&base[0].recipe);
        // Runs of one preset differ in the seed too.
        recipe.retain(|difference| difference.key != "seed");
        Self {
            preset: preset.to_owned(),
            verdict: if is_base { Verdict::Baseline } else { Verdict::NotShown },
            seeds: runs.iter().map(|run| run.job.seed).collect(),
            parameters: runs[0].done.cost.parameters,
            macs: runs[0].done.cost.macs,
            figures: SeedFigures::of(runs),
            val_loss_course: runs.iter().map(|run| course(run)).collect(),
            against: if is_base { None } else { Against::new(runs, base, number) },
            recipe,
        }
    }
}

fn runs_of<'a>(preset: &str, finished: &'a [FinishedRun]) -> Vec<&'a FinishedRun> {
    finished.iter().filter(|run| run.job.preset == preset).collect()
}

/// What val loss did at the end of a run; unclear where the run has too few epochs to judge.
fn course(run: &FinishedRun) -> Course {
    run.done.val_loss_lately.map_or(Course::Unclear, |lately| lately.course)
}

/// Corrects the p-values over all presets and judges each preset by its own.
fn judge(presets: &mut [Compared]) {
    let p: Vec<f64> = presets.iter().filter_map(|preset| preset.against.as_ref()?.val_loss.p).collect();
    let mut corrected = holm(&p).into_iter();
    for preset in presets.iter_mut() {
        let Some(against) = &mut preset.against else { continue };
        if against.val_loss.p.is_some() {
            against.val_loss.p_holm = corrected.next();
        }
        preset.verdict = Verdict::of(against);
    }
}
