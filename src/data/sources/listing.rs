//! The samples and classes of a source, before any image is decoded.

use std::{path::Path, sync::Arc};

use anyhow::{Result, bail, ensure};
use rayon::prelude::*;

use super::{
    soft_labels::SoftLabels,
    source::Source,
    unreadable::{self, BadFile},
};
use crate::data::{
    decoding::sixteen_bit::{Range, SixteenBitValues},
    splits::split_name::SplitName,
};

/// The samples of every split of a source.
pub struct Listing {
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    /// Images to train on.
    pub train: Samples,
    /// Images to validate on, where the source has such a split.
    pub val: Option<Samples>,
    /// Images that nothing but a final evaluation reads.
    pub test: Option<Samples>,
    /// Why an existing test split is not listed.
    pub unread_test: Option<String>,
    /// Training images that the fraction in use leaves out. They still count for the range of 16-bit values, so that the
    /// fraction does not change any pixel.
    pub unused: Option<Samples>,
    /// Names of the groups; the group of a sample is an index into them. Empty: the samples have no groups.
    pub groups: Vec<String>,
    /// Notes for the user on how the source was read.
    pub notes: Vec<String>,
    /// Rows that were left out because they cannot be read.
    pub bad: Vec<BadFile>,
}

/// Images with their labels.
#[derive(Clone)]
pub struct Samples {
    /// Source of the images.
    pub source: Arc<Source>,
    /// Index of each image in the source.
    pub ids: Vec<u32>,
    /// Label of each image.
    pub labels: Vec<u32>,
    /// Group of each image, an index into [`Listing::groups`], where the images have groups.
    pub groups: Option<Vec<u32>>,
    /// Soft labels, where training images have them.
    pub soft: Option<SoftLabels>,
}

impl Samples {
    /// All images of `source`.
    pub fn all(source: Source, labels: Vec<u32>) -> Self {
        Self { source: Arc::new(source), ids: (0..labels.len() as u32).collect(), labels, groups: None, soft: None }
    }

    /// A copy whose source scales 16-bit values by `range`.
    pub fn in_range(&self, range: Range) -> Self {
        let source = self.source.in_range(range).map_or_else(|| Arc::clone(&self.source), Arc::new);
        Self { source, ..self.clone() }
    }

    /// Reads all images and collects the values of the 16-bit ones. Unreadable images are ignored.
    pub fn sixteen_bit_values(&self) -> SixteenBitValues {
        let values_of =
            |&id: &u32| self.source.stored(id).ok().and_then(|stored| stored.sixteen_bit).unwrap_or_default();
        self.ids.par_iter().map(values_of).reduce(SixteenBitValues::default, |mut all, one| {
            all.add(&one);
            all
        })
    }

    /// These samples, and after them those of `other`; None where their sources cannot be joined.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let whole = self.source.joined(&other.source)?;
        let before = match &*self.source {
            Source::Files { paths, .. } => paths.len(),
            Source::Grey { side, pixels, .. } => pixels.len() / (side * side) as usize,
        } as u32;
        Some(Self {
            source: Arc::new(whole),
            ids: self.ids.iter().copied().chain(other.ids.iter().map(|id| before + id)).collect(),
            labels: [&self.labels[..], &other.labels].concat(),
            groups: self.groups.as_ref().zip(other.groups.as_ref()).map(|(here, there)| [&here[..], there].concat()),
            // Splits are settled before there are any.
            soft: None,
        })
    }

    /// The samples at `positions`, in that order.
    pub fn select(&self, positions: &[u32]) -> Self {
        let pick = |of: &[u32]| positions.iter().map(|&position| of[position as usize]).collect();
        Self {
            source: Arc::clone(&self.source),
            ids: pick(&self.ids),
            labels: pick(&self.labels),
            groups: self.groups.as_deref().map(pick),
            soft: self.soft.as_ref().map(|soft| soft.select(positions)),
        }
    }
}

impl Listing {
    /// The listing of `train` alone, whose labels are indices into `classes`.
    pub fn of(classes: Vec<String>, train: Samples) -> Self {
        Self {
            classes,
            train,
            val: None,
            test: None,
            unread_test: None,
            unused: None,
            groups: Vec::new(),
            notes: Vec::new(),
            bad: Vec::new(),
        }
    }

    /// The splits that exist, train first.
    pub fn splits(&self) -> impl Iterator<Item = (SplitName, &Samples)> {
        let others = [(SplitName::Val, &self.val), (SplitName::Test, &self.test)];
        let others = others.into_iter().filter_map(|(name, samples)| Some((name, samples.as_ref()?)));
        std::iter::once((SplitName::Train, &self.train)).chain(others)
    }

    /// The splits that exist, in the order of [`Self::splits`].
    pub fn splits_mut(&mut self) -> impl Iterator<Item = (SplitName, &mut Samples)> {
        let others = [(SplitName::Val, &mut self.val), (SplitName::Test, &mut self.test)];
        let others = others.into_iter().filter_map(|(name, samples)| Some((name, samples.as_mut()?)));
        std::iter::once((SplitName::Train, &mut self.train)).chain(others)
    }

    /// The keys ([`Source::key`]) of all samples, split by split; `root` is the folder of the data.
    pub fn keys(&self, root: &Path) -> Vec<Vec<u8>> {
        let key = |samples: &Samples, id: u32| samples.source.key(id, root);
        self.splits().flat_map(|(_, samples)| samples.ids.iter().map(move |&id| key(samples, id))).collect()
    }

    /// Whether val was drawn from train, which then shares its source.
    pub fn is_val_drawn(&self) -> bool {
        self.val.as_ref().is_some_and(|val| Arc::ptr_eq(&val.source, &self.train.source))
    }

    /// Leaves the test split out and notes the reason. Only an evaluation on test reads that split.
    pub fn leave_test_out(&mut self, reason: String) {
        self.test = None;
        self.notes.push(format!("The test split is left out; only an evaluation on test needs it. {reason}."));
        self.unread_test = Some(reason);
    }

    /// Checks that there are at least two classes, that train has an image of each, that val has an image, and that every
    /// class of val is in train. Notes the classes that val or test lack. Leaves out a test split without images or with a
    /// class that train lacks.
    pub fn check(&mut self) -> Result<()> {
        ensure!(
            self.classes.len() >= 2,
            "there is one class only ({:?}); a classifier needs two or more",
            self.classes.first().map_or("", String::as_str)
        );
        let in_train = count(&self.train.labels, self.classes.len());
        ensure!(!self.train.labels.is_empty(), "train holds no image");
        for name in [SplitName::Val, SplitName::Test] {
            let split = if name == SplitName::Val { &self.val } else { &self.test };
            let Some(split) = split else { continue };
            let here = count(&split.labels, self.classes.len());
            let lacking = self.classes_where(|class| here[class] > 0 && in_train[class] == 0);
            let fault = if split.labels.is_empty() {
                Some(format!("{name} holds no image"))
            } else if !lacking.is_empty() {
                Some(format!("{name} holds classes that train lacks: {}", unreadable::in_line(lacking.iter())))
            } else {
                None
            };
            match fault {
                Some(fault) if name == SplitName::Test => self.leave_test_out(fault),
                Some(fault) => bail!(fault),
                None => self.note_absent(name, &here, &in_train),
            }
        }
        let empty = self.classes_where(|class| in_train[class] == 0);
        ensure!(empty.is_empty(), "train holds no image of these classes: {}", unreadable::in_line(empty.iter()));
        Ok(())
    }

    /// Notes the classes of train of which the split called `name` has no image. `here` counts its images of each class.
    fn note_absent(&mut self, name: SplitName, here: &[usize], in_train: &[usize]) {
        let absent = self.classes_where(|class| here[class] == 0 && in_train[class] > 0);
        if !absent.is_empty() {
            self.notes.push(format!("{name} holds no image of these classes: {}.", unreadable::in_line(absent.iter())));
        }
    }

    /// Notes the classes of which a drawn val split has no image.
    pub fn note_absent_from_drawn(&mut self) {
        let Some(val) = &self.val else { return };
        let counts = |samples: &Samples| count(&samples.labels, self.classes.len());
        let (here, in_train) = (counts(val), counts(&self.train));
        self.note_absent(SplitName::Val, &here, &in_train);
    }

    /// The quoted names of the classes of which `samples` hold no image.
    pub fn classes_without(&self, samples: &Samples) -> Vec<String> {
        let here = count(&samples.labels, self.classes.len());
        self.classes_where(|class| here[class] == 0)
    }

    fn classes_where(&self, chosen: impl Fn(usize) -> bool) -> Vec<String> {
        let classes = self.classes.iter().enumerate();
        classes.filter(|&(class, _)| chosen(class)).map(|(_, name)| format!("{name:?}")).collect()
    }
}

/// Counts the images of each class.
pub fn count(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts
}
