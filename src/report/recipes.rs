//! The recipe keys in which the groups differ.

use serde_json::Value;

use super::RunGroup;

/// A key and its value in each group.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    /// Its value in each group, the baseline's first; true where it differs from the baseline's.
    pub values: Vec<(String, bool)>,
}

/// The keys whose values differ between the groups. The schedule counts as one key.
pub fn differing_keys(groups: &[RunGroup]) -> Vec<Key> {
    // Where a recipe is not recorded there is nothing to compare it with.
    let Some(known) = groups.iter().map(|group| group.runs[0].recipe.as_ref()).collect::<Option<Vec<_>>>() else {
        return Vec::new();
    };
    let recipes: Vec<Value> = known
        .iter()
        .map(|recipe| serde_json::to_value(recipe).expect("every field of a recipe has a JSON form"))
        .collect();
    let Some(Value::Object(base)) = recipes.first() else { return Vec::new() };
    let mut names: Vec<&String> = base.keys().collect();
    for recipe in recipes.iter().filter_map(Value::as_object) {
        names.extend(recipe.keys().filter(|key| !base.contains_key(*key)));
    }
    names.dedup();
    // The seed differs within a group too.
    names.retain(|name| *name != "seed" && recipes.iter().any(|recipe| recipe[*name] != recipes[0][*name]));
    let mut keys = Vec::new();
    for name in names {
        let values = recipes.iter().map(|recipe| (in_words(&recipe[name]), recipe[name] != recipes[0][name])).collect();
        keys.push(Key { name: name.clone(), values });
    }
    keys
}

/// A value as text for people; a schedule with its phases in one line.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().map(phase).collect::<Vec<_>>().join("; ")
        }
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A phase of a schedule, as in `20 × cyclic (low 0.001, high 0.05)`.
fn phase(value: &Value) -> String {
    let Value::Object(fields) = value else { return in_words(value) };
    let rest = fields.iter().filter(|(name, _)| !["epochs", "kind"].contains(&name.as_str()));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name} {}", in_words(value))).collect();
    format!("{} × {} ({})", in_words(&value["epochs"]), in_words(&value["kind"]), rest.join(", "))
}
