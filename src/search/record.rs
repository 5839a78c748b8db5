//! `close.json`: all that a search decided, so that it can be read, resumed and repeated.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BudgetPlan, Candidate, Choice, Mirroring, Need, Network, Score, Trial, Verdict};
use crate::{compare::PlannedData, data::Selection, gap::Bill, recipe::Recipe};

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The data are examined.
    #[default]
    Look,
    /// Speeds are measured.
    Measure,
    /// The plan is made, and nothing is trained.
    Planned,
    /// The reference is trained.
    Reference,
    /// Candidates are tried.
    Search,
    /// The winner is trained.
    Final,
    /// All is trained; verdict and files are made.
    Verdict,
    /// Done.
    Done,
}

/// The content of `close.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CloseRecord {
    /// The result in a sentence, once there is one.
    pub sentence: String,
    /// How far it has come.
    pub stage: Stage,
    /// The program's version.
    pub mindgap: String,
    /// The command, word by word.
    pub command_line: Vec<String>,
    /// The whole budget \[s\].
    pub budget_seconds: f64,
    /// What is spent of it, over all resumes \[s\].
    pub spent_seconds: f64,
    /// Runs at a time.
    pub jobs: u16,
    /// The first seed.
    pub seed: u64,
    /// Seeds of reference and winner.
    pub seeds: u64,
    /// The data as they are trained on, with the list of training images that are left out; an entry for each fold.
    pub data: Vec<PlannedData>,
    /// What the audit found.
    pub look: Option<Look>,
    /// What an epoch of the reference takes.
    pub reference_pace: Option<Pace>,
    /// What an epoch takes with each network of the search, the cheapest first.
    pub paces: Vec<Pace>,
    /// Which of these networks the search starts from.
    pub start: usize,
    /// Whether candidates train in mixed precision.
    pub amp: bool,
    /// What a run takes beside its epochs, with all threads \[s\].
    pub startup_seconds: f64,
    /// How the budget is divided.
    pub plan: Option<BudgetPlan>,
    /// Whether the reference is the user's own recipe.
    pub is_own: bool,
    /// What it is, in words.
    pub reference_name: String,
    /// Folds that the user asked for.
    pub folds_asked: Option<u32>,
    /// Keys of the recipe that flags set.
    pub keys_set: Vec<String>,
    /// What the user asked to read of the data.
    pub selection: Selection,
    /// Seconds that opening the data took.
    pub open_seconds: f64,
    /// The recipe that was asked for, before the data completed it.
    pub asked: Option<Recipe>,
    /// The gap that ends the search once it is shown \[nats\].
    pub target_gap: Option<f64>,
    /// The accuracy that ends the search once it is shown \[%\].
    pub target_acc: Option<f64>,
    /// The reference, as long as its share of the budget allows.
    pub reference: Option<Trained>,
    /// Its recipe before that length was known.
    pub whole_reference: Option<Recipe>,
    /// The findings about the reference that ask for something.
    pub findings: Vec<String>,
    /// What they ask for.
    pub needs: Vec<Need>,
    /// What the reference's network makes of mirrored images, where it was trained without them.
    pub mirroring: Option<Mirroring>,
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// Their trials.
    pub trials: Vec<Trial>,
    /// The winner among them.
    pub winner: Option<Choice>,
    /// What became of each candidate, in words.
    pub results: Vec<String>,
    /// How often a recipe that met the targets on the half that selects was checked on the other.
    pub target_checks: u32,
    /// The trial that is shown to meet the targets, if they were set: its index.
    pub met: Option<usize>,
    /// The winner's own training.
    pub last: Option<Trained>,
    /// Winner against reference.
    pub verdict: Option<Verdict>,
    /// The bills of reference and winner, of the first seed and fold; None where one could not be made.
    pub bills: Vec<Option<Bill>>,
    /// Whether the one look at the sealed test set has begun.
    pub test_begun: bool,
    /// The winner on the sealed test set, as `mindgap evaluate --json` prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Value>,
    /// The files to take away.
    pub files: Vec<HandedOver>,
    /// What the user should know, a sentence each.
    pub notes: Vec<String>,
    /// What to do next, a sentence or command each.
    pub next: Vec<String>,
}

/// A file to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// What it is: `run`, `recipe`, `torchscript`, `safetensors`, `onnx`, `page`.
    pub what: String,
    /// Its path.
    pub path: String,
}

/// What the audit found, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Training images that are left out, by reason.
    pub left_out: Vec<(String, usize)>,
    /// Number of folds, where val is too small.
    pub folds: Option<u32>,
    /// Path of the ledger of the sealed test set, where there is a test set.
    pub sealed: Option<String>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// What an epoch takes with a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// The network.
    pub network: Network,
    /// Training images a second; measured over a few seconds, then from the runs.
    pub train_images_per_s: f64,
    /// Seconds of an epoch with its measurements, with all threads.
    pub epoch_seconds: f64,
    /// Whether a whole run has confirmed it.
    pub is_of_a_run: bool,
}

/// A recipe that is trained for good: the reference, or the winner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// What it is, in words.
    pub what: String,
    /// The recipe, of the first seed.
    pub recipe: Recipe,
    /// Its run folders, by seed and fold.
    pub folders: Vec<String>,
    /// Its training time \[s\].
    pub seconds: f64,
    /// Its figures on the half of val that selects.
    pub on_selection: Option<Score>,
    /// Its figures on the half that selected nothing.
    pub on_verdict: Option<Score>,
}

impl Trained {
    /// A training in `folders` that has no figures yet.
    pub fn new(what: String, recipe: Recipe, folders: Vec<String>) -> Self {
        Self { what, recipe, folders, seconds: 0.0, on_selection: None, on_verdict: None }
    }
}

impl CloseRecord {
    /// The name of the file.
    pub const FILE: &str = "close.json";
    /// The name of the page.
    pub const PAGE: &str = "close.html";
    /// Name of the list of samples that are left out of training, in the same folder.
    pub const EXCLUDE_LIST: &str = "exclude.txt";

    /// Whether the user decided for or against mixed precision, by a recipe or a flag, so that no measurement does.
    pub fn decides_amp(&self) -> bool {
        self.is_own || self.keys_set.iter().any(|key| key == "amp")
    }

    /// Adds a note, unless a process that was killed added it before.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_or_a_recipe_decides_on_mixed_precision() {
        let record = |is_own, keys: &[&str]| CloseRecord {
            is_own,
            keys_set: keys.iter().map(|key| (*key).to_owned()).collect(),
            amp: true,
            ..CloseRecord::default()
        };
        let decides =
            [record(false, &[]), record(false, &["width"]), record(false, &["width", "amp"]), record(true, &[])];
        assert_eq!(decides.map(|record| record.decides_amp()), [false, false, true, true]);
    }
}
