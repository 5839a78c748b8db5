//! What the two trainings of a search that count, reference and winner, have in common.

use anyhow::Result;

use super::session::Session;
use mindgap::{
    compare::PlannedRun,
    recipe::Recipe,
    run::RunFolder,
    search::{Half, PerImage, Trained},
};

impl Session {
    /// How many times as long the runs of reference or winner take as they would if all workers were busy to the end: the last round may have
    /// fewer runs than workers.
    pub fn idling(&self) -> f64 {
        let runs = self.runs();
        let jobs = f64::from(self.record.jobs.max(1)).min(runs);
        (runs / jobs).ceil() * jobs / runs
    }

    /// The time of one more network, as a share of that of the winner with one seed: with folds one is trained on the images of all of
    /// them, for use.
    pub fn network_for_use(&self) -> f64 {
        if self.fold_count().is_some() { 1.0 / (self.folds() - 1.0) } else { 0.0 }
    }

    /// The folders of all seeds and folds of `recipe` under `name`.
    pub fn all_folders(&self, name: &str, recipe: &Recipe) -> Result<Vec<String>> {
        let folder = |run: &PlannedRun| self.args.out.join(run.job.name()).display().to_string();
        Ok(self.lines_of_seeds(name, recipe)?.iter().map(folder).collect())
    }

    /// `trained` with its figures.
    pub fn measured(&self, trained: Trained) -> Result<Trained> {
        let score = |half| -> Result<_> { Ok(PerImage::mean(self.per_seed(&trained, half)?)?.score()) };
        let mut seconds = 0.0;
        for folder in &trained.folders {
            seconds += RunFolder::open(folder.as_ref())?.done()?.map_or(0.0, |done| done.cost.seconds);
        }
        Ok(Trained {
            seconds,
            on_selection: Some(score(Half::Selection)?),
            on_verdict: Some(score(Half::Verdict)?),
            ..trained
        })
    }

    /// The losses of each seed of `trained` on a half of val.
    pub fn per_seed(&self, trained: &Trained, half: Half) -> Result<Vec<PerImage>> {
        let folds = self.fold_count().unwrap_or(1) as usize;
        trained.folders.chunks(folds).map(|folders| PerImage::read(folders, half)).collect()
    }
}
