//! Keys of the network: what it is, where its weights come from, and what is dropped in it while it trains.

use super::{Key, KeyRole, Kind, KnobFamily, Range, Shown};
use crate::recipe::{FirstTrained, MODEL_NAMES, Stem};

#[rustfmt::skip]
pub(super) const NETWORK: &[Key] = &[
    Key {
        name: "model", value_names: &["NAME"], kind: Kind::Word(&MODEL_NAMES),
        help: "Network",
        example: "model = 'resnet14'", ..Key::SETTING
    },
    Key {
        name: "width", value_names: &["N"], kind: Kind::Whole(1..=4096),
        help: "Channels of the first stage",
        remedy: "give 16 or 64, or leave it out", default: Shown::Words("16 for CIFAR's networks, 64 for ImageNet's"),
        example: "width = 8", ..Key::SETTING
    },
    Key {
        name: "stem", value_names: &["STEM"], kind: Kind::Word(Stem::WORDS),
        help: "First layers of an ImageNet network; small is one 3×3 convolution without max-pool",
        default: Shown::Words("imagenet"), with: "an ImageNet network",
        example: "model = 'resnet18'\nstem = 'small'", ..Key::SETTING
    },
    Key {
        name: "stem_stride", value_names: &["N"], kind: Kind::OneOf(&[1, 2, 4]),
        help: "Stride of a 3×3 stem: 1, 2 or 4",
        remedy: "give 1, or 2 or 4 for less work", example: "stem_stride = 2", ..Key::SETTING
    },
    Key {
        name: "resnet_d",
        help: "Average the map where a shortcut halves it; make the ImageNet stem of three 3×3 convolutions",
        default: Shown::Off, role: KeyRole::Option, example: "resnet_d = true", ..Key::SETTING
    },
    Key {
        name: "blur_pool",
        help: "Halve maps by a blur after a convolution of stride 1, not by its stride",
        default: Shown::Off, role: KeyRole::Option, example: "blur_pool = true", ..Key::SETTING
    },
    Key {
        name: "se", value_names: &["REDUCTION"], kind: Kind::Whole(0..=256),
        help: "Weigh the channels of each block by squeeze-and-excitation, whose inner layer has the channels divided by \
               this",
        default: Shown::Off, role: KeyRole::Option, usual: "16", example: "se = 16", ..Key::SETTING
    },
    Key {
        name: "whitening",
        help: "Whiten patches of the images by a first layer that is computed from training images and stays",
        default: Shown::Off, role: KeyRole::Option, example: "whitening = true", ..Key::SETTING
    },
    Key {
        name: "zero_init_last",
        help: "Start the last norm of each block at zero",
        default: Shown::Off, example: "zero_init_last = true", ..Key::SETTING
    },
    Key {
        name: "sync_bn",
        help: "In a run on several processes, take batch norm's statistics over the whole batch, not over each \
               process's part",
        default: Shown::Off, example: "sync_bn = true", ..Key::SETTING
    },
];

#[rustfmt::skip]
pub(super) const PRETRAINED: &[Key] = &[
    Key {
        name: "pretrained", value_names: &["WEIGHTS"], kind: Kind::Path,
        help: "Start from these weights: a .safetensors file of torchvision's or timm's resnet18 to resnet101 or \
               of mindgap's, or a name on the Hugging Face hub, such as timm/resnet18.a1_in1k",
        example: "pretrained = '/WEIGHTS'", ..Key::KNOB
    },
    Key {
        name: "freeze_until", value_names: &["LAYER"], kind: Kind::Word(FirstTrained::WORDS),
        help: "Train this layer and those after it only; fc for the classifier alone",
        default: Shown::Words("conv1, all"), with: "pretrained",
        example: "pretrained = '/WEIGHTS'\nfreeze_until = 'layer2'", ..Key::KNOB
    },
    Key {
        name: "layer_decay", value_names: &["FACTOR"], kind: Kind::Number(Range::ABOVE_0_TO_1),
        help: "Multiply the learning rate by this from each block to the one before it",
        remedy: "give 1 for one rate everywhere, 0.75 for lower ones", default: Shown::Value, usual: "0.75",
        example: "layer_decay = 0.8", ..Key::KNOB
    },
];

#[rustfmt::skip]
pub(super) const NOISE: &[Key] = &[
    Key {
        name: "drop", value_names: &["P"], kind: Kind::Number(Range::BELOW_1),
        help: "Probability that a feature is dropped before the classifier",
        family: Some(KnobFamily::Dropout), usual: "0.2", example: "drop = 0.2", ..Key::KNOB
    },
    Key {
        name: "drop_path", value_names: &["P"], kind: Kind::Number(Range::BELOW_1),
        help: "Probability that the last residual block is skipped; earlier ones less, linear in depth",
        family: Some(KnobFamily::Dropout), usual: "0.1", example: "drop_path = 0.2", ..Key::KNOB
    },
    Key {
        name: "drop_block", value_names: &["P"], kind: Kind::Number(Range::BELOW_1),
        help: "Share of the feature maps that is dropped in blocks, in the last two stages",
        family: Some(KnobFamily::Dropout), usual: "0.1", example: "drop_block = 0.1", ..Key::KNOB
    },
];
