//! Whether the processes of a run are alive. Each writes a sign of life into the store again and again, and reads the
//! others'; who is silent for too long counts as dead, and all others end and name it.
//!
//! Two threads: one talks to the store and may be kept waiting by it; the other judges by what was heard, and is not.

use std::{
    fs, process,
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
/// How long the main thread may take to end by itself once the verdict is known.
const GRACE: Duration = Duration::from_secs(3);
/// How much longer than usual a process may take for its first sign: machines do not start at once.
const PATIENCE_AT_START: u32 = 10;

/// Watches the other processes until it is ended.
pub(super) struct HeartbeatMonitor {
    board: Arc<Board>,
    store: Arc<Store>,
}

/// What was heard of the others.
struct Board {
    rank: usize,
    /// Who keeps the store, for messages.
    keeper: String,
    timeout: Duration,
    beat: Duration,
    over: AtomicBool,
    heard: Mutex<Heard>,
}

struct Heard {
    signs: Vec<Heartbeat>,
    /// When the store last answered; None once it is gone.
    store: Option<Instant>,
    /// What some process ended for.
    fault: Option<String>,
}

/// A process's last sign of life.
struct Heartbeat {
    text: String,
    /// When it was heard.
    since: Instant,
    /// When the one before it was.
    before: Instant,
}

impl HeartbeatMonitor {
    pub fn start(place: &RankInfo, store: Store, calls: Arc<AtomicU64>, timeout: Duration) -> Result<Self> {
        let now = Instant::now();
        let signs = (0..place.size).map(|_| Heartbeat { text: String::new(), since: now, before: now }).collect();
        let keeper = if place.agent_serves { "torchrun's agent" } else { "rank 0" };
        let board = Arc::new(Board {
            rank: place.rank,
            keeper: format!("{keeper}, who keeps the store at {}:{},", place.host, place.port),
            timeout,
            beat: (timeout / 10).clamp(Duration::from_millis(100), Duration::from_secs(2)),
            over: AtomicBool::new(false),
            heard: Mutex::new(Heard { signs, store: Some(now), fault: None }),
        });
        let store = Arc::new(store);
        let (talker, judge, there) = (Arc::clone(&board), Arc::clone(&board), Arc::clone(&store));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(work).context("a thread cannot be started")
        };
        spawn("signs of life", Box::new(move || talker.talk(&there, &calls)))?;
        spawn("watch", Box::new(move || judge.judge()))?;
        Ok(Self { board, store })
    }

    /// Ends the watch.
    pub fn end(&self) {
        self.board.over.store(true, Ordering::Relaxed);
    }

    /// The process to blame for `error` of this one, if that is another; otherwise the others are told. Takes a few
    /// signs of life, so as to hear who still gives them. Ends the watch; where it has ended, nobody else is to blame.
    pub fn culprit(&self, error: &Error) -> Option<String> {
        let board = &self.board;
        if board.is_over() {
            return None;
        }
        let text = format!("{error:#}");
        let culprit = board.hear_all().or_else(|| board.straggler(&text));
        let own = format!("rank {} failed: {text}", board.rank);
        let told = self.store.set_first("fault", culprit.as_deref().unwrap_or(&own));
        // Time for the others to read it, if it is kept here.
        if told.is_ok() {
            sleep(board.beat * 2);
        }
        self.end();
        culprit
    }
}

impl Board {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn talk(&self, store: &Store, calls: &AtomicU64) {
        let mut number = 0u64;
        while !self.is_over() {
            number += 1;
            if self.exchange(store, number, calls.load(Ordering::Relaxed)).is_err() {
                self.heard().store = None;
                return;
            }
            if let Some(verdict) = self.verdict(self.timeout) {
                // What the others will say too.
                let _ = store.set_first("fault", &verdict);
            }
            sleep(self.beat);
        }
    }

    /// Gives a sign of life and reads the others'.
    fn exchange(&self, store: &Store, number: u64, calls: u64) -> Result<()> {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let sign = format!("{calls} {number} {} {}", process::id(), host.trim());
        store.set(&format!("sign/{}", self.rank), &sign)?;
        let count = self.heard().signs.len();
        for rank in 0..count {
            let Some(text) = store.get(&format!("sign/{rank}"))? else { continue };
            let sign = &mut self.heard().signs[rank];
            if sign.text != text {
                *sign = Heartbeat { text, since: Instant::now(), before: sign.since };
            }
        }
        let fault = store.get("fault")?;
        let mut heard = self.heard();
        (heard.store, heard.fault) = (Some(Instant::now()), fault);
        Ok(())
    }

    /// Ends the process once another one is known to be dead, if the main thread does not find out by itself.
    fn judge(&self) {
        while !self.is_over() {
            sleep(self.beat / 2);
            let Some(verdict) = self.verdict(self.timeout) else { continue };
            let since = Instant::now();
            while since.elapsed() < GRACE + self.beat * 6 {
                sleep(self.beat / 2);
                if self.is_over() {
                    return;
                }
            }
            say(format_args!("error: rank {} ends: {verdict}", self.rank));
            // SAFETY: ends the process without running what the main thread may be in the middle of.
            unsafe { libc::_exit(FAILURE) };
        }
    }

    /// Hears whether all others still live, for a few beats at most: who is dead, if anybody. This process goes on giving
    /// signs meanwhile.
    fn hear_all(&self) -> Option<String> {
        let (begun, limit) = (Instant::now(), self.beat * 5);
        while begun.elapsed() < limit * 2 {
            if let Some(verdict) = self.verdict(limit) {
                return Some(verdict);
            }
            // The first sign heard from now on may be one that was given before, and of who has just begun none may have
            // been heard yet.
            let lives = |(rank, sign): (usize, &Heartbeat)| {
                let may_have_begun = !sign.text.is_empty() || begun.elapsed() < limit;
                rank == self.rank || !may_have_begun || sign.before > begun
            };
            if self.heard().signs.iter().enumerate().all(lives) {
                return None;
            }
            sleep(self.beat / 4);
        }
        None
    }

    /// Who is dead, if anybody: who has given no sign for `limit`.
    fn verdict(&self, limit: Duration) -> Option<String> {
        let heard = self.heard();
        if let Some(fault) = &heard.fault {
            return Some(fault.clone());
        }
        // Of a silent store nothing is heard: it alone is to blame.
        match heard.store {
            None => return Some(format!("{} is gone", self.keeper)),
            Some(last) if last.elapsed() > limit => {
                return Some(format!("{} has not answered for {:.0?}", self.keeper, last.elapsed()));
            }
            Some(_) => {}
        }
        let silent = |(rank, sign): (usize, &Heartbeat)| {
            let limit = if sign.text.is_empty() { self.timeout * PATIENCE_AT_START } else { limit };
            let silence = sign.since.elapsed();
            (rank != self.rank && silence > limit).then(|| {
                format!("{} has given no sign of life for {:.1} s", name(rank, &sign.text), silence.as_secs_f64())
            })
        };
        heard.signs.iter().enumerate().find_map(silent)
    }

    /// Of processes that are all alive, the one whose main thread did not come to where `error` says that this one
    /// waited in vain.
    fn straggler(&self, error: &str) -> Option<String> {
        if !error.to_lowercase().contains("timed out") && !error.to_lowercase().contains("timeout") {
            return None;
        }
        let heard = self.heard();
        let calls = |sign: &Heartbeat| sign.text.split(' ').next().and_then(|calls| calls.parse::<u64>().ok());
        let own = calls(&heard.signs[self.rank])?;
        let (rank, sign) = heard.signs.iter().enumerate().min_by_key(|(_, sign)| calls(sign))?;
        let behind = calls(sign)? < own;
        behind.then(|| {
            format!(
                "{} is alive but has not come to exchange {own} within {:.0?}; look there for what keeps it, or give a \
                 longer --rank-timeout",
                name(rank, &sign.text),
                self.timeout
            )
        })
    }
}

/// A process as a message names it.
fn name(rank: usize, sign: &str) -> String {
    match sign.splitn(4, ' ').collect::<Vec<_>>()[..] {
        [_, _, process, host] => format!("rank {rank} (process {process} on {host})"),
        _ => format!("rank {rank}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(signs: &[(&str, u64)]) -> Board {
        let now = Instant::now();
        let heard = |ago: u64| now - Duration::from_secs(ago);
        let sign =
            |&(text, ago): &(&str, u64)| Heartbeat { text: text.into(), since: heard(ago), before: heard(ago + 1) };
        Board {
            rank: 0,
            keeper: "rank 0, who keeps the store at h:1,".into(),
            timeout: Duration::from_secs(10),
            beat: Duration::from_secs(1),
            over: AtomicBool::new(false),
            heard: Mutex::new(Heard { signs: signs.iter().map(sign).collect(), store: Some(now), fault: None }),
        }
    }

    #[test]
    fn who_is_silent_is_named_and_who_has_not_begun_has_longer() {
        let verdict = |signs: &[(&str, u64)]| board(signs).verdict(Duration::from_secs(10));
        assert_eq!(verdict(&[("5 9 1 a", 0), ("5 9 2 b", 9), ("", 90)]), None);
        let text = verdict(&[("5 9 1 a", 0), ("5 9 2 b", 9), ("5 8 3 c", 11)]).unwrap();
        assert!(text.starts_with("rank 2 (process 3 on c) has given no sign of life for 11.0 s"), "{text}");
        assert!(verdict(&[("5 9 1 a", 0), ("", 101)]).unwrap().starts_with("rank 1 has given no sign"));
    }

    #[test]
    fn of_a_silent_store_its_keeper_is_to_blame_and_a_fault_that_is_told_comes_first() {
        let board = board(&[("5 9 1 a", 0), ("5 9 2 b", 60)]);
        board.heard().store = None;
        assert_eq!(board.verdict(board.timeout).unwrap(), "rank 0, who keeps the store at h:1, is gone");
        board.heard().fault = Some("rank 1 failed: disk full".into());
        assert_eq!(board.verdict(board.timeout).unwrap(), "rank 1 failed: disk full");
    }

    #[test]
    fn who_dies_right_after_a_sign_is_named_and_who_lives_is_not() {
        // The verdict where `first` is rank 1's sign and a new one comes with each of so many beats; the store goes on.
        let hear = |first: &str, beats: u32| {
            let board = Board { beat: Duration::from_millis(200), ..board(&[("5 9 1 a", 0), (first, 0)]) };
            thread::scope(|scope| {
                let verdict = scope.spawn(|| board.hear_all());
                for beat in 1.. {
                    sleep(board.beat);
                    let mut heard = board.heard();
                    heard.store = Some(Instant::now());
                    if beat <= beats {
                        let before = heard.signs[1].since;
                        heard.signs[1] =
                            Heartbeat { text: format!("5 {} 2 b", 9 + beat), since: Instant::now(), before };
                    }
                    drop(heard);
                    if verdict.is_finished() {
                        break;
                    }
                }
                verdict.join().unwrap()
            })
        };
        // Its last sign, or its first, was given before its death and is heard after it.
        for first in ["5 9 2 b", ""] {
            let verdict = hear(first, 1).unwrap();
            assert!(verdict.starts_with("rank 1 (process 2 on b) has given no sign of life for 1."), "{verdict}");
        }
        assert_eq!(hear("5 9 2 b", 4), None);
        // Who has not begun is not waited for.
        assert_eq!(hear("", 0), None);
    }

    #[test]
    fn who_is_alive_but_does_not_come_is_named_when_a_call_times_out() {
        let board = board(&[("7 9 1 a", 0), ("5 9 2 b", 0)]);
        assert_eq!(board.straggler("connection closed"), None);
        assert!(
            board.straggler("libtorch: Timed out waiting").unwrap().starts_with("rank 1 (process 2 on b) is alive")
        );
    }
}
