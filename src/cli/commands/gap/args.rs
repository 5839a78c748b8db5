//! The flags of `mindgap gap`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::cli::flags::{compute::Compute, data::DataFlags, input::InputFlags, model_file::ModelFlags};
use mindgap::export::InputNormalisation;

/// Probe and val are measured as `mindgap train` measures them after every epoch: by one piece of code, without augmentation,
/// by plain cross-entropy. The probe is as many training images as val has, with val's mix of classes, none of them
/// also in val.
///
/// A TorchScript file that mindgap did not write says nothing of its input: add --img-size, --in-chans, --mean and --std.
#[derive(Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.help(
    "A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces [default: the data of the run]"
)))]
pub struct Args {
    #[command(flatten)]
    pub(super) model: ModelFlags,

    #[command(flatten)]
    pub(super) input: InputFlags,

    /// What the model subtracts from each channel of pixels scaled to 0–1, such as 0.485,0.456,0.406 for ImageNet's
    #[arg(long, value_name = "MEAN", value_delimiter = ',', num_args = 1.., allow_negative_numbers = true, requires = "std", help_heading = "Model")]
    mean: Vec<f32>,

    /// What it then divides by, such as 0.229,0.224,0.225. Pixels of 0–1: --mean 0 --std 1; of 0–255: --mean 0 --std 0.00392157
    #[arg(long, value_name = "STD", value_delimiter = ',', num_args = 1.., requires = "mean", help_heading = "Model")]
    std: Vec<f32>,

    /// The model's classes in the order of its outputs, separated by commas, or a file with one on each line [default: the data's
    /// classes, sorted by name]
    #[arg(long, value_name = "A,B,C|FILE", help_heading = "Model")]
    pub(super) class_order: Option<String>,

    /// What the model gives: logits (log-probabilities are logits too), or probabilities, whose logarithm is taken [default:
    /// probabilities where every row sums to 1]
    #[arg(long, value_name = "KIND", help_heading = "Model")]
    pub(super) outputs: Option<OutputKind>,

    /// Images in each call of the model, no fewer in the last, for a traced model that takes one number only [default: at
    /// most 256]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), help_heading = "Model")]
    pub(super) batch_size: Option<u32>,

    #[command(flatten)]
    pub(super) data: DataFlags,

    /// Seed of the probe and of val's halves [default: that of the model's training, else 0]
    #[arg(long, value_name = "N", help_heading = "Data")]
    pub(super) data_seed: Option<u64>,

    /// Write the predictions on val as a table, for `mindgap compare --predictions`
    #[arg(long, value_name = "FILE.csv")]
    pub(super) predictions: Option<PathBuf>,

    /// Replace that file if it exists
    #[arg(long)]
    pub(super) force: bool,

    /// Print the figures as JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) compute: Compute,
}

/// What a model gives for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputKind {
    /// Numbers whose softmax are probabilities
    Logits,
    /// Probabilities
    Probabilities,
}

impl Args {
    /// The normalisation that the flags state; a single number stands for every channel.
    /// Fails if the numbers are no normalisation of `channels` channels.
    pub(super) fn normalisation(&self, channels: Option<u32>) -> Result<Option<InputNormalisation>> {
        if self.mean.is_empty() {
            return Ok(None);
        }
        let channels = channels.unwrap_or(3) as usize;
        let each = |flag: &str, values: &[f32]| -> Result<Vec<f32>> {
            ensure!(
                [1, channels].contains(&values.len()),
                "{flag} has {} numbers, and images have {channels} channels (--in-chans)",
                values.len()
            );
            ensure!(values.iter().all(|value| value.is_finite()), "{flag}: {values:?} are not all finite");
            Ok(if values.len() == 1 { vec![values[0]; channels] } else { values.to_vec() })
        };
        let (mean, std) = (each("--mean", &self.mean)?, each("--std", &self.std)?);
        ensure!(std.iter().all(|&std| std > 0.0), "--std: {std:?} are not all above 0");
        let is_bytes = mean.iter().any(|mean| mean.abs() > 1.0) && std.iter().all(|&std| std > 1.0);
        ensure!(
            !is_bytes,
            "--mean and --std are for pixels of 0–1; these look like those for 0–255: divide them by 255"
        );
        Ok(Some(InputNormalisation { mean, std }))
    }
}
