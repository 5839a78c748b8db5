//! The search itself: which trial comes next, and what came of it.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result};

use super::{
    crew::Crew,
    epoch_time::epoch_seconds,
    session::{Ended, Session},
};
use mindgap::{
    compare::{Plan, PlannedRun},
    recipe::Recipe,
    run::RunFolder,
    search::{
        Candidate, Choice, Half, Knob, Next, Outcome, PerImage, Rungs, Settings, Space, Stage, Trial, moves, next,
        of_length, propose, two_best,
    },
    stats::SequentialT,
};

/// Epochs on the first rung below which a network is not tried.
const LEAST_EPOCHS: f64 = 2.0;
/// How many times as costly as the start's network another one may be.
const MOST_COST: f64 = 2.5;

impl Session {
    /// Tries candidates until the time of the search is over, and chooses the winner.
    /// Fails if a file cannot be written, or no candidate could be trained.
    pub fn search(&mut self) -> Result<Ended> {
        if self.record.winner.is_some() {
            return Ok(Ended::Finished);
        }
        self.enter(Stage::Search)?;
        if self.record.candidates.is_empty() {
            let base = self.base()?;
            let start = base.start(self.record.start);
            let start = if self.may_mirror() { start } else { start.with(Knob::Flip, 0) };
            self.record.candidates.push(Candidate::start(start, &base.networks, base.is_own));
        }
        self.shorten_rungs();
        let Some(rungs) = self.record.plan.as_ref().and_then(|plan| plan.rungs.clone()) else {
            let why = "the budget is too small to try others".into();
            self.record.winner = Some(Choice { candidate: 0, why });
            self.save()?;
            return Ok(Ended::Finished);
        };
        let ended = if self.args.plan {
            self.plan_trials(&rungs)?
        } else {
            Crew::new(self.args.data.clone(), self.args.compute.clone(), self.record.jobs, rungs).work(self)?
        };
        if ended != Ended::Finished {
            return Ok(ended);
        }
        self.choose_winner()?;
        self.save()?;
        Ok(Ended::Finished)
    }

    /// Shortens the trials in proportion where reference and findings took longer than planned: with the planned length the last one, which is the
    /// longest, would not fit. With --plan the time is that of other machines.
    fn shorten_rungs(&mut self) {
        let spent = self.spent();
        let Some(plan) = self.record.plan.as_mut().filter(|_| self.record.trials.is_empty() && !self.args.plan) else {
            return;
        };
        let left = plan.budget - plan.rest - plan.last - spent;
        if let Some(rungs) = plan.rungs.as_mut().filter(|_| left > 0.0 && left < plan.search) {
            rungs.seconds.iter_mut().for_each(|seconds| *seconds *= left / plan.search);
        }
    }

    /// The recipe of a candidate over `epochs` epochs.
    pub fn candidate_recipe(&self, candidate: usize, epochs: u32, seed: u64) -> Result<Recipe> {
        let base = self.base()?;
        Ok(match &self.record.candidates[candidate].settings {
            Some(settings) => base.recipe(settings, epochs, seed),
            None => Recipe { seed, ..of_length(&base.reference, epochs) },
        })
    }

    /// Seconds of one epoch of a candidate with `settings` over all folds, with all threads; of the reference without them.
    fn epoch_seconds(&self, settings: Option<&Settings>) -> f64 {
        let pace = match settings {
            Some(settings) => self.record.paces[settings.network].epoch_seconds * settings.passes(),
            None => self.record.reference_pace.as_ref().map_or(1.0, |pace| pace.epoch_seconds),
        };
        pace * self.folds()
    }

    /// Seconds of `epochs` such epochs, with what a training takes beside them.
    fn seconds_of(&self, epochs: u32, settings: Option<&Settings>) -> f64 {
        self.record.startup_seconds * self.folds() + f64::from(epochs) * self.epoch_seconds(settings)
    }

    /// Such epochs that fit into `seconds`, one at least.
    pub fn epochs_in(&self, settings: Option<&Settings>, seconds: f64) -> u32 {
        let seconds = seconds - self.seconds_of(0, settings);
        ((seconds / self.epoch_seconds(settings)).floor() as u32).clamp(1, 100_000)
    }

    /// Those on a rung of `seconds`: as many as an earlier trial of the same cost had there, so that an epoch more or less by rounding decides
    /// nothing.
    fn epochs_on(&self, rung: usize, settings: Option<&Settings>, seconds: f64) -> u32 {
        let cost = |settings: Option<&Settings>| settings.map(|settings| (settings.network, settings.sharpness));
        let is_alike = |trial: &&Trial| {
            trial.rung == rung && cost(self.record.candidates[trial.candidate].settings.as_ref()) == cost(settings)
        };
        match self.record.trials.iter().find(is_alike) {
            Some(before) => before.epochs,
            None => self.epochs_in(settings, seconds),
        }
    }

    /// The trial that comes next, if one does, with its candidate where that is a new one.
    fn next_trial(&self, rungs: &Rungs) -> Result<Option<(Trial, Option<Candidate>)>> {
        let record = &self.record;
        let proposed = if record.trials.is_empty() { None } else { self.propose(rungs)? };
        // The start is a candidate from the beginning.
        let can_propose = record.trials.is_empty() || proposed.is_some();
        let chosen = next(rungs, &record.trials, record.seed, can_propose, self.is_settled(rungs));
        let (candidate, rung, seed) = match chosen {
            Next::Propose if proposed.is_none() => (0, 0, record.seed),
            Next::Propose => (record.candidates.len(), 0, record.seed),
            Next::Promote { candidate, rung } => (candidate, rung, record.seed),
            Next::Repeat { candidate, seed } => (candidate, rungs.seconds.len() - 1, seed),
            Next::Wait | Next::Done => return Ok(None),
        };
        let proposed = proposed.filter(|_| candidate == record.candidates.len());
        let known =
            proposed.as_ref().or_else(|| record.candidates.get(candidate)).context("a trial has a candidate")?;
        let epochs = self.epochs_on(rung, known.settings.as_ref(), rungs.seconds[rung]);
        Ok(Some((Trial { candidate, rung, seed, epochs, outcome: None }, proposed)))
    }

    /// The next candidate, if there is another one.
    fn propose(&self, rungs: &Rungs) -> Result<Option<Candidate>> {
        let record = &self.record;
        // A recipe of the user's own is tried early, as it is.
        if record.is_own && record.candidates.len() == 1 {
            return Ok(Some(Candidate::reference(1)));
        }
        let base = self.base()?;
        let may_mirror = self.may_mirror();
        let is_valid = |settings: &Settings| (may_mirror || settings.flip == 0) && base.takes(settings);
        let space = Space { networks: &base.networks, reach: self.networks_in_reach(rungs), is_valid: &is_valid };
        Ok(propose(&record.candidates, &record.trials, &moves(&record.needs), &space, rungs.candidates[0]))
    }

    /// The trial that comes next, if one does and `may_begin`, which is asked with the seconds that it will take, with all threads. It stands in
    /// the record then.
    pub fn begin_trial(
        &mut self,
        rungs: &Rungs,
        may_begin: impl Fn(&Self, &Trial, f64) -> bool,
    ) -> Result<Option<Trial>> {
        let Some((trial, proposed)) = self.next_trial(rungs)? else { return Ok(None) };
        let settings = match &proposed {
            Some(candidate) => candidate.settings,
            None => self.record.candidates[trial.candidate].settings,
        };
        if !may_begin(self, &trial, self.seconds_of(trial.epochs, settings.as_ref())) {
            return Ok(None);
        }
        self.record.candidates.extend(proposed);
        // The record first: a plan that knows more than the record could not be continued.
        self.record.trials.push(trial.clone());
        self.save()?;
        Ok(Some(trial))
    }

    /// How many of the networks get two epochs on the first rung and are not much costlier than that of the start, which is among
    /// them: in equal time a much costlier one has too few epochs to be compared.
    fn networks_in_reach(&self, rungs: &Rungs) -> usize {
        let seconds = rungs.seconds[0] / self.folds() - self.record.startup_seconds;
        let most = MOST_COST * self.record.paces[self.record.start].epoch_seconds;
        let is_fitting = |epoch: f64| LEAST_EPOCHS * epoch <= seconds && epoch <= most;
        let fitting = self.record.paces.iter().take_while(|pace| is_fitting(pace.epoch_seconds)).count();
        fitting.max(self.record.start + 1)
    }

    /// Whether the two best of the last rung are told apart, by the sequential test over the seeds that both finished.
    fn is_settled(&self, rungs: &Rungs) -> bool {
        let last = rungs.seconds.len() - 1;
        let Some([best, other]) = two_best(&self.record.trials, last, self.record.seed) else { return false };
        let losses = |candidate: usize| -> BTreeMap<u64, f64> {
            let trials = self.record.trials.iter().filter(|trial| trial.rung == last && trial.candidate == candidate);
            // The first seed chose the two, and which of them comes first.
            let further = trials.filter(|trial| trial.seed != self.record.seed);
            further.filter_map(|trial| Some((trial.seed, trial.val_loss()?))).collect()
        };
        let (of_best, of_other) = (losses(best), losses(other));
        let differences: Vec<f64> =
            of_best.iter().filter_map(|(seed, loss)| Some(loss - of_other.get(seed)?)).collect();
        SequentialT::of(&differences).is_some_and(|test| test.p < 0.05)
    }

    /// Seconds that a trial is expected to take, with all threads.
    pub fn expected(&self, trial: &Trial) -> f64 {
        self.seconds_of(trial.epochs, self.record.candidates[trial.candidate].settings.as_ref())
    }

    /// The runs of a trial, as lines of the plan.
    pub fn trial_lines(&self, trial: &Trial) -> Result<Vec<PlannedRun>> {
        self.lines(&trial.name(), &self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?)
    }

    /// Takes in the trials that other machines have trained, and writes those that can be trained now into the plan.
    fn plan_trials(&mut self, rungs: &Rungs) -> Result<Ended> {
        loop {
            let mut is_open = false;
            for trial in self.record.trials.clone().iter().filter(|trial| trial.outcome.is_none()) {
                // A process that was killed may have recorded it and not planned it.
                self.plan_trial(trial)?;
                let folders = self.trial_folders(trial)?;
                let is_done = folders.iter().all(|folder| folder.join(RunFolder::DONE).exists());
                // The files of another machine may arrive one after the other.
                match is_done.then(|| self.score(trial)) {
                    Some(Ok(images)) => self.finish_trial(trial, Ok(images))?,
                    Some(Err(error)) => {
                        self.tell(format_args!("  {error:#}; it is waited for"));
                        is_open = true;
                    }
                    None => is_open = true,
                }
            }
            if self.record.met.is_some() {
                return Ok(Ended::Finished);
            }
            // Each further seed would wait for another round of workers.
            let Some(trial) = self.begin_trial(rungs, |session, trial, _| trial.seed == session.record.seed)? else {
                self.save()?;
                return Ok(if is_open { Ended::Planned } else { Ended::Finished });
            };
            self.plan_trial(&trial)?;
        }
    }

    /// Writes the runs of a trial into the plan, where they do not stand in it yet.
    fn plan_trial(&mut self, trial: &Trial) -> Result<()> {
        match self.trial_lines(trial) {
            Ok(lines) => Plan::grow(&self.args.out, lines).map(drop),
            Err(error) => self.finish_trial(trial, Err(error)),
        }
    }

    /// Takes in how a trial ended, with its losses on the half that selects or the error, and says it.
    pub fn finish_trial(&mut self, trial: &Trial, images: Result<PerImage>) -> Result<()> {
        let outcome = match images {
            Ok(images) => Outcome::Finished(images.score()),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        let candidate = &self.record.candidates[trial.candidate];
        let what = match &outcome {
            Outcome::Finished(score) => {
                format!("val loss {:.3}, gap {:.3} (half of val)", score.val_loss, score.gap_loss)
            }
            Outcome::Failed(why) => format!("failed: {why}"),
        };
        self.tell(format_args!(
            "  rung {}, {} (seed {}), {} epochs: {what}; {}",
            trial.rung + 1,
            candidate.name,
            trial.seed,
            trial.epochs,
            candidate.what
        ));
        let is_finished = matches!(outcome, Outcome::Finished(_));
        if let Some(known) = self.record.trials.iter_mut().find(|known| known.key() == trial.key()) {
            known.outcome = Some(outcome);
        }
        if is_finished {
            self.update_pace(trial)?;
            self.check_target(trial)?;
        }
        self.save()
    }

    /// The losses of a trial on the half that selects.
    pub fn score(&self, trial: &Trial) -> Result<PerImage> {
        PerImage::read(&self.trial_folders(trial)?, Half::Selection)
    }

    /// The folders of the runs of a trial.
    pub fn trial_folders(&self, trial: &Trial) -> Result<Vec<PathBuf>> {
        self.folders(&trial.name(), &self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?)
    }

    /// Takes over what an epoch of the trial's network really took.
    fn update_pace(&mut self, trial: &Trial) -> Result<()> {
        // Of several runs at a time it is not known what each would take alone.
        if self.record.jobs > 1 {
            return Ok(());
        }
        let Some(settings) = self.record.candidates[trial.candidate].settings else { return Ok(()) };
        let Some(epoch) = epoch_seconds(&self.trial_folders(trial)?) else { return Ok(()) };
        let pace = &mut self.record.paces[settings.network];
        pace.epoch_seconds = epoch / settings.passes();
        pace.is_of_a_run = true;
        Ok(())
    }
}
