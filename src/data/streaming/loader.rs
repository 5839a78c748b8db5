//! Work done ahead by threads, handed over in its order.
//!
//! Thread `i` of `k` makes pieces `i`, `i + k`, `i + 2k`, … and sends them through a channel of its own that holds
//! [`AHEAD`]; the reader takes from the channels in turn. So the order is that of the pieces by construction, memory is
//! bounded, and nothing depends on which thread is faster. A thread that dies or hangs is an error where its piece would
//! have come.

use std::{
    any::Any,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

/// Finished pieces that wait in each thread's channel.
const AHEAD: usize = 2;
/// How long the reader waits for a piece. A network drive that is gone may block its readers for ever.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long a reader that goes waits for the threads to end with the piece they are at.
const FAREWELL: Duration = Duration::from_secs(2);

/// Makes piece `i` of `0..n` when asked for it.
type Work<T> = Arc<dyn Fn(usize) -> Result<T> + Send + Sync>;

/// The pieces `0..n` of some work, in this order. After an error there are no more.
pub struct Loader<T> {
    work: Work<T>,
    next: usize,
    n: usize,
    patience: Duration,
    /// Empty when the reader's own thread does the work.
    workers: Vec<Worker<T>>,
}

struct Worker<T> {
    pieces: Receiver<Result<T>>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Loader<T> {
    /// Starts `workers` threads on the pieces `0..n`; with 0 each piece is made when it is asked for.
    pub fn start(workers: usize, n: usize, work: impl Fn(usize) -> Result<T> + Send + Sync + 'static) -> Result<Self> {
        let work: Work<T> = Arc::new(work);
        let count = workers.min(n);
        let mut workers = Vec::new();
        for first in 0..count {
            let work = Arc::clone(&work);
            let (sender, pieces) = sync_channel(AHEAD);
            let run = move || {
                for piece in (first..n).step_by(count) {
                    // The reader has gone: nobody wants the rest.
                    if sender.send(work(piece)).is_err() {
                        return;
                    }
                }
            };
            let thread = thread::Builder::new().name(format!("loader {first}")).spawn(run);
            workers.push(Worker { pieces, thread: thread.context("a loader thread cannot be started")? });
        }
        Ok(Self { work, next: 0, n, patience: PATIENCE, workers })
    }

    fn piece(&mut self, i: usize) -> Result<T> {
        if self.workers.is_empty() {
            return (self.work)(i);
        }
        let turn = i % self.workers.len();
        match self.workers[turn].pieces.recv_timeout(self.patience) {
            Ok(piece) => piece,
            // The channel closes before its last piece only when the thread panics.
            Err(RecvTimeoutError::Disconnected) => {
                let panic = self.workers.swap_remove(turn).thread.join().err();
                Err(anyhow!("a loader thread died: {}", panic.as_deref().map_or("it gave no reason", words)))
            }
            Err(RecvTimeoutError::Timeout) => Err(anyhow!(
                "a loader thread hangs: nothing has come from it for {} seconds; does the drive with the images answer?",
                self.patience.as_secs_f64()
            )),
        }
    }
}

/// What a thread that panicked said.
pub fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason")
}

impl<T: Send + 'static> Iterator for Loader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let i = (self.next < self.n).then_some(self.next)?;
        let piece = self.piece(i);
        self.next = if piece.is_ok() { i + 1 } else { self.n };
        Some(piece)
    }
}

/// Waits for the threads, each of which ends with the piece it is at; one that hangs is left behind.
impl<T> Drop for Loader<T> {
    fn drop(&mut self) {
        let (channels, threads): (Vec<_>, Vec<_>) =
            self.workers.drain(..).map(|worker| (worker.pieces, worker.thread)).unzip();
        drop(channels);
        let begun = Instant::now();
        for thread in threads {
            while !thread.is_finished() && begun.elapsed() < FAREWELL {
                thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                // A panic that nobody came to read changes nothing any more.
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use anyhow::bail;

    use super::*;

    #[test]
    fn pieces_come_in_order_whoever_is_faster() {
        for workers in [0, 1, 3, 50] {
            let uneven = |i: usize| {
                thread::sleep(Duration::from_millis((i % 3) as u64));
                Ok(i)
            };
            let pieces: Result<Vec<usize>> = Loader::start(workers, 20, uneven).unwrap().collect();
            assert_eq!(pieces.unwrap(), (0..20).collect::<Vec<_>>(), "{workers} workers");
        }
    }

    #[test]
    fn an_error_comes_in_its_place_and_ends_the_pieces() {
        for workers in [0, 1, 3] {
            let mut loader =
                Loader::start(workers, 9, |i| if i == 4 { bail!("piece 4 is missing") } else { Ok(i) }).unwrap();
            for i in 0..4 {
                assert_eq!(loader.next().unwrap().unwrap(), i);
            }
            assert_eq!(loader.next().unwrap().unwrap_err().to_string(), "piece 4 is missing");
            assert!(loader.next().is_none());
        }
    }

    #[test]
    fn a_thread_that_dies_is_an_error_with_its_last_words() {
        for workers in [1, 3] {
            let work = |i| if i == 5 { panic!("no memory for piece {i}") } else { Ok(i) };
            let mut pieces = Loader::start(workers, 9, work).unwrap().skip(5);
            let error = pieces.next().unwrap().unwrap_err().to_string();
            assert_eq!(error, "a loader thread died: no memory for piece 5");
            assert!(pieces.next().is_none());
        }
    }

    #[test]
    fn a_thread_that_hangs_is_an_error_and_holds_nobody_up() {
        let work = |i| {
            if i == 3 {
                thread::sleep(Duration::from_secs(3600));
            }
            Ok(i)
        };
        let mut loader = Loader::start(2, 9, work).unwrap();
        assert_eq!(loader.by_ref().take(3).collect::<Result<Vec<usize>>>().unwrap(), [0, 1, 2]);
        // Shortened only now: threads that work may take their time.
        loader.patience = Duration::from_millis(200);
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("a loader thread hangs: nothing has come from it for 0.2 seconds"), "{error}");
        assert!(loader.next().is_none());
        // An hour, if it waited for the thread.
        drop(loader);
    }

    #[test]
    fn threads_end_when_the_reader_goes_and_work_no_further_ahead_than_the_channels_hold() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let mut loader = Loader::start(2, 1_000_000, move |i| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(i)
        })
        .unwrap();
        assert_eq!(loader.next().unwrap().unwrap(), 0);
        thread::sleep(Duration::from_millis(50));
        drop(loader);
        // One taken; each thread has filled its channel and holds one more.
        let made_when_dropped = made.load(Ordering::SeqCst);
        assert!(made_when_dropped <= 1 + 2 * (AHEAD + 1), "{made_when_dropped}");
        // Both threads end, and what they hold goes with them: on a busy machine later than `FAREWELL`, or else this
        // test never ends.
        while Arc::strong_count(&made) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
