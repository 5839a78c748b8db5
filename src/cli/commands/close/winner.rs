//! The winner's own training, and the network for use.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    judge::round_time,
    session::{Ended, Interrupted, Session, wait_for},
};
use crate::cli::process::{child, plan_training::PlanTraining};
use mindgap::{
    compare::{Job, Plan, PlannedRun},
    recipe::Recipe,
    run::RunFolder,
    search::{
        ENOUGH_EPOCHS, Half, Knob, LastTraining, PairedDifference, PerImage, Score, Settings, Stage, Trained, enough,
        longest_known, taught_by,
    },
    stats::counted,
    train::Failure,
};

/// The name of the winner's runs.
const FINAL: &str = "final";
/// What is kept back of the winner's time, since epochs vary.
const MARGIN: f64 = 0.97;

impl Session {
    /// Trains the winner on what is left of the budget.
    /// Fails if a run does.
    pub fn train_last(&mut self) -> Result<Ended> {
        if self.record.last.as_ref().is_some_and(|last| last.on_verdict.is_some()) {
            return Ok(Ended::Finished);
        }
        if self.record.last.is_none() {
            let last = match self.record.met {
                Some(index) => self.trial_as_winner(index)?,
                None => self.last_recipe()?,
            };
            self.record.last = Some(last);
            self.enter(Stage::Final)?;
        }
        let last = self.record.last.clone().context("the winner is known by now")?;
        // A trial in its place is trained.
        let is_done = |folder: &String| {
            RunFolder::open(folder.as_ref()).and_then(|run| run.done()).is_ok_and(|done| done.is_some())
        };
        if !last.folders.iter().all(is_done) {
            self.tell(format_args!("Winner: {}, {} …", last.what, counted(last.recipe.epochs as usize, "epoch")));
            match self.train(FINAL, &last.recipe) {
                Ok(Ended::Finished) => {}
                Ok(ended) => return Ok(ended),
                Err(error) if error.downcast_ref::<Interrupted>().is_some() => return Err(error),
                Err(error) if error.downcast_ref::<Failure>().is_some() => self.fall_back(error)?,
                Err(error) => return Err(error),
            }
        }
        let mut last = self.record.last.clone().context("the winner is known by now")?;
        if let Some(trial) = self.better_trial(&last)? {
            last = self.trial_as_winner(trial)?;
        }
        self.record.last = Some(self.measured(last)?);
        self.save()?;
        Ok(Ended::Finished)
    }

    /// The best trial of the winner, by index, where its val loss on the half that selects is lower than that of the training `last` by more than a
    /// standard error, paired image by image. That is noted. A trial that met the target stays.
    fn better_trial(&mut self, last: &Trained) -> Result<Option<usize>> {
        if self.record.met.is_some() {
            return Ok(None);
        }
        let winner = self.record.winner.as_ref().context("there is a winner by now")?.candidate;
        let finished = self.finished(winner);
        let best = finished.into_iter().min_by(|a, b| a.1.val_loss.total_cmp(&b.1.val_loss));
        let Some((index, score)) = best else { return Ok(None) };
        let of_last = PerImage::mean(self.per_seed(last, Half::Selection)?)?;
        let above = PairedDifference::of_loss(&of_last, &self.score(&self.record.trials[index])?)?;
        // Also false where it is not a number.
        let is_better = above.mean > above.se;
        if !is_better {
            return Ok(None);
        }
        let note = format!(
            "The winner's own training, of {}, ended at a val loss of {:.3} on the half that selects; its trial of {} had {:.3} and stands in its \
             place.",
            counted(last.recipe.epochs as usize, "epoch"),
            of_last.score().val_loss,
            self.record.trials[index].epochs,
            score.val_loss
        );
        self.tell(&note);
        self.record.note(note);
        Ok(Some(index))
    }

    /// Takes the winner's longest trial in place of its own training, which failed with `error`.
    /// Fails with that error where there is no such trial.
    fn fall_back(&mut self, error: anyhow::Error) -> Result<()> {
        let winner = self.record.winner.as_ref().context("there is a winner by now")?.candidate;
        let Some((index, _)) = self.finished(winner).pop() else { return Err(error) };
        self.record.last = Some(self.trial_as_winner(index)?);
        let note = format!("The winner's long training failed ({error:#}); its longest trial stands in its place.");
        self.tell(&note);
        self.record.note(note);
        Ok(())
    }

    /// The winner's recipe over as many epochs as are left.
    fn last_recipe(&mut self) -> Result<Trained> {
        let winner = self.record.winner.as_ref().context("there is a winner by now")?.candidate;
        let trainings = self.record.seeds as f64 * self.idling() + self.network_for_use();
        let settings = self.record.candidates[winner].settings;
        let fitting = self.epochs_in(settings.as_ref(), MARGIN * self.left() / trainings);
        self.note_few_epochs(fitting)?;
        if let Some(trial) = self.longer_trial(winner, fitting) {
            return self.trial_as_winner(trial);
        }
        let trials: Vec<(u32, Score)> =
            self.finished(winner).into_iter().map(|(index, score)| (self.record.trials[index].epochs, score)).collect();
        let mut what = self.record.candidates[winner].what.clone();
        let recipe = match settings {
            None => {
                let longest = trials.last().map(|(epochs, _)| *epochs);
                self.candidate_recipe(winner, longest_known(fitting, longest), self.record.seed)?
            }
            Some(settings) => {
                let base = self.base()?;
                let last = LastTraining::of(&settings, &trials, fitting, self.may_be_taught(&settings)?);
                if last.settings != settings {
                    what += &format!("; {}", Knob::Augmentation.levels()[last.settings.augmentation]);
                }
                last.notes.iter().for_each(|note| self.tell(note));
                last.notes.into_iter().for_each(|note| self.record.note(note));
                let recipe = base.recipe(&last.settings, last.epochs, self.record.seed);
                match last.teacher {
                    None => recipe,
                    Some(epochs) => {
                        what += &format!("; taught by its trial of {epochs} epochs");
                        taught_by(self.teacher_file(winner, epochs)?, recipe)
                    }
                }
            }
        };
        let folders = self.all_folders(FINAL, &recipe)?;
        Ok(Trained::new(what, recipe, folders))
    }

    /// Notes which budget would be enough, where only `fitting` epochs are left for the winner.
    fn note_few_epochs(&mut self, fitting: u32) -> Result<()> {
        let enough = enough(&self.trial_cost(&self.base()?));
        if fitting < ENOUGH_EPOCHS && enough > self.record.budget_seconds && self.record.met.is_none() {
            self.record.note(format!(
                "The time is enough for {} of the winner: a budget of {} would be enough for {ENOUGH_EPOCHS} or more.",
                counted(fitting as usize, "epoch"),
                round_time(enough)
            ));
        }
        Ok(())
    }

    /// The longest finished trial of the winner, where it had more than the `fitting` epochs that are left for the winner's own training.
    fn longer_trial(&mut self, winner: usize, fitting: u32) -> Option<usize> {
        let (index, _) = self.finished(winner).pop()?;
        let epochs = self.record.trials[index].epochs;
        if epochs <= fitting {
            return None;
        }
        let note = format!(
            "What is left of the time is enough for {fitting} epochs; the winner's longest trial, of {epochs} epochs, stands in its place."
        );
        self.tell(&note);
        self.record.note(note);
        Some(index)
    }

    /// The finished trials of a candidate with the first seed, by index, with their figures; the shortest first.
    fn finished(&self, candidate: usize) -> Vec<(usize, Score)> {
        let mut finished = Vec::new();
        for (index, trial) in self.record.trials.iter().enumerate() {
            if (trial.candidate, trial.seed) == (candidate, self.record.seed)
                && let Some(score) = trial.score()
            {
                finished.push((index, *score));
            }
        }
        finished.sort_by_key(|(index, _)| self.record.trials[*index].epochs);
        finished
    }

    /// Whether a trial may teach the winner with `settings`. With folds none does: the winner of each fold would need another teacher, and
    /// the network for use has none.
    fn may_be_taught(&self, settings: &Settings) -> Result<bool> {
        let base = self.base()?;
        let taught = taught_by(String::from("teacher"), base.recipe(settings, 1, self.record.seed));
        Ok(self.fold_count().is_none() && base.reference.teacher.is_none() && taught.validate().is_ok())
    }

    /// The network of the trial of `candidate` over `epochs` epochs with the first seed, as a file. It is that of the last epoch: the best one
    /// was chosen on all of val.
    fn teacher_file(&self, candidate: usize, epochs: u32) -> Result<String> {
        let seed = self.record.seed;
        let mut trials = self.record.trials.iter();
        let trial = trials.find(|trial| (trial.candidate, trial.epochs, trial.seed) == (candidate, epochs, seed));
        let folder = self.trial_folders(trial.context("the trial is known")?)?.swap_remove(0);
        let file = folder.join("last.pt").display().to_string();
        child::output(["export", &folder.display().to_string(), "--which", "last", "--out", &file, "--force"])
            .context("the trial that shall teach the winner cannot be exported")?;
        Ok(file)
    }

    /// A trial in the place of the winner's own training.
    fn trial_as_winner(&self, index: usize) -> Result<Trained> {
        let trial = &self.record.trials[index];
        let recipe = self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?;
        let folders = self.trial_folders(trial)?.iter().map(|folder| folder.display().to_string()).collect();
        Ok(Trained::new(self.record.candidates[trial.candidate].what.clone(), recipe, folders))
    }

    /// Trains one more network of the winner's recipe on the data without folds, for use. Returns its folder; none where a signal
    /// stopped it.
    /// Fails if it does.
    pub fn train_for_use(&mut self) -> Result<Option<PathBuf>> {
        let recipe = self.record.last.as_ref().context("the winner is trained")?.recipe.clone();
        let recipe = Recipe { folds: None, fold: None, ..recipe };
        let out = self.args.out.join("model");
        let flags = self.args.data.clone();
        let data = flags.open_without_near_leaks(&self.args.subject, &recipe, true)?;
        let job = Job { preset: FINAL.to_owned(), seed: recipe.seed, fold: None };
        let line = PlannedRun::new(job, flags.planned(&data)?, recipe)?;
        let (plan, _) = Plan::grow(&out, vec![line.clone()])?;
        let folder = plan.folder(&line.job);
        if !plan.is_done(&line.job) {
            self.tell("  one more network without folds, for use …");
            wait_for(&folder)?;
            let training = PlanTraining { data: &flags, compute: &self.args.compute, parallel: 1 };
            let threads = self.args.compute.threads_of_each(1);
            if !training.train_one(&plan, &line.job, threads, &self.stop, |_| ())? {
                return Ok(None);
            }
        }
        Ok(Some(folder))
    }
}
