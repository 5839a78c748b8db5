//! What two recipes differ in.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Recipe;

/// One key whose values differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyDifference {
    /// The key, with its place in the schedule where it belongs to a phase: `schedule[1].factor`.
    pub key: String,
    /// Its value in the recipe that was asked; null where absent.
    pub ours: Value,
    /// Its value in the other recipe; null where absent.
    pub theirs: Value,
}

impl fmt::Display for KeyDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Value| if value.is_null() { "absent".into() } else { value.to_string() };
        write!(f, "{}: {} here, {} there", self.key, show(&self.ours), show(&self.theirs))
    }
}

impl KeyDifference {
    /// All of them as text, each after a line break and indented.
    pub fn lines(differences: &[Self]) -> String {
        differences.iter().map(|difference| format!("\n  {difference}")).collect()
    }
}

impl Recipe {
    /// The keys in which `other` differs, in the order of the recipe's fields; none if the recipes are equal.
    pub fn diff(&self, other: &Self) -> Vec<KeyDifference> {
        let json = |recipe: &Self| serde_json::to_value(recipe).expect("every field of a recipe has a JSON form");
        let mut differences = Vec::new();
        compare("", &json(self), &json(other), &mut differences);
        differences
    }

    /// Whether `other` is this recipe, perhaps with another seed or validating on another fold.
    pub fn is_same_but_seed_and_fold(&self, other: &Self) -> bool {
        self.diff(&Self { seed: self.seed, fold: self.fold, ..other.clone() }).is_empty()
    }
}

fn compare(path: &str, ours: &Value, theirs: &Value, differences: &mut Vec<KeyDifference>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let dot = if path.is_empty() { "" } else { "." };
            let only_theirs = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_theirs) {
                compare(&format!("{path}{dot}{key}"), &ours[key], &theirs[key], differences);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let at = |items: &[Value]| items.get(index).cloned().unwrap_or_default();
                compare(&format!("{path}[{index}]"), &at(a), &at(b), differences);
            }
        }
        _ if ours == theirs => {}
        _ => differences.push(KeyDifference { key: path.into(), ours: ours.clone(), theirs: theirs.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Curve, Opt};

    #[test]
    fn differences_name_the_key_and_both_values() {
        let ours = Recipe::default();
        assert_eq!(ours.diff(&ours), []);
        let mut theirs = Recipe { opt: Opt::Adamw, clip_grad: Some(1.0), epochs: 60, ..ours.clone() };
        theirs.schedule[3].epochs = 20.0;
        theirs.schedule[2].curve = Curve::Cosine { from: 0.01, to: 0.0 };
        theirs.schedule.remove(1);
        let lines: Vec<String> = ours.diff(&theirs).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        epochs: 50 here, 60 there
        opt: "sgd" here, "adamw" there
        clip_grad: absent here, 1.0 there
        schedule[1].kind: "constant" here, "cosine" there
        schedule[1].factor: 0.1 here, absent there
        schedule[1].from: absent here, 0.01 there
        schedule[1].to: absent here, 0.0 there
        schedule[2].epochs: 10.0 here, 20.0 there
        schedule[2].factor: 0.01 here, 0.001 there
        schedule[3]: {"epochs":10.0,"kind":"constant","factor":0.001} here, absent there
        "#);
    }
}
