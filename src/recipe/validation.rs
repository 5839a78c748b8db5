//! What is wrong with a recipe: errors, gathered so that all come at once.

use std::fmt;

use super::keys::Range;

/// One value that cannot be trained with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationError {
    /// The recipe's key.
    pub key: String,
    /// Its value, as in a recipe file.
    pub value: String,
    /// What is wrong with the value.
    pub wrong: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}; {}", self.key, self.value, self.wrong, self.remedy)
    }
}

/// Everything that is wrong with a recipe: at least one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationErrors(pub Vec<ValidationError>);

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the recipe cannot be trained with:")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for ValidationErrors {}

/// The errors found so far.
#[derive(Default)]
pub(super) struct Validator(Vec<ValidationError>);

impl Validator {
    /// Nothing, or all errors together.
    pub fn conclude(self) -> Result<(), ValidationErrors> {
        if self.0.is_empty() { Ok(()) } else { Err(ValidationErrors(self.0)) }
    }

    /// Adds an error.
    pub fn refuse(
        &mut self,
        key: impl Into<String>,
        value: impl ToString,
        wrong: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (key, value) = (key.into(), value.to_string());
        self.0.push(ValidationError { key, value, wrong: wrong.into(), remedy: remedy.into() });
    }

    /// Adds an error where `value` lies outside `range`.
    pub fn within(&mut self, range: Range, key: impl Into<String>, value: f64, remedy: &str) {
        if !range.holds(value) {
            self.refuse(key, value, format!("it must {}", range.words()), remedy);
        }
    }

    /// Whether an error has been found for `key`.
    pub fn refused(&self, key: &str) -> bool {
        self.0.iter().any(|error| error.key == key)
    }
}

pub(super) fn quoted(word: impl fmt::Display) -> String {
    format!("\"{word}\"")
}
