//! Are a layer's keys and types those of a recipe? Asked of the raw TOML, so that every fault can be named with its
//! key, its value and what was expected, and all of them at once.

use toml::{Table, Value};

use super::{
    ClassWeights, Curve, CycleMode, Phase,
    keys::{self, Kind},
    record::to_table,
    suggest::nearest,
};

/// What is wrong with `given`, which may hold the keys of `template` with values of the same types.
///
/// `path` leads to the table: empty, or ending in a dot. Faults are added to `faults`, one line each.
pub(super) fn check_table(given: &Table, template: &Table, path: &str, faults: &mut Vec<String>) {
    for (key, value) in given {
        match template.get(key) {
            None => {
                let suggestion = nearest(key, template.keys().map(String::as_str));
                faults.push(format!("unknown key `{path}{key}`{suggestion}"));
            }
            Some(_) if key == "schedule" => check_schedule(value, faults),
            Some(template) => check_value(key, value, template, &format!("{path}{key}"), faults),
        }
    }
}

fn check_value(key: &str, given: &Value, template: &Value, path: &str, faults: &mut Vec<String>) {
    let expected = match (template, given) {
        (Value::String(_), Value::String(word)) => return check_word(key, word, path, faults),
        (Value::Table(template), Value::Table(given)) => {
            return check_table(given, template, &format!("{path}."), faults);
        }
        (Value::Array(_), Value::Array(items)) if items.len() != 2 && is_pair(key) => {
            return faults.push(format!("`{path}` = {given}: expected two numbers, the lowest and the highest"));
        }
        (Value::Array(templates), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check_value(key, item, &templates[0], &format!("{path}[{index}]"), faults);
            }
            return;
        }
        (Value::Float(_), Value::Float(_) | Value::Integer(_)) | (Value::Boolean(_), Value::Boolean(_)) => return,
        (Value::Integer(_), Value::Integer(number)) if *number >= 0 => return,
        (Value::Float(_), _) => "a number",
        (Value::Integer(_), _) => "a whole number from 0 up",
        (Value::Boolean(_), _) => "true or false, without quotes",
        (Value::Array(_), _) => "a list in square brackets",
        (Value::Table(_), _) => "a table of keys",
        (Value::String(_) | Value::Datetime(_), _) => "a word in quotes",
    };
    faults.push(format!("`{path}` = {given}: expected {expected}"));
}

/// Keys that hold a lowest and a highest value.
fn is_pair(key: &str) -> bool {
    keys::get(key).is_some_and(|key| key.kind.is_pair())
}

fn check_schedule(given: &Value, faults: &mut Vec<String>) {
    let Value::Array(phases) = given else {
        return faults.push(format!("`schedule` = {given}: expected [[schedule]] tables, one for each phase"));
    };
    for (index, phase) in phases.iter().enumerate() {
        let path = format!("schedule[{index}]");
        let Value::Table(phase) = phase else {
            faults.push(format!("`{path}` = {phase}: expected a [[schedule]] table"));
            continue;
        };
        let kind = phase.get("kind").and_then(Value::as_str).unwrap_or_default();
        let Some(curve) = Curve::with_every_key(kind) else {
            let (kinds, suggestion) = (Curve::KINDS.join(", "), nearest(kind, Curve::KINDS));
            faults.push(match phase.get("kind") {
                None => format!("`{path}` has no `kind`: expected one of {kinds}"),
                Some(kind) => format!("`{path}.kind` = {kind}: expected one of {kinds}{suggestion}"),
            });
            continue;
        };
        let before = faults.len();
        let template = to_table(&Phase { epochs: 1.0, curve });
        check_table(phase, &template, &format!("{path}."), faults);
        if faults.len() == before
            && let Err(error) = phase.clone().try_into::<Phase>()
        {
            faults.push(format!("`{path}` ({kind}): {}", error.message()));
        }
    }
}

/// Keys whose value is one of a few words, or a text with a form.
fn check_word(key: &str, word: &str, path: &str, faults: &mut Vec<String>) {
    if let Some(Kind::ClassWeights) = keys::get(key).map(|key| &key.kind) {
        if let Err(error) = word.parse::<ClassWeights>() {
            faults.push(format!("`{path}` = \"{word}\": {error}"));
        }
        return;
    }
    let words = match keys::get(key).map(|key| &key.kind) {
        Some(Kind::Word(words)) => words,
        // A phase's key.
        _ if key == "mode" => CycleMode::WORDS,
        _ => return,
    };
    if !words.contains(&word) {
        let suggestion = nearest(word, words.iter().copied());
        faults.push(format!("`{path}` = \"{word}\": expected one of {}{suggestion}", words.join(", ")));
    }
}
