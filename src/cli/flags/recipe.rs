//! The flags that make a recipe: one for every key, under timm's name where timm has one.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{
    Arg, ArgMatches, Command, FromArgMatches, ValueHint,
    builder::{PossibleValuesParser, RangedU64ValueParser},
    value_parser,
};
use serde::Serialize;
use toml::{Table, Value};

use super::class_weights::class_weights;
use mindgap::recipe::{
    self, Layers, Recipe,
    keys::{self, Key, Kind, SECTIONS},
    presets,
};

/// Where a recipe comes from. Later beats earlier: defaults, preset, recipe file, flags.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct RecipeSource {
    /// Start from a preset; `mindgap presets` lists them [default: demo for faces, the defaults below otherwise]
    #[arg(long, value_name = "NAME", help_heading = "Recipe")]
    pub preset: Option<String>,

    /// Apply a recipe file on top, such as the recipe.toml of another run
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
    /// Fails on an unknown preset, a recipe file that cannot be read, unknown keys and values out of range.
    pub fn resolve(&self) -> Result<Recipe> {
        self.resolve_with(self.preset.as_deref())
    }

    /// The recipe that `preset`, file and flags amount to, for a comparison of several presets.
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
        let recipe = recipe::resolve(&layers.keys(&self.flags)?)?;
        ensure!(
            preset != Some(presets::FINE_TUNE) || recipe.pretrained.is_some(),
            "preset {} continues from weights that were trained on other images: give --pretrained FILE.safetensors, such as \
             torchvision's or the model.safetensors of another run, or --pretrained timm/resnet18.a1_in1k, which is fetched from \
             the Hugging Face hub, or choose another preset",
            presets::FINE_TUNE
        );
        Ok(recipe)
    }
}

/// What flags set of a recipe: key and value, absent unless given. A switch takes no value; `--nesterov=false` undoes a
/// preset's.
#[derive(Serialize, Clone, Debug, Default, PartialEq)]
#[serde(transparent)]
pub struct RecipeFlags(Table);

impl RecipeFlags {
    /// The whole number that a flag sets `key` to.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(Value::as_integer).and_then(|number| number.try_into().ok())
    }

    /// Whether a flag sets `key`.
    pub fn sets(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The keys that flags set.
    pub fn keys(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Sets `key` as a flag would.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// The flags but that of `key`.
    pub fn without(&self, key: &str) -> Self {
        let mut flags = self.clone();
        flags.0.remove(key);
        flags
    }
}

impl clap::Args for RecipeFlags {
    fn augment_args(mut command: Command) -> Command {
        for section in &SECTIONS {
            for key in section.keys {
                command = command.arg(flag(key).help_heading(section.heading));
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RecipeFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in keys::all() {
            if let Some(value) = given(key, matches) {
                self.set(key.name, value);
            }
        }
        Ok(())
    }
}

/// The flag of a recipe key.
fn flag(key: &'static Key) -> Arg {
    let help = with_flags(key.help);
    let help = match key.default_text() {
        Some(default) => format!("{help} [default: {default}]"),
        None => help,
    };
    let flag =
        Arg::new(key.name).long(key.flag().split_off(2)).aliases(key.aliases).value_names(key.value_names).help(help);
    match &key.kind {
        Kind::Switch => flag
            .value_name("BOOL")
            .value_parser(value_parser!(bool))
            .hide_possible_values(true)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Word(words) => flag.value_parser(PossibleValuesParser::new(*words)),
        Kind::Path => flag.value_hint(ValueHint::AnyPath),
        Kind::ClassWeights => flag.value_parser(class_weights),
        Kind::Whole(_) | Kind::OneOf(_) => flag.value_parser(value_parser!(u32)),
        Kind::Seed => flag.value_parser(RangedU64ValueParser::<u64>::new().range(..=i64::MAX as u64)),
        Kind::Number(_) => flag.value_parser(value_parser!(f64)).allow_negative_numbers(true),
        Kind::Pair(_) => flag.value_parser(value_parser!(f64)).allow_negative_numbers(true).num_args(2),
        Kind::Pair16Bit => flag.value_parser(value_parser!(u16)).num_args(2),
        Kind::List(most, _) => flag.value_parser(value_parser!(f64)).allow_negative_numbers(true).num_args(1..=*most),
    }
}

/// The value that the command line gives `key`.
fn given(key: &Key, matches: &ArgMatches) -> Option<Value> {
    let name = key.name;
    Some(match key.kind {
        Kind::Switch => Value::Boolean(*matches.get_one(name)?),
        Kind::Word(_) | Kind::Path | Kind::ClassWeights => Value::String(matches.get_one::<String>(name)?.clone()),
        Kind::Whole(_) | Kind::OneOf(_) => Value::Integer((*matches.get_one::<u32>(name)?).into()),
        Kind::Seed => Value::Integer((*matches.get_one::<u64>(name)?).try_into().ok()?),
        Kind::Number(_) => Value::Float(*matches.get_one(name)?),
        Kind::Pair(_) | Kind::List(..) => {
            Value::Array(matches.get_many::<f64>(name)?.copied().map(Value::Float).collect())
        }
        Kind::Pair16Bit => {
            Value::Array(matches.get_many::<u16>(name)?.map(|&number| Value::Integer(number.into())).collect())
        }
    })
}

/// `text` with every key in backticks as its flag.
fn with_flags(text: &str) -> String {
    let mut with_flags = String::new();
    for (index, part) in text.split('`').enumerate() {
        // Every other part stands between backticks.
        match keys::get(part) {
            Some(key) if index % 2 == 1 => with_flags += &key.flag(),
            _ => with_flags += part,
        }
    }
    with_flags
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    fn parse(line: &str) -> Result<RecipeSource, clap::Error> {
        let command = RecipeSource::augment_args(Command::new("train").no_binary_name(true));
        RecipeSource::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    fn resolve(line: &str) -> Recipe {
        parse(line).unwrap().resolve().unwrap()
    }

    #[test]
    fn a_flag_sets_what_its_key_sets() {
        for key in keys::all() {
            let example: Table = key.example.parse().unwrap();
            let line: Vec<String> = example.iter().map(|(key, value)| on_the_command_line(key, value)).collect();
            let flags = Layers::default().keys(&parse(&line.join(" ")).unwrap().flags).unwrap();
            let keys = Layers::default().keys(&example).unwrap();
            assert_eq!(recipe::resolve(&flags).unwrap(), recipe::resolve(&keys).unwrap(), "{line:?}");
        }
    }

    fn on_the_command_line(key: &str, value: &Value) -> String {
        let flag = keys::get(key).unwrap().flag();
        match value {
            Value::Boolean(true) => flag,
            Value::Array(items) => flag + &items.iter().map(|item| format!(" {item}")).collect::<String>(),
            Value::String(word) => format!("{flag} {word}"),
            value => format!("{flag} {value}"),
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
        assert_eq!(source.flags.0, "nesterov = true\nnorm_decay = false\nepochs = 3".parse().unwrap());
        assert!(parse("--nesterov true").is_err());
    }

    #[test]
    fn of_a_flag_with_several_values_the_last_counts() {
        let command = RecipeSource::augment_args(Command::new("train").no_binary_name(true)).args_override_self(true);
        let line = "--zoom 0.9 1.1 --zoom 0.8 1.2 --color-jitter 0.2 0.2 --color-jitter 0.1 --hflip 0.5 --hflip 0.7";
        let matches = command.try_get_matches_from(line.split_whitespace()).unwrap();
        let flags = RecipeSource::from_arg_matches(&matches).unwrap().flags;
        assert_eq!(flags.0, "zoom = [0.8, 1.2]\ncolor_jitter = [0.1]\nhflip = 0.7".parse().unwrap());
    }

    #[test]
    fn names_of_torchvision_are_understood() {
        assert_eq!(
            parse("--wd 5e-4 --lr-warmup-epochs 5").unwrap().flags,
            parse("--weight-decay 5e-4 --warmup-epochs 5").unwrap().flags
        );
    }

    #[test]
    fn a_seed_that_no_recipe_file_can_hold_is_refused() {
        assert!(parse("--seed 18446744073709551615").unwrap_err().to_string().contains("--seed"));
    }
}
