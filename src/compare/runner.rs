//! Trains the runs of a plan, several at a time. The caller decides how one run is trained.

use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use anyhow::Result;

use super::Job;

/// How a run ended.
#[derive(Debug)]
pub enum JobStatus {
    /// The run is finished.
    Finished,
    /// The run was stopped, or never begun because a stop was asked for.
    Stopped,
    /// The run failed, for this reason.
    Failed(anyhow::Error),
}

/// Trains `jobs` in order, `parallel` at a time. `train_one` trains one and returns whether it was finished (true) or
/// stopped (false). A run that fails stops no other; no run is begun once `stop` is raised. `ended` is called after each
/// run.
///
/// The statuses are in the order of the jobs.
pub fn run(
    jobs: &[Job],
    parallel: usize,
    stop: &AtomicBool,
    train_one: impl Fn(&Job) -> Result<bool> + Sync,
    mut ended: impl FnMut(&Job, &JobStatus),
) -> Vec<JobStatus> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let mut statuses: Vec<Option<JobStatus>> = jobs.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, jobs.len().max(1)) {
            let send = send.clone();
            scope.spawn(|| work(jobs, &next, stop, &train_one, send));
        }
        for _ in jobs {
            let Ok((index, status)) = receive.recv() else { break };
            ended(&jobs[index], &status);
            statuses[index] = Some(status);
        }
    });
    statuses.into_iter().map(|status| status.unwrap_or(JobStatus::Stopped)).collect()
}

/// Trains the next job, and the next, until none is left.
fn work(
    jobs: &[Job],
    next: &AtomicUsize,
    stop: &AtomicBool,
    train_one: impl Fn(&Job) -> Result<bool>,
    send: mpsc::Sender<(usize, JobStatus)>,
) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = jobs.get(index) else { return };
        let status = if stop.load(Ordering::Relaxed) {
            JobStatus::Stopped
        } else {
            match train_one(job) {
                Ok(true) => JobStatus::Finished,
                Ok(false) => JobStatus::Stopped,
                Err(error) => JobStatus::Failed(error),
            }
        };
        // The receiver outlives the workers.
        let _ = send.send((index, status));
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::compare::jobs;

    fn two(seeds: u64) -> Vec<Job> {
        jobs(&["a".into(), "b".into()], 0, seeds, None)
    }

    #[test]
    fn a_run_that_fails_stops_no_other() {
        for parallel in [1, 3] {
            let stop = AtomicBool::new(false);
            let mut calls = 0;
            let train_one = |job: &Job| if job.name() == "b-seed1" { bail!("no memory") } else { Ok(true) };
            let statuses = run(&two(3), parallel, &stop, train_one, |_, _| calls += 1);
            assert_eq!(calls, 6);
            for (job, status) in two(3).iter().zip(statuses) {
                match status {
                    JobStatus::Failed(error) => {
                        assert_eq!((job.name(), error.to_string()), ("b-seed1".into(), "no memory".into()))
                    }
                    JobStatus::Finished => assert_ne!(job.name(), "b-seed1"),
                    JobStatus::Stopped => panic!("nobody stopped {}", job.name()),
                }
            }
        }
    }

    #[test]
    fn after_a_stop_no_run_begins() {
        let stop = AtomicBool::new(false);
        let train_one = |job: &Job| {
            stop.store(job.name() == "b-seed0", Ordering::Relaxed);
            Ok(job.name() != "b-seed0")
        };
        let statuses = run(&two(2), 1, &stop, train_one, |_, _| {});
        assert!(
            matches!(statuses[..], [JobStatus::Finished, JobStatus::Stopped, JobStatus::Stopped, JobStatus::Stopped]),
            "{statuses:?}"
        );
    }
}
