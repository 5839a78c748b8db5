//! Heartbeats of the processes of a run. Each process writes a heartbeat into the store at regular intervals and reads
//! those of the others. A process without a heartbeat for too long counts as dead; all others then end with an error that
//! names it.
//!
//! Two threads do this: one exchanges heartbeats with the store, which may block; the other checks what was received, and
//! never blocks.

use std::{
    fs,
    ops::ControlFlow,
    process,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Error, Result};

use super::RankInfo;
use crate::cli::output::say::say;
use mindgap::torch::distributed::Store;

/// Exit code of a failure while running.
const FAILURE: i32 = 3;
/// How long the main thread may take to end by itself once a dead process is known.
const GRACE: Duration = Duration::from_secs(3);
/// Intervals without a heartbeat after which, once a process has failed, another one counts as dead.
const SILENT_INTERVALS: u32 = 5;
/// Intervals for which a failed process that serves the store stays, so that the others can read the cause.
const FAULT_INTERVALS: u32 = 2;
/// A process may take this many timeouts to send its first heartbeat, since machines do not all start at once.
const TIMEOUTS_AT_START: u32 = 10;

/// Monitors the other processes of a run until [`Self::end`].
pub(super) struct HeartbeatMonitor {
    status: Arc<Status>,
    store: Arc<Store>,
}

/// What this process knows of the others.
struct Status {
    rank: usize,
    /// A description of the process that serves the store, for messages.
    store_owner: String,
    timeout: Duration,
    /// Time between two heartbeats.
    interval: Duration,
    is_ended: AtomicBool,
    received: Mutex<Received>,
}

struct Received {
    heartbeats: Vec<Heartbeat>,
    /// When the store last answered; None once it is unreachable.
    store: Option<Instant>,
    /// The error with which some process ended.
    fault: Option<String>,
}

/// A process's last heartbeat.
struct Heartbeat {
    /// The number of its collective calls, of the heartbeat, of the process, and its host; empty before the first.
    text: String,
    received_at: Instant,
    previous_received_at: Instant,
}

impl HeartbeatMonitor {
    pub fn start(info: &RankInfo, store: Store, calls: Arc<AtomicU64>, timeout: Duration) -> Result<Self> {
        let now = Instant::now();
        let mut heartbeats = Vec::new();
        for _ in 0..info.size {
            heartbeats.push(Heartbeat { text: String::new(), received_at: now, previous_received_at: now });
        }
        let server = if info.agent_serves { "torchrun's agent" } else { "rank 0" };
        let status = Arc::new(Status {
            rank: info.rank,
            store_owner: format!("{server}, which serves the store at {}:{},", info.host, info.port),
            timeout,
            interval: interval(timeout),
            is_ended: AtomicBool::new(false),
            received: Mutex::new(Received { heartbeats, store: Some(now), fault: None }),
        });
        let store = Arc::new(store);
        let exchanging = Arc::clone(&status);
        let shared_store = Arc::clone(&store);
        spawn("heartbeats", move || exchanging.exchange_until_end(&shared_store, &calls))?;
        let deciding = Arc::clone(&status);
        spawn("monitor", move || deciding.exit_after_a_death())?;
        Ok(Self { status, store })
    }

    pub fn end(&self) {
        self.status.is_ended.store(true, Ordering::Relaxed);
    }

    /// The other process that caused the `error` of this one; None where this process is the cause, or where the
    /// monitoring has ended before. Waits for a few heartbeats to find out which processes are alive, sends the cause to
    /// the others, and ends the monitoring.
    pub fn culprit(&self, error: &Error) -> Option<String> {
        let status = &self.status;
        if status.is_ended() {
            return None;
        }
        let text = format!("{error:#}");
        let culprit = status.wait_for_all().or_else(|| status.straggler(&text));
        let own = format!("rank {} failed: {text}", status.rank);
        let sent = self.store.set_first("fault", culprit.as_deref().unwrap_or(&own));
        // Time for the others to read it, in case this process serves the store.
        if sent.is_ok() {
            sleep(status.interval * FAULT_INTERVALS);
        }
        self.end();
        culprit
    }
}

/// Time between two heartbeats of processes that count as dead after `timeout` without one.
fn interval(timeout: Duration) -> Duration {
    (timeout / 10).clamp(Duration::from_millis(100), Duration::from_secs(2))
}

/// The longest time for which [`HeartbeatMonitor::culprit`] waits.
pub(super) fn longest_wait(timeout: Duration) -> Duration {
    interval(timeout) * (2 * SILENT_INTERVALS + FAULT_INTERVALS)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).context("a thread cannot be started")?;
    Ok(())
}

impl Status {
    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Relaxed)
    }

    /// Exchanges heartbeats until the monitoring ends or the store cannot be reached.
    fn exchange_until_end(&self, store: &Store, calls: &AtomicU64) {
        let mut number = 0u64;
        while !self.is_ended() {
            number += 1;
            if self.exchange(store, number, calls.load(Ordering::Relaxed)).is_err() {
                self.received().store = None;
                return;
            }
            if let Some(dead) = self.dead_process(self.timeout, Instant::now()) {
                // Through the store all processes report the same cause.
                let _ = store.set_first("fault", &dead);
            }
            sleep(self.interval);
        }
    }

    /// Writes a heartbeat and reads those of the others.
    fn exchange(&self, store: &Store, number: u64, calls: u64) -> Result<()> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let own = format!("{calls} {number} {} {}", process::id(), host.trim());
        store.set(&format!("heartbeat/{}", self.rank), &own)?;
        let count = self.received().heartbeats.len();
        for rank in 0..count {
            let Some(text) = store.get(&format!("heartbeat/{rank}"))? else { continue };
            let last = &mut self.received().heartbeats[rank];
            if last.text != text {
                *last = Heartbeat { text, received_at: Instant::now(), previous_received_at: last.received_at };
            }
        }
        let fault = store.get("fault")?;
        let mut received = self.received();
        received.store = Some(Instant::now());
        received.fault = fault;
        Ok(())
    }

    /// Ends this process once another one is known to be dead, if the main thread does not end by itself.
    fn exit_after_a_death(&self) {
        while !self.is_ended() {
            sleep(self.interval / 2);
            let Some(dead) = self.dead_process(self.timeout, Instant::now()) else { continue };
            let since = Instant::now();
            while since.elapsed() < GRACE + self.interval * 6 {
                sleep(self.interval / 2);
                if self.is_ended() {
                    return;
                }
            }
            say(format_args!("error: rank {} ends: {dead}", self.rank));
            // SAFETY: ends the process without running what the main thread may be in the middle of.
            unsafe { libc::_exit(FAILURE) };
        }
    }

    /// Waits until all others have sent a new heartbeat, for a few intervals at most. Returns a process that is dead, if
    /// one is. This process keeps sending heartbeats meanwhile.
    fn wait_for_all(&self) -> Option<String> {
        let begin = Instant::now();
        loop {
            if let ControlFlow::Break(dead) = self.check_all(begin, Instant::now()) {
                return dead;
            }
            sleep(self.interval / 4);
        }
    }

    /// The result of [`Self::wait_for_all`] at `now`, after waiting since `begin`; `Continue` where it is open.
    fn check_all(&self, begin: Instant, now: Instant) -> ControlFlow<Option<String>> {
        let limit = self.interval * SILENT_INTERVALS;
        if let Some(dead) = self.dead_process(limit, now) {
            return ControlFlow::Break(Some(dead));
        }
        if now - begin >= limit * 2 || self.all_alive_since(begin, limit, now) {
            return ControlFlow::Break(None);
        }
        ControlFlow::Continue(())
    }

    /// Whether every other process has sent a heartbeat after `begin`, or has not started within `limit` of it. The first
    /// heartbeat received after `begin` may have been sent before it: two are needed.
    fn all_alive_since(&self, begin: Instant, limit: Duration, now: Instant) -> bool {
        let received = self.received();
        for (rank, last) in received.heartbeats.iter().enumerate() {
            let may_have_started = !last.text.is_empty() || now - begin < limit;
            if rank != self.rank && may_have_started && last.previous_received_at <= begin {
                return false;
            }
        }
        true
    }

    /// A process that at `now` has sent no heartbeat for `limit`, if there is one, or the error with which a process
    /// ended.
    fn dead_process(&self, limit: Duration, now: Instant) -> Option<String> {
        let received = self.received();
        if let Some(fault) = &received.fault {
            return Some(fault.clone());
        }
        // Without the store no heartbeat arrives: then only its server can be named.
        match received.store {
            None => return Some(format!("{} is gone", self.store_owner)),
            Some(last) if now - last > limit => {
                return Some(format!("{} has not answered for {:.0?}", self.store_owner, now - last));
            }
            Some(_) => {}
        }
        for (rank, last) in received.heartbeats.iter().enumerate() {
            let limit = if last.text.is_empty() { self.timeout * TIMEOUTS_AT_START } else { limit };
            let silence = now - last.received_at;
            if rank != self.rank && silence > limit {
                let seconds = silence.as_secs_f64();
                return Some(format!("{} has sent no heartbeat for {seconds:.1} s", name(rank, &last.text)));
            }
        }
        None
    }

    /// The living process that is behind in its collective calls, where `error` says that this process waited for another
    /// until the timeout.
    fn straggler(&self, error: &str) -> Option<String> {
        if !error.to_lowercase().contains("timed out") && !error.to_lowercase().contains("timeout") {
            return None;
        }
        let received = self.received();
        let own = calls(&received.heartbeats[self.rank])?;
        let (rank, last) = received.heartbeats.iter().enumerate().min_by_key(|(_, last)| calls(last))?;
        let is_behind = calls(last)? < own;
        is_behind.then(|| {
            format!(
                "{} is alive but has not reached exchange {own} within {:.0?}; find out there what delays it, or give a \
                 longer --rank-timeout",
                name(rank, &last.text),
                self.timeout
            )
        })
    }
}

/// The collective calls that a process has made.
fn calls(heartbeat: &Heartbeat) -> Option<u64> {
    heartbeat.text.split(' ').next()?.parse().ok()
}

/// A process as a message names it.
fn name(rank: usize, heartbeat: &str) -> String {
    match heartbeat.splitn(4, ' ').collect::<Vec<_>>()[..] {
        [_, _, process, host] => format!("rank {rank} (process {process} on {host})"),
        _ => format!("rank {rank}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A status at `now`, with a text for each process and how many seconds ago it was received.
    fn status(now: Instant, heartbeats: &[(&str, u64)]) -> Status {
        let mut received = Received { heartbeats: Vec::new(), store: Some(now), fault: None };
        for &(text, seconds) in heartbeats {
            let received_at = now - Duration::from_secs(seconds);
            let previous_received_at = received_at - Duration::from_secs(1);
            received.heartbeats.push(Heartbeat { text: text.into(), received_at, previous_received_at });
        }
        Status {
            rank: 0,
            store_owner: "rank 0, which serves the store at h:1,".into(),
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(1),
            is_ended: AtomicBool::new(false),
            received: Mutex::new(received),
        }
    }

    #[test]
    fn a_silent_process_is_named_and_one_that_starts_has_longer() {
        let now = Instant::now();
        let dead = |heartbeats: &[(&str, u64)]| status(now, heartbeats).dead_process(Duration::from_secs(10), now);
        assert_eq!(dead(&[("5 9 1 a", 0), ("5 9 2 b", 9), ("", 90)]), None);
        let text = dead(&[("5 9 1 a", 0), ("5 9 2 b", 9), ("5 8 3 c", 11)]).unwrap();
        assert!(text.starts_with("rank 2 (process 3 on c) has sent no heartbeat for 11.0 s"), "{text}");
        assert!(dead(&[("5 9 1 a", 0), ("", 101)]).unwrap().starts_with("rank 1 has sent no heartbeat"));
    }

    #[test]
    fn without_the_store_its_server_is_named_and_a_fault_comes_first() {
        let now = Instant::now();
        let status = status(now, &[("5 9 1 a", 0), ("5 9 2 b", 60)]);
        status.received().store = None;
        assert_eq!(status.dead_process(status.timeout, now).unwrap(), "rank 0, which serves the store at h:1, is gone");
        status.received().fault = Some("rank 1 failed: disk full".into());
        assert_eq!(status.dead_process(status.timeout, now).unwrap(), "rank 1 failed: disk full");
    }

    #[test]
    fn a_process_that_dies_right_after_a_heartbeat_is_named_and_a_living_one_is_not() {
        // The result where `first` is rank 1's heartbeat and a new one arrives after each of the first `count` intervals;
        // the store keeps answering. No time passes: each check is told what time it is.
        let wait_for_all = |first: &str, count: u32| {
            let begin = Instant::now();
            let status = status(begin, &[("5 9 1 a", 0), (first, 0)]);
            let mut quarters = 0;
            loop {
                let now = begin + status.interval / 4 * quarters;
                let mut received = status.received();
                received.store = Some(now);
                if (1..=count).any(|number| number * 4 == quarters) {
                    let previous_received_at = received.heartbeats[1].received_at;
                    let text = format!("5 {} 2 b", 9 + quarters / 4);
                    received.heartbeats[1] = Heartbeat { text, received_at: now, previous_received_at };
                }
                drop(received);
                if let ControlFlow::Break(dead) = status.check_all(begin, now) {
                    return dead;
                }
                quarters += 1;
            }
        };
        // The last heartbeat, or the first, was sent before the death and is received after it.
        for first in ["5 9 2 b", ""] {
            let dead = wait_for_all(first, 1).unwrap();
            assert!(dead.starts_with("rank 1 (process 2 on b) has sent no heartbeat for 5."), "{dead}");
        }
        assert_eq!(wait_for_all("5 9 2 b", 4), None);
        // A process that has not started is not waited for.
        assert_eq!(wait_for_all("", 0), None);
    }

    #[test]
    fn a_living_process_that_is_late_is_named_when_a_call_times_out() {
        let status = status(Instant::now(), &[("7 9 1 a", 0), ("5 9 2 b", 0)]);
        assert_eq!(status.straggler("connection closed"), None);
        let late = status.straggler("libtorch: Timed out waiting").unwrap();
        assert!(late.starts_with("rank 1 (process 2 on b) is alive"), "{late}");
    }
}
