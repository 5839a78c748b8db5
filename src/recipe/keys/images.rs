//! Keys of the images: which of them are used, at what size, and how they are changed at random.

use super::{Key, Kind, KnobFamily, Range, Shown};
use crate::recipe::{Aa, Border, Recipe};

#[rustfmt::skip]
pub(super) const IMAGES: &[Key] = &[
    Key {
        name: "train_fraction", value_names: &["SHARE"], kind: Kind::Number(Range::ABOVE_0_TO_1),
        help: "Share of the training images that is used",
        remedy: "give 1 for all images", example: "train_fraction = 0.5", ..Key::SETTING
    },
    // How small images may be is a matter of the network.
    Key {
        name: "img_size", aliases: &["train-crop-size"], value_names: &["PIXELS"], kind: Kind::Whole(1..=4096),
        help: "Side of the square images that the network sees, in pixels",
        remedy: "give a side of 1 to 4096 pixels",
        default: Shown::Words("the data's"), example: "img_size = 32", ..Key::SETTING
    },
    Key {
        name: "in_chans", value_names: &["N"], kind: Kind::OneOf(&[1, 3]),
        help: "1 for grey, 3 for RGB",
        remedy: "give 1 for grey, 3 for RGB, or leave it out", default: Shown::Words("the data's"), example: "in_chans = 3",
        ..Key::SETTING
    },
    Key {
        name: "range_16bit", value_names: &["LO", "HI"], kind: Kind::Pair16Bit,
        help: "Values of 16-bit images that become 0 and 255",
        remedy: "give the lower one first, or leave it out", default: Shown::Words("those in use in the data"),
        example: "range_16bit = [0, 4095]", ..Key::SETTING
    },
];

#[rustfmt::skip]
pub(super) const AUGMENTATION: &[Key] = &[
    Key {
        name: "hflip", value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability of mirroring",
        family: Some(KnobFamily::Augmentation), usual: "0.5", example: "hflip = 0.5", ..Key::KNOB
    },
    Key {
        name: "hflip_alternate",
        help: "Mirror each image in every other epoch, not at random",
        with: "hflip", is_read: |recipe| recipe.hflip > 0.0, example: "hflip = 0.5\nhflip_alternate = true", ..Key::KNOB
    },
    Key {
        name: "vflip", value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability of mirroring top to bottom",
        family: Some(KnobFamily::Augmentation), usual: "0.5", example: "vflip = 0.1", ..Key::KNOB
    },
    Key {
        name: "rotate", value_names: &["DEG"], kind: Kind::Number(Range::from_0_to(180.0)),
        help: "Rotate by up to so many degrees to either side",
        family: Some(KnobFamily::Augmentation), usual: "10", example: "rotate = 10.0", ..Key::KNOB
    },
    Key {
        name: "translate", value_names: &["F"], kind: Kind::Number(Range::UP_TO_1),
        help: "Shift by up to this share of the side in each direction",
        family: Some(KnobFamily::Augmentation), usual: "0.05", example: "translate = 0.05", ..Key::KNOB
    },
    Key {
        name: "zoom", value_names: &["LO", "HI"], kind: Kind::Pair(Range::above_0_to(10.0)),
        help: "Magnify by a factor between these",
        family: Some(KnobFamily::Augmentation), usual: "0.9 1.1", example: "zoom = [0.9, 1.1]", ..Key::KNOB
    },
    Key {
        name: "scale", value_names: &["LO", "HI"], kind: Kind::Pair(Range::ABOVE_0_TO_1),
        help: "Random resized crop: share of the area taken; 1 1 for none",
        family: Some(KnobFamily::Augmentation), usual: "0.6 1", example: "scale = [0.6, 1.0]\nratio = [0.9, 1.1]",
        ..Key::KNOB
    },
    Key {
        name: "ratio", value_names: &["LO", "HI"], kind: Kind::Pair(Range::above_0_to(10.0)),
        help: "Width to height of the crop that `scale` takes",
        remedy: "give two ratios around 1, such as 0.75 1.33", default: Shown::Value, with: "scale",
        is_read: |recipe| recipe.scale != [1.0, 1.0], example: "scale = [0.6, 1.0]\nratio = [0.9, 1.1]", ..Key::KNOB
    },
    Key {
        name: "crop_pad", value_names: &["PIXELS"], kind: Kind::Whole(0..=4096),
        help: "Add so many pixels of border and crop back at a random place",
        family: Some(KnobFamily::Augmentation), usual: "4", example: "crop_pad = 1", ..Key::KNOB
    },
    Key {
        name: "train_crop", value_names: &["SIDE"], kind: Kind::Number(Range::FROM_0),
        help: "Train on a window of this side at a random place, in pixels or, below 1, as a share of the side",
        family: Some(KnobFamily::Augmentation), usual: "0.9", example: "train_crop = 0.8", ..Key::KNOB
    },
    Key {
        name: "border", value_names: &["HOW"], kind: Kind::Word(Border::WORDS),
        help: "What lies beyond an image's edge",
        default: Shown::Value, with: "rotate, translate, zoom, crop_pad or aa", is_read: moves,
        example: "rotate = 10.0\nborder = 'zero'", ..Key::KNOB
    },
    Key {
        name: "color_jitter", value_names: &["STRENGTH"], kind: Kind::List(4, Range::FROM_0),
        help: "Strengths of random brightness, contrast, saturation, hue; one number for the first three",
        remedy: "give brightness, contrast, saturation, hue: 0.2 to 0.4, hue less",
        is_read: |recipe| recipe.jitter() != [0.0; 4], usual: "0.2", example: "color_jitter = [0.2, 0.2]", ..Key::KNOB
    },
    Key {
        name: "blur", value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability of blurring",
        usual: "0.1", example: "blur = 0.5", ..Key::KNOB
    },
    Key {
        name: "reprob", aliases: &["random-erase"], value_names: &["P"], kind: Kind::Number(Range::UP_TO_1),
        help: "Probability of erasing a rectangle",
        usual: "0.1", example: "reprob = 0.3", ..Key::KNOB
    },
    Key {
        name: "aa", value_names: &["POLICY"], kind: Kind::Word(Aa::WORDS),
        help: "Automatic augmentation: TrivialAugment, RandAugment or AugMix",
        family: Some(KnobFamily::Augmentation), usual: "trivial", example: "aa = 'trivial'", ..Key::KNOB
    },
    Key {
        name: "aa_ops", value_names: &["N"], kind: Kind::Whole(1..=Aa::MOST_OPERATIONS),
        help: "Operations to an image",
        remedy: "give 1 to 4, such as 2", default: Shown::Value, with: "aa rand",
        is_read: |recipe| recipe.aa == Aa::Rand, example: "aa = 'rand'\naa_ops = 3", ..Key::KNOB
    },
    Key {
        name: "aa_magnitude", value_names: &["M"], kind: Kind::Number(Range::from_0_to(Aa::FULL_MAGNITUDE)),
        help: "Strength of the operations",
        remedy: "give a strength such as 9", default: Shown::Value, with: "aa rand or augmix",
        is_read: |recipe| matches!(recipe.aa, Aa::Rand | Aa::AugMix), example: "aa = 'rand'\naa_magnitude = 15.0", ..Key::KNOB
    },
];

/// Whether images are turned, moved or shrunk, so that something lies beyond their edge.
fn moves(recipe: &Recipe) -> bool {
    recipe.rotate > 0.0
        || recipe.translate > 0.0
        || recipe.zoom != [1.0, 1.0]
        || recipe.crop_pad > 0
        || recipe.aa != Aa::None
}
