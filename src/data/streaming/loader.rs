//! Computes items ahead of their use in several threads, and returns them in order.
//!
//! Thread `i` of `k` computes items `i`, `i + k`, `i + 2k`, … and sends them through its own channel of capacity
//! [`AHEAD`]; the reader takes from the channels in turn. The order is therefore fixed, memory is bounded, and nothing
//! depends on which thread is faster. A thread that panics or hangs causes an error in the place of its item.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use crate::data::panic_message::panic_message;

/// Capacity of each thread's channel, in finished items.
const AHEAD: usize = 2;
/// How long the reader waits for an item. A lost network drive may block its readers for ever.
const ITEM_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a dropped loader waits for its threads to finish their current items.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

/// Computes item `i` of `0..n`.
type Work<T> = Arc<dyn Fn(usize) -> Result<T> + Send + Sync>;

/// An iterator over the items `0..n` of some work, in order. An error ends it.
pub struct Loader<T> {
    work: Work<T>,
    next: usize,
    n: usize,
    timeout: Duration,
    /// Empty if the reading thread does the work.
    workers: Vec<Worker<T>>,
}

struct Worker<T> {
    items: Receiver<Result<T>>,
    thread: JoinHandle<()>,
}

impl<T: Send + 'static> Loader<T> {
    /// Starts `workers` threads on the items `0..n`. With 0 workers each item is computed when it is requested.
    pub fn start(workers: usize, n: usize, work: impl Fn(usize) -> Result<T> + Send + Sync + 'static) -> Result<Self> {
        let work: Work<T> = Arc::new(work);
        let count = workers.min(n);
        let mut workers = Vec::new();
        for first in 0..count {
            let work = Arc::clone(&work);
            let (sender, items) = sync_channel(AHEAD);
            let run = move || {
                for item in (first..n).step_by(count) {
                    // The loader was dropped: the remaining items are not needed.
                    if sender.send(work(item)).is_err() {
                        return;
                    }
                }
            };
            let thread = thread::Builder::new().name(format!("loader {first}")).spawn(run);
            workers.push(Worker { items, thread: thread.context("a loader thread cannot be started")? });
        }
        Ok(Self { work, next: 0, n, timeout: ITEM_TIMEOUT, workers })
    }

    fn item(&mut self, i: usize) -> Result<T> {
        if self.workers.is_empty() {
            return (self.work)(i);
        }
        let turn = i % self.workers.len();
        match self.workers[turn].items.recv_timeout(self.timeout) {
            Ok(item) => item,
            // The channel closes before its last item only if the thread panics.
            Err(RecvTimeoutError::Disconnected) => {
                let panic = self.workers.swap_remove(turn).thread.join().err();
                Err(anyhow!("a loader thread died: {}", panic.as_deref().map_or("it gave no reason", panic_message)))
            }
            Err(RecvTimeoutError::Timeout) => Err(anyhow!(
                "a loader thread hangs: it delivered nothing for {} seconds; does the drive with the images respond?",
                self.timeout.as_secs_f64()
            )),
        }
    }
}

impl<T: Send + 'static> Iterator for Loader<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let i = (self.next < self.n).then_some(self.next)?;
        let item = self.item(i);
        self.next = if item.is_ok() { i + 1 } else { self.n };
        Some(item)
    }
}

/// Waits for the threads to finish their current items. A thread that hangs is abandoned.
impl<T> Drop for Loader<T> {
    fn drop(&mut self) {
        let (channels, threads): (Vec<_>, Vec<_>) =
            self.workers.drain(..).map(|worker| (worker.items, worker.thread)).unzip();
        drop(channels);
        let start_time = Instant::now();
        for thread in threads {
            while !thread.is_finished() && start_time.elapsed() < DROP_TIMEOUT {
                thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                // A panic whose item was not requested has no consequence.
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
    fn items_come_in_order_whichever_thread_is_faster() {
        for workers in [0, 1, 3, 50] {
            let uneven = |i: usize| {
                thread::sleep(Duration::from_millis((i % 3) as u64));
                Ok(i)
            };
            let items: Result<Vec<usize>> = Loader::start(workers, 20, uneven).unwrap().collect();
            assert_eq!(items.unwrap(), (0..20).collect::<Vec<_>>(), "{workers} workers");
        }
    }

    #[test]
    fn an_error_comes_in_its_place_and_ends_the_iterator() {
        for workers in [0, 1, 3] {
            let mut loader =
                Loader::start(workers, 9, |i| if i == 4 { bail!("item 4 is missing") } else { Ok(i) }).unwrap();
            for i in 0..4 {
                assert_eq!(loader.next().unwrap().unwrap(), i);
            }
            assert_eq!(loader.next().unwrap().unwrap_err().to_string(), "item 4 is missing");
            assert!(loader.next().is_none());
        }
    }

    #[test]
    fn a_panic_of_a_thread_is_an_error_with_its_message() {
        for workers in [1, 3] {
            let work = |i| if i == 5 { panic!("no memory for item {i}") } else { Ok(i) };
            let mut items = Loader::start(workers, 9, work).unwrap().skip(5);
            let error = items.next().unwrap().unwrap_err().to_string();
            assert_eq!(error, "a loader thread died: no memory for item 5");
            assert!(items.next().is_none());
        }
    }

    #[test]
    fn a_thread_that_hangs_is_an_error_and_does_not_block_the_drop() {
        let work = |i| {
            if i == 3 {
                thread::sleep(Duration::from_secs(3600));
            }
            Ok(i)
        };
        let mut loader = Loader::start(2, 9, work).unwrap();
        assert_eq!(loader.by_ref().take(3).collect::<Result<Vec<usize>>>().unwrap(), [0, 1, 2]);
        // The timeout is shortened only now, so that a busy machine does not fail the first items.
        loader.timeout = Duration::from_millis(200);
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("a loader thread hangs: it delivered nothing for 0.2 seconds"), "{error}");
        assert!(loader.next().is_none());
        // This would take an hour if it waited for the thread.
        drop(loader);
    }

    #[test]
    fn threads_end_when_the_loader_is_dropped_and_work_no_further_ahead_than_the_channels_allow() {
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
        // One item was taken; each thread has filled its channel and holds one more item.
        let made_when_dropped = made.load(Ordering::SeqCst);
        assert!(made_when_dropped <= 1 + 2 * (AHEAD + 1), "{made_when_dropped}");
        // Both threads end and release what they hold; on a busy machine this may take longer than `DROP_TIMEOUT`. If
        // they did not, this test would never end.
        while Arc::strong_count(&made) > 1 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
