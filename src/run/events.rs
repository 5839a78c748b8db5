//! Event files for TensorBoard, which draws the epochs as curves while the run continues.
//!
//! Three runs in TensorBoard's sense, a folder each: `train` (the probe) and `val` share the tags `loss` and
//! `accuracy`, so that one chart shows both curves; the run folder itself holds `gap/loss`, `gap/accuracy`,
//! `batch_loss` and `lr`.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    EpochRecord, Observer,
    event_file::{Event, Summary, Value, record},
};
use crate::durable;

/// The name of each file; TensorBoard looks for `tfevents` in it.
const NAME: &str = "events.out.tfevents.0.mindgap";

/// Writes the event files of a run.
#[derive(Debug)]
pub struct Events {
    folder: PathBuf,
    /// Time of the next event: seconds since 1970 at which the run began, plus the seconds of its epochs so far.
    clock: f64,
}

impl Events {
    /// Rewrites the files of the run in `folder` from its `records` so far; later epochs are appended. The run began at
    /// `began`, in seconds since 1970.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn new(folder: &Path, began: f64, records: &[EpochRecord]) -> Result<Self> {
        let mut events = Self { folder: folder.to_path_buf(), clock: began };
        let mut files = [(); 3].map(|()| {
            record(&Event { wall_time: began, step: 0, file_version: Some("brain.Event:2".into()), summary: None })
        });
        for epoch in records {
            for (file, bytes) in files.iter_mut().zip(events.bytes(epoch)) {
                file.extend(bytes);
            }
        }
        for (path, bytes) in events.paths().iter().zip(files) {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", parent.display()))?;
            }
            durable::write(path, &bytes)?;
        }
        Ok(events)
    }

    fn paths(&self) -> [PathBuf; 3] {
        ["train", "val", ""].map(|part| self.folder.join(part).join(NAME))
    }

    /// What an epoch adds to each file; advances the clock.
    fn bytes(&mut self, epoch: &EpochRecord) -> [Vec<u8>; 3] {
        self.clock += if epoch.seconds.is_finite() { epoch.seconds } else { 0.0 };
        let step = i64::from(epoch.epoch);
        [
            event(self.clock, step, &[("loss", epoch.probe_loss), ("accuracy", epoch.probe_acc)]),
            event(self.clock, step, &[("loss", epoch.val_loss), ("accuracy", epoch.val_acc)]),
            event(
                self.clock,
                step,
                &[
                    ("gap/loss", epoch.gap_loss),
                    ("gap/accuracy", epoch.gap_acc),
                    ("batch_loss", epoch.batch_loss),
                    ("lr", epoch.lr),
                ],
            ),
        ]
    }
}

/// A record with these figures.
fn event(wall_time: f64, step: i64, figures: &[(&str, f64)]) -> Vec<u8> {
    let mut value = Vec::new();
    for &(tag, figure) in figures {
        if figure.is_nan() {
            // A recorded run may not state it; TensorBoard shows a tag only where it has a value.
            continue;
        }
        value.push(Value { tag: tag.to_owned(), simple_value: Some(figure as f32), tensor: None });
    }
    record(&Event { wall_time, step, file_version: None, summary: Some(Summary { value }) })
}

impl Observer for Events {
    fn epoch_end(&mut self, epoch: &EpochRecord) -> Result<()> {
        for (path, bytes) in self.paths().iter().zip(self.bytes(epoch)) {
            // Not synchronised to the disk: a resumed run rewrites what a crash lost.
            let file = OpenOptions::new().append(true).open(path);
            file.and_then(|mut file| file.write_all(&bytes))
                .with_context(|| format!("cannot append to {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event_file::tests::scalars;
    use crate::run::record::tests::record as epoch;

    fn read(path: &Path) -> Vec<(i64, String, f32)> {
        scalars(path).unwrap().into_iter().map(|(step, tag, value)| (step, tag, value as f32)).collect()
    }

    #[test]
    fn probe_and_val_share_tags_and_the_gap_stands_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::new(folder.path(), 1.7e9, &[epoch(1, 1.5)]).unwrap();
        events.epoch_end(&epoch(2, 1.432)).unwrap();
        let of = |part: &str| read(&folder.path().join(part).join(NAME));
        let val =
            [(1, 1.5), (2, 1.432)].map(|(step, loss)| [(step, "loss".into(), loss), (step, "accuracy".into(), 47.815)]);
        assert_eq!(of("val"), val.concat());
        assert_eq!(of("train")[2], (2, "loss".into(), 1.402));
        let tags: Vec<String> = of("").into_iter().take(4).map(|(_, tag, _)| tag).collect();
        assert_eq!(tags, ["gap/loss", "gap/accuracy", "batch_loss", "lr"]);
    }

    #[test]
    fn a_resumed_run_has_no_epoch_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::new(folder.path(), 0.0, &[]).unwrap();
        (1..4).for_each(|number| events.epoch_end(&epoch(number, 1.0)).unwrap());
        let mut events = Events::new(folder.path(), 0.0, &[epoch(1, 1.0)]).unwrap();
        events.epoch_end(&epoch(2, 1.0)).unwrap();
        let steps: Vec<i64> = read(&folder.path().join("val").join(NAME)).into_iter().map(|(step, ..)| step).collect();
        assert_eq!(steps, [1, 1, 2, 2]);
    }
}
