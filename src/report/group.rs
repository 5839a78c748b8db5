//! Runs of one recipe over several seeds, and their curves.

use super::Run;
use crate::{compare::MeanSd, run::EpochRecord, stats::Confusion};

/// The runs that differ in nothing but the seed.
#[derive(Clone, Debug)]
pub struct RunGroup {
    /// The preset, or what else the runs are called after.
    pub name: String,
    /// The runs, by seed.
    pub runs: Vec<Run>,
}

/// A figure after one epoch, over the runs that have come so far.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// The epoch, from 1.
    pub epoch: u32,
    /// The figure.
    pub figure: MeanSd,
}

impl CurvePoint {
    /// The mean less and plus one standard deviation.
    pub fn ends(&self) -> [f64; 2] {
        let sd = self.figure.sd.unwrap_or(0.0);
        [self.figure.mean - sd, self.figure.mean + sd]
    }
}

impl RunGroup {
    /// The runs of each recipe together, in the order in which the first of each comes. A seed that comes twice begins
    /// a group of its own.
    pub fn gather(runs: Vec<Run>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for mut run in runs {
            let same_recipe = |group: &Self| {
                let recipe = crate::recipe::Recipe { seed: group.runs[0].recipe.seed, ..run.recipe.clone() };
                let new_seed = group.runs.iter().all(|other| other.job.seed != run.job.seed);
                group.runs[0].recipe.diff(&recipe).is_empty() && new_seed
            };
            match groups.iter_mut().find(|group| same_recipe(group)) {
                Some(group) => {
                    run.job.preset.clone_from(&group.name);
                    group.runs.push(run);
                }
                None => {
                    let is_taken = |name: &str| groups.iter().any(|group| group.name == name);
                    let wanted = run.job.preset.clone();
                    let free = |number: &usize| !is_taken(&numbered(&wanted, *number));
                    run.job.preset = numbered(&wanted, (1..).find(free).unwrap_or(1));
                    groups.push(Self { name: run.job.preset.clone(), runs: vec![run] });
                }
            }
        }
        groups.iter_mut().for_each(|group| group.runs.sort_by_key(|run| run.job.seed));
        groups
    }

    /// The runs whose figures stand for the group: the finished ones or, as long as none is finished, all.
    pub fn shown(&self) -> Vec<&Run> {
        let finished: Vec<&Run> = self.runs.iter().filter(|run| run.is_finished()).collect();
        if finished.is_empty() { self.runs.iter().collect() } else { finished }
    }

    /// How often val images of each class were given each class, summed over the shown runs, which know so many
    /// `classes`; none where no run has been measured.
    pub fn confusion(&self, classes: usize) -> Option<Confusion> {
        let mut confusion = Confusion::new(classes, &[], &[]);
        let measured: Vec<_> = self.shown().into_iter().filter_map(|run| run.val.as_ref()).collect();
        for answers in &measured {
            confusion.add(&answers.labels, &answers.predicted);
        }
        (!measured.is_empty()).then_some(confusion)
    }

    /// `figure` over the epochs.
    pub fn curve(&self, figure: impl Fn(&EpochRecord) -> f64) -> Vec<CurvePoint> {
        let shown = self.shown();
        let epochs = shown.iter().flat_map(|run| run.epochs.last()).map(|record| record.epoch).max().unwrap_or(0);
        let at = |epoch: u32| {
            let records = shown.iter().filter_map(|run| run.epochs.iter().find(|record| record.epoch == epoch));
            let values: Vec<f64> = records.map(&figure).filter(|value| value.is_finite()).collect();
            (!values.is_empty()).then(|| CurvePoint { epoch, figure: MeanSd::of(values) })
        };
        (1..=epochs).filter_map(at).collect()
    }

    /// The epochs that its recipe asks for.
    pub fn epochs(&self) -> u32 {
        self.runs[0].recipe.epochs
    }
}

fn numbered(name: &str, number: usize) -> String {
    if number == 1 { name.to_owned() } else { format!("{name} ({number})") }
}
