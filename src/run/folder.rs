//! The run folder: its files, the lock on them, and what a resumed run finds there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Serialize, de::DeserializeOwned};

use super::{Done, Environment, EpochRecord, Images, Lock, Predictions, Recorder, summary};
use crate::{
    durable,
    recipe::{Layers, Recipe, resolve},
};

/// A folder that holds one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while this process may write; `None` for a reader.
    _lock: Option<Lock>,
}

/// The content of `epochs.jsonl`.
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
    /// Names and labels of the images of val and probe: [`Images`]. Folders of earlier versions lack it.
    pub const IMAGES: &str = "images.csv";
    /// [`Predictions`] on val and probe.
    pub const PREDICTIONS: &str = "predictions.safetensors";
    /// [`Predictions`] whose epoch has no checkpoint yet.
    pub const NEXT_PREDICTIONS: &str = "predictions.next.safetensors";
    /// Full training state after the last checkpoint.
    pub const LAST: &str = "last.safetensors";
    /// Full training state at the checkpoint before.
    pub const PREVIOUS: &str = "previous.safetensors";
    /// Full training state after the best epoch.
    pub const BEST: &str = "best.safetensors";
    /// The weights of the best epoch alone, under torchvision's names.
    pub const MODEL: &str = "model.safetensors";
    /// The weights of the best epoch as a TorchScript program.
    pub const TORCHSCRIPT: &str = "model.pt";
    /// The report.
    pub const REPORT: &str = "report.html";
    /// The bill of the gap, once it was made.
    pub const BILL: &str = "bill.json";
    /// The process that writes here: a [`Lock`].
    pub const LOCK: &str = "run.lock";
    /// The final figures, written last: a [`Done`].
    pub const DONE: &str = "done.json";

    /// Creates the folder for a new run, parents included, or opens an existing one when `resume` is set. Locks the folder,
    /// checks that it can be written to, and removes files that a killed process left half written.
    ///
    /// # Errors
    /// The folder holds another run or other files and `resume` is not set (nothing is then changed); it is a file, cannot be
    /// created or written to, or is locked by another process.
    pub fn create(path: &Path, resume: bool) -> Result<RunFolder> {
        fs::create_dir_all(path).with_context(|| format!("cannot make the run folder {}", path.display()))?;
        if !resume {
            Self::check_unused(path)?;
        }
        durable::check_writable(path)?;
        let lock = Lock::take(&path.join(Self::LOCK))?;
        if !resume {
            // Another process may have written between the first check and the lock.
            Self::check_unused(path)?;
        }
        durable::remove_leftovers(path)?;
        Ok(RunFolder { path: path.to_path_buf(), _lock: Some(lock) })
    }

    /// Creates a new folder `parent/name`, or the first free one of `parent/name-2`, `parent/name-3`, …. Two processes
    /// never get the same folder.
    ///
    /// # Errors
    /// The errors of [`RunFolder::create`].
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

    /// Opens a run for reading, whether finished, interrupted or still running.
    ///
    /// # Errors
    /// There is no such folder, or it holds no run.
    pub fn open(path: &Path) -> Result<RunFolder> {
        ensure!(path.is_dir(), "there is no run folder {}", path.display());
        ensure!(
            Self::holds_run(path),
            "{} holds no run: neither {} nor {}",
            path.display(),
            Self::RECIPE,
            Self::EPOCHS
        );
        Ok(RunFolder { path: path.to_path_buf(), _lock: None })
    }

    /// Whether the folder at `path` holds a run, mindgap's own or recorded, and not only a log called `epochs.jsonl`.
    pub fn is_run(path: &Path) -> bool {
        path.join(Self::RECIPE).exists() || Self::recorder(path).is_some()
    }

    /// Whether the folder at `path` holds a run or the epochs of one.
    pub fn holds_run(path: &Path) -> bool {
        path.join(Self::RECIPE).exists() || path.join(Self::EPOCHS).exists()
    }

    /// What recorded the run in the folder at `path`; None where mindgap itself trained it, and where there is no run.
    pub fn recorder(path: &Path) -> Option<Recorder> {
        (Self { path: path.to_owned(), _lock: None }).environment().ok()?.recorder
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files, as in `folder.file(RunFolder::RECIPE)`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads `recipe.toml`; None for a recorded run, which has no recipe.
    ///
    /// # Errors
    /// The recipe is absent though mindgap itself trained the run, or it cannot be used.
    pub fn recipe(&self) -> Result<Option<Recipe>> {
        let path = self.file(Self::RECIPE);
        if !path.exists() && Self::recorder(&self.path).is_some() {
            return Ok(None);
        }
        resolve(&Layers::default().file(&path)?).map(Some)
    }

    /// Reads `images.csv`.
    ///
    /// # Errors
    /// The errors of [`Images::load`].
    pub fn images(&self) -> Result<Images> {
        Images::load(&self.file(Self::IMAGES))
    }

    /// The numbers of the groups of val's images and of the probe's, whose `predictions` are those of this run; None where the images
    /// have no groups, or are not listed.
    ///
    /// # Errors
    /// The errors of [`Images::load`], or the list is not that of `predictions`.
    pub fn group_numbers(&self, predictions: &Predictions) -> Result<Option<[Vec<u32>; 2]>> {
        if !self.file(Self::IMAGES).exists() {
            return Ok(None);
        }
        let images = self.images()?;
        images.check(predictions)?;
        Ok(images.group_numbers())
    }

    /// Writes `environment.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<()> {
        self.write_json(Self::ENVIRONMENT, environment)
    }

    /// Reads `environment.json`.
    ///
    /// # Errors
    /// The file is absent, or not in the form that [`RunFolder::write_environment`] writes.
    pub fn environment(&self) -> Result<Environment> {
        self.read_json(Self::ENVIRONMENT)
    }

    /// Appends a record to `epochs.jsonl`, then rewrites `summary.csv` from all records.
    ///
    /// Call it before the checkpoint of that epoch is written: on resume a surplus record is cut off, but a missing one
    /// cannot be restored.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn append_epoch(&self, record: &EpochRecord) -> Result<()> {
        durable::append_line(&self.file(Self::EPOCHS), &serde_json::to_string(record)?)?;
        self.write_summary(&self.epochs()?.records)
    }

    /// Reads `epochs.jsonl`; an absent file has no records.
    ///
    /// # Errors
    /// A line other than a torn last one is not a record; the message names the line.
    pub fn epochs(&self) -> Result<EpochLog> {
        let log = durable::read_json_lines(&self.file(Self::EPOCHS))?;
        Ok(EpochLog { records: log.values, torn: log.torn })
    }

    /// Cuts `epochs.jsonl` after epoch `last`, and a torn line, for a run that is resumed from that epoch's checkpoint.
    /// Rewrites `summary.csv` and returns the records as they were before.
    ///
    /// # Errors
    /// The errors of [`RunFolder::epochs`]; a file cannot be written.
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

    /// Reads `predictions.safetensors`.
    ///
    /// # Errors
    /// The errors of [`Predictions::load`].
    pub fn predictions(&self) -> Result<Predictions> {
        Predictions::load(&self.file(Self::PREDICTIONS))
    }

    /// Writes `done.json`: from now on the run is finished.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_done(&self, done: &Done) -> Result<()> {
        self.write_json(Self::DONE, done)
    }

    /// The final figures; None where the run is not finished.
    ///
    /// # Errors
    /// `done.json` is not in the form that [`RunFolder::write_done`] writes.
    pub fn done(&self) -> Result<Option<Done>> {
        if self.file(Self::DONE).exists() { self.read_json(Self::DONE).map(Some) } else { Ok(None) }
    }

    /// Deletes `done.json` if it exists, so that a finished run can be extended.
    ///
    /// # Errors
    /// The file cannot be deleted.
    pub fn reopen(&self) -> Result<()> {
        let path = self.file(Self::DONE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot delete {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a folder that holds anything but a lock, an environment, a list of images and temporary files. A run that failed
    /// before it wrote its recipe may have left those. A folder that does not exist is unused.
    ///
    /// # Errors
    /// The folder holds another run or other files, or cannot be read.
    pub fn check_unused(path: &Path) -> Result<()> {
        let failure = || format!("cannot read the folder {}", path.display());
        if !path.exists() {
            return Ok(());
        }
        let has_environment = (Self { path: path.to_owned(), _lock: None }).environment().is_ok();
        for entry in fs::read_dir(path).with_context(failure)? {
            let name = entry.with_context(failure)?.file_name();
            let name = name.to_string_lossy();
            if name == Self::LOCK || name.starts_with(durable::TEMPORARY_PREFIX) {
                continue;
            }
            if has_environment && (name == Self::ENVIRONMENT || name == Self::IMAGES) {
                continue;
            }
            if Self::recorder(path).is_some() {
                bail!("{} holds a run that another training loop recorded: choose another folder", path.display());
            }
            if Self::holds_run(path) {
                bail!("{} holds another run: choose another folder, or resume it with `Run::resume`", path.display());
            }
            bail!("{} is not empty (it holds {name:?}): choose a new or empty folder", path.display());
        }
        Ok(())
    }

    /// Writes `summary.csv`.
    pub(super) fn write_summary(&self, records: &[EpochRecord]) -> Result<()> {
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
