//! Figures of a trained recipe on one half of val, image by image.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    run::{ListedImage, Measured, RunFolder, nan},
    stats,
};

/// A half of val. Both are drawn within each class, and groups are kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The half that selects among candidates.
    Selection,
    /// The half that judges the winner, and selects nothing.
    Verdict,
}

/// The figures of a recipe on one half of val. Losses in nats, accuracies in percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Images of val.
    pub images: usize,
    /// Mean loss on them.
    #[serde(deserialize_with = "nan::number")]
    pub val_loss: f64,
    /// Accuracy on them.
    #[serde(deserialize_with = "nan::number")]
    pub val_acc: f64,
    /// Mean loss on the probe.
    #[serde(deserialize_with = "nan::number")]
    pub probe_loss: f64,
    /// `val_loss` − `probe_loss`.
    #[serde(deserialize_with = "nan::number")]
    pub gap_loss: f64,
    /// Standard error of `gap_loss`, over images or groups.
    #[serde(deserialize_with = "nan::number")]
    pub gap_loss_se: f64,
}

/// Losses and hits on n images of val and on those of the probe: of one run, of all folds, or the mean over seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PerImage {
    /// Names of the val images \[n\].
    pub names: Vec<String>,
    /// Losses on val \[n\], nats.
    pub losses: Vec<f64>,
    /// Shares of the runs that recognise each val image \[n\].
    pub hits: Vec<f64>,
    /// Number of the group of each val image \[n\], where the images have groups.
    pub groups: Option<Vec<u32>>,
    /// Losses on the probe \[m\], nats.
    pub(super) probe_losses: Vec<f64>,
    /// Groups of the probe's images \[m\], where the images have groups; with folds the images themselves, which are in the probes of several.
    pub(super) probe_groups: Option<Vec<u32>>,
}

impl PerImage {
    /// Reads one `half` of val after the last epoch of the finished runs in `folders`: one run, or one for each fold.
    ///
    /// # Errors
    /// A run is not finished, or a file of it is damaged.
    pub fn read<P: AsRef<Path>>(folders: &[P], half: Half) -> Result<Self> {
        let mut all = Self::default();
        let mut groups = HashMap::new();
        for folder in folders {
            all.add(folder.as_ref(), half, folders.len() > 1, &mut groups)
                .with_context(|| format!("cannot use the run in {}", folder.as_ref().display()))?;
        }
        Ok(all)
    }

    /// What was measured of the val images with these `names`, and of the probe's.
    ///
    /// # Panics
    /// When there is not one name per val image.
    pub fn of(names: Vec<String>, val: &Measured, probe: &Measured) -> Self {
        assert_eq!(names.len(), val.losses.len(), "every val image has a name");
        Self {
            names,
            losses: val.losses_f64(),
            hits: hits(val),
            groups: val.groups.clone(),
            probe_losses: probe.losses_f64(),
            probe_groups: probe.groups.clone(),
        }
    }

    /// Degrees of freedom of a mean over the val images: their number, or that of their groups, less one.
    pub fn freedom(&self) -> f64 {
        freedom(self.losses.len(), self.groups.as_deref())
    }

    /// Degrees of freedom of the gap: the smaller of those of val and of the probe.
    pub fn freedom_of_gap(&self) -> f64 {
        self.freedom().min(freedom(self.probe_losses.len(), self.probe_groups.as_deref()))
    }

    fn add(&mut self, folder: &Path, half: Half, is_fold: bool, groups: &mut HashMap<String, u32>) -> Result<()> {
        let run = RunFolder::open(folder)?;
        ensure!(run.done()?.is_some(), "it is not finished");
        let (images, predictions) = (run.images()?, run.predictions()?);
        images.check(&predictions)?;
        let keep = |image: usize| images.in_first_half[image] == (half == Half::Selection);
        let kept: Vec<&ListedImage> =
            images.val.iter().enumerate().filter(|(image, _)| keep(*image)).map(|(_, image)| image).collect();
        let val = predictions.last_val.measured().only(keep);
        self.names.extend(kept.iter().map(|image| image.name.clone()));
        self.losses.extend(val.losses_f64());
        self.hits.extend(hits(&val));
        self.probe_losses.extend(predictions.last_probe.measured().losses_f64());
        let mut number = |name: &str| {
            let next = groups.len() as u32;
            *groups.entry(name.to_owned()).or_insert(next)
        };
        let group = |image: &ListedImage| image.group.clone().unwrap_or_default();
        if images.has_groups() {
            self.groups.get_or_insert_default().extend(kept.into_iter().map(|image| number(&group(image))));
            self.probe_groups.get_or_insert_default().extend(images.probe.iter().map(|image| number(&group(image))));
        } else if is_fold {
            self.probe_groups.get_or_insert_default().extend(images.probe.iter().map(|image| number(&image.name)));
        }
        Ok(())
    }

    /// The mean over seeds, of one half of the same images.
    ///
    /// # Errors
    /// There is none, or they are of different images.
    pub fn mean(seeds: Vec<Self>) -> Result<Self> {
        let count = seeds.len() as f64;
        let mut seeds = seeds.into_iter();
        let mut mean = seeds.next().context("there is no run to take the mean of")?;
        for seed in seeds {
            ensure!(
                seed.names == mean.names && seed.probe_losses.len() == mean.probe_losses.len(),
                "two seeds were measured on different images"
            );
            add(&mut mean.losses, &seed.losses);
            add(&mut mean.hits, &seed.hits);
            add(&mut mean.probe_losses, &seed.probe_losses);
        }
        for values in [&mut mean.losses, &mut mean.hits, &mut mean.probe_losses] {
            values.iter_mut().for_each(|value| *value /= count);
        }
        Ok(mean)
    }

    /// The figures.
    pub fn score(&self) -> Score {
        let (val_loss, probe_loss) = (stats::mean(&self.losses), stats::mean(&self.probe_losses));
        let val_error = stats::error_of_mean(&self.losses, self.groups.as_deref());
        let probe_error = stats::error_of_mean(&self.probe_losses, self.probe_groups.as_deref());
        Score {
            images: self.losses.len(),
            val_loss,
            val_acc: 100.0 * stats::mean(&self.hits),
            probe_loss,
            gap_loss: val_loss - probe_loss,
            gap_loss_se: stats::hypotenuse(val_error, probe_error),
        }
    }
}

fn hits(measured: &Measured) -> Vec<f64> {
    measured.correct.iter().map(|&hit| f64::from(u8::from(hit))).collect()
}

fn add(sums: &mut [f64], values: &[f64]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// Degrees of freedom of the error of a mean over images.
fn freedom(values: usize, groups: Option<&[u32]>) -> f64 {
    let units = groups.map_or(values, |groups| groups.iter().collect::<HashSet<_>>().len());
    units as f64 - 1.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn per_image(losses: &[f64], probe: &[f64]) -> PerImage {
        PerImage {
            names: (0..losses.len()).map(|image| format!("{image}.png")).collect(),
            losses: losses.to_vec(),
            hits: losses.iter().map(|&loss| f64::from(u8::from(loss < 0.7))).collect(),
            probe_losses: probe.to_vec(),
            ..PerImage::default()
        }
    }

    #[test]
    fn figures_are_means_over_images_and_seeds() {
        let first = per_image(&[0.2, 0.4, 1.2, 1.4], &[0.1, 0.3]);
        let score = first.score();
        assert_eq!((score.images, score.val_acc), (4, 50.0));
        assert!((score.val_loss - 0.8).abs() < 1e-12 && (score.gap_loss - 0.6).abs() < 1e-12);
        let second = per_image(&[0.4, 0.6, 1.4, 0.6], &[0.3, 0.3]);
        let mean = PerImage::mean(vec![first.clone(), second]).unwrap();
        assert!((mean.losses[3] - 1.0).abs() < 1e-12 && mean.hits[3] == 0.5);
        assert!(PerImage::mean(vec![first, per_image(&[0.1], &[0.1, 0.3])]).is_err());
        assert!(PerImage::mean(Vec::new()).is_err());
    }

    #[test]
    fn images_of_one_group_say_less_than_independent_ones() {
        let mut images = per_image(&[0.0, 0.0, 1.0, 1.0, 0.5, 0.5], &[0.1, 0.3]);
        let plain = images.score().gap_loss_se;
        images.groups = Some(vec![0, 0, 1, 1, 2, 2]);
        assert!(images.score().gap_loss_se > 1.2 * plain);
    }

    #[test]
    fn an_image_in_the_probes_of_several_folds_counts_once() {
        let mut images = per_image(&[0.5; 20], &[0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]);
        let (plain, freedom) = (images.score().gap_loss_se, images.freedom_of_gap());
        images.probe_groups = Some(vec![0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert!(images.score().gap_loss_se > 1.5 * plain);
        assert_eq!((freedom, images.freedom_of_gap()), (8.0, 2.0));
    }
}
