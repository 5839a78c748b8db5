//! One row of the table of recipe keys: what the key is called, what it takes and what is said of it.

use std::ops::RangeInclusive;

use toml::Value;

use super::Range;
use crate::recipe::{Recipe, record::to_table, validation::Validator};

/// A group of knobs with like effects: it is on where one of its knobs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnobFamily {
    /// Images change their geometry at random.
    Augmentation,
    /// Images and their targets are mixed.
    Mixing,
    /// Targets are less certain.
    Smoothing,
    /// Weights are pulled towards zero.
    WeightDecay,
    /// Parts of the network are dropped.
    Dropout,
}

/// A recipe key. Its flag, its help, the check of its values and its row in `docs/knobs.md` are made from this.
#[derive(Clone, Debug)]
pub struct Key {
    /// The name in recipe files, and of the field of [`Recipe`] or of [`crate::recipe::Shorthand`].
    pub name: &'static str,
    /// Other names of the flag, such as torchvision's, with hyphens.
    pub aliases: &'static [&'static str],
    /// What stands for its values in help, one name for each.
    pub value_names: &'static [&'static str],
    /// What the key does, in a line; keys named in it stand in backticks.
    pub help: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// What to do about a value that it does not take; empty where a usual value says it.
    pub remedy: &'static str,
    /// What help says of the default.
    pub default: Shown,
    /// With what other keys it is read, in words; empty if always.
    pub with: &'static str,
    /// Whether a recipe with these values reads it.
    pub is_read: fn(&Recipe) -> bool,
    /// What the key is to a run.
    pub role: KeyRole,
    /// The family of knobs that it belongs to, for advice.
    pub family: Option<KnobFamily>,
    /// A usual value, as on the command line; empty where none is.
    pub usual: &'static str,
    /// Lines of a recipe that switch the key on, with whatever it needs: what tests run with.
    pub example: &'static str,
}

/// The values that a key takes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// True or false.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A file.
    Path,
    /// The text of [`ClassWeights`](crate::recipe::ClassWeights).
    ClassWeights,
    /// A whole number.
    Whole(RangeInclusive<u32>),
    /// One of these numbers.
    OneOf(&'static [u32]),
    /// A whole number below 2⁶³, as TOML's are.
    Seed,
    /// A number.
    Number(Range),
    /// A lowest and a highest number.
    Pair(Range),
    /// Two different numbers of 16 bits, the lower one first.
    Pair16Bit,
    /// From no number to so many.
    List(usize, Range),
}

/// What help says of a key's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: the key is off unless given.
    Off,
    /// The value of [`Recipe::default`].
    Value,
    /// These words, where no value says it.
    Words(&'static str),
}

/// What a key is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// A number or a word that says what the run is.
    Setting,
    /// An option that is off by default and does not act against over-fitting. It has a method card.
    Option,
    /// A knob against over-fitting, off by default. It has a method card.
    Knob,
}

impl Key {
    /// A setting that is always read; each row states the rest.
    pub(super) const SETTING: Self = Self {
        name: "",
        aliases: &[],
        value_names: &[],
        help: "",
        kind: Kind::Switch,
        remedy: "",
        default: Shown::Value,
        with: "",
        is_read: |_| true,
        role: KeyRole::Setting,
        family: None,
        usual: "",
        example: "",
    };

    /// A knob against over-fitting that is always read; each row states the rest.
    pub(super) const KNOB: Self = Self { default: Shown::Off, role: KeyRole::Knob, ..Self::SETTING };

    /// Its flag, with the two hyphens.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    fn remedy(&self) -> String {
        match (self.remedy, &self.kind) {
            ("", Kind::Pair(_)) => format!("give two numbers such as {}", self.usual),
            ("", _) => format!("give 0 for none, {} for some", self.usual),
            (remedy, _) => remedy.to_owned(),
        }
    }

    /// What help says of the default: a value as on the command line, or words.
    pub fn default_text(&self) -> Option<String> {
        match self.default {
            Shown::Off => None,
            Shown::Words(words) => Some(words.to_owned()),
            Shown::Value => to_table(&Recipe::default()).get(self.name).map(as_words),
        }
    }

    /// Reports to `validator` what is wrong with `value`, which has the key's type.
    pub(in crate::recipe) fn check(&self, value: &Value, validator: &mut Validator) {
        let wrong = match (&self.kind, value) {
            (Kind::Whole(range), Value::Integer(number)) => wrong_whole(range, *number),
            (Kind::OneOf(numbers), Value::Integer(number)) => {
                let fits = numbers.iter().any(|one| i64::from(*one) == *number);
                (!fits).then(|| format!("it must be one of {}", list(numbers)))
            }
            (Kind::Number(range), Value::Float(number)) => {
                (!range.holds(*number)).then(|| format!("it must {}", range.words()))
            }
            (Kind::Pair(range), Value::Array(pair)) => wrong_pair(range, &floats(pair)),
            (Kind::Pair16Bit, Value::Array(pair)) => {
                (pair[0].as_integer() >= pair[1].as_integer()).then(|| "no value lies between".to_owned())
            }
            (Kind::List(most, range), Value::Array(items)) => wrong_list(*most, range, &floats(items)),
            // Words and types are checked where they are read; what a recipe holds fits.
            _ => None,
        };
        if let Some(wrong) = wrong {
            validator.refuse(self.name, show(value), wrong, self.remedy());
        }
    }
}

impl Kind {
    /// A value of the type that a recipe file holds.
    pub(in crate::recipe) fn template(&self) -> Value {
        match self {
            Self::Switch => Value::Boolean(false),
            Self::Word(_) | Self::Path | Self::ClassWeights => Value::String(String::new()),
            Self::Whole(_) | Self::OneOf(_) | Self::Seed => Value::Integer(1),
            Self::Number(_) => Value::Float(1.0),
            Self::Pair(_) | Self::List(..) => Value::Array(vec![Value::Float(1.0)]),
            Self::Pair16Bit => Value::Array(vec![Value::Integer(1)]),
        }
    }

    /// Whether a value is a list of two.
    pub(in crate::recipe) fn is_pair(&self) -> bool {
        matches!(self, Self::Pair(_) | Self::Pair16Bit)
    }
}

fn wrong_whole(range: &RangeInclusive<u32>, number: i64) -> Option<String> {
    let (least, most) = (i64::from(*range.start()), i64::from(*range.end()));
    if number < least {
        Some(format!("it must be at least {least}"))
    } else if number > most {
        Some(format!("it must be at most {most}"))
    } else {
        None
    }
}

fn wrong_pair(range: &Range, pair: &[f64]) -> Option<String> {
    if !pair.iter().all(|number| range.holds(*number)) {
        Some(format!("both must {}", range.words()))
    } else if pair[0] > pair[1] {
        Some("the first lies above the second".to_owned())
    } else {
        None
    }
}

fn wrong_list(most: usize, range: &Range, items: &[f64]) -> Option<String> {
    if items.len() > most {
        Some(format!("there are {most} numbers at most"))
    } else if !items.iter().all(|number| range.holds(*number)) {
        Some(format!("each must {}", range.words()))
    } else {
        None
    }
}

fn floats(items: &[Value]) -> Vec<f64> {
    items.iter().filter_map(Value::as_float).collect()
}

fn list(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A value as errors show it: `0.1`, `"zero"`, `[0.8, 1.2]`.
pub(in crate::recipe) fn show(value: &Value) -> String {
    match value {
        Value::Float(number) => number.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A value as on the command line, numbers to four decimals: `0.05`, `reflect`, `0.75 1.3333`.
fn as_words(value: &Value) -> String {
    match value {
        Value::Float(number) => ((number * 1e4).round() / 1e4).to_string(),
        Value::String(word) => word.clone(),
        Value::Array(items) => items.iter().map(as_words).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
