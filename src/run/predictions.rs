//! `predictions.safetensors`: the network's outputs on every image of val and probe, after the last and the best epoch.
//!
//! Arrays `{last,best}.{val,probe}.{logits,labels,ids}`: logits f32 \[n, c\], labels and sample ids i64 \[n\]; and
//! `val.losses` f32 \[e, n\], the losses on val after each of e epochs. Any safetensors reader opens the file.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;

use super::Measured;
use crate::{
    durable::{Archive, Array},
    stats::Logits,
};

/// The array of the losses on val.
const VAL_LOSSES: &str = "val.losses";

/// The outputs on one set of n images, in the set's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// Logits \[n, c\], row-major.
    pub logits: Vec<f32>,
    /// The true classes \[n\].
    pub labels: Vec<i64>,
    /// Sample ids \[n\]: indices into the split's full sorted listing.
    pub ids: Vec<i64>,
}

impl Outputs {
    /// The outputs on the images for which `keep` holds.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let classes = self.logits.len() / self.labels.len().max(1);
        let kept: Vec<usize> = (0..self.labels.len()).filter(|&image| keep(image)).collect();
        Self {
            logits: kept.iter().flat_map(|image| &self.logits[image * classes..][..classes]).copied().collect(),
            labels: kept.iter().map(|&image| self.labels[image]).collect(),
            ids: kept.iter().map(|&image| self.ids[image]).collect(),
        }
    }

    /// Losses by plain cross-entropy, and hits.
    ///
    /// # Panics
    /// When the logits are not one row per label: that is an error of the program, not of its
    /// user.
    pub fn measured(&self) -> Measured {
        if self.labels.is_empty() {
            return Measured::default();
        }
        let logits = Logits::new(&self.logits, &self.labels, self.logits.len() / self.labels.len());
        Measured {
            losses: logits.losses(1.0).into_iter().map(|loss| loss as f32).collect(),
            correct: logits.correct(),
            groups: None,
        }
    }
}

/// The outputs on val and probe after the last and the best epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// The number of classes c.
    pub classes: usize,
    /// Val after the last epoch.
    pub last_val: Outputs,
    /// The probe after the last epoch.
    pub last_probe: Outputs,
    /// Val after the epoch of lowest val loss; a recorded run may have lost it, and then holds no image here.
    pub best_val: Outputs,
    /// The probe after the epoch of lowest val loss; empty where `best_val` is.
    pub best_probe: Outputs,
    /// Losses on val after each epoch from the first on, \[e, n\] row-major, nats; empty where they were not recorded.
    pub val_losses: Vec<f32>,
}

impl Predictions {
    /// Writes the file.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<()> {
        let sets = [
            ("last.val", &self.last_val),
            ("last.probe", &self.last_probe),
            ("best.val", &self.best_val),
            ("best.probe", &self.best_probe),
        ];
        let mut arrays = Vec::new();
        for (set, outputs) in sets {
            let shape = [outputs.labels.len(), self.classes];
            arrays.push(floats(format!("{set}.logits"), shape, &outputs.logits));
            arrays.push(integers(format!("{set}.labels"), &outputs.labels));
            arrays.push(integers(format!("{set}.ids"), &outputs.ids));
        }
        if !self.val_losses.is_empty() {
            let images = self.last_val.labels.len();
            let shape = [self.val_losses.len() / images, images];
            arrays.push(floats(VAL_LOSSES.to_owned(), shape, &self.val_losses));
        }
        Archive { metadata: Default::default(), arrays }.save(path)
    }

    /// Reads the file, which any safetensors writer may have written. The checksum of a file that mindgap wrote is verified.
    ///
    /// # Errors
    /// The file is absent or damaged, an array is missing or has another type, the sizes do not fit each other, or a label is
    /// not a class; the message names the file and the array.
    pub fn load(path: &Path) -> Result<Predictions> {
        let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Archive::from_any_safetensors(&file)
            .and_then(|archive| Self::from_archive(&archive))
            .with_context(|| format!("cannot use {}", path.display()))
    }

    fn from_archive(archive: &Archive) -> Result<Predictions> {
        let classes = array(archive, "last.val.logits", Dtype::F32, 2)?.shape[1];
        let last_val = outputs(archive, "last.val", classes)?;
        Ok(Predictions {
            classes,
            val_losses: val_losses(archive, last_val.labels.len())?,
            last_val,
            last_probe: outputs(archive, "last.probe", classes)?,
            best_val: outputs(archive, "best.val", classes)?,
            best_probe: outputs(archive, "best.probe", classes)?,
        })
    }
}

fn floats(name: String, shape: [usize; 2], values: &[f32]) -> Array {
    Array::of(name, Dtype::F32, &shape, values.iter().map(|value| value.to_le_bytes()))
}

fn integers(name: String, values: &[i64]) -> Array {
    Array::of(name, Dtype::I64, &[values.len()], values.iter().map(|value| value.to_le_bytes()))
}

fn read_integers(archive: &Archive, name: &str) -> Result<Vec<i64>> {
    let (values, _) = array(archive, name, Dtype::I64, 1)?.bytes.as_chunks();
    Ok(values.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect())
}

/// The outputs of `set`, sizes and labels checked.
fn outputs(archive: &Archive, set: &str, classes: usize) -> Result<Outputs> {
    let logits = array(archive, &format!("{set}.logits"), Dtype::F32, 2)?;
    let labels = read_integers(archive, &format!("{set}.labels"))?;
    let ids = read_integers(archive, &format!("{set}.ids"))?;
    ensure!(
        logits.shape == [labels.len(), classes] && ids.len() == labels.len(),
        "the arrays of {set} do not fit each other: logits {:?}, {} labels, {} ids, {classes} classes",
        logits.shape,
        labels.len(),
        ids.len()
    );
    let are_classes = labels.iter().all(|label| (0..classes as i64).contains(label));
    ensure!(are_classes, "{set} has a label outside 0..{classes}");
    Ok(Outputs { logits: read_floats(logits), labels, ids })
}

/// The losses of `images` val images after each epoch; empty where the file has none.
fn val_losses(archive: &Archive, images: usize) -> Result<Vec<f32>> {
    if archive.array(VAL_LOSSES).is_none() {
        return Ok(Vec::new());
    }
    let losses = array(archive, VAL_LOSSES, Dtype::F32, 2)?;
    ensure!(losses.shape[1] == images, "{VAL_LOSSES} has shape {:?}, where val has {images} images", losses.shape);
    Ok(read_floats(losses))
}

fn read_floats(array: &Array) -> Vec<f32> {
    let (values, _) = array.bytes.as_chunks();
    values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// The array `name`, its type and number of dimensions checked.
fn array<'a>(archive: &'a Archive, name: &str, dtype: Dtype, dimensions: usize) -> Result<&'a Array> {
    let array = archive.array(name).with_context(|| format!("the array {name} is missing"))?;
    ensure!(
        array.dtype == dtype && array.shape.len() == dimensions,
        "the array {name} is {} of shape {:?}, not {dtype} of {dimensions} dimension(s)",
        array.dtype,
        array.shape
    );
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs_of(n: usize, first: f32) -> Outputs {
        Outputs {
            logits: (0..3 * n).map(|index| first + index as f32).collect(),
            labels: (0..n as i64).map(|image| image % 3).collect(),
            ids: (0..n as i64).map(|image| 7 * image).collect(),
        }
    }

    fn predictions() -> Predictions {
        Predictions {
            classes: 3,
            last_val: outputs_of(4, 0.5),
            last_probe: outputs_of(5, f32::NAN),
            best_val: outputs_of(4, -1e30),
            best_probe: outputs_of(0, 0.0),
            val_losses: vec![0.5, 1.5, f32::INFINITY, 0.25, 0.0, 2.5, 3.5, 4.5],
        }
    }

    #[test]
    fn predictions_are_read_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.safetensors");
        predictions().save(&path).unwrap();
        let read = Predictions::load(&path).unwrap();
        assert!(read.last_probe.logits.iter().all(|logit| logit.is_nan()));
        assert_eq!((read.last_val, read.best_val), (predictions().last_val, predictions().best_val));
        assert_eq!((read.classes, read.best_probe), (3, Outputs::default()));
        assert_eq!(read.val_losses, predictions().val_losses);
        assert_eq!(read.last_probe.ids, [0, 7, 14, 21, 28]);
    }

    #[test]
    fn the_outputs_on_some_images_keep_their_rows() {
        let some = outputs_of(4, 0.5).only(|image| image % 2 == 1);
        assert_eq!((some.labels, some.ids), (vec![1, 0], vec![7, 21]));
        assert_eq!(some.logits, [3.5, 4.5, 5.5, 9.5, 10.5, 11.5]);
        assert_eq!(outputs_of(4, 0.5).only(|_| false), Outputs::default());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.safetensors");
        let refused = |change: &dyn Fn(&mut Archive)| {
            predictions().save(&path).unwrap();
            let mut archive = Archive::load(&path).unwrap();
            change(&mut archive);
            archive.save(&path).unwrap();
            let message = format!("{:#}", Predictions::load(&path).unwrap_err());
            assert!(message.contains("predictions.safetensors"), "{message}");
            message
        };
        let change = |archive: &mut Archive, name: &str, change: &dyn Fn(&mut Array)| {
            change(archive.arrays.iter_mut().find(|array| array.name == name).unwrap());
        };
        let message = refused(&|archive| archive.arrays.retain(|array| array.name != "best.val.ids"));
        assert!(message.contains("best.val.ids is missing"), "{message}");
        let message = refused(&|archive| change(archive, "last.val.labels", &|labels| labels.bytes[0] = 9));
        assert!(message.contains("last.val has a label outside 0..3"), "{message}");
        let message = refused(&|archive| change(archive, "last.val.ids", &|ids| ids.shape = vec![2, 2]));
        assert!(message.contains("last.val.ids is I64 of shape [2, 2]"), "{message}");
        let message = refused(&|archive| change(archive, "best.val.logits", &|logits| logits.shape = vec![3, 4]));
        assert!(message.contains("best.val do not fit each other: logits [3, 4], 4 labels"), "{message}");
    }
}
