//! Trains the runs of a comparison: all at once or, where a question is asked, a few seeds at a time with a check between
//! them, which says what is known and which presets get further seeds.

use std::{path::Path, sync::atomic::AtomicBool};

use anyhow::Result;

use crate::cli::{
    output::say::say,
    process::plan_training::{Ends, PlanTraining},
};
use mindgap::{
    compare::{self, Comparison, Earlier, FinishedRun, Job, Plan, PlannedRun, Question},
    stats::LEAST_PAIRS,
};

/// What is to be trained, and how.
pub struct Rounds<'a> {
    pub presets: &'a [String],
    pub baseline: &'a str,
    /// Every run that may be trained, seed by seed.
    pub runs: &'a [PlannedRun],
    pub question: Option<Question>,
    pub training: PlanTraining<'a>,
    pub out: &'a Path,
}

pub struct Trained {
    pub plan: Plan,
    /// The runs of the comparison.
    pub runs: Vec<PlannedRun>,
    failures: Vec<(Job, String)>,
    /// Whether a signal stopped it.
    pub is_stopped: bool,
}

impl Trained {
    /// Why the run of `job` failed, if it did.
    pub fn failure(&self, job: &Job) -> Option<String> {
        self.failures.iter().find(|(failed, _)| failed == job).map(|(_, reason)| reason.clone())
    }

    fn note(&mut self, runs: &[PlannedRun], ends: &Ends) {
        for run in runs {
            if let Some(reason) = ends.failure(&run.job) {
                self.failures.push((run.job.clone(), reason));
            }
        }
        self.is_stopped |= ends.is_stopped();
    }
}

impl Rounds<'_> {
    /// Trains until nothing is left to train, or `stop` is set. Runs that are finished are not trained again.
    /// Fails if the plan contradicts an earlier one, or runs were measured on other images.
    pub fn train(&self, stop: &AtomicBool) -> Result<Trained> {
        let Some(question) = &self.question else {
            let (plan, _) = Plan::grow(self.out, self.runs.to_vec())?;
            let mut trained = Trained { plan, runs: self.runs.to_vec(), failures: Vec::new(), is_stopped: false };
            let ends = self.training.train(&trained.plan, self.runs, stop);
            trained.note(self.runs, &ends);
            return Ok(trained);
        };
        // Where seeds are added, the plan grows with them.
        let first = self.runs[0].job.seed;
        let begin = self.runs.iter().filter(|run| !question.until_verdict || run.job.seed == first).cloned().collect();
        let (plan, _) = Plan::grow(self.out, begin)?;
        let mut trained = Trained { plan, runs: Vec::new(), failures: Vec::new(), is_stopped: false };
        let mut tried: Vec<Job> = Vec::new();
        loop {
            trained.runs = self.runs.iter().filter(|run| trained.plan.index(&run.job).is_some()).cloned().collect();
            let (finished, _) = compare::gather(&trained.plan, &trained.runs, |_| None);
            let comparison = self.compare(&finished, *question)?;
            let is_lost = |job: &Job| !finished.iter().any(|run| run.job == *job);
            // Seeds after a run that failed would be paired without it.
            if question.until_verdict && tried.iter().any(is_lost) {
                return Ok(trained);
            }
            let next = self.next(comparison.as_ref(), *question, |job| is_lost(job) && !tried.contains(job));
            if next.is_empty() {
                return Ok(trained);
            }
            // Afterwards the tables say it.
            self.report(comparison.as_ref(), *question);
            (trained.plan, _) = Plan::grow(self.out, next.clone())?;
            let ends = self.training.train(&trained.plan, &next, stop);
            trained.note(&next, &ends);
            if trained.is_stopped {
                return Ok(trained);
            }
            tried.extend(next.into_iter().map(|run| run.job));
        }
    }

    /// What the finished runs say; None before a run of the baseline is finished.
    fn compare(&self, finished: &[FinishedRun], question: Question) -> Result<Option<Comparison>> {
        if !finished.iter().any(|run| run.job.preset == self.baseline) {
            return Ok(None);
        }
        let comparison = Comparison::new(self.presets, self.baseline, finished.to_vec(), Vec::new(), Vec::new())?;
        Ok(Some(comparison.answering(question)))
    }

    /// Says what is known so far.
    fn report(&self, comparison: Option<&Comparison>, question: Question) {
        let others: Vec<&String> = self.presets.iter().filter(|preset| *preset != self.baseline).collect();
        let seeds = comparison.map_or(0, |comparison| comparison.fewest_seeds(&others));
        match (comparison, question.detect) {
            (Some(comparison), _) if seeds >= LEAST_PAIRS => {
                for line in comparison.answers() {
                    say(line);
                }
            }
            (_, Some(margin)) if seeds == 0 => self.report_earlier(margin, question),
            _ => {}
        }
    }

    /// Says what an earlier comparison on the same data tells of the seeds needed, where there is one.
    fn report_earlier(&self, margin: f64, question: Question) {
        let fingerprint = &self.runs[0].data.fingerprint;
        match Earlier::find(self.out, self.presets, self.baseline, fingerprint, question) {
            Some(earlier) => {
                say(format_args!(
                    "By the comparison on these data in {}, whose recipes may have been other ones:",
                    earlier.folder.display()
                ));
                for line in &earlier.needs {
                    say(line);
                }
            }
            None => say(format_args!(
                "How many seeds telling {margin} nats takes is said after the first {LEAST_PAIRS}: {} holds no earlier runs, and no \
                 comparison on these data is beside it.",
                self.out.display()
            )),
        }
    }

    /// The runs to train before the next check: the first seeds of which presets in question, or the baseline, lack runs that
    /// `is_wanted` allows.
    fn next(
        &self,
        comparison: Option<&Comparison>,
        question: Question,
        is_wanted: impl Fn(&Job) -> bool,
    ) -> Vec<PlannedRun> {
        let is_other = |preset: &&String| *preset != self.baseline;
        let open = match comparison {
            Some(comparison) if question.until_verdict => comparison.open(self.presets),
            _ => self.presets.iter().filter(is_other).collect(),
        };
        if open.is_empty() {
            return Vec::new();
        }
        let seeds = comparison.map_or(0, |comparison| comparison.fewest_seeds(&open));
        let mut left = question.seeds_at_a_time(open.len(), seeds);
        let mut next: Vec<PlannedRun> = Vec::new();
        for run in self.runs {
            let is_in_question = run.job.preset == self.baseline || open.contains(&&run.job.preset);
            if !is_in_question || !is_wanted(&run.job) {
                continue;
            }
            if next.last().is_none_or(|last| last.job.seed != run.job.seed) {
                if left == 0 {
                    break;
                }
                left -= 1;
            }
            next.push(run.clone());
        }
        next
    }
}
