//! Shows a run: bars on a terminal, one line per epoch in a pipe.

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

use anyhow::Result;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{EpochRecord, Observer};

/// Shows a run on standard output. A reader that goes away (`| head -1`) ends the showing, never the training.
pub struct RunProgress {
    epochs: u32,
    batch_size: u32,
    /// Standard output, until it fails.
    out: Option<Box<dyn Write + Send>>,
    /// The bar of the current epoch; `None` in a pipe.
    bar: Option<ProgressBar>,
    epoch_began: Instant,
    /// Steps done since then: fewer than the step's number in an epoch that was resumed in its middle.
    steps: u64,
    batch_loss: Option<f64>,
}

impl RunProgress {
    /// Progress of a run of `epochs` epochs in all, a step being `batch_size` images: bars when the lines go to a
    /// terminal, lines alone otherwise. The lines go to standard output, or to standard error where the output is kept
    /// `for_result`.
    pub fn new(epochs: u32, batch_size: u32, for_result: bool) -> Self {
        let (out, is_terminal): (Box<dyn Write + Send>, _) = if for_result {
            (Box::new(io::stderr()), io::stderr().is_terminal())
        } else {
            (Box::new(io::stdout()), io::stdout().is_terminal())
        };
        let bar = || ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style());
        Self::to(out, is_terminal.then(bar), epochs, batch_size)
    }

    fn to(out: Box<dyn Write + Send>, bar: Option<ProgressBar>, epochs: u32, batch_size: u32) -> Self {
        Self { epochs, batch_size, out: Some(out), bar, epoch_began: Instant::now(), steps: 0, batch_loss: None }
    }

    /// Writes a line above the bar. The first failure is the last attempt: the reader has gone, the training has not.
    fn print(&mut self, line: &str) {
        let write = |out: &mut Option<Box<dyn Write + Send>>| {
            if out.as_mut().is_some_and(|out| writeln!(out, "{line}").and_then(|()| out.flush()).is_err()) {
                *out = None;
            }
        };
        match &self.bar {
            Some(bar) => bar.suspend(|| write(&mut self.out)),
            None => write(&mut self.out),
        }
    }
}

impl Observer for RunProgress {
    fn epoch_begin(&mut self, epoch: u32, steps: u64) {
        (self.epoch_began, self.steps, self.batch_loss) = (Instant::now(), 0, None);
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(steps);
            bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
            bar.set_message("");
        }
    }

    fn step(&mut self, step: u64, batch_loss: Option<f64>) {
        self.steps += 1;
        self.batch_loss = batch_loss.or(self.batch_loss);
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            if bar.length() == Some(step) {
                bar.set_message("measuring probe and val");
                return;
            }
            let loss = self.batch_loss.map_or(String::new(), |loss| format!("batch loss {loss:.3}, "));
            let images = self.steps as f64 * f64::from(self.batch_size);
            let rate = images / self.epoch_began.elapsed().as_secs_f64();
            bar.set_message(format!("{loss}{rate:.0} images/s, {:#} left", HumanDuration(bar.eta())));
        }
    }

    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        let line = if self.bar.is_some() { compact_line } else { origin_line };
        self.print(&line(record, self.epochs));
        Ok(())
    }
}

impl Drop for RunProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The line that the origin's own training loop printed, with the gap at its end. Training means the probe. `epochs` is
/// the number of epochs of the whole run.
pub fn origin_line(record: &EpochRecord, epochs: u32) -> String {
    let EpochRecord { epoch, probe_loss, val_loss, probe_acc, val_acc, gap_loss, .. } = record;
    format!(
        "Epoch: {epoch}/{epochs}.. Training Loss: {probe_loss:.3}.. Validation Loss: {val_loss:.3}.. \
         Training Accuracy: {probe_acc:.3}.. Validation Accuracy: {val_acc:.3}.. Gap: {gap_loss:.3}"
    )
}

/// A finished epoch on a terminal, in fewer than 80 columns.
fn compact_line(record: &EpochRecord, epochs: u32) -> String {
    let EpochRecord { epoch, probe_loss, val_loss, probe_acc, val_acc, gap_loss, gap_loss_se, seconds, .. } = record;
    let width = epochs.to_string().len();
    format!(
        "{epoch:>width$}/{epochs}  probe {probe_loss:.3} {probe_acc:4.1} %  val {val_loss:.3} {val_acc:4.1} %  \
         gap {gap_loss:.3} ± {gap_loss_se:.3}  {seconds:.0} s"
    )
}

fn style() -> ProgressStyle {
    // The bar takes what the rest leaves of the line, so that 80 columns hold it.
    let template = "{prefix} {wide_bar} {pos}/{len}  {msg}";
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::tests::record;
    use std::sync::{Arc, Mutex};

    /// A reader that goes away after some lines.
    #[derive(Clone)]
    struct Reader {
        heard: Arc<Mutex<Vec<u8>>>,
        lines_until_gone: usize,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut heard = self.heard.lock().unwrap();
            if heard.iter().filter(|&&byte| byte == b'\n').count() >= self.lines_until_gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            heard.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is shown of three epochs.
    fn shown(bar: Option<ProgressBar>, lines_until_gone: usize) -> String {
        let reader = Reader { heard: Arc::default(), lines_until_gone };
        let mut progress = RunProgress::to(Box::new(reader.clone()), bar, 50, 128);
        for epoch in 9..12 {
            progress.epoch_begin(epoch, 2);
            progress.step(1, None);
            progress.step(2, Some(1.6));
            progress.epoch_end(&record(epoch, 1.432)).unwrap();
        }
        let heard = reader.heard.lock().unwrap().clone();
        String::from_utf8(heard).unwrap()
    }

    #[test]
    fn a_pipe_sees_the_origins_own_line() {
        assert_eq!(
            origin_line(&record(20, 1.432), 50),
            "Epoch: 20/50.. Training Loss: 1.402.. Validation Loss: 1.432.. Training Accuracy: 48.128.. \
             Validation Accuracy: 47.815.. Gap: 0.030"
        );
        let shown = shown(None, 99);
        assert_eq!(shown.lines().collect::<Vec<_>>(), [9, 10, 11].map(|epoch| origin_line(&record(epoch, 1.432), 50)));
    }

    #[test]
    fn a_terminal_keeps_a_compact_line_of_every_epoch() {
        insta::assert_snapshot!(shown(Some(ProgressBar::hidden()), 99), @r"
         9/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        10/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        11/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        ");
    }

    #[test]
    fn a_reader_that_goes_away_stops_nothing() {
        assert_eq!(shown(None, 1).lines().count(), 1);
        assert_eq!(shown(Some(ProgressBar::hidden()), 0), "");
    }
}
