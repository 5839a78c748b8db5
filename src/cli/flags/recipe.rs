//! The flags that make a recipe: one for every key, under timm's name where timm has one.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use mindgap::recipe::{
    self, Aa, AmpDtype, Border, ClassWeights, FirstTrained, Layers, Opt, Recipe, Sched, Stem, Tta, presets,
};

/// Where a recipe comes from. Later beats earlier: defaults, preset, recipe file, flags.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct RecipeSource {
    /// Start from a preset; `mindgap presets` lists them [default: demo for faces, the defaults below otherwise]
    #[arg(long, value_name = "NAME", help_heading = "Recipe")]
    pub preset: Option<String>,

    /// Lay a recipe file over it, such as the recipe.toml of another run
    #[arg(long, value_name = "FILE.toml", help_heading = "Recipe")]
    pub recipe: Option<PathBuf>,

    /// What was set by a flag of its own.
    #[command(flatten)]
    pub flags: RecipeFlags,

    /// A recipe that is complete, in place of all of these: a planned run's.
    #[arg(skip)]
    pub planned: Option<Recipe>,
}

impl RecipeSource {
    /// The preset to start from on the data `source`: the one given, or demo for the generated faces unless a recipe
    /// file says it all.
    pub fn preset_for(&self, source: &str) -> Option<String> {
        let implied = source == "faces" && self.recipe.is_none();
        self.preset.clone().or_else(|| implied.then(|| "demo".to_owned()))
    }

    /// The recipe that preset, file and flags amount to; `img_size` and `in_chans` are absent unless one of them says
    /// so.
    ///
    /// # Errors
    /// An unknown preset, a recipe file that cannot be read, unknown keys, values out of range: all the user's to mend.
    pub fn resolve(&self) -> Result<Recipe> {
        self.resolve_with(self.preset.as_deref())
    }

    /// The same on another preset, for a comparison of several.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_with(&self, preset: Option<&str>) -> Result<Recipe> {
        if let Some(planned) = &self.planned {
            return Ok(planned.clone());
        }
        let mut layers = Layers::default();
        if let Some(name) = preset {
            layers = layers.preset(name)?;
        }
        if let Some(path) = &self.recipe {
            layers = layers.file(path)?;
        }
        let recipe = recipe::resolve(&layers.flags(&self.flags)?)?;
        ensure!(
            preset != Some(presets::FINE_TUNE) || recipe.pretrained.is_some(),
            "preset {} goes on from weights that were trained on other images: give --pretrained FILE.safetensors, such as \
             torchvision's or the model.safetensors of another run, or choose another preset",
            presets::FINE_TUNE
        );
        Ok(recipe)
    }
}

/// A flag for every recipe key, absent unless given. A switch takes no value; `--nesterov=false` undoes a preset's.
#[derive(clap::Args, Serialize, Clone, Debug, Default, PartialEq)]
pub struct RecipeFlags {
    /// Network [default: resnet20]
    #[arg(long, help_heading = "Network", value_name = "NAME", value_parser = models())]
    pub model: Option<String>,
    /// Channels of the first stage [default: 16 for CIFAR's networks, 64 for ImageNet's]
    #[arg(long, help_heading = "Network", value_name = "N")]
    pub width: Option<u32>,
    /// First layers of an ImageNet network; small is one 3×3 convolution without max-pool
    #[arg(long, help_heading = "Network", value_name = "STEM", value_parser = words(Stem::WORDS))]
    pub stem: Option<String>,
    /// Stride of a 3×3 stem: 1, 2 or 4 [default: 1]
    #[arg(long, help_heading = "Network", value_name = "N")]
    pub stem_stride: Option<u32>,
    /// Start the last norm of each block at zero
    #[arg(long, help_heading = "Network", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub zero_init_last: Option<bool>,
    /// In a run on several processes, take batch norm's statistics over the whole batch, not over each process's part
    #[arg(long, help_heading = "Network", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub sync_bn: Option<bool>,

    /// Start from the weights in this file: torchvision's and timm's resnet18, 34 and 50, or mindgap's model.safetensors
    #[arg(long, help_heading = "Pretrained weights", value_name = "FILE.safetensors")]
    pub pretrained: Option<PathBuf>,
    /// Train this layer and those after it only; fc for the classifier alone [default: conv1, all]
    #[arg(long, help_heading = "Pretrained weights", value_name = "LAYER", value_parser = words(FirstTrained::WORDS))]
    pub freeze_until: Option<String>,
    /// Multiply the learning rate by this from each block to the one before it [default: 1]
    #[arg(long, help_heading = "Pretrained weights", value_name = "FACTOR", allow_negative_numbers = true)]
    pub layer_decay: Option<f64>,

    /// Share of the training images that is used [default: 1]
    #[arg(long, help_heading = "Images", value_name = "SHARE")]
    pub train_fraction: Option<f64>,
    /// Side of the square images that the network sees, in pixels [default: the data's]
    #[arg(long, help_heading = "Images", value_name = "PIXELS", alias = "train-crop-size")]
    pub img_size: Option<u32>,
    /// 1 for grey, 3 for RGB [default: the data's]
    #[arg(long, help_heading = "Images", value_name = "N")]
    pub in_chans: Option<u32>,
    /// Values of 16-bit images that become 0 and 255 [default: those in use in the data]
    #[arg(
        long = "range-16bit",
        help_heading = "Images",
        value_names = ["LO", "HI"],
        num_args = 2,
        action = clap::ArgAction::Set
    )]
    pub range_16bit: Option<Vec<u16>>,

    /// Passes over the training images; phases of the schedule are stretched to fit [default: 50]
    #[arg(long, help_heading = "Optimisation", value_name = "N")]
    pub epochs: Option<u32>,
    /// Images per batch [default: 128]
    #[arg(long, help_heading = "Optimisation", value_name = "N")]
    pub batch_size: Option<u32>,
    /// Optimiser [default: sgd]
    #[arg(long, help_heading = "Optimisation", value_name = "NAME", value_parser = words(Opt::WORDS))]
    pub opt: Option<String>,
    /// Peak learning rate [default: 0.05]
    #[arg(long, help_heading = "Optimisation", value_name = "RATE", allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// Momentum of SGD [default: 0.9]
    #[arg(long, help_heading = "Optimisation", value_name = "M", allow_negative_numbers = true)]
    pub momentum: Option<f64>,
    /// Nesterov's momentum
    #[arg(long, help_heading = "Optimisation", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub nesterov: Option<bool>,
    /// Weight decay; spares norms and biases [default: 0]
    #[arg(long, help_heading = "Optimisation", value_name = "D", alias = "wd", allow_negative_numbers = true)]
    pub weight_decay: Option<f64>,
    /// Let weight decay reach norms and biases too
    #[arg(
        long,
        help_heading = "Optimisation",
        alias = "norm-weight-decay",
        value_name = "BOOL",
        hide_possible_values = true
    )]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub norm_decay: Option<bool>,
    /// Largest norm of the gradient; inf for no clipping
    #[arg(
        long,
        help_heading = "Optimisation",
        value_name = "NORM",
        alias = "clip-grad-norm",
        allow_negative_numbers = true
    )]
    pub clip_grad: Option<f64>,
    /// Batches whose gradients are averaged for one step [default: 1]
    #[arg(long, help_heading = "Optimisation", value_name = "N")]
    pub grad_accum_steps: Option<u32>,
    /// Train in mixed precision; evaluation stays in float32
    #[arg(long, help_heading = "Optimisation", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub amp: Option<bool>,
    /// Short type of mixed precision [default: bfloat16]
    #[arg(long, help_heading = "Optimisation", value_name = "TYPE", value_parser = words(AmpDtype::WORDS))]
    pub amp_dtype: Option<String>,

    /// Probability that a feature is dropped before the classifier
    #[arg(long, help_heading = "Regularisation: network", value_name = "P", allow_negative_numbers = true)]
    pub drop: Option<f64>,
    /// Probability that the last residual block is skipped; earlier ones less, linear in depth
    #[arg(long, help_heading = "Regularisation: network", value_name = "P", allow_negative_numbers = true)]
    pub drop_path: Option<f64>,
    /// Share of the feature maps that is dropped in blocks, in the last two stages
    #[arg(long, help_heading = "Regularisation: network", value_name = "P", allow_negative_numbers = true)]
    pub drop_block: Option<f64>,

    /// Label smoothing: share of each target spread over all classes
    #[arg(
        long,
        help_heading = "Regularisation: targets",
        value_name = "SHARE",
        alias = "label-smoothing",
        allow_negative_numbers = true
    )]
    pub smoothing: Option<f64>,
    /// Mixup: alpha of its Beta distribution
    #[arg(
        long,
        help_heading = "Regularisation: targets",
        value_name = "ALPHA",
        alias = "mixup-alpha",
        allow_negative_numbers = true
    )]
    pub mixup: Option<f64>,
    /// CutMix: alpha of its Beta distribution
    #[arg(
        long,
        help_heading = "Regularisation: targets",
        value_name = "ALPHA",
        alias = "cutmix-alpha",
        allow_negative_numbers = true
    )]
    pub cutmix: Option<f64>,
    /// Probability that a batch is mixed [default: 1]
    #[arg(long, help_heading = "Regularisation: targets", value_name = "P", allow_negative_numbers = true)]
    pub mixup_prob: Option<f64>,
    /// Probability of CutMix where mixup is on too [default: 0.5]
    #[arg(long, help_heading = "Regularisation: targets", value_name = "P", allow_negative_numbers = true)]
    pub mixup_switch_prob: Option<f64>,
    /// Last epoch that mixes; 0 for all
    #[arg(long, help_heading = "Regularisation: targets", value_name = "N")]
    pub mixup_off_epoch: Option<u32>,
    /// balanced: images count in inverse proportion to the size of their class
    #[arg(
        long,
        help_heading = "Regularisation: targets",
        value_name = "HOW",
        value_parser = words(ClassWeights::WORDS)
    )]
    pub class_weights: Option<String>,
    /// Draw the images so that all classes come equally often
    #[arg(long, help_heading = "Regularisation: targets", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub balanced_sampling: Option<bool>,

    /// Probability of mirroring
    #[arg(long, help_heading = "Regularisation: images", value_name = "P", allow_negative_numbers = true)]
    pub hflip: Option<f64>,
    /// Rotate by up to so many degrees to either side
    #[arg(long, help_heading = "Regularisation: images", value_name = "DEG", allow_negative_numbers = true)]
    pub rotate: Option<f64>,
    /// Shift by up to this share of the side in each direction
    #[arg(long, help_heading = "Regularisation: images", value_name = "F", allow_negative_numbers = true)]
    pub translate: Option<f64>,
    /// Magnify by a factor between these
    #[arg(
        long,
        help_heading = "Regularisation: images",
        value_names = ["LO", "HI"],
        allow_negative_numbers = true,
        num_args = 2,
        action = clap::ArgAction::Set
    )]
    pub zoom: Option<Vec<f64>>,
    /// Random resized crop: share of the area taken; 1 1 for none
    #[arg(
        long,
        help_heading = "Regularisation: images",
        value_names = ["LO", "HI"],
        allow_negative_numbers = true,
        num_args = 2,
        action = clap::ArgAction::Set
    )]
    pub scale: Option<Vec<f64>>,
    /// Width to height of the crop that --scale takes [default: 0.75 1.3333]
    #[arg(
        long,
        help_heading = "Regularisation: images",
        value_names = ["LO", "HI"],
        allow_negative_numbers = true,
        num_args = 2,
        action = clap::ArgAction::Set
    )]
    pub ratio: Option<Vec<f64>>,
    /// Add so many pixels of border and crop back at a random place
    #[arg(long, help_heading = "Regularisation: images", value_name = "PIXELS")]
    pub crop_pad: Option<u32>,
    /// What lies beyond an image's edge [default: reflect]
    #[arg(long, help_heading = "Regularisation: images", value_name = "HOW", value_parser = words(Border::WORDS))]
    pub border: Option<String>,
    /// Strengths of random brightness, contrast, saturation, hue; one number for the first three
    #[arg(
        long,
        help_heading = "Regularisation: images",
        value_name = "STRENGTH",
        allow_negative_numbers = true,
        num_args = 1..=4,
        action = clap::ArgAction::Set
    )]
    pub color_jitter: Option<Vec<f64>>,
    /// Probability of blurring
    #[arg(long, help_heading = "Regularisation: images", value_name = "P", allow_negative_numbers = true)]
    pub blur: Option<f64>,
    /// Probability of erasing a rectangle
    #[arg(
        long,
        help_heading = "Regularisation: images",
        value_name = "P",
        alias = "random-erase",
        allow_negative_numbers = true
    )]
    pub reprob: Option<f64>,
    /// Automatic augmentation; trivial is TrivialAugment
    #[arg(long, help_heading = "Regularisation: images", value_name = "POLICY", value_parser = words(Aa::WORDS))]
    pub aa: Option<String>,

    /// Average the weights exponentially; the average is the model
    #[arg(long, help_heading = "Regularisation: weights", value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub model_ema: Option<bool>,
    /// How much of that average each update keeps, less at the start [default: 0.998]
    #[arg(long, help_heading = "Regularisation: weights", value_name = "D", allow_negative_numbers = true)]
    pub model_ema_decay: Option<f64>,
    /// Average the weights of all epochs from this one on, equally; the average is the model
    #[arg(long, help_heading = "Regularisation: weights", value_name = "EPOCH")]
    pub swa_start: Option<u32>,
    /// Sharpness-aware minimisation: radius
    #[arg(long, help_heading = "Regularisation: weights", value_name = "RHO", allow_negative_numbers = true)]
    pub sam: Option<f64>,
    /// Updates of which one is sharpness-aware [default: 1]
    #[arg(long, help_heading = "Regularisation: weights", value_name = "K")]
    pub sam_every: Option<u32>,

    /// Side of the images in the first epoch; it grows to the full one
    #[arg(long, help_heading = "Regularisation: course and evaluation", value_name = "PIXELS")]
    pub progressive: Option<u32>,
    /// Stop after so many epochs without a lower val loss
    #[arg(long, help_heading = "Regularisation: course and evaluation", value_name = "PATIENCE")]
    pub early_stop: Option<u32>,
    /// Second figure at the end, averaged over views of each image
    #[arg(
        long,
        help_heading = "Regularisation: course and evaluation",
        value_name = "VIEWS",
        value_parser = words(Tta::WORDS)
    )]
    pub tta: Option<String>,

    /// The whole schedule in one word [default: the origin's cyclic and falling phases]
    #[arg(long, help_heading = "Schedule", value_name = "NAME", value_parser = words(Sched::WORDS))]
    pub sched: Option<String>,
    /// Lowest rate of cosine, one-cycle and cyclic
    #[arg(long, help_heading = "Schedule", value_name = "RATE", alias = "lr-min", allow_negative_numbers = true)]
    pub min_lr: Option<f64>,
    /// Epochs between the steps of step [default: a third of the run]
    #[arg(long, help_heading = "Schedule", value_name = "N", alias = "lr-step-size", allow_negative_numbers = true)]
    pub decay_epochs: Option<f64>,
    /// What each step of step multiplies the rate by [default: 0.1]
    #[arg(long, help_heading = "Schedule", value_name = "FACTOR", alias = "lr-gamma", allow_negative_numbers = true)]
    pub decay_rate: Option<f64>,
    /// Epochs, out of --epochs, of linear warm-up
    #[arg(
        long,
        help_heading = "Schedule",
        value_name = "N",
        alias = "lr-warmup-epochs",
        allow_negative_numbers = true
    )]
    pub warmup_epochs: Option<f64>,
    /// Rate at which the warm-up begins [default: 0]
    #[arg(long, help_heading = "Schedule", value_name = "RATE", allow_negative_numbers = true)]
    pub warmup_lr: Option<f64>,

    /// Moves initialisation, order, augmentation and dropout [default: 0]
    #[arg(long, help_heading = "Seeds", value_name = "N", value_parser = seed())]
    pub seed: Option<u64>,
    /// Moves split, fraction, probe and generated faces [default: 0]
    #[arg(long, help_heading = "Seeds", value_name = "N", value_parser = seed())]
    pub data_seed: Option<u64>,
}

fn words(words: &'static [&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(words)
}

fn models() -> PossibleValuesParser {
    PossibleValuesParser::new(recipe::MODELS.map(|(name, _)| name))
}

/// Seeds stand in recipe.toml, whose integers end below 2⁶³.
fn seed() -> clap::builder::RangedU64ValueParser {
    clap::builder::RangedU64ValueParser::new().range(..=i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn parse(line: &str) -> Result<RecipeSource, clap::Error> {
        let command = RecipeSource::augment_args(Command::new("train").no_binary_name(true));
        RecipeSource::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    fn resolve(line: &str) -> Recipe {
        parse(line).unwrap().resolve().unwrap()
    }

    #[test]
    fn every_recipe_key_has_a_flag_and_every_flag_a_key() {
        let command = RecipeFlags::augment_args(Command::new("train"));
        let flags: BTreeSet<String> = command.get_arguments().map(|flag| flag.get_id().to_string()).collect();
        let json = serde_json::to_value(Recipe::default()).unwrap();
        let mut keys: BTreeSet<String> = json.as_object().unwrap().keys().cloned().collect();
        // Phases are written in a file; on the command line the shorthand stands for them.
        keys.remove("schedule");
        keys.extend(recipe::Shorthand::KEYS.map(String::from));
        assert_eq!(flags, keys);
        for flag in command.get_arguments() {
            assert_eq!(flag.get_long().map(|long| long.replace('-', "_")), Some(flag.get_id().to_string()));
        }
    }

    #[test]
    fn flags_beat_the_preset_and_multipliers_outlive_them() {
        assert_eq!(resolve("--preset longer --epochs 50").epochs, 70);
        assert_eq!(resolve("--preset wider --model resnet18").width, Some(128));
        assert_eq!(resolve("--preset demo --epochs 4 --lr 0.1").lr, 0.1);
    }

    #[test]
    fn a_switch_takes_no_value_and_can_be_undone() {
        let source = parse("--nesterov --norm-decay=false --epochs 3").unwrap();
        assert_eq!(
            (source.flags.nesterov, source.flags.norm_decay, source.flags.epochs),
            (Some(true), Some(false), Some(3))
        );
        assert!(parse("--nesterov true").is_err());
    }

    #[test]
    fn of_a_flag_with_several_values_the_last_counts() {
        let command = RecipeSource::augment_args(Command::new("train").no_binary_name(true)).args_override_self(true);
        let line = "--zoom 0.9 1.1 --zoom 0.8 1.2 --color-jitter 0.2 0.2 --color-jitter 0.1 --hflip 0.5 --hflip 0.7";
        let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
        let flags = RecipeSource::from_arg_matches(&matches).unwrap().flags;
        assert_eq!((flags.zoom, flags.color_jitter), (Some(vec![0.8, 1.2]), Some(vec![0.1])));
        assert_eq!(flags.hflip, Some(0.7));
    }

    #[test]
    fn names_of_torchvision_are_understood() {
        assert_eq!(
            parse("--wd 5e-4 --lr-warmup-epochs 5").unwrap().flags,
            parse("--weight-decay 5e-4 --warmup-epochs 5").unwrap().flags
        );
    }

    #[test]
    fn values_out_of_range_are_reported_together_by_name() {
        let error = parse("--lr -1 --batch-size 0 --momentum 2").unwrap().resolve().unwrap_err().to_string();
        for part in ["lr = -1", "batch_size = 0", "momentum = 2"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(parse("--seed 18446744073709551615").unwrap_err().to_string().contains("--seed"));
    }
}
