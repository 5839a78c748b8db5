//! Witnesses: files outside of a ledger that know its last line, so that a ledger that was cut or replaced is noticed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::durable;

/// The end of a ledger, as it was when the witness was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// [`Sealed::id`](super::Sealed::id).
    pub id: String,
    /// [`Sealed::fingerprint`](super::Sealed::fingerprint).
    pub fingerprint: String,
    /// Absolute path of the ledger.
    pub ledger: String,
    /// Number of lines.
    pub lines: usize,
    /// The hash of the last line.
    pub hash: String,
}

impl Witness {
    /// How many looks the ledger has, in words.
    pub fn looks(&self) -> String {
        looks(self.lines.saturating_sub(1))
    }
}

/// A number of looks in words.
pub(super) fn looks(count: usize) -> String {
    if count == 1 { "1 look".to_owned() } else { format!("{count} looks") }
}

/// Where the witnesses of ledgers are.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    /// The user's folder of witnesses, one file for each test set; None without a home folder.
    pub state: Option<PathBuf>,
    /// A file in the folder of the run that is evaluated, with the witnesses of all test sets on which it was.
    pub run: Option<PathBuf>,
}

impl Witnesses {
    /// The name of the file in a run folder.
    pub const OF_RUN: &str = "looks.json";

    /// The witnesses of this user: `mindgap/seals` in `XDG_STATE_HOME` or in `~/.local/state`.
    pub fn of_user() -> Self {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        Self { state: state.map(|state| state.join("mindgap").join("seals")), run: None }
    }

    /// These witnesses and those in the run folder at `path`.
    #[must_use]
    pub fn and_of_run(self, path: &Path) -> Self {
        Self { run: Some(path.join(Self::OF_RUN)), ..self }
    }

    /// The witnesses in the run folder at `path`, one for each sealed test set on which the run was evaluated.
    ///
    /// # Errors
    /// The file cannot be read; the message names it.
    pub fn in_run(path: &Path) -> Result<Vec<Witness>> {
        read(&path.join(Self::OF_RUN))
    }

    /// Whether there is a file that may hold a witness. A folder that cannot be read may.
    pub fn are_any(&self) -> bool {
        let in_state = self.state.as_ref().filter(|folder| folder.exists());
        let is_filled =
            in_state.is_some_and(|folder| fs::read_dir(folder).map_or(true, |mut files| files.next().is_some()));
        is_filled || self.run.as_ref().is_some_and(|file| file.exists())
    }

    /// The witnesses of the test set with this `fingerprint`, each with its file.
    ///
    /// # Errors
    /// A file cannot be read; the message names it.
    pub fn of(&self, fingerprint: &str) -> Result<Vec<(PathBuf, Witness)>> {
        let mut found = Vec::new();
        for file in self.files(fingerprint) {
            let known = read(&file)?.into_iter().filter(|witness| witness.fingerprint == fingerprint);
            found.extend(known.map(|witness| (file.clone(), witness)));
        }
        Ok(found)
    }

    /// Writes `witness` into each file, in the place of an earlier one of the test set. Returns a sentence for each file that
    /// could not be written, since a missing witness spoils no figure.
    pub fn keep(&self, witness: &Witness) -> Vec<String> {
        let mut notes = Vec::new();
        if self.state.is_none() {
            notes.push("There is no home folder, so that no witness of the ledger is kept outside of it.".to_owned());
        }
        for file in self.files(&witness.fingerprint) {
            if let Err(error) = write(&file, witness) {
                notes.push(format!("No witness of the ledger is kept: {error:#}."));
            }
        }
        notes
    }

    fn files(&self, fingerprint: &str) -> Vec<PathBuf> {
        let state = self.state.as_ref().map(|folder| folder.join(format!("{fingerprint}.json")));
        state.into_iter().chain(self.run.clone()).collect()
    }
}

/// The witnesses in the file at `path`; none where there is no file.
/// Fails if the file cannot be read, or is not in the form that mindgap writes; the message names it.
pub(super) fn read(path: &Path) -> Result<Vec<Witness>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| {
        format!("{} is damaged, so that it cannot be a witness of a ledger: restore or delete it", path.display())
    })
}

fn write(path: &Path, witness: &Witness) -> Result<()> {
    let mut all = read(path)?;
    all.retain(|known| known.fingerprint != witness.fingerprint);
    all.push(witness.clone());
    let folder = durable::folder_of(path);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    durable::write(path, (serde_json::to_string_pretty(&all)? + "\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(fingerprint: &str, lines: usize) -> Witness {
        Witness { id: "1".into(), fingerprint: fingerprint.into(), ledger: "/x".into(), lines, hash: "h".into() }
    }

    #[test]
    fn a_later_witness_takes_the_place_of_an_earlier_one_of_the_same_test_set() {
        let folder = tempfile::tempdir().unwrap();
        let witnesses = Witnesses { state: Some(folder.path().join("a/b")), run: None }.and_of_run(folder.path());
        assert_eq!([1, 2, 3].map(|lines| witness("f", lines).looks()), ["0 looks", "1 look", "2 looks"]);
        assert_eq!(witnesses.of("f").unwrap(), []);
        assert!(!witnesses.are_any());
        for (fingerprint, lines) in [("f", 1), ("g", 7), ("f", 2)] {
            assert_eq!(witnesses.keep(&witness(fingerprint, lines)), Vec::<String>::new());
        }
        let alone = [Witnesses { run: None, ..witnesses.clone() }, Witnesses { state: None, ..witnesses.clone() }];
        assert!(witnesses.are_any() && alone.iter().all(Witnesses::are_any));
        let known: Vec<Witness> = witnesses.of("f").unwrap().into_iter().map(|(_, witness)| witness).collect();
        assert_eq!(known, [witness("f", 2), witness("f", 2)]);
        assert_eq!(read(&folder.path().join("looks.json")).unwrap(), [witness("g", 7), witness("f", 2)]);

        std::fs::write(folder.path().join("looks.json"), "{").unwrap();
        let message = format!("{:#}", witnesses.of("f").unwrap_err());
        assert!(message.contains("looks.json is damaged") && message.contains("delete it"), "{message}");
        // What cannot be written is said.
        assert_eq!(Witnesses::default().keep(&witness("f", 3)).len(), 1);
        assert!(witnesses.keep(&witness("f", 3))[0].contains("looks.json"));
    }
}
