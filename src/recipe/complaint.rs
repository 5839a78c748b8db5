//! What is wrong with a recipe: complaints, gathered so that all come at once.

use std::fmt;

/// One value that cannot be trained with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The recipe's key.
    pub key: String,
    /// Its value, as in a recipe file.
    pub value: String,
    /// What is wrong with the value.
    pub wrong: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}; {}", self.key, self.value, self.wrong, self.remedy)
    }
}

/// Everything that is wrong with a recipe: at least one complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(pub Vec<Complaint>);

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the recipe cannot be trained with:")?;
        self.0.iter().try_for_each(|complaint| write!(f, "\n  {complaint}"))
    }
}

impl std::error::Error for Complaints {}

pub(super) fn quoted(word: impl fmt::Display) -> String {
    format!("\"{word}\"")
}

/// The complaints so far.
#[derive(Default)]
pub(super) struct Check(Vec<Complaint>);

impl Check {
    /// Nothing, or all complaints together.
    pub fn conclude(self) -> Result<(), Complaints> {
        if self.0.is_empty() { Ok(()) } else { Err(Complaints(self.0)) }
    }

    pub fn that(
        &mut self,
        holds: bool,
        key: impl Into<String>,
        value: impl ToString,
        wrong: impl ToString,
        remedy: impl ToString,
    ) {
        if !holds {
            let (value, wrong, remedy) = (value.to_string(), wrong.to_string(), remedy.to_string());
            self.0.push(Complaint { key: key.into(), value, wrong, remedy });
        }
    }

    pub fn above_zero(&mut self, key: impl Into<String>, value: f64, remedy: &str) {
        self.that(value.is_finite() && value > 0.0, key, value, "it must be a finite number above 0", remedy);
    }

    pub fn not_negative(&mut self, key: impl Into<String>, value: f64, remedy: &str) {
        self.that(value.is_finite() && value >= 0.0, key, value, "it must be a finite number from 0 up", remedy);
    }

    pub fn up_to_one(&mut self, key: impl Into<String>, value: f64, remedy: &str) {
        self.that(value > 0.0 && value <= 1.0, key, value, "it must lie above 0, at most at 1", remedy);
    }

    /// A probability or share that may be certain: in [0, 1].
    pub fn probability(&mut self, key: &str, value: f64) {
        let fits = (0.0..=1.0).contains(&value);
        self.that(fits, key, value, "it must lie in [0, 1]", "give 0 to switch it off, at most 1");
    }

    /// A share that leaves something: in [0, 1).
    pub fn below_one(&mut self, key: &str, value: f64, remedy: &str) {
        self.that((0.0..1.0).contains(&value), key, value, "it must lie in [0, 1)", remedy);
    }

    /// A lowest and a highest value, both above 0.
    pub fn range(&mut self, key: &str, [low, high]: [f64; 2], most: f64, remedy: &str) {
        let value = format!("[{low}, {high}]");
        let inside = |number: f64| number > 0.0 && number <= most;
        let wrong = format!("both must lie above 0, at most at {most}");
        self.that(inside(low) && inside(high), key, &value, wrong, remedy);
        let crossed = low > high;
        self.that(!crossed, key, &value, "the first lies above the second", "exchange the two");
    }
}
