//! Predictions on images that the network was not trained on, over the folds of one seed or more.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    run::RunFolder,
    stats::{Logits, softmax},
};

/// Predictions on n images of c classes, each by networks that were not trained on it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutOfFold {
    /// Class names \[c\].
    pub classes: Vec<String>,
    /// Names of the images \[n\], ascending.
    pub names: Vec<String>,
    /// Labels \[n\], in 0..c.
    pub labels: Vec<i64>,
    /// Logits \[n, c\] of each seed, finite.
    pub seeds: Vec<Vec<f32>>,
    /// Losses of each image after each epoch, \[n\]\[e\], nats, the mean over the seeds; empty where a run did not record them.
    pub losses: Vec<Vec<f64>>,
}

/// What one seed says of an image.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    label: i64,
    /// After the last epoch \[c\].
    logits: Vec<f32>,
    /// After each epoch \[e\], nats.
    losses: Vec<f32>,
}

impl OutOfFold {
    /// Reads the val predictions after the last epoch from run folders: those of each seed validate every image once.
    ///
    /// # Errors
    /// There is no seed, a folder is no finished run, classes, images or labels differ, an image is validated twice in one
    /// seed, or a logit is not finite; the message names folder and image.
    pub fn read(seeds: &[Vec<PathBuf>]) -> Result<Self> {
        let mut classes: Option<Vec<String>> = None;
        let mut tables: Vec<BTreeMap<String, Row>> = Vec::new();
        for folders in seeds {
            let mut rows = BTreeMap::new();
            for folder in folders {
                let found = add_fold(folder, &mut rows).with_context(|| format!("cannot use {}", folder.display()))?;
                ensure!(
                    classes.as_ref().is_none_or(|classes| *classes == found),
                    "{} has other classes than the run before it: {}",
                    folder.display(),
                    found.join(", ")
                );
                classes = Some(found);
            }
            tables.push(rows);
        }
        let classes = classes.context("there are no runs to read predictions from")?;
        Self::of_tables(classes, tables)
    }

    /// Joins the seeds' tables, which must hold the same images.
    fn of_tables(classes: Vec<String>, tables: Vec<BTreeMap<String, Row>>) -> Result<Self> {
        let first = &tables[0];
        let names: Vec<String> = first.keys().cloned().collect();
        let labels: Vec<i64> = first.values().map(|row| row.label).collect();
        for (seed, table) in tables.iter().enumerate() {
            for (name, row) in table {
                let known = first
                    .get(name)
                    .with_context(|| format!("{name} is validated in seed number {} and not in the first", seed + 1))?;
                let is_same = known.label == row.label;
                ensure!(is_same, "{name} has another label in seed number {} than in the first", seed + 1);
            }
            if let Some(name) = names.iter().find(|name| !table.contains_key(*name)) {
                bail!("{name} is validated in the first seed and not in seed number {}", seed + 1);
            }
        }
        let losses = mean_losses(&tables);
        let seeds = tables.into_iter().map(|table| table.into_values().flat_map(|row| row.logits).collect()).collect();
        Ok(Self { classes, names, labels, seeds, losses })
    }

    /// The mean of the seeds' probabilities as logits \[n, c\]: their logarithms.
    pub fn mean_logits(&self) -> Vec<f32> {
        let classes = self.classes.len();
        let mut sums = vec![0.0; self.names.len() * classes];
        for logits in &self.seeds {
            let probabilities = logits.chunks_exact(classes).flat_map(|row| softmax(row, 1.0));
            sums.iter_mut().zip(probabilities).for_each(|(sum, probability)| *sum += probability);
        }
        let seeds = self.seeds.len() as f64;
        // f32 has no smaller logarithm of a probability to tell apart from 0.
        sums.into_iter().map(|sum: f64| (sum / seeds).max(1e-30).ln() as f32).collect()
    }

    /// The class that each seed predicts for `image`.
    pub fn predicted(&self, image: usize) -> Vec<usize> {
        let classes = self.classes.len();
        let rows = self.seeds.iter().map(|logits| &logits[image * classes..][..classes]);
        rows.filter_map(|row| Logits::new(row, &[0], classes).predicted()[0]).collect()
    }
}

/// Adds the val images of the run in `folder` to `rows` and returns its class names.
fn add_fold(folder: &Path, rows: &mut BTreeMap<String, Row>) -> Result<Vec<String>> {
    let folder = RunFolder::open(folder)?;
    ensure!(folder.done()?.is_some(), "the run is not finished; resume it first");
    let (images, predictions) = (folder.images()?, folder.predictions()?);
    images.check(&predictions)?;
    let classes = folder.environment()?.data.classes;
    ensure!(classes.len() == predictions.classes, "{} class names, {} logits", classes.len(), predictions.classes);
    ensure!(classes.len() > 1, "there is only one class, {}: no label can be wrong", classes.join(""));
    let by_epoch = &predictions.val_losses;
    for (index, logits) in predictions.last_val.logits.chunks_exact(classes.len()).enumerate() {
        let image = &images.val[index];
        ensure!(logits.iter().all(|logit| logit.is_finite()), "the prediction on {} is not finite", image.name);
        let losses = by_epoch.iter().skip(index).step_by(images.val.len()).copied().collect();
        let row = Row { label: image.label, logits: logits.to_vec(), losses };
        let before = rows.insert(image.name.clone(), row);
        ensure!(before.is_none(), "{} is validated in another fold of this seed too", image.name);
    }
    Ok(classes)
}

/// The mean over the seeds of each image's losses after each epoch; empty where one did not record as many as the others.
fn mean_losses(tables: &[BTreeMap<String, Row>]) -> Vec<Vec<f64>> {
    let epochs = tables[0].values().next().map_or(0, |row| row.losses.len());
    let are_alike = tables.iter().flat_map(BTreeMap::values).all(|row| row.losses.len() == epochs);
    if epochs == 0 || !are_alike {
        return Vec::new();
    }
    let seeds = tables.len() as f64;
    let mut means = vec![vec![0.0; epochs]; tables[0].len()];
    for table in tables {
        for (mean, row) in means.iter_mut().zip(table.values()) {
            mean.iter_mut().zip(&row.losses).for_each(|(mean, &loss)| *mean += f64::from(loss) / seeds);
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, i64, [f32; 2])]) -> BTreeMap<String, Row> {
        let row = |label, logits: [f32; 2]| Row { label, logits: logits.to_vec(), losses: vec![1.0, label as f32] };
        rows.iter().map(|(name, label, logits)| (name.to_string(), row(*label, *logits))).collect()
    }

    fn joined(tables: Vec<BTreeMap<String, Row>>) -> Result<OutOfFold> {
        OutOfFold::of_tables(vec!["cat".into(), "dog".into()], tables)
    }

    #[test]
    fn seeds_are_joined_by_name_and_their_probabilities_averaged() {
        let first = table(&[("b", 1, [0.0, 0.0]), ("a", 0, [3f32.ln(), 0.0])]);
        let second = table(&[("a", 0, [0.0, 3f32.ln()]), ("b", 1, [0.0, 9f32.ln()])]);
        let joined = joined(vec![first, second]).unwrap();
        assert_eq!((joined.names.join(""), joined.labels.as_slice()), ("ab".into(), [0, 1].as_slice()));
        let expected = [0.5f32, 0.5, 0.3, 0.7].map(f32::ln);
        for (logit, expected) in joined.mean_logits().into_iter().zip(expected) {
            assert!((logit - expected).abs() < 1e-6);
        }
        assert_eq!(joined.predicted(0), [0, 1]);
        assert_eq!(joined.losses, [[1.0, 0.0], [1.0, 1.0]]);
    }

    #[test]
    fn losses_that_a_run_did_not_record_are_left_out() {
        let mut second = table(&[("a", 0, [0.0, 1.0])]);
        second.values_mut().for_each(|row| row.losses.clear());
        assert!(joined(vec![table(&[("a", 0, [0.0, 1.0])]), second]).unwrap().losses.is_empty());
    }

    #[test]
    fn seeds_of_other_images_or_labels_are_refused() {
        let first = || table(&[("a", 0, [0.0, 1.0]), ("b", 1, [0.0, 1.0])]);
        let refused = |second, expected: &str| {
            let message = format!("{:#}", joined(vec![first(), second]).unwrap_err());
            assert!(message.contains(expected), "{message}");
        };
        refused(table(&[("a", 0, [0.0, 1.0])]), "b is validated in the first seed and not in seed number 2");
        refused(table(&[("a", 1, [0.0, 1.0]), ("b", 1, [0.0, 1.0])]), "a has another label in seed number 2");
        let more = table(&[("a", 0, [0.0, 1.0]), ("b", 1, [0.0, 1.0]), ("c", 1, [0.0, 1.0])]);
        refused(more, "c is validated in seed number 2 and not in the first");
        let message = format!("{:#}", OutOfFold::read(&[]).unwrap_err());
        assert!(message.contains("no runs"), "{message}");
    }
}
