//! The search itself: workers that train what the rungs ask for.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    clock::text_of,
    session::{Ended, Session},
};
use crate::cli::{
    flags::{compute::Compute, data::DataFlags},
    process::plan_training::PlanTraining,
};
use mindgap::{
    compare::{Plan, PlannedRun},
    recipe::Recipe,
    run::RunFolder,
    search::{
        Candidate, Half, Move, Next, Outcome, PairedDifference, PerImage, Rungs, Settings, Stage, Trial, choose, moves,
        next, propose, two_best,
    },
    stats::SequentialT,
};

/// Epochs on the first rung below which a network is not tried.
const LEAST_EPOCHS: f64 = 2.0;
/// How often a worker that has nothing to do looks again.
const PAUSE: Duration = Duration::from_millis(200);

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
            self.record.candidates.push(Candidate::start(Settings::start(self.record.start), &base.networks));
        }
        let Some(rungs) = self.record.plan.as_ref().and_then(|plan| plan.rungs.clone()) else {
            self.record.winner =
                Some(mindgap::search::Choice { candidate: 0, why: "the budget is too small to try others".into() });
            self.save()?;
            return Ok(Ended::Finished);
        };
        if self.args.plan {
            if self.plan_trials(&rungs)? == Ended::Planned {
                return Ok(Ended::Planned);
            }
        } else {
            let crew = Crew {
                data: self.args.data.clone(),
                compute: self.args.compute.clone(),
                jobs: self.args.jobs,
                rungs,
                running: Mutex::default(),
            };
            if crew.work(self)? == Ended::Stopped {
                return Ok(Ended::Stopped);
            }
        }
        self.choose_winner()?;
        self.save()?;
        Ok(Ended::Finished)
    }

    /// The recipe of a candidate over `epochs` epochs.
    pub fn candidate_recipe(&self, candidate: usize, epochs: u32, seed: u64) -> Result<Recipe> {
        let base = self.base()?;
        Ok(match &self.record.candidates[candidate].settings {
            Some(settings) => base.recipe(settings, epochs, seed),
            None => Recipe { seed, ..base.reference.epochs(epochs) },
        })
    }

    /// Seconds of one epoch of a candidate over all folds, with all threads.
    pub fn epoch_seconds(&self, candidate: usize) -> f64 {
        let pace = match &self.record.candidates[candidate].settings {
            Some(settings) => self.record.paces[settings.network].epoch_seconds * settings.passes(),
            None => self.record.reference_pace.as_ref().map_or(1.0, |pace| pace.epoch_seconds),
        };
        pace * self.folds()
    }

    /// The epochs of a candidate that fit into `seconds`, one at least.
    pub fn epochs_in(&self, candidate: usize, seconds: f64) -> u32 {
        let startup = self.record.startup_seconds * self.folds();
        (((seconds - startup) / self.epoch_seconds(candidate)).floor() as u32).clamp(1, 100_000)
    }

    /// The epochs of a candidate on a rung of `seconds`: those of an earlier trial of it at the same cost, so that an epoch more or less
    /// by rounding decides nothing.
    fn epochs_on(&self, rung: usize, candidate: usize, seconds: f64) -> u32 {
        let cost = |candidate: usize| {
            self.record.candidates[candidate].settings.map(|settings| (settings.network, settings.sharpness))
        };
        let is_alike = |trial: &&Trial| trial.rung == rung && cost(trial.candidate) == cost(candidate);
        match self.record.trials.iter().find(is_alike) {
            Some(before) => before.epochs,
            None => self.epochs_in(candidate, seconds),
        }
    }

    /// The trial that comes next, if one does.
    fn next_trial(&mut self, rungs: &Rungs) -> Result<Option<Trial>> {
        let wanted: Vec<Move> = moves(&self.record.needs);
        let mut networks = self.base()?.networks;
        networks.truncate(self.networks_in_reach(rungs));
        let record = &self.record;
        let is_begun = |candidate: usize| record.trials.iter().any(|trial| trial.candidate == candidate);
        let unbegun = (0..record.candidates.len()).find(|candidate| !is_begun(*candidate));
        let proposed = match unbegun {
            Some(_) => None,
            // A recipe of the user's own is tried early, as it is.
            None if record.is_own && record.candidates.len() == 1 => Some(Candidate::reference(1)),
            None => propose(&record.candidates, &record.trials, &wanted, &networks, rungs.candidates[0]),
        };
        let can_propose = unbegun.is_some() || proposed.is_some();
        let is_settled = self.is_settled(rungs)?;
        let seed = self.record.seed;
        let (candidate, rung, seed) = match next(rungs, &self.record.trials, seed, can_propose, is_settled) {
            Next::Propose => {
                self.record.candidates.extend(proposed);
                (unbegun.unwrap_or(self.record.candidates.len() - 1), 0, seed)
            }
            Next::Promote { candidate, rung } => (candidate, rung, seed),
            Next::Repeat { candidate, seed } => (candidate, rungs.seconds.len() - 1, seed),
            Next::Wait | Next::Done => return Ok(None),
        };
        let epochs = self.epochs_on(rung, candidate, rungs.seconds[rung]);
        Ok(Some(Trial { candidate, rung, seed, epochs, outcome: None }))
    }

    /// How many of the networks get two epochs on the first rung; that of the start is among them.
    fn networks_in_reach(&self, rungs: &Rungs) -> usize {
        let seconds = rungs.seconds[0] / self.folds() - self.record.startup_seconds;
        let paces = self.record.paces.iter();
        let fitting = paces.take_while(|pace| LEAST_EPOCHS * pace.epoch_seconds <= seconds).count();
        fitting.max(self.record.start + 1)
    }

    /// Whether the two best of the last rung are told apart, by the sequential test over seeds.
    fn is_settled(&self, rungs: &Rungs) -> Result<bool> {
        let last = rungs.seconds.len() - 1;
        let Some(pair) = two_best(&self.record.trials, last, self.record.seed) else { return Ok(false) };
        let loss = |candidate: usize, seed: u64| {
            let mut trials = self.record.trials.iter();
            trials.find(|t| t.rung == last && t.candidate == candidate && t.seed == seed).and_then(Trial::val_loss)
        };
        let seeds = self.record.seed..;
        let differences: Vec<f64> = seeds.map_while(|seed| Some(loss(pair[0], seed)? - loss(pair[1], seed)?)).collect();
        Ok(SequentialT::of(&differences).is_some_and(|test| test.p < 0.05))
    }

    /// Seconds that a trial is expected to take, with all threads.
    fn expected(&self, trial: &Trial) -> f64 {
        self.record.startup_seconds * self.folds() + f64::from(trial.epochs) * self.epoch_seconds(trial.candidate)
    }

    /// The runs of a trial, as lines of the plan.
    fn trial_lines(&self, trial: &Trial) -> Result<Vec<PlannedRun>> {
        self.lines(&trial.name(), &self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?)
    }

    /// Takes in the trials that other machines have trained, and writes those that can be trained now into the plan.
    fn plan_trials(&mut self, rungs: &Rungs) -> Result<Ended> {
        loop {
            let pending: Vec<Trial> =
                self.record.trials.iter().filter(|trial| trial.outcome.is_none()).cloned().collect();
            let mut is_open = false;
            for trial in &pending {
                let folders = self.trial_folders(trial)?;
                if folders.iter().all(|folder| folder.join(RunFolder::DONE).exists()) {
                    self.finish_trial(trial, Ok(()))?;
                } else {
                    is_open = true;
                }
            }
            if self.record.met.is_some() {
                return Ok(Ended::Finished);
            }
            let Some(trial) = self.next_trial(rungs)? else {
                self.save()?;
                return Ok(if is_open { Ended::Planned } else { Ended::Finished });
            };
            Plan::grow(&self.args.out, self.trial_lines(&trial)?)?;
            self.record.trials.push(trial);
        }
    }

    /// Takes in how a trial ended, and says it.
    fn finish_trial(&mut self, trial: &Trial, trained: Result<()>) -> Result<()> {
        let outcome = match trained.and_then(|()| self.score(trial)) {
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
        let is_it =
            |other: &&mut Trial| (other.candidate, other.rung, other.seed) == (trial.candidate, trial.rung, trial.seed);
        let is_finished = matches!(outcome, Outcome::Finished(_));
        if let Some(known) = self.record.trials.iter_mut().find(is_it) {
            known.outcome = Some(outcome);
        }
        if is_finished {
            self.update_pace(trial)?;
            self.check_target(trial)?;
        }
        self.save()
    }

    /// The losses of a trial on the half that selects.
    fn score(&self, trial: &Trial) -> Result<PerImage> {
        PerImage::read(&self.trial_folders(trial)?, Half::Selection)
    }

    fn trial_folders(&self, trial: &Trial) -> Result<Vec<PathBuf>> {
        self.folders(&trial.name(), &self.candidate_recipe(trial.candidate, trial.epochs, trial.seed)?)
    }

    /// Takes over what an epoch of the trial's network really took. With several runs at a time each has a share of the threads.
    fn update_pace(&mut self, trial: &Trial) -> Result<()> {
        let Some(settings) = self.record.candidates[trial.candidate].settings else { return Ok(()) };
        let Some(epoch) = super::session::epoch_seconds(&self.trial_folders(trial)?) else { return Ok(()) };
        let pace = &mut self.record.paces[settings.network];
        pace.epoch_seconds = epoch / settings.passes() / f64::from(self.args.jobs.max(1));
        pace.is_of_a_run = true;
        Ok(())
    }

    /// Chooses among the candidates of the highest rung that any finished.
    fn choose_winner(&mut self) -> Result<()> {
        let finished = self.record.trials.iter().filter(|trial| trial.val_loss().is_some());
        let highest = finished
            .clone()
            .map(|trial| trial.rung)
            .max()
            .context("no candidate could be trained; the reasons stand above and in close.json")?;
        let mut seeds: Vec<(usize, Vec<PerImage>)> = Vec::new();
        let of_rung: Vec<Trial> = finished.filter(|trial| trial.rung == highest).cloned().collect();
        for trial in &of_rung {
            let images = self.score(trial)?;
            match seeds.iter_mut().find(|(candidate, _)| *candidate == trial.candidate) {
                Some((_, seeds)) => seeds.push(images),
                None => seeds.push((trial.candidate, vec![images])),
            }
        }
        let mut means = Vec::new();
        for (candidate, seeds) in seeds {
            means.push((candidate, PerImage::mean(seeds)?));
        }
        self.record.winner = choose(&means)?;
        let winner = self.record.winner.clone().context("a candidate finished")?;
        self.record.results = self.results(&means, highest, winner.candidate)?;
        let candidate = &self.record.candidates[winner.candidate];
        self.tell(format_args!("Winner: {} ({}): {}", candidate.name, candidate.what, winner.why));
        Ok(())
    }

    /// What became of each candidate, in words.
    fn results(&self, means: &[(usize, PerImage)], highest: usize, winner: usize) -> Result<Vec<String>> {
        let mut results = Vec::new();
        for index in 0..self.record.candidates.len() {
            let of_it = || self.record.trials.iter().filter(move |trial| trial.candidate == index);
            let reached = of_it().filter(|trial| trial.val_loss().is_some()).map(|trial| trial.rung).max();
            results.push(match reached {
                _ if index == winner => "the winner".to_owned(),
                None => match of_it().find_map(|trial| match &trial.outcome {
                    Some(Outcome::Failed(why)) => Some(why.clone()),
                    _ => None,
                }) {
                    Some(why) => format!("failed: {why}"),
                    None => "not trained: the time was over".to_owned(),
                },
                Some(rung) if rung == highest => {
                    let of = |candidate: usize| means.iter().find(|(other, _)| *other == candidate);
                    match (of(index), of(winner)) {
                        (Some((_, own)), Some((_, best))) => above(&PairedDifference::of_loss(own, best)?, rung),
                        _ => "behind the winner".to_owned(),
                    }
                }
                Some(rung) => {
                    let loss = |trial: &Trial| {
                        (trial.rung == rung && trial.seed == self.record.seed).then(|| trial.val_loss()).flatten()
                    };
                    let best = self.record.trials.iter().filter_map(loss).fold(f64::INFINITY, f64::min);
                    let own = of_it().find_map(loss).unwrap_or(f64::NAN);
                    format!("val loss {:.3} above the best of rung {}", own - best, rung + 1)
                }
            });
        }
        Ok(results)
    }
}

fn above(difference: &PairedDifference, rung: usize) -> String {
    format!("val loss {:+.3} ± {:.3} against the winner on rung {}", difference.mean, difference.se, rung + 1)
}

/// Workers that train the trials of a search.
struct Crew {
    data: DataFlags,
    compute: Compute,
    jobs: u16,
    rungs: Rungs,
    /// The trials that a worker is training.
    running: Mutex<Vec<(usize, usize, u64)>>,
}

/// What no two trials share: candidate, rung, seed.
fn key(trial: &Trial) -> (usize, usize, u64) {
    (trial.candidate, trial.rung, trial.seed)
}

impl Crew {
    /// Trains until nothing is left to train, the time is over, or a signal stops it.
    fn work(&self, session: &mut Session) -> Result<Ended> {
        let stop = session.stop.clone();
        let limit = session.record.plan.as_ref().map_or(0.0, |plan| plan.budget - plan.rest - plan.last);
        let shared = Mutex::new(session);
        let outcomes: Vec<Result<()>> = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.jobs.max(1)).map(|_| scope.spawn(|| self.work_alone(&shared, limit, &stop))).collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            ended
                .map(|ended| ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a worker of the search ended badly"))))
                .collect()
        });
        outcomes.into_iter().collect::<Result<Vec<()>>>()?;
        let is_stopped = stop.load(std::sync::atomic::Ordering::Relaxed);
        Ok(if is_stopped { Ended::Stopped } else { Ended::Finished })
    }

    /// Trains one trial after the other.
    fn work_alone(&self, shared: &Mutex<&mut Session>, limit: f64, stop: &std::sync::atomic::AtomicBool) -> Result<()> {
        let training = PlanTraining { data: &self.data, compute: &self.compute, parallel: 1 };
        let threads = self.compute.threads_of_each(usize::from(self.jobs.max(1)));
        loop {
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            let begun = {
                let mut session = lock(shared);
                self.begin(&mut session, limit)?
            };
            let (trial, lines, plan) = match begun {
                Begun::Trial(trial, lines, plan) => (trial, lines, plan),
                Begun::Wait => {
                    thread::sleep(PAUSE);
                    continue;
                }
                Begun::Done => return Ok(()),
            };
            let mut trained = Ok(());
            for run in &lines {
                match training.train_one(&plan, &run.job, threads, stop, |_| ()) {
                    Ok(true) => {}
                    // Stopped: the trial has no outcome, and a resumed search continues it.
                    Ok(false) => return Ok(()),
                    Err(error) => {
                        trained = Err(error);
                        break;
                    }
                }
            }
            lock(shared).finish_trial(&trial, trained)?;
            self.running().retain(|running| *running != key(&trial));
        }
    }

    /// Chooses the next trial, if there is one and time for it.
    fn begin(&self, session: &mut Session, limit: f64) -> Result<Begun> {
        if session.record.met.is_some() {
            return Ok(Begun::Done);
        }
        // A process before this one may have been killed while it trained: what it began goes first, at the length it had.
        let is_left = |trial: &&Trial| trial.outcome.is_none() && !self.is_running(trial);
        if let Some(trial) = session.record.trials.iter().find(is_left).cloned() {
            return self.start(session, trial);
        }
        let is_any_running = session.record.trials.iter().any(|trial| trial.outcome.is_none());
        let Some(trial) = session.next_trial(&self.rungs)? else {
            return Ok(if is_any_running { Begun::Wait } else { Begun::Done });
        };
        let seconds = session.expected(&trial) * f64::from(self.jobs.max(1));
        // The first trial always runs, so that there is something to choose.
        if session.spent() + seconds > 1.02 * limit && !session.record.trials.is_empty() {
            return Ok(if is_any_running { Begun::Wait } else { Begun::Done });
        }
        session.record.trials.push(trial.clone());
        self.start(session, trial)
    }

    fn is_running(&self, trial: &Trial) -> bool {
        self.running().contains(&key(trial))
    }

    fn running(&self) -> MutexGuard<'_, Vec<(usize, usize, u64)>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Writes the runs of a trial into the plan, and says that it begins.
    fn start(&self, session: &mut Session, trial: Trial) -> Result<Begun> {
        let seconds = session.expected(&trial) * f64::from(self.jobs.max(1));
        let lines = session.trial_lines(&trial)?;
        let (plan, _) = Plan::grow(&session.args.out, lines.clone())?;
        session.save()?;
        self.running().push(key(&trial));
        let candidate = &session.record.candidates[trial.candidate];
        session.tell(format_args!(
            "  rung {}: {} for about {} ({} left); {}",
            trial.rung + 1,
            candidate.name,
            text_of(seconds),
            text_of(session.record.budget_seconds - session.spent()),
            candidate.why
        ));
        Ok(Begun::Trial(trial, lines, plan))
    }
}

/// What a free worker got.
enum Begun {
    Trial(Trial, Vec<PlannedRun>, Plan),
    Wait,
    Done,
}

fn lock<'a, 'b>(shared: &'a Mutex<&'b mut Session>) -> MutexGuard<'a, &'b mut Session> {
    // A panic of another worker leaves a record that can still be written.
    shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
