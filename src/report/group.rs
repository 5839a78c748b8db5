//! Runs of one recipe over several seeds, and their curves.

use super::ReportedRun;
use crate::{compare::MeanSd, run::EpochRecord, stats::Confusion};

/// The runs of one recipe on the same data, which differ in nothing but the seed and the fold that validates.
#[derive(Clone, Debug)]
pub struct RunGroup {
    /// The preset, or the name of the runs' folders without the seed.
    pub name: String,
    /// The runs, sorted by seed and fold.
    pub runs: Vec<ReportedRun>,
}

/// A figure after one epoch, over the runs that have reached it.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The figure.
    pub figure: MeanSd,
}

impl CurvePoint {
    /// The mean minus and plus one standard deviation.
    pub fn ends(&self) -> [f64; 2] {
        let sd = self.figure.sd.unwrap_or(0.0);
        [self.figure.mean - sd, self.figure.mean + sd]
    }
}

impl RunGroup {
    /// Groups the runs by recipe and data, in the order in which the first run of each comes. A seed that comes twice begins a
    /// group of its own.
    pub fn gather(runs: Vec<ReportedRun>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for mut run in runs {
            match groups.iter_mut().find(|group| group.takes(&run)) {
                Some(group) => {
                    run.job.preset.clone_from(&group.name);
                    group.runs.push(run);
                }
                None => {
                    run.job.preset = free_name(&run.job.preset, &groups);
                    groups.push(Self { name: run.job.preset.clone(), runs: vec![run] });
                }
            }
        }
        for group in &mut groups {
            group.runs.sort_by_key(|run| (run.job.seed, run.job.fold));
        }
        groups
    }

    /// Whether `run` differs from the group's runs in seed or fold and in nothing else.
    fn takes(&self, run: &ReportedRun) -> bool {
        let place = |run: &ReportedRun| (run.job.seed, run.job.fold);
        let is_new = self.runs.iter().all(|other| place(other) != place(run));
        let is_same = match (&self.runs[0].recipe, &run.recipe) {
            (Some(own), Some(other)) => {
                let first = &self.runs[0];
                let data = &first.environment.data;
                own.is_same_but_seed_and_fold(other)
                    && data.is_same(&run.environment.data, first.job.fold == run.job.fold)
            }
            // Of recorded runs only the folder's name says what they are.
            (None, None) => self.name == run.job.preset,
            _ => false,
        };
        is_same && is_new
    }

    /// The runs whose figures are shown: the finished ones or, where none is finished, all.
    pub fn shown(&self) -> Vec<&ReportedRun> {
        let finished: Vec<&ReportedRun> = self.runs.iter().filter(|run| run.is_finished()).collect();
        if finished.is_empty() { self.runs.iter().collect() } else { finished }
    }

    /// How often val images of each class were predicted as each class, summed over the shown runs; None where no run has
    /// predictions. `classes` is the number of classes.
    pub fn confusion(&self, classes: usize) -> Option<Confusion> {
        let mut confusion = Confusion::new(classes, &[], &[]);
        let measured: Vec<_> = self.shown().into_iter().filter_map(|run| run.val.as_ref()).collect();
        for answers in &measured {
            confusion.add(&answers.labels, &answers.predicted);
        }
        (!measured.is_empty()).then_some(confusion)
    }

    /// The curve of `figure` over the epochs: of each epoch the mean over the shown runs that have it as a finite number.
    pub fn curve(&self, figure: impl Fn(&EpochRecord) -> f64) -> Vec<CurvePoint> {
        let shown = self.shown();
        let epochs = shown.iter().filter_map(|run| run.epochs.last()).map(|record| record.epoch).max().unwrap_or(0);
        let mut curve = Vec::new();
        for epoch in 1..=epochs {
            let records = shown.iter().filter_map(|run| run.epochs.iter().find(|record| record.epoch == epoch));
            let values: Vec<f64> = records.map(&figure).filter(|value| value.is_finite()).collect();
            if !values.is_empty() {
                curve.push(CurvePoint { epoch, figure: MeanSd::of(values) });
            }
        }
        curve
    }

    /// The number of epochs in the recipe; of recorded runs, the last epoch that any of them has reached.
    pub fn epochs(&self) -> u32 {
        let reached = self.runs.iter().filter_map(|run| run.epochs.last()).map(|record| record.epoch).max();
        self.runs[0].recipe.as_ref().map_or(reached.unwrap_or(0), |recipe| recipe.epochs)
    }
}

/// `wanted`, or the first of `wanted (2)`, `wanted (3)`, … that no group has.
fn free_name(wanted: &str, groups: &[RunGroup]) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while groups.iter().any(|group| group.name == name) {
        number += 1;
        name = format!("{wanted} ({number})");
    }
    name
}
