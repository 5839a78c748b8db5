//! The run folder: its files, who may write into it, and what a resumed run finds there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Serialize, de::DeserializeOwned};

use super::{Done, Environment, EpochRecord, Lock, Predictions, summary};
use crate::durable;

/// A folder that holds one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while this process may write; `None` for a reader.
    lock: Option<Lock>,
}

/// What `epochs.jsonl` holds.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochLog {
    /// Its records in order.
    pub records: Vec<EpochRecord>,
    /// The torn last line, if a crash left one.
    pub torn: Option<String>,
}

impl RunFolder {
    /// The resolved recipe; `mindgap train --recipe` on it repeats the run.
    pub const RECIPE: &str = "recipe.toml";
    /// Versions, device, data, command line: an [`Environment`].
    pub const ENVIRONMENT: &str = "environment.json";
    /// One [`EpochRecord`] a line.
    pub const EPOCHS: &str = "epochs.jsonl";
    /// The epochs as a table with timm's column names.
    pub const SUMMARY: &str = "summary.csv";
    /// [`Predictions`] on val and probe.
    pub const PREDICTIONS: &str = "predictions.safetensors";
    /// Full training state after the last checkpoint.
    pub const LAST: &str = "last.safetensors";
    /// Full training state at the checkpoint before.
    pub const PREVIOUS: &str = "previous.safetensors";
    /// Full training state after the best epoch.
    pub const BEST: &str = "best.safetensors";
    /// The best weights alone, under torchvision's names.
    pub const MODEL: &str = "model.safetensors";
    /// The same as TorchScript.
    pub const TORCHSCRIPT: &str = "model.pt";
    /// The report.
    pub const REPORT: &str = "report.html";
    /// Who writes here: a [`Lock`].
    pub const LOCK: &str = "run.lock";
    /// The final figures, written last: a [`Done`].
    pub const DONE: &str = "done.json";

    /// Makes the folder for a new run, parents included, or takes one up again when `resume` is set; locks it, sees
    /// that it can be written to, and clears what a dead process left half written.
    ///
    /// # Errors
    /// When the folder holds another run or other files and `resume` is not set (nothing is then touched), is a file,
    /// cannot be made or written to, or is locked by another process.
    pub fn create(path: &Path, resume: bool) -> Result<RunFolder> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the run folder {}", path.display()))?;
        if !resume {
            Self::check_unused(path)?;
        }
        durable::check_writable(path)?;
        let lock = Lock::take(&path.join(Self::LOCK))?;
        if !resume {
            // Another process may have come and gone between the first look and the lock.
            Self::check_unused(path)?;
        }
        durable::remove_leftovers(path)?;
        Ok(RunFolder { path: path.to_path_buf(), lock: Some(lock) })
    }

    /// Makes a new folder `parent/name`, or the first free one of `parent/name-2`, `parent/name-3`, …. Two processes
    /// never get the same.
    ///
    /// # Errors
    /// As [`RunFolder::create`].
    pub fn create_next(parent: &Path, name: &str) -> Result<RunFolder> {
        fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
        for number in 1.. {
            let path = parent.join(if number == 1 { name.to_string() } else { format!("{name}-{number}") });
            match fs::create_dir(&path) {
                Ok(()) => return Self::create(&path, false),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot make the run folder {}", path.display()));
                }
            }
        }
        unreachable!("the numbers do not end")
    }

    /// Opens a run for reading, be it finished, interrupted or still running.
    ///
    /// # Errors
    /// When there is no such folder or it holds no run.
    pub fn open(path: &Path) -> Result<RunFolder> {
        ensure!(path.is_dir(), "there is no run folder {}", path.display());
        let is_run = path.join(Self::RECIPE).exists() || path.join(Self::EPOCHS).exists();
        ensure!(is_run, "{} holds no run: neither {} nor {}", path.display(), Self::RECIPE, Self::EPOCHS);
        Ok(RunFolder { path: path.to_path_buf(), lock: None })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files, as in `folder.file(RunFolder::RECIPE)`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Who held the folder before and died without giving it back.
    pub fn dead_owner(&self) -> Option<&super::Owner> {
        self.lock.as_ref()?.dead_owner.as_ref()
    }

    /// Writes `recipe.toml`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_recipe(&self, toml: &str) -> Result<()> {
        durable::write(&self.file(Self::RECIPE), toml.as_bytes())
    }

    /// Writes `environment.json`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<()> {
        self.write_json(Self::ENVIRONMENT, environment)
    }

    /// Reads `environment.json`.
    ///
    /// # Errors
    /// When the file is absent or is not what [`RunFolder::write_environment`] writes.
    pub fn environment(&self) -> Result<Environment> {
        self.read_json(Self::ENVIRONMENT)
    }

    /// Appends a record to `epochs.jsonl`, then writes `summary.csv` anew from all of them.
    ///
    /// Call it before the checkpoint of that epoch is written: a record too many is cut off on resume, a record too few
    /// cannot be made again.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn append_epoch(&self, record: &EpochRecord) -> Result<()> {
        durable::append_line(&self.file(Self::EPOCHS), &serde_json::to_string(record)?)?;
        self.write_summary(&self.epochs()?.records)
    }

    /// Reads `epochs.jsonl`; none if absent.
    ///
    /// # Errors
    /// When a line other than a torn last one is no record; the message names the line.
    pub fn epochs(&self) -> Result<EpochLog> {
        let log = durable::read_json_lines(&self.file(Self::EPOCHS))?;
        Ok(EpochLog { records: log.values, torn: log.torn })
    }

    /// Cuts `epochs.jsonl` after epoch `last`, torn line included, for a run that goes on from that epoch's checkpoint.
    /// Writes `summary.csv` anew and returns what was there.
    ///
    /// # Errors
    /// As [`RunFolder::epochs`]; when a file cannot be written.
    pub fn keep_epochs_through(&self, last: u32) -> Result<EpochLog> {
        let path = self.file(Self::EPOCHS);
        let log = durable::read_json_lines::<EpochRecord>(&path)?;
        let kept = log.values.iter().take_while(|record| record.epoch <= last).count();
        if kept < log.values.len() || log.torn.is_some() {
            let mut bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            bytes.truncate(kept.checked_sub(1).map_or(0, |index| log.ends[index] as usize));
            durable::write(&path, &bytes)?;
        }
        self.write_summary(&log.values[..kept])?;
        Ok(EpochLog { records: log.values, torn: log.torn })
    }

    /// Writes `predictions.safetensors`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_predictions(&self, predictions: &Predictions) -> Result<()> {
        predictions.save(&self.file(Self::PREDICTIONS))
    }

    /// Reads `predictions.safetensors`.
    ///
    /// # Errors
    /// As [`Predictions::load`].
    pub fn predictions(&self) -> Result<Predictions> {
        Predictions::load(&self.file(Self::PREDICTIONS))
    }

    /// Writes `done.json`: from now on the run is finished.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_done(&self, done: &Done) -> Result<()> {
        self.write_json(Self::DONE, done)
    }

    /// The final figures, or `None` of a run that is not finished.
    ///
    /// # Errors
    /// When `done.json` is not what [`RunFolder::write_done`] writes.
    pub fn done(&self) -> Result<Option<Done>> {
        if self.file(Self::DONE).exists() { self.read_json(Self::DONE).map(Some) } else { Ok(None) }
    }

    /// Deletes `done.json`, so that a finished run can be extended. It need not exist.
    ///
    /// # Errors
    /// When the file cannot be deleted.
    pub fn reopen(&self) -> Result<()> {
        let path = self.file(Self::DONE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot delete {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a folder that holds anything but a lock, an environment and leftovers, which a run that never began may
    /// have left: it begins with its recipe. A folder that does not exist is unused.
    ///
    /// # Errors
    /// When it holds another run or other files, or cannot be read.
    pub fn check_unused(path: &Path) -> Result<()> {
        let failure = || format!("cannot read the folder {}", path.display());
        if !path.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(path).with_context(failure)? {
            let name = entry.with_context(failure)?.file_name();
            let name = name.to_string_lossy();
            let is_ours = || Self { path: path.to_owned(), lock: None }.environment().is_ok();
            if name == Self::LOCK
                || name.starts_with(durable::TEMPORARY_PREFIX)
                || name == Self::ENVIRONMENT && is_ours()
            {
                continue;
            }
            if path.join(Self::RECIPE).exists() || path.join(Self::EPOCHS).exists() {
                bail!("{} holds another run: choose another folder, or go on with it by --resume", path.display());
            }
            bail!("{} is not empty (it holds {name:?}): choose a new or empty folder", path.display());
        }
        Ok(())
    }

    fn write_summary(&self, records: &[EpochRecord]) -> Result<()> {
        durable::write(&self.file(Self::SUMMARY), &summary::table(records)?)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut json = serde_json::to_string_pretty(value)?;
        json.push('\n');
        durable::write(&self.file(name), json.as_bytes())
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.file(name);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))
    }
}
