//! All runs together: `compare.json`.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    Compared, Delta, FinishedRun, Job, Models, Verdict, folds::join_folds, pairing::pair, question::Question,
    sentence::sentence,
};
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
    /// What was asked beyond the figures: the difference that is to be told, and whether seeds were added until the answers stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// Where the models come from, if the comparison trained none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Models>,
    /// The number of groups, such as patients, to which the val images belong; absent where they have no groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_groups: Option<usize>,
    /// The data that the baseline was trained on; absent for predictions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataSource>,
    /// Programs and device that trained the baseline; absent for predictions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
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
    /// No run of the baseline is finished, or runs were measured on different images.
    pub fn new(
        presets: &[String],
        baseline: &str,
        mut finished: Vec<FinishedRun>,
        mut not_finished: Vec<NotFinished>,
        command_line: Vec<String>,
    ) -> Result<Self> {
        let runs = finished.len();
        let incomplete;
        (finished, incomplete) = join_folds(finished);
        for (job, folds) in incomplete {
            let is_named =
                not_finished.iter().any(|missing| missing.job == Job { fold: missing.job.fold, ..job.clone() });
            if !is_named {
                let reason = format!("only {folds} of its folds are there, so that they enter no figure");
                not_finished.push(NotFinished { job, reason });
            }
        }
        if !finished.is_empty() {
            pair(&mut finished)?;
        }
        let comparison = Self::conclude(presets, baseline, &finished, not_finished, command_line, None)?;
        let planned = runs + comparison.not_finished.len();
        Ok(Self { finished: runs, planned, ..comparison })
    }

    /// Compares runs that were measured on the same images, in one order.
    pub(super) fn conclude(
        presets: &[String],
        baseline: &str,
        finished: &[FinishedRun],
        not_finished: Vec<NotFinished>,
        command_line: Vec<String>,
        models: Option<Models>,
    ) -> Result<Self> {
        let base = runs_of(baseline, finished);
        ensure!(
            !base.is_empty(),
            "no run of the baseline `{baseline}` is finished, so there is nothing to compare with"
        );
        let mut compared = Vec::new();
        for (number, preset) in (0..).zip(presets) {
            let runs = runs_of(preset, finished);
            if !runs.is_empty() {
                compared.push(Compared::new(preset, &runs, preset == baseline, &base, number));
            }
        }
        judge(&mut compared);
        Ok(Self {
            verdict: sentence(baseline, &compared, models.as_ref(), None),
            baseline: baseline.to_owned(),
            finished: finished.len(),
            planned: finished.len() + not_finished.len(),
            not_finished,
            presets: compared,
            question: None,
            models,
            image_groups: finished.iter().find_map(|run| run.images.group_count()),
            data: base[0].environment.as_ref().map(|environment| environment.data.clone()),
            versions: base[0].environment.as_ref().map(|environment| environment.versions.clone()),
            command_line,
        })
    }
}

fn runs_of<'a>(preset: &str, finished: &'a [FinishedRun]) -> Vec<&'a FinishedRun> {
    finished.iter().filter(|run| run.job.preset == preset).collect()
}

/// Corrects the p-values over all presets and judges each preset by its own.
fn judge(presets: &mut [Compared]) {
    Delta::correct(presets.iter_mut().filter_map(|preset| Some(&mut preset.against.as_mut()?.val_loss)));
    correct_accuracy_tests(presets);
    for preset in presets {
        if let Some(against) = &preset.against {
            preset.verdict = Verdict::of(against);
        }
    }
}

/// Corrects the p-values of all tests of accuracy together.
fn correct_accuracy_tests(presets: &mut [Compared]) {
    let against = presets.iter_mut().filter_map(|preset| preset.against.as_mut());
    let mut tests: Vec<_> = against.flat_map(|against| &mut against.mcnemar).collect();
    let corrected = holm(&tests.iter().map(|test| test.p).collect::<Vec<_>>());
    for (test, p) in tests.iter_mut().zip(corrected) {
        test.p_holm = p;
    }
}
