//! Keys of the images: which of them are used, at what size, and how they are changed at random.

use super::{Key, Kind, KnobFamily, Range, Shown};
use crate::recipe::{Aa, Border, Recipe};

pub(super) const IMAGES: &[Key] = &[
    Key {
        name: "train_fraction",
        value_names: &["SHARE"],
        help: "Share of the training images that is used",
        kind: Kind::Number(Range::ABOVE_0_TO_1),
        remedy: "give 1 for all images",
        example: "train_fraction = 0.5",
        ..Key::SETTING
    },
    Key {
        name: "img_size",
        aliases: &["train-crop-size"],
        value_names: &["PIXELS"],
        help: "Side of the square images that the network sees, in pixels",
        // The least is a matter of the network.
        kind: Kind::Whole(0..=u32::MAX),
        default: Shown::Words("the data's"),
        example: "img_size = 32",
        ..Key::SETTING
    },
    Key {
        name: "in_chans",
        value_names: &["N"],
        help: "1 for grey, 3 for RGB",
        kind: Kind::OneOf(&[1, 3]),
        remedy: "give 1 or 3, or leave it out",
        default: Shown::Words("the data's"),
        example: "in_chans = 3",
        ..Key::SETTING
    },
    Key {
        name: "range_16bit",
        value_names: &["LO", "HI"],
        help: "Values of 16-bit images that become 0 and 255",
        kind: Kind::Pair16Bit,
        remedy: "give the lower one first, or leave it out",
        default: Shown::Words("those in use in the data"),
        example: "range_16bit = [0, 4095]",
        ..Key::SETTING
    },
];

pub(super) const AUGMENTATION: &[Key] = &[
    Key {
        name: "hflip",
        value_names: &["P"],
        help: "Probability of mirroring",
        kind: Kind::Number(Range::UP_TO_1),
        remedy: "give 0 to switch it off, at most 1",
        family: Some(KnobFamily::Augmentation),
        usual: "0.5",
        example: "hflip = 0.5",
        ..Key::KNOB
    },
    Key {
        name: "rotate",
        value_names: &["DEG"],
        help: "Rotate by up to so many degrees to either side",
        kind: Kind::Number(Range::from_0_to(180.0)),
        remedy: "give degrees, such as 10",
        family: Some(KnobFamily::Augmentation),
        usual: "10",
        example: "rotate = 10.0",
        ..Key::KNOB
    },
    Key {
        name: "translate",
        value_names: &["F"],
        help: "Shift by up to this share of the side in each direction",
        kind: Kind::Number(Range::UP_TO_1),
        remedy: "give a share of the side, such as 0.1",
        family: Some(KnobFamily::Augmentation),
        usual: "0.05",
        example: "translate = 0.05",
        ..Key::KNOB
    },
    Key {
        name: "zoom",
        value_names: &["LO", "HI"],
        help: "Magnify by a factor between these",
        kind: Kind::Pair(Range::above_0_to(10.0)),
        remedy: "give two factors around 1, such as 0.9 1.1",
        family: Some(KnobFamily::Augmentation),
        usual: "0.9 1.1",
        example: "zoom = [0.9, 1.1]",
        ..Key::KNOB
    },
    Key {
        name: "scale",
        value_names: &["LO", "HI"],
        help: "Random resized crop: share of the area taken; 1 1 for none",
        kind: Kind::Pair(Range::ABOVE_0_TO_1),
        remedy: "give two shares of the area, such as 0.6 1",
        family: Some(KnobFamily::Augmentation),
        usual: "0.6 1",
        example: "scale = [0.6, 1.0]\nratio = [0.9, 1.1]",
        ..Key::KNOB
    },
    Key {
        name: "ratio",
        value_names: &["LO", "HI"],
        help: "Width to height of the crop that `scale` takes",
        kind: Kind::Pair(Range::above_0_to(10.0)),
        remedy: "give two ratios around 1, such as 0.75 1.33",
        default: Shown::Value,
        with: "scale",
        is_read: |recipe| recipe.scale != [1.0, 1.0],
        example: "scale = [0.6, 1.0]\nratio = [0.9, 1.1]",
        ..Key::KNOB
    },
    Key {
        name: "crop_pad",
        value_names: &["PIXELS"],
        help: "Add so many pixels of border and crop back at a random place",
        kind: Kind::Whole(0..=4096),
        remedy: "give 4, or 0 for none",
        family: Some(KnobFamily::Augmentation),
        usual: "4",
        example: "crop_pad = 1",
        ..Key::KNOB
    },
    Key {
        name: "border",
        value_names: &["HOW"],
        help: "What lies beyond an image's edge",
        kind: Kind::Word(Border::WORDS),
        default: Shown::Value,
        with: "rotate, translate, zoom, crop_pad or aa",
        is_read: moves,
        example: "rotate = 10.0\nborder = 'zero'",
        ..Key::KNOB
    },
    Key {
        name: "color_jitter",
        value_names: &["STRENGTH"],
        help: "Strengths of random brightness, contrast, saturation, hue; one number for the first three",
        kind: Kind::List(4, Range::FROM_0),
        remedy: "give brightness, contrast, saturation, hue: 0.2 to 0.4, hue less",
        is_read: |recipe| recipe.jitter() != [0.0; 4],
        usual: "0.2",
        example: "color_jitter = [0.2, 0.2]",
        ..Key::KNOB
    },
    Key {
        name: "blur",
        value_names: &["P"],
        help: "Probability of blurring",
        kind: Kind::Number(Range::UP_TO_1),
        remedy: "give 0 to switch it off, at most 1",
        usual: "0.1",
        example: "blur = 0.5",
        ..Key::KNOB
    },
    Key {
        name: "reprob",
        aliases: &["random-erase"],
        value_names: &["P"],
        help: "Probability of erasing a rectangle",
        kind: Kind::Number(Range::UP_TO_1),
        remedy: "give 0 to switch it off, at most 1",
        usual: "0.1",
        example: "reprob = 0.3",
        ..Key::KNOB
    },
    Key {
        name: "aa",
        value_names: &["POLICY"],
        help: "Automatic augmentation; trivial is TrivialAugment",
        kind: Kind::Word(Aa::WORDS),
        family: Some(KnobFamily::Augmentation),
        usual: "trivial",
        example: "aa = 'trivial'",
        ..Key::KNOB
    },
];

/// Whether images are turned, moved or shrunk, so that something lies beyond their edge.
fn moves(recipe: &Recipe) -> bool {
    recipe.rotate > 0.0
        || recipe.translate > 0.0
        || recipe.zoom != [1.0, 1.0]
        || recipe.crop_pad > 0
        || recipe.aa == Aa::Trivial
}
