//! `mindgap predict`: predicts the classes of any number of image files.

mod answer;
mod args;
mod files;
mod overlay;
mod predictor;

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Result, ensure};

use crate::cli::{
    ExitStatus,
    flags::input::KEEP_HIGH_BYTE,
    output::{print::is_read, say::say},
};
use answer::Answer;
pub use args::Args;
use mindgap::data::UnlabelledImages;
use predictor::Predictor;

/// Predicts the class of every image, and prints each batch as soon as it is done.
/// Fails if the model cannot be used or stdout cannot be written to.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let device = args.compute.prepare(None, None)?;
    let model = args.model.open(device, None)?;
    let input = args.input.of(model.as_ref())?;
    let (channels, size, range) = (input.channels, input.size, input.range_16bit);
    let mut predictor = Predictor::new(args, model.as_ref(), input)?;
    let passed_over = Arc::new(AtomicU64::new(0));
    let files = files::named_by(&args.images, args.null, &passed_over);
    let mut tally = Tally::default();
    let mut output = io::stdout();
    for batch in UnlabelledImages::read(files, channels, size, range, args.batch_size as usize)? {
        let batch = batch?;
        if batch.sixteen_bit > 0 && range.is_none() && !tally.has_noted_range {
            tally.has_noted_range = true;
            say(format_args!("note: {KEEP_HIGH_BYTE}"));
        }
        if let (Some(file), Some([low, high]), false) = (&batch.beyond, range, tally.has_noted_range) {
            tally.has_noted_range = true;
            say(format_args!(
                "note: 16-bit values outside {low} to {high}, the range of the model, are clamped, first in {file:?} \
                 (--range-16bit LO HI)"
            ));
        }
        let answers = predictor.answers(&batch)?;
        answers.iter().for_each(|answer| tally.count(answer));
        let mut lines = String::new();
        for answer in &answers {
            lines += &if args.json { answer.json()? } else { answer.row() };
        }
        if !is_read(output.write_all(lines.as_bytes()).and_then(|()| output.flush()))? {
            return Ok(ExitStatus::Done);
        }
    }
    tally.conclude(passed_over.load(Ordering::Relaxed))
}

/// Counts of files.
#[derive(Default)]
struct Tally {
    files: u64,
    bad: u64,
    /// Whether the note on 16-bit images was printed.
    has_noted_range: bool,
}

impl Tally {
    /// Counts a file, and reports its error if it has one.
    fn count(&mut self, answer: &Answer) {
        self.files += 1;
        if let Err(reason) = &answer.outcome {
            self.bad += 1;
            say(format_args!("error: {}: {reason}", answer.file.line()));
        }
    }

    /// Reports what was left out, and decides the exit status.
    fn conclude(&self, passed_over: u64) -> Result<ExitStatus> {
        if passed_over > 0 {
            say(format_args!(
                "note: {passed_over} files or folders were skipped: hidden ones, those without an image extension, and \
                 cyclic links"
            ));
        }
        ensure!(self.files > 0, "there is no image");
        if self.bad == 0 {
            return Ok(ExitStatus::Done);
        }
        say(format_args!("error: {} of {} files have no prediction", self.bad, self.files));
        Ok(ExitStatus::UserError)
    }
}
