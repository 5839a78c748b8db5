//! All runs together: `compare.json`.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Compared, FinishedRun, Job, Verdict, sentence::sentence};
use crate::{
    run::{DataSource, Versions},
    stats::holm,
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
                "{} and {} were measured on different images: give each comparison a folder of its own",
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
            verdict: sentence(baseline, &compared),
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

fn runs_of<'a>(preset: &str, finished: &'a [FinishedRun]) -> Vec<&'a FinishedRun> {
    finished.iter().filter(|run| run.job.preset == preset).collect()
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
