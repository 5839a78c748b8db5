//! Work done ahead by threads, handed over in its order.
//!
//! Thread `i` of `k` makes pieces `i`, `i + k`, `i + 2k`, … and sends them through a channel of its own that holds
//! [`AHEAD`]; the reader takes from the channels in turn. So the order is that of the pieces by construction, memory is
//! bounded, and nothing depends on which thread is faster.

use std::{
    any::Any,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow};

/// Finished pieces that wait in each thread's channel.
const AHEAD: usize = 2;

/// Makes piece `i` of `0..n` when asked for it.
type Work<T> = Arc<dyn Fn(usize) -> Result<T> + Send + Sync>;

/// The pieces `0..n` of some work, in this order. After an error there are no more.
pub(super) struct Loader<T> {
    work: Work<T>,
    next: usize,
    n: usize,
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
        Ok(Self { work, next: 0, n, workers })
    }

    fn piece(&mut self, i: usize) -> Result<T> {
        if self.workers.is_empty() {
            return (self.work)(i);
        }
        let turn = i % self.workers.len();
        self.workers[turn].pieces.recv().unwrap_or_else(|_| {
            // The channel closes before its last piece only when the thread panics.
            let panic = self.workers.swap_remove(turn).thread.join().err();
            Err(anyhow!("a loader thread died: {}", panic.as_deref().map_or("it gave no reason", words)))
        })
    }
}

/// What a thread that panicked said.
pub(super) fn words(panic: &(dyn Any + Send)) -> &str {
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

/// Waits for the threads: each ends with the piece it is at.
impl<T> Drop for Loader<T> {
    fn drop(&mut self) {
        let (channels, threads): (Vec<_>, Vec<_>) =
            self.workers.drain(..).map(|worker| (worker.pieces, worker.thread)).unzip();
        drop(channels);
        for thread in threads {
            // A panic that nobody came to read changes nothing any more.
            let _ = thread.join();
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
        assert_eq!(Arc::strong_count(&made), 1, "the threads are gone, and what they held with them");
    }
}
