//! `mindgap predict`: what a trained network says of image files, any number of them.

mod answer;
mod files;
mod overlay;
mod predictor;

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Result, ensure};

use crate::cli::{
    ExitStatus,
    flags::{
        compute::Compute,
        input::{InputFlags, KEEP_HIGH_BYTE},
        model_file::ModelFlags,
        views::parse_views,
    },
    output::{print::is_read, say::say},
};
use answer::Answer;
use mindgap::{data::UnlabelledImages, recipe::Tta};
use predictor::Predictor;

/// Flags of `mindgap predict`.
///
/// Images are prepared as those of val were. A file that cannot be read is reported and the rest goes on; the exit code
/// is 2 at the end.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelFlags,

    /// Image files, folders (all images below them), or - for paths on stdin, one a line
    #[arg(value_name = "IMAGE|DIR|-", required = true)]
    images: Vec<PathBuf>,

    /// The paths on stdin end with NUL, as `find -print0` writes them
    #[arg(long, short = '0')]
    null: bool,

    #[command(flatten)]
    input: InputFlags,

    /// How many of the likeliest classes are told [default: 1, with --json 5]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,

    /// Divide the logits by the temperature that was fitted on val, so that probabilities mean what they say
    #[arg(long)]
    calibrated: bool,

    /// Average the probabilities over views of each image: none, flip, ten-crop
    #[arg(long, value_name = "VIEWS", default_value = "none", value_parser = parse_views)]
    tta: Tta,

    /// Images in one forward pass
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    batch_size: u32,

    /// Print a line of JSON for each file instead of a table (path, class, probability, …, tabs between them)
    #[arg(long)]
    json: bool,

    /// Write a picture of each image that shows which places speak for its class (Grad-CAM), for mindgap's own networks
    #[arg(long, value_name = "DIR")]
    cam: Option<PathBuf>,

    /// Let DIR hold files already, and replace those of the same names
    #[arg(long, requires = "cam")]
    force: bool,

    #[command(flatten)]
    compute: Compute,
}

/// Predicts the class of every image and prints each batch when it is done.
///
/// # Errors
/// The model cannot be used, or stdout cannot be written to.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let device = args.compute.prepare(None, None)?;
    let model = args.model.open(device)?;
    let input = args.input.of(model.as_ref())?;
    let (channels, size, range) = (input.channels, input.size, input.range_16bit);
    let mut predictor = Predictor::new(args, model.as_ref(), input)?;
    let passed_over = Arc::new(AtomicU64::new(0));
    let files = files::named_by(&args.images, args.null, &passed_over);
    let mut tally = Tally::default();
    let mut output = BufWriter::new(io::stdout());
    for batch in UnlabelledImages::read(files, channels, size, range, args.batch_size as usize)? {
        let batch = batch?;
        if batch.sixteen_bit > 0 && range.is_none() && !tally.is_told {
            tally.is_told = true;
            say(format_args!("note: {KEEP_HIGH_BYTE}"));
        }
        if let (Some(file), Some([low, high]), false) = (&batch.beyond, range, tally.is_told) {
            tally.is_told = true;
            say(format_args!(
                "note: 16-bit values outside {low} to {high}, the range by which the model takes them, become the nearest, \
                 first in {file:?} (--range-16bit LO HI)"
            ));
        }
        let answers = predictor.answers(&batch)?;
        answers.iter().for_each(|answer| tally.count(answer));
        let print = |answer: &Answer| {
            let line = if args.json { answer.json()? } else { answer.row() };
            output.write_all(line.as_bytes())
        };
        if !is_read(answers.iter().try_for_each(print).and_then(|()| output.flush()))? {
            return Ok(ExitStatus::Done);
        }
    }
    tally.conclude(passed_over.load(Ordering::Relaxed))
}

/// How many files there were.
#[derive(Default)]
struct Tally {
    files: u64,
    bad: u64,
    /// Whether the user was told of 16-bit images.
    is_told: bool,
}

impl Tally {
    /// Counts a file, and says what is wrong with it, if anything is.
    fn count(&mut self, answer: &Answer) {
        self.files += 1;
        if let Err(reason) = &answer.outcome {
            self.bad += 1;
            say(format_args!("error: {}: {reason}", answer.file.line()));
        }
    }

    /// Says what was left out, and how the command ends.
    fn conclude(&self, passed_over: u64) -> Result<ExitStatus> {
        if passed_over > 0 {
            say(format_args!(
                "note: {passed_over} files or folders that are hidden, no images by their names, or links in a circle \
                 were passed over"
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
