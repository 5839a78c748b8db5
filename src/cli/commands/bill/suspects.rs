//! The list of wrong labels that `--suspects` names.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use mindgap::{data::ToExclude, durable, labels::SuspectLabels};

/// Images whose labels are probably wrong.
pub struct Suspects {
    pub file: PathBuf,
    probabilities: HashMap<String, f64>,
}

/// The part of what `mindgap inspect --labels --json` prints that is read.
#[derive(Deserialize)]
struct Inspected {
    suspect_labels: Vec<Suspect>,
}

#[derive(Deserialize)]
struct Suspect {
    name: String,
    score: f64,
}

impl Suspects {
    /// Reads JSON with `suspect_labels`, or a list of names, whose labels count as wrong for certain.
    /// Fails if the file cannot be read or is neither.
    pub fn read(file: &Path) -> Result<Self> {
        let option = format!("--suspects {}", file.display());
        let text = durable::read_text(file).with_context(|| format!("{option}: it cannot be read"))?;
        let text = String::from_utf8_lossy(&text);
        let probabilities = if text.trim_start().starts_with('{') {
            let inspected: Inspected = serde_json::from_str(&text)
                .with_context(|| format!("{option}: it is not what `mindgap inspect DATA --labels --json` prints"))?;
            let suspects = inspected.suspect_labels.into_iter();
            suspects.map(|suspect| (suspect.name, suspect.score.clamp(0.0, 1.0))).collect()
        } else {
            let names = ToExclude::read(&text, SuspectLabels::REASON);
            names.into_iter().map(|name| (name.to_owned(), 1.0)).collect()
        };
        Ok(Self { file: file.to_owned(), probabilities })
    }

    pub fn is_empty(&self) -> bool {
        self.probabilities.is_empty()
    }

    /// The probability that the label of each of the images called `names` is wrong.
    pub fn of<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<f64> {
        names.map(|name| self.probabilities.get(name).copied().unwrap_or(0.0)).collect()
    }
}
