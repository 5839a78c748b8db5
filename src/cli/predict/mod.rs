//! `mindgap predict`: what a trained network says of image files, any number of them.

mod answer;
mod files;

use std::{
    io::{self, BufWriter, ErrorKind, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use super::{
    End,
    compute::Compute,
    input::{Input, InputFlags},
    model_file::ModelFlags,
    say::say,
    views::parse_views,
};
use crate::{
    data::{PictureBatch, Pictures},
    export::Model,
    recipe::Tta,
    train::{Failure, tta},
};
use answer::{Answer, ranked};

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

    #[command(flatten)]
    compute: Compute,
}

/// Predicts the class of every image and prints each batch when it is done.
///
/// # Errors
/// The model cannot be used, or stdout cannot be written to.
pub fn run(args: &Args) -> Result<End> {
    let device = args.compute.prepare(None)?;
    let model = args.model.open(device)?;
    let input = args.input.of(model.as_ref())?;
    let mut predictor = Predictor::new(args, model.as_ref(), input)?;
    let passed_over = Arc::new(AtomicU64::new(0));
    let files = files::named_by(&args.images, args.null, &passed_over);
    let mut tally = Tally::default();
    let mut output = BufWriter::new(io::stdout());
    let Input { channels, size, .. } = predictor.input;
    for batch in Pictures::read(files, channels, size, args.batch_size as usize)? {
        match predictor.answer(&batch?, &mut output, &mut tally) {
            // A reader that closes the pipe early has what it wanted.
            Err(error) if is_closed_pipe(&error) => return Ok(End::Done),
            outcome => outcome?,
        }
    }
    tally.conclude(passed_over.load(Ordering::Relaxed))
}

/// How many files there were.
#[derive(Default)]
struct Tally {
    files: u64,
    bad: u64,
}

impl Tally {
    /// Says what was left out, and how the command ends.
    fn conclude(&self, passed_over: u64) -> Result<End> {
        if passed_over > 0 {
            say(format_args!(
                "note: {passed_over} files or folders that are hidden, no images by their names, or links in a circle \
                 were passed over"
            ));
        }
        ensure!(self.files > 0, "there is no image");
        if self.bad == 0 {
            return Ok(End::Done);
        }
        say(format_args!("error: {} of {} files have no prediction", self.bad, self.files));
        Ok(End::UserError)
    }
}

/// A model and how it is asked.
struct Predictor<'a> {
    args: &'a Args,
    model: &'a dyn Model,
    input: Input,
    temperature: f64,
    /// The classes; numbers from the first batch on where the model does not name them.
    classes: Vec<String>,
}

impl<'a> Predictor<'a> {
    fn new(args: &'a Args, model: &'a dyn Model, input: Input) -> Result<Self> {
        let temperature = if args.calibrated {
            input.temperature.context("--calibrated: no temperature was fitted for this model")?
        } else {
            1.0
        };
        if input.classes.is_none() {
            say("note: this TorchScript file does not name its classes: they are numbers");
        }
        let classes = input.classes.clone().unwrap_or_default();
        Ok(Self { args, model, input, temperature, classes })
    }

    /// Writes what is said of the files of `batch`.
    fn answer(&mut self, batch: &PictureBatch, output: &mut impl Write, tally: &mut Tally) -> Result<()> {
        let logits = self.logits(&batch.images)?;
        let most = self.args.top_k.unwrap_or(if self.args.json { 5 } else { 1 }) as usize;
        let mut rows = logits.chunks_exact(self.classes.len().max(1));
        for file in &batch.files {
            let outcome = match &file.trouble {
                // Decoders may tell their reasons twice, on lines of their own.
                Some(trouble) => Err(format!("{trouble:#}").lines().next().unwrap_or_default().to_owned()),
                None => {
                    let row = rows.next().context("there are logits for each image")?;
                    let ranked = ranked(row, &self.classes, most);
                    ranked.ok_or_else(|| "the model gives a logit that is no number".to_owned())
                }
            };
            tally.files += 1;
            if let Err(reason) = &outcome {
                tally.bad += 1;
                say(format_args!("error: {}: {reason}", file.line()));
            }
            let answer = Answer { file, outcome, overlay: None };
            let line = if self.args.json { answer.json()? } else { answer.row() };
            written(output.write_all(line.as_bytes()))?;
        }
        written(output.flush())
    }

    /// Logits of the images `[n, c, h, w]`, row after row, divided by the temperature.
    fn logits(&mut self, images: &Tensor) -> Result<Vec<f32>> {
        let n = images.size()[0];
        if n == 0 {
            return Ok(Vec::new());
        }
        let logits_of = |images: &Tensor| Ok(self.model.logits(images)? / self.temperature);
        let logits = match self.args.tta {
            Tta::None => logits_of(images)?,
            views => tta::averaged(images, views, logits_of)?,
        };
        if self.classes.is_empty() {
            self.classes = (0..logits.size()[1]).map(|class| class.to_string()).collect();
        }
        let expected = [n, self.classes.len() as i64];
        ensure!(logits.size() == expected, "the model gives logits {:?} instead of {expected:?}", logits.size());
        Ok(logits.to_device(tch::Device::Cpu).reshape([-1]).try_into()?)
    }
}

/// An error of stdout: the pipe was closed, or a failure.
fn written(outcome: io::Result<()>) -> Result<()> {
    outcome.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => error.into(),
        _ => Failure(format!("stdout cannot be written to: {error}")).into(),
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
