//! The workers of a search.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};

use super::{
    clock::text_of,
    session::{Ended, Session, wait_for},
};
use crate::cli::{
    flags::{compute::Compute, data::DataFlags},
    process::plan_training::PlanTraining,
};
use mindgap::{
    compare::{Plan, PlannedRun},
    search::{Rungs, Trial},
};

/// How often a worker that has nothing to do looks again.
const PAUSE: Duration = Duration::from_millis(200);

/// How far beyond the time of the search a trial that an earlier process began may begin again: without the interruption it would have ended.
const OVERRUN: f64 = 1.1;

/// Workers that train the trials of a search.
pub struct Crew {
    data: DataFlags,
    compute: Compute,
    jobs: u16,
    rungs: Rungs,
    /// The trials that a worker is training.
    running: Mutex<Vec<(usize, usize, u64)>>,
}

impl Crew {
    /// `jobs` workers, none at work.
    pub fn new(data: DataFlags, compute: Compute, jobs: u16, rungs: Rungs) -> Self {
        Self { data, compute, jobs, rungs, running: Mutex::default() }
    }

    /// Trains until nothing is left to train, the time is over, or a signal stops it.
    pub fn work(&self, session: &mut Session) -> Result<Ended> {
        let stop = session.stop.clone();
        let limit = session.record.plan.as_ref().map_or(0.0, |plan| plan.budget - plan.rest - plan.last);
        let shared = Mutex::new(session);
        let outcomes: Vec<Result<()>> = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.jobs.max(1)).map(|_| scope.spawn(|| self.work_alone(&shared, limit, &stop))).collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            ended.map(|ended| ended.unwrap_or_else(|_| Err(anyhow!("a worker of the search ended badly")))).collect()
        });
        outcomes.into_iter().collect::<Result<()>>()?;
        let is_stopped = stop.load(Ordering::Relaxed);
        Ok(if is_stopped { Ended::Stopped } else { Ended::Finished })
    }

    /// Trains one trial after the other.
    fn work_alone(&self, shared: &Mutex<&mut Session>, limit: f64, stop: &AtomicBool) -> Result<()> {
        let training = PlanTraining { data: &self.data, compute: &self.compute, parallel: 1 };
        let threads = self.compute.threads_of_each(usize::from(self.jobs.max(1)));
        loop {
            if stop.load(Ordering::Relaxed) {
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
                Begun::Again => continue,
                Begun::Done => return Ok(()),
            };
            let trained = lines.iter().try_for_each(|run| {
                wait_for(&plan.folder(&run.job))?;
                let is_done = training.train_one(&plan, &run.job, threads, stop, |_| ())?;
                ensure!(is_done || stop.load(Ordering::Relaxed), "something stopped it from outside");
                Ok(())
            });
            // What was stopped has no outcome, and a resumed search continues it.
            let is_stopped = stop.load(Ordering::Relaxed) && !lines.iter().all(|run| plan.is_done(&run.job));
            let finished = if is_stopped { Ok(()) } else { finish(&mut lock(shared), &trial, trained) };
            self.running().retain(|running| *running != trial.key());
            finished?;
        }
    }

    /// Chooses the next trial, if there is one and time for it.
    fn begin(&self, session: &mut Session, limit: f64) -> Result<Begun> {
        if session.record.met.is_some() {
            return Ok(Begun::Done);
        }
        let has_result = session.record.trials.iter().any(|trial| trial.score().is_some());
        // A process before this one may have been killed while it trained: what it began goes first, at the length it had.
        let is_left = |trial: &&Trial| trial.outcome.is_none() && !self.running().contains(&trial.key());
        if let Some(trial) = session.record.trials.iter().find(is_left).cloned() {
            if session.spent() < OVERRUN * limit || !has_result {
                return self.start(session, trial);
            }
            session.finish_trial(&trial, Err(anyhow!("the time of the search was over before it was finished")))?;
            return Ok(Begun::Again);
        }
        let is_any_running = session.record.trials.iter().any(|trial| trial.outcome.is_none());
        let jobs = f64::from(self.jobs.max(1));
        // One trial always runs, so that there is something to choose.
        let is_needed = !has_result && !is_any_running;
        let has_time =
            |session: &Session, _: &Trial, seconds: f64| is_needed || session.spent() + jobs * seconds <= 1.02 * limit;
        match session.begin_trial(&self.rungs, has_time)? {
            Some(trial) => self.start(session, trial),
            None if is_any_running => Ok(Begun::Wait),
            None => Ok(Begun::Done),
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<(usize, usize, u64)>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Writes the runs of a trial into the plan, and says that it begins.
    fn start(&self, session: &mut Session, trial: Trial) -> Result<Begun> {
        let seconds = session.expected(&trial) * f64::from(self.jobs.max(1));
        let lines = match session.trial_lines(&trial) {
            Ok(lines) => lines,
            Err(error) => {
                session.finish_trial(&trial, Err(error))?;
                return Ok(Begun::Again);
            }
        };
        let (plan, _) = Plan::grow(&session.args.out, lines.clone())?;
        session.save()?;
        self.running().push(trial.key());
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

/// Takes in how a trial ended.
/// Fails where its data are not those of the search: that is no failure of the candidate, and a resumed search trains it again.
fn finish(session: &mut Session, trial: &Trial, trained: Result<()>) -> Result<()> {
    if trained.is_err() {
        session.check_data()?;
    }
    let images = trained.and_then(|()| session.score(trial));
    session.finish_trial(trial, images)
}

/// What a free worker got.
enum Begun {
    Trial(Trial, Vec<PlannedRun>, Plan),
    Wait,
    /// The trial could not begin, and another one may.
    Again,
    Done,
}

fn lock<'a, 'b>(shared: &'a Mutex<&'b mut Session>) -> MutexGuard<'a, &'b mut Session> {
    // A panic of another worker leaves a record that can still be written.
    shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
