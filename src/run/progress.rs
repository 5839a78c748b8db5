//! Shows a run: a bar on a terminal, one line per epoch in a pipe.

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

use anyhow::Result;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{EpochRecord, Observer};

/// Shows a run on standard output. A reader that closes the pipe (`| head -1`) ends the output, not the training.
pub struct RunProgress {
    epochs: u32,
    batch_size: u32,
    /// Standard output, until it fails.
    out: Option<Box<dyn Write + Send>>,
    /// The bar of the current epoch; `None` in a pipe.
    bar: Option<ProgressBar>,
    epoch_began: Instant,
    /// Steps done since `epoch_began`: fewer than the step's number in an epoch that was resumed in the middle.
    steps: u64,
    batch_loss: Option<f64>,
}

impl RunProgress {
    /// Shows a run of `epochs` epochs in all, whose step is `batch_size` images: a bar and lines on a terminal, lines alone
    /// otherwise. The lines go to standard output or, with `for_result`, to standard error, so that standard output holds
    /// the result alone.
    pub fn new(epochs: u32, batch_size: u32, for_result: bool) -> Self {
        let (out, is_terminal): (Box<dyn Write + Send>, _) = if for_result {
            (Box::new(io::stderr()), io::stderr().is_terminal())
        } else {
            (Box::new(io::stdout()), io::stdout().is_terminal())
        };
        let bar =
            is_terminal.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style()));
        Self { epochs, batch_size, out: Some(out), bar, epoch_began: Instant::now(), steps: 0, batch_loss: None }
    }

    /// Writes a line above the bar.
    fn print(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_line(&mut self.out, line)),
            None => write_line(&mut self.out, line),
        }
    }
}

/// Writes a line. After a failure nothing more is written: the reader has closed the pipe, but training continues.
fn write_line(out: &mut Option<Box<dyn Write + Send>>, line: &str) {
    if let Some(writer) = out
        && writeln!(writer, "{line}").and_then(|()| writer.flush()).is_err()
    {
        *out = None;
    }
}

impl Observer for RunProgress {
    fn epoch_begin(&mut self, epoch: u32, steps: u64) {
        self.epoch_began = Instant::now();
        self.steps = 0;
        self.batch_loss = None;
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
        let line = if self.bar.is_some() { compact_line } else { epoch_line };
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

/// An epoch as one line, in the form that many PyTorch training loops print, with the gap at its end. Training means the
/// probe. `epochs` is the number of epochs of the whole run.
pub fn epoch_line(record: &EpochRecord, epochs: u32) -> String {
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
    // The bar fills what the other parts leave of the line, so that the whole fits 80 columns.
    let template = "{prefix} {wide_bar} {pos}/{len}  {msg}";
    ProgressStyle::with_template(template).expect("the template is valid").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::tests::record;
    use std::sync::{Arc, Mutex};

    /// The lines of a terminal.
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_keeps_a_compact_line_of_every_epoch() {
        let screen = Screen::default();
        let mut progress = RunProgress {
            out: Some(Box::new(screen.clone())),
            bar: Some(ProgressBar::hidden()),
            epochs: 50,
            batch_size: 128,
            epoch_began: Instant::now(),
            steps: 0,
            batch_loss: None,
        };
        for epoch in 9..12 {
            progress.epoch_begin(epoch, 2);
            progress.step(1, None);
            progress.step(2, Some(1.6));
            progress.epoch_end(&record(epoch, 1.432)).unwrap();
        }
        let shown = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(shown, @r"
         9/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        10/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        11/50  probe 1.402 48.1 %  val 1.432 47.8 %  gap 0.030 ± 0.021  12 s
        ");
    }
}
