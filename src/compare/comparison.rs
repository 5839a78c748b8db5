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
    /// What is missing, and why.
    pub not_finished: Vec<NotFinished>,
    /// The presets that have a finished run, in the order in which they were named.
    pub presets: Vec<Compared>,
    /// On what all were trained.
    pub data: DataSource,
    /// What computed.
    pub versions: Versions,
    /// The command, word by word.
    pub command_line: Vec<String>,
}

/// One preset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its name.
    pub preset: String,
    /// What was found.
    pub finding: Verdict,
    /// Its finished seeds.
    pub seeds: Vec<u64>,
    /// Trainable numbers of its network.
    pub parameters: u64,
    /// Multiply-adds of one image.
    pub macs: u64,
    /// Its figures over those seeds.
    pub figures: SeedFigures,
    /// What val loss did at the end of each of these runs, in their order.
    #[serde(default)]
    pub val_loss_course: Vec<Course>,
    /// How it differs from the baseline; absent for the baseline itself and without a common seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// The recipe keys in which it differs from the baseline: its own value first.
    pub recipe: Vec<KeyDifference>,
}

/// A run without an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFinished {
    /// Which run.
    #[serde(flatten)]
    pub job: Job,
    /// Why.
    pub reason: String,
}

impl Comparison {
    /// The name of its file.
    pub const FILE: &str = "compare.json";

    /// What the `finished` runs say, in the order of `presets`. Runs that are `not_finished` are named and enter no
    /// figure.
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
        let of = |preset: &str| finished.iter().filter(|run| run.job.preset == preset).collect::<Vec<_>>();
        let base = of(baseline);
        ensure!(
            !base.is_empty(),
            "no run of the baseline `{baseline}` is finished, so there is nothing to compare with"
        );
        for run in finished {
            let same = run.data.fingerprint == base[0].data.fingerprint && run.ids == base[0].ids;
            ensure!(
                same,
                "{} and {} were measured on different images: give a comparison a folder of its own (--out)",
                run.job.name(),
                base[0].job.name()
            );
        }
        let mut compared: Vec<Compared> = (0..)
            .zip(presets)
            .filter(|(_, preset)| !of(preset).is_empty())
            .map(|(number, preset)| Compared::new(preset, &of(preset), preset == baseline, &base, number))
            .collect();
        correct(&mut compared);
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
        // Seeds are what runs of one preset differ in.
        recipe.retain(|difference| difference.key != "seed");
        Self {
            preset: preset.to_owned(),
            finding: if is_base { Verdict::Baseline } else { Verdict::NotShown },
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

/// What val loss did at the end of a run; a run of few epochs tells nothing.
fn course(run: &FinishedRun) -> Course {
    run.done.val_loss_lately.map_or(Course::Unclear, |lately| lately.course)
}

/// Corrects the p-values over all presets and reads the findings from them.
fn correct(presets: &mut [Compared]) {
    let p: Vec<f64> = presets.iter().filter_map(|preset| preset.against.as_ref()?.val_loss.p).collect();
    let mut corrected = holm(&p).into_iter();
    for preset in presets.iter_mut() {
        let Some(against) = &mut preset.against else { continue };
        against.val_loss.p_holm = against.val_loss.p.and_then(|_| corrected.next());
        preset.finding = Verdict::of(against);
    }
}
