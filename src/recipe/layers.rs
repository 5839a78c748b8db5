//! From defaults, preset, recipe file and single keys to one recipe.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{HubName, Recipe, Shorthand, keys, presets, raw_keys::check_table, record::to_table, schedule::stretch};
use crate::durable;

/// Settings above the defaults, the lowest first: a key of a later layer overrides the same key of an earlier one.
///
/// Besides the keys of a [`Recipe`] a layer may hold those of [`Shorthand`], and a preset or recipe file
/// `extends = "PRESET"`, a layer below it, and `[multiply]` with factors for `epochs` and `width` that are applied
/// after all layers.
#[derive(Clone, Debug, Default)]
pub struct Layers(Vec<Layer>);

#[derive(Clone, Debug)]
struct Layer {
    keys: Table,
    multiply: Multiply,
}

/// Factors that no layer erases: "longer" stays longer whatever number of epochs is asked for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
struct Multiply {
    epochs: f64,
    width: f64,
}

impl Default for Multiply {
    fn default() -> Self {
        Self { epochs: 1.0, width: 1.0 }
    }
}

impl Layers {
    /// Adds the preset called `name`, above the one that it extends.
    ///
    /// # Errors
    /// There is no such preset.
    pub fn preset(self, name: &str) -> Result<Self> {
        self.text(format!("preset `{name}`"), presets::get(name)?.toml, Path::new(""))
    }

    /// Adds a recipe file, above the preset that it extends.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or holds a key that no recipe has or a value of another type.
    pub fn file(self, path: &Path) -> Result<Self> {
        let name = format!("recipe file `{}`", path.display());
        let bytes = durable::read_text(path).with_context(|| format!("{name} cannot be read"))?;
        let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
        self.text(name, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// Adds single keys, such as the command line gives: a value that serialises to recipe keys, absent where none is given.
    ///
    /// # Errors
    /// A key that no recipe has, or a value of another type.
    pub fn keys(mut self, keys: &impl Serialize) -> Result<Self> {
        let keys = Table::try_from(keys).context("these keys cannot be written as a recipe")?;
        self.0.push(Layer::new("the keys given", keys, Path::new(""))?);
        Ok(self)
    }

    fn text(self, name: String, text: &str, folder: &Path) -> Result<Self> {
        let mut keys: Table = toml::from_str(text).with_context(|| format!("{name} is not valid TOML"))?;
        let mut below = match keys.remove("extends") {
            None => self,
            Some(Value::String(preset)) => self.preset(&preset).with_context(|| format!("{name}: `extends`"))?,
            Some(other) => bail!("{name}: `extends` = {other}: expected the name of a preset in quotes"),
        };
        below.0.push(Layer::new(&name, keys, folder)?);
        Ok(below)
    }
}

impl Layer {
    /// Checks the keys of the layer that errors call `name`. Its paths lead from `folder`.
    fn new(name: &str, mut keys: Table, folder: &Path) -> Result<Self> {
        let mut faults = Vec::new();
        check_table(&keys, &template(), "", &mut faults);
        if keys.contains_key("schedule") && Shorthand::keys().any(|key| keys.contains_key(key)) {
            let both = Shorthand::keys().collect::<Vec<_>>().join(", ");
            faults.push(format!("[[schedule]] states the whole schedule: leave out {both}, or leave out [[schedule]]"));
        }
        if faults.is_empty() {
            check_sizes(&keys, &mut faults);
        }
        ensure!(faults.is_empty(), "{name}: {}", faults.join(&format!("\n{name}: ")));

        let multiply = keys.remove("multiply").map_or(Ok(Multiply::default()), Value::try_into)?;
        for (key, factor) in [("epochs", multiply.epochs), ("width", multiply.width)] {
            let fits = factor.is_finite() && factor > 0.0;
            ensure!(fits, "{name}: `multiply.{key}` = {factor}: expected a factor above 0");
        }
        if let Some(Value::String(file)) = keys.get_mut("pretrained") {
            *file = weights(folder, file).with_context(|| format!("{name}: `pretrained` = \"{file}\""))?;
        }
        if let Some(Value::String(file)) = keys.get_mut("teacher") {
            *file = absolute(folder, file).with_context(|| format!("{name}: `teacher` = \"{file}\""))?;
        }
        Ok(Self { keys, multiply })
    }
}

/// The path of `file` from the root or its name on the hub. None stays none.
fn weights(folder: &Path, file: &str) -> Result<String> {
    if let Some(name) = HubName::given(file, folder)? {
        return Ok(name.to_string());
    }
    absolute(folder, file)
}

/// The path of `file` from the root, so that a recipe means the same wherever it is read. None stays none.
fn absolute(folder: &Path, file: &str) -> Result<String> {
    if file.is_empty() {
        return Ok(String::new());
    }
    let path = std::path::absolute(folder.join(file))?;
    Ok(path.to_str().context("a recipe cannot hold its path, which is no UTF-8")?.to_owned())
}

/// Keys and types are right: what is left to fail is a whole number beyond its key's range.
fn check_sizes(keys: &Table, faults: &mut Vec<String>) {
    let (_, own) = Shorthand::split(keys.clone());
    for (key, value) in own.into_iter().filter(|(_, value)| value.is_integer()) {
        if Table::from_iter([(key.clone(), value.clone())]).try_into::<Recipe>().is_err() {
            faults.push(format!("`{key}` = {value}: the number is too large"));
        }
    }
}

/// Every key that a layer may hold, with a value of its type.
fn template() -> Table {
    let mut keys: Table = keys::all().map(|key| (key.name.to_owned(), key.kind.template())).collect();
    keys.insert("schedule".into(), Value::Array(Vec::new()));
    keys.insert("extends".into(), "".into());
    keys.insert("multiply".into(), to_table(&Multiply::default()).into());
    keys
}

/// The recipe that the layers amount to, complete but for `img_size` and `in_chans`, which the data may decide.
///
/// In order: defaults, each layer over those before it, the family's width and stem, schedule shorthand turned into
/// phases, the multipliers of all layers, phases stretched to the number of epochs, [`Recipe::validate`].
///
/// # Errors
/// Values out of their range, all in one message.
pub fn resolve(layers: &Layers) -> Result<Recipe> {
    let mut keys = Table::new();
    let mut factors = Multiply::default();
    for layer in &layers.0 {
        Shorthand::make_way(&mut keys, &layer.keys);
        keys.extend(layer.keys.clone());
        factors.epochs *= layer.multiply.epochs;
        factors.width *= layer.multiply.width;
    }
    let (shorthand, own) = Shorthand::split(keys);
    let recipe: Recipe = own.try_into()?;
    let mut recipe = recipe.complete()?;
    // Before anything is derived from them: a fault is reported with the value that was given. What is checked against
    // the length of the run has the length that it will have.
    let epochs = multiply(recipe.epochs, factors.epochs);
    Recipe { epochs: if recipe.epochs == 0 { 0 } else { epochs }, ..recipe.clone() }.validate()?;
    shorthand.try_into::<Shorthand>()?.expand(&mut recipe)?;
    recipe.epochs = epochs;
    recipe.width = recipe.width.map(|width| multiply(width, factors.width));
    stretch(&mut recipe.schedule, f64::from(recipe.epochs));
    recipe.validate()?;
    Ok(recipe)
}

impl Recipe {
    /// The recipe of the preset called `name`: preset `demo` is the one that `mindgap train` takes for the generated faces,
    /// preset `seed` for all other data.
    ///
    /// The data decide `img_size` and `in_chans`, which are absent, as is `pretrained` of [`presets::FINE_TUNE`], which the caller
    /// gives.
    ///
    /// # Errors
    /// There is no such preset; the message suggests the nearest.
    pub fn preset(name: &str) -> Result<Self> {
        resolve(&Layers::default().preset(name)?)
    }

    /// The recipe for a run of `epochs` epochs: the phases of the schedule are stretched to fit, as by the key `epochs` of a
    /// layer above the preset. A preset's multiplier (`longer`) is applied already and is not applied again.
    #[must_use]
    pub fn epochs(self, epochs: u32) -> Self {
        let mut recipe = Self { epochs, ..self };
        // A run of no epochs has no schedule that validation could show; what it refuses is the number.
        if epochs > 0 {
            stretch(&mut recipe.schedule, f64::from(epochs));
        }
        recipe
    }
}

/// `number` times `factor` in whole numbers, at least 1 (`as` stops at the largest u32).
fn multiply(number: u32, factor: f64) -> u32 {
    (f64::from(number) * factor).round().max(1.0) as u32
}

#[cfg(test)]
mod tests;
