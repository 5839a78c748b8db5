//! What a source holds, before any image is decoded.

use std::sync::Arc;

use anyhow::{Result, ensure};

use super::{
    bad::{self, BadFile},
    source::Source,
};

/// The samples of every split of a source.
pub(super) struct Listing {
    /// Class names; a label is an index in them.
    pub classes: Vec<String>,
    /// Images to train on.
    pub train: Samples,
    /// Images to validate on, where the source has such a split.
    pub val: Option<Samples>,
    /// Images that nothing but a final evaluation reads.
    pub test: Option<Samples>,
    /// What the user should know about how the source was read.
    pub notes: Vec<String>,
    /// Rows left out.
    pub bad: Vec<BadFile>,
}

/// Images with their labels.
#[derive(Clone)]
pub(super) struct Samples {
    /// Where the images come from.
    pub source: Arc<Source>,
    /// Index of each in the source.
    pub ids: Vec<u32>,
    /// Class of each.
    pub labels: Vec<u32>,
}

impl Samples {
    /// All images of `source`.
    pub fn all(source: Source, labels: Vec<u32>) -> Self {
        Self { source: Arc::new(source), ids: (0..labels.len() as u32).collect(), labels }
    }

    /// Those at `positions`, in that order.
    pub fn select(&self, positions: &[u32]) -> Self {
        let pick = |of: &[u32]| positions.iter().map(|&position| of[position as usize]).collect();
        Self { source: Arc::clone(&self.source), ids: pick(&self.ids), labels: pick(&self.labels) }
    }
}

impl Listing {
    /// Whether val was drawn from train: they then share one source.
    pub fn is_val_drawn(&self) -> bool {
        self.val.as_ref().is_some_and(|val| Arc::ptr_eq(&val.source, &self.train.source))
    }

    /// Two classes at least, an image of every class in train, an image in every split, no class in val or test that
    /// train lacks. Classes that val lacks are noted.
    pub fn check(&mut self) -> Result<()> {
        ensure!(
            self.classes.len() >= 2,
            "there is one class only ({:?}); a classifier needs two or more",
            self.classes.first().map_or("", String::as_str)
        );
        let in_train = count(&self.train.labels, self.classes.len());
        ensure!(!self.train.labels.is_empty(), "train holds no image");
        for (name, split) in [("val", &self.val), ("test", &self.test)] {
            let Some(split) = split else { continue };
            ensure!(!split.labels.is_empty(), "{name} holds no image");
            let here = count(&split.labels, self.classes.len());
            let lacking = self.classes_where(|class| here[class] > 0 && in_train[class] == 0);
            ensure!(lacking.is_empty(), "{name} holds classes that train lacks: {}", bad::in_line(lacking.iter()));
            let absent = self.classes_where(|class| here[class] == 0 && in_train[class] > 0);
            if !absent.is_empty() {
                self.notes.push(format!("{name} holds no image of these classes: {}.", bad::in_line(absent.iter())));
            }
        }
        let empty = self.classes_where(|class| in_train[class] == 0);
        ensure!(empty.is_empty(), "train holds no image of these classes: {}", bad::in_line(empty.iter()));
        Ok(())
    }

    fn classes_where(&self, chosen: impl Fn(usize) -> bool) -> Vec<String> {
        let classes = self.classes.iter().enumerate();
        classes.filter(|&(class, _)| chosen(class)).map(|(_, name)| format!("{name:?}")).collect()
    }
}

/// How many images each class has.
pub(super) fn count(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts
}
