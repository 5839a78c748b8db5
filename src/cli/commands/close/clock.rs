//! The time that a search has spent, over all its processes.

use std::{
    fs,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mindgap::durable;

/// The file that holds the seconds spent.
const FILE: &str = "spent.txt";
/// How often it is written; a killed process loses no more than this.
const EVERY: Duration = Duration::from_secs(3);

/// A clock that continues where the process before it ended. It is monotonic: setting the machine's date changes nothing.
pub struct Clock {
    before: f64,
    begun: Instant,
    /// Dropping it ends the writer.
    end: Option<Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Clock {
    /// Continues in the folder `out` from what its file or its record says, whichever is later.
    /// Where nothing is to be continued it begins at 0.
    pub fn resume(out: &Path, recorded: f64, is_continued: bool) -> Self {
        let path = out.join(FILE);
        if !is_continued {
            let _ = fs::remove_file(&path);
        }
        let kept = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<f64>().ok());
        let before = kept.filter(|seconds| seconds.is_finite()).map_or(recorded, |kept| kept.max(recorded));
        let begun = Instant::now();
        let (end, ended) = mpsc::channel();
        let writer = thread::spawn(move || {
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                write(&path, before, begun);
            }
        });
        Self { before, begun, end: Some(end), writer: Some(writer) }
    }

    /// Seconds spent.
    pub fn spent(&self) -> f64 {
        self.before + self.begun.elapsed().as_secs_f64()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(writer) = self.writer.take() {
            // Its only failure would be a panic, which would have been reported.
            let _ = writer.join();
        }
    }
}

/// A full disk must not end the search: the record holds the time at each of its steps too.
fn write(path: &Path, before: f64, begun: Instant) {
    let _ = durable::write(path, format!("{:.1}\n", before + begun.elapsed().as_secs_f64()).as_bytes());
}

/// `seconds` as minutes and seconds, with hours where there are some.
pub fn text_of(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_continues_where_the_later_of_file_and_record_stands() {
        let folder = tempfile::tempdir().unwrap();
        assert!((Clock::resume(folder.path(), 7.0, true).spent() - 7.0).abs() < 1.0);
        fs::write(folder.path().join(FILE), "40.5\n").unwrap();
        assert!((Clock::resume(folder.path(), 7.0, true).spent() - 40.5).abs() < 1.0);
        fs::write(folder.path().join(FILE), "tor").unwrap();
        assert!((Clock::resume(folder.path(), 7.0, true).spent() - 7.0).abs() < 1.0);
    }

    #[test]
    fn times_are_read_as_a_stopwatch_shows_them() {
        assert_eq!(text_of(59.6), "1:00");
        assert_eq!(text_of(7.2), "0:07");
        assert_eq!(text_of(3723.0), "1:02:03");
    }
}
