//! The meanings of the names in a log, each looked up once.

use std::collections::HashMap;

use crate::gap::log::names::{Meaning, recognise};

/// Number of names whose meaning is remembered.
const MOST_KNOWN: usize = 10_000;

/// Meanings of names that were looked up before: a progress bar that is redrawn a million times names the same figures each
/// time.
#[derive(Default)]
pub struct Known(HashMap<String, Option<Meaning>>);

impl Known {
    pub(super) fn recognise(&mut self, name: &str) -> Option<Meaning> {
        if let Some(meaning) = self.0.get(name) {
            return *meaning;
        }
        let meaning = recognise(name);
        if self.0.len() < MOST_KNOWN {
            self.0.insert(name.to_owned(), meaning);
        }
        meaning
    }
}
