//! Which training images each fix does without, and as many others drawn at random.

use std::{collections::HashSet, path::Path};

use anyhow::{Context, Result, ensure};

use mindgap::{
    data::{Audit, Dataset, Item, SplitName, ToExclude},
    durable,
    labels::SuspectLabels,
    random::{Purpose, Stream},
};

/// The training images in use.
pub struct Lists<'a> {
    data: &'a Dataset,
    /// The name of each training image, as lists name it.
    keys: Vec<String>,
    data_seed: u64,
}

/// The images that a fix removes, and as many of each class drawn at random.
pub struct Removal {
    pub fix: Vec<String>,
    pub control: Vec<String>,
}

impl<'a> Lists<'a> {
    /// The training images of `data`, whose folder is `root`.
    pub fn new(data: &'a Dataset, root: &Path, data_seed: u64) -> Self {
        let keys = (0..data.train.len() as u32).map(|position| data.train.key(position, root)).collect();
        Self { data, keys, data_seed }
    }

    /// The removal of those training images that `names` names; None where it names none. `number` tells the draws of fixes
    /// apart.
    /// Fails if a class would have no image left.
    pub fn removal(&self, number: u32, names: &[String]) -> Result<Option<Removal>> {
        let named: HashSet<&String> = names.iter().collect();
        let mut fix = Vec::new();
        let mut control = Vec::new();
        for class in 0..self.data.classes.len() as u32 {
            let of_class = (0..self.keys.len()).filter(|position| self.data.train.labels[*position] == class);
            let (removed, mut others): (Vec<usize>, Vec<usize>) =
                of_class.partition(|position| named.contains(&self.keys[*position]));
            ensure!(
                !others.is_empty(),
                "of class {:?} no training image would be left",
                self.data.classes[class as usize]
            );
            Stream::new(self.data_seed, Purpose::Control, number, class).shuffle(&mut others);
            ensure!(
                others.len() > removed.len(),
                "of class {:?} {} of {} training images are concerned, so that no removal at random of as many others is \
                 possible",
                self.data.classes[class as usize],
                removed.len(),
                removed.len() + others.len()
            );
            control.extend(others.into_iter().take(removed.len()).map(|position| self.keys[position].clone()));
            fix.extend(removed.into_iter().map(|position| self.keys[position].clone()));
        }
        control.sort();
        Ok((!fix.is_empty()).then_some(Removal { fix, control }))
    }

    /// The training images of groups that val or test also has.
    /// Fails where the images have no groups.
    pub fn groups_of_val(&self) -> Result<Vec<String>> {
        let groups = self
            .data
            .train
            .groups
            .as_ref()
            .context("the fix groups needs the groups of the images: --groups FILE.csv or --group-by REGEX")?;
        let splits = [Some(&self.data.val), self.data.test.as_ref()];
        let measured: HashSet<u32> =
            splits.into_iter().flatten().flat_map(|split| split.groups.iter().flatten().copied()).collect();
        let cut = self.keys.iter().zip(groups).filter(|(_, group)| measured.contains(group));
        Ok(cut.map(|(key, _)| key.clone()).collect())
    }
}

fn names_in_train(items: &[Item]) -> impl Iterator<Item = String> {
    items.iter().filter(|item| item.split == SplitName::Train).map(|item| item.name.clone())
}

/// The training images that are equal or nearly equal to one of val or test.
pub fn near_leaks(audit: &Audit) -> Vec<String> {
    let mut names: Vec<String> = audit.findings.leaks.iter().flat_map(|leak| names_in_train(&leak.in_train)).collect();
    for pair in &audit.findings.near_duplicate_pairs {
        if pair.splits[0] != pair.splits[1] {
            names.extend(names_in_train(&pair.images));
        }
    }
    names
}

/// Of each group of equal training images all but the first; all of them where their labels differ.
pub fn duplicates(audit: &Audit) -> Vec<String> {
    let mut names = Vec::new();
    for group in &audit.findings.exact_groups {
        let in_train = group.iter().filter(|item| item.split == SplitName::Train);
        let labels: HashSet<&str> = in_train.map(|item| item.class.as_str()).collect();
        names.extend(names_in_train(group).skip(usize::from(labels.len() < 2)));
    }
    names
}

/// The images with wrong labels in a list: a plain one, or one that `mindgap inspect --labels --write-exclude` wrote, which
/// may name other images for other reasons.
/// Fails if it cannot be read or names none.
pub fn suspects(list: &Path) -> Result<Vec<String>> {
    let option = format!("--suspects {}", list.display());
    let text = durable::read_text(list).with_context(|| format!("{option}: it cannot be read"))?;
    let text = String::from_utf8_lossy(&text);
    let names = ToExclude::read(&text, SuspectLabels::REASON);
    ensure!(
        !names.is_empty(),
        "{option}: it lists no image with a wrong label; `mindgap inspect DATA --labels --write-exclude FILE` writes such a list"
    );
    Ok(names.into_iter().map(str::to_owned).collect())
}
