//! The reference and the winner: the two trainings of a search that count.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::session::{Ended, Session, epoch_seconds, wait_for};
use crate::cli::process::{child, plan_training::PlanTraining};
use mindgap::{
    compare::{Job, Plan, PlannedRun},
    gap::{Case, Id, diagnose},
    recipe::Recipe,
    run::RunFolder,
    search::{
        Half, Knob, LastTraining, Need, Outcome, PerImage, Score, Settings, Stage, Trained, longest_known, of_length,
        taught_by,
    },
    train::Failure,
};

/// The name of the reference's runs.
const REFERENCE: &str = "reference";
/// The name of the winner's runs.
const FINAL: &str = "final";
/// What is kept back of the winner's time, since epochs vary.
const MARGIN: f64 = 0.97;

impl Session {
    /// Trains the reference within its share, and asks the findings about it what to try.
    /// Fails if a run does.
    pub fn train_reference(&mut self) -> Result<Ended> {
        let plan = self.record.plan.clone().context("the plan is made by now")?;
        let reference = self.record.reference.clone().context("the reference is known")?;
        if reference.folders.is_empty() {
            let pace = self.record.reference_pace.as_ref().map_or(1.0, |pace| pace.epoch_seconds);
            let runs = self.runs() * self.idling();
            let epochs = ((plan.reference / runs - self.record.startup_seconds) / pace).floor();
            let epochs = (epochs as u32).clamp(1, reference.recipe.epochs);
            let recipe = Recipe { seed: self.record.seed, ..of_length(&reference.recipe, epochs) };
            let folders = self.all_folders(REFERENCE, &recipe)?;
            self.record.reference = Some(Trained { recipe, folders, ..reference });
            self.enter(Stage::Reference)?;
        }
        let Trained { what, recipe, on_verdict, .. } =
            self.record.reference.clone().context("the reference is known")?;
        if on_verdict.is_some() {
            return Ok(Ended::Finished);
        }
        self.tell(format_args!("Reference: {what}, {} …", epochs(recipe.epochs)));
        let before = self.spent();
        let ended = self.train(REFERENCE, &recipe)?;
        if ended != Ended::Finished {
            return Ok(ended);
        }
        self.learn_times(before)?;
        let trained = self.record.reference.clone().context("the reference is known")?;
        let measured = self.measured(trained)?;
        // Figures of the half that judges mark a reference of which all is known.
        self.record.reference = Some(Trained { on_verdict: None, ..measured.clone() });
        self.diagnose_reference()?;
        self.test_mirroring()?;
        self.record.reference = Some(measured);
        self.save()?;
        Ok(Ended::Finished)
    }

    /// How many times as long the runs of reference or winner take as they would if all workers were busy to the end: the last round may have
    /// fewer runs than workers.
    fn idling(&self) -> f64 {
        let runs = self.runs();
        let jobs = f64::from(self.args.jobs.max(1)).min(runs);
        (runs / jobs).ceil() * jobs / runs
    }

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
            self.tell(format_args!("Winner: {}, {} …", last.what, epochs(last.recipe.epochs)));
            match self.train(FINAL, &last.recipe) {
                Ok(Ended::Finished) => {}
                Ok(ended) => return Ok(ended),
                Err(error) if error.downcast_ref::<Failure>().is_some() => self.fall_back(error)?,
                Err(error) => return Err(error),
            }
        }
        let last = self.record.last.clone().context("the winner is known by now")?;
        self.record.last = Some(self.measured(last)?);
        self.save()?;
        Ok(Ended::Finished)
    }

    /// Takes the winner's longest trial in place of its own training, which failed with `error`.
    /// Fails with that error where there is no such trial.
    fn fall_back(&mut self, error: anyhow::Error) -> Result<()> {
        let winner = self.record.winner.as_ref().map(|winner| winner.candidate);
        let trials = self.record.trials.iter().enumerate();
        let finished = trials.filter(|(_, trial)| Some(trial.candidate) == winner && trial.val_loss().is_some());
        let Some((index, _)) = finished.max_by_key(|(_, trial)| trial.rung) else { return Err(error) };
        self.record.last = Some(self.trial_as_winner(index)?);
        let note = format!("The winner's long training failed ({error:#}); its longest trial stands in its place.");
        self.tell(&note);
        self.record.note(note);
        Ok(())
    }

    /// The winner's recipe over as many epochs as are left.
    fn last_recipe(&mut self) -> Result<Trained> {
        let winner = self.record.winner.as_ref().context("there is a winner by now")?.candidate;
        let mut seconds = MARGIN * self.left() / self.record.seeds as f64 / self.idling();
        if self.fold_count().is_some() {
            // With folds one more network is trained, for use, on the images of all of them.
            seconds *= 1.0 - 1.0 / self.folds();
        }
        let fitting = self.epochs_in(winner, seconds);
        if let Some(trial) = self.longer_trial(winner, fitting) {
            return self.trial_as_winner(trial);
        }
        let mut what = self.record.candidates[winner].what.clone();
        let recipe = match self.record.candidates[winner].settings {
            None => {
                let longest = self.trials_of(winner).last().map(|(epochs, _)| *epochs);
                self.candidate_recipe(winner, longest_known(fitting, longest), self.record.seed)?
            }
            Some(settings) => {
                let base = self.base()?;
                let last =
                    LastTraining::of(&settings, &self.trials_of(winner), fitting, self.may_be_taught(&settings)?);
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

    /// The longest finished trial of the winner with the first seed, where it had more than the `fitting` epochs that are left for the winner's
    /// own training.
    fn longer_trial(&mut self, winner: usize, fitting: u32) -> Option<usize> {
        let trials = self.record.trials.iter().enumerate().filter(|(_, trial)| {
            trial.candidate == winner && trial.seed == self.record.seed && trial.val_loss().is_some()
        });
        let (index, trial) =
            trials.max_by_key(|(_, trial)| trial.epochs).filter(|(_, trial)| trial.epochs > fitting)?;
        let note = format!(
            "What is left of the time is enough for {fitting} epochs; the winner's longest trial, of {} epochs, stands in its place.",
            trial.epochs
        );
        self.tell(&note);
        self.record.note(note);
        Some(index)
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

    /// Epochs and figures of the finished trials of a candidate with the first seed, the shortest first.
    fn trials_of(&self, candidate: usize) -> Vec<(u32, Score)> {
        let mut trials = Vec::new();
        for trial in &self.record.trials {
            if let (Some(Outcome::Finished(score)), true, true) =
                (&trial.outcome, trial.candidate == candidate, trial.seed == self.record.seed)
            {
                trials.push((trial.epochs, *score));
            }
        }
        trials.sort_by_key(|(epochs, _)| *epochs);
        trials
    }

    /// A trial in the place of the winner's own training.
    fn trial_as_winner(&self, index: usize) -> Result<Trained> {
        let trial = &self.record.trials[index];
        let recipe = self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?;
        let folders = self.trial_folders(trial)?.iter().map(|folder| folder.display().to_string()).collect();
        Ok(Trained::new(self.record.candidates[trial.candidate].what.clone(), recipe, folders))
    }

    /// The folders of all seeds and folds of `recipe` under `name`.
    fn all_folders(&self, name: &str, recipe: &Recipe) -> Result<Vec<String>> {
        let folder = |run: &PlannedRun| self.args.out.join(run.job.name()).display().to_string();
        Ok(self.lines_of_seeds(name, recipe)?.iter().map(folder).collect())
    }

    /// `trained` with its figures.
    fn measured(&self, trained: Trained) -> Result<Trained> {
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

    /// The folders of the reference with one seed.
    pub fn reference_folders(&self, seed: u64) -> Result<Vec<PathBuf>> {
        let recipe = &self.record.reference.as_ref().context("the reference is known")?.recipe;
        self.folders(REFERENCE, &Recipe { seed, ..recipe.clone() })
    }

    /// Takes over what the reference's epochs and starts took. `before` is the time spent before it began.
    fn learn_times(&mut self, before: f64) -> Result<()> {
        let reference = self.record.reference.as_ref().context("the reference is known")?;
        let (folders, epochs) = (reference.folders.clone(), reference.recipe.epochs);
        let Some(epoch) = epoch_seconds(&folders) else { return Ok(()) };
        let jobs = f64::from(self.args.jobs.max(1)).min(folders.len() as f64);
        let rounds = (folders.len() as f64 / jobs).ceil();
        let startup = (self.spent() - before) / rounds - epoch * f64::from(epochs);
        // A resumed reference began before `before`.
        if startup > 0.0 {
            self.record.startup_seconds = startup / jobs;
        }
        let Some(pace) = &mut self.record.reference_pace else { return Ok(()) };
        let slower = epoch / jobs / pace.epoch_seconds;
        pace.epoch_seconds = epoch / jobs;
        pace.is_of_a_run = true;
        // What a few seconds measured is corrected by as much, within reason: the machine is busier, or evaluation costs more.
        for pace in self.record.paces.iter_mut().filter(|pace| !pace.is_of_a_run) {
            pace.epoch_seconds *= slower.clamp(0.5, 2.0);
        }
        Ok(())
    }

    /// What the findings about the reference ask for.
    fn diagnose_reference(&mut self) -> Result<()> {
        let folder = self.reference_folders(self.record.seed)?.swap_remove(0);
        let diagnosis = diagnose(&Case::of_run(&folder)?);
        let mut titles = Vec::new();
        for finding in &diagnosis.findings {
            if let Some(need) = need(finding.id) {
                titles.push(finding.title.clone());
                if !self.record.needs.contains(&need) {
                    self.record.needs.push(need);
                }
            }
        }
        let score = self.record.reference.as_ref().and_then(|reference| reference.on_selection);
        let figures = score.map_or(String::new(), |score| {
            format!("val loss {:.3}, gap {:.3} (half of val)", score.val_loss, score.gap_loss)
        });
        let findings = if titles.is_empty() { "nothing found".to_owned() } else { titles.join("; ") };
        self.tell(format_args!("  {figures}; {findings}"));
        self.record.findings = titles;
        Ok(())
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

/// A number of epochs in words.
fn epochs(count: u32) -> String {
    if count == 1 { "1 epoch".to_owned() } else { format!("{count} epochs") }
}

/// What a finding asks for.
fn need(id: Id) -> Option<Need> {
    Some(match id {
        Id::GapHarmful | Id::Memorised | Id::GapOpens => Need::OverFits,
        Id::Overconfident => Need::Overconfident,
        Id::Underfit => Need::UnderFits,
        Id::RateTooHigh | Id::Diverged => Need::RateTooHigh,
        Id::RateTooLow => Need::RateTooLow,
        Id::LabelNoise => Need::NoisyLabels,
        _ => return None,
    })
}
