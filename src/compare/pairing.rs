//! Brings the runs of a comparison to the same images in the same order, whatever trained them.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail, ensure};

use super::{CommonImages, FinishedRun, PairedBy};
use crate::run::Measured;

/// Names of missing images that a message shows of each run.
const SHOWN: usize = 3;

/// How the images of these runs are recognised: by sample id where all were measured on data with one fingerprint, unless an image has
/// another id in some run; else by name.
/// Fails where the fingerprints differ and a run has no names.
pub fn paired_by(runs: &[FinishedRun]) -> Result<PairedBy> {
    let fingerprint = &runs[0].images.fingerprint;
    if fingerprint.is_some() && runs.iter().all(|run| run.images.fingerprint == *fingerprint) {
        let is_renumbered = runs[1..].iter().any(|run| run.images.is_renumbered(&runs[0].images));
        return Ok(if is_renumbered { PairedBy::Name } else { PairedBy::SampleId });
    }
    for run in runs {
        if run.images.names.is_none() {
            let other = runs.iter().find(|other| other.images.fingerprint != run.images.fingerprint).unwrap_or(run);
            bail!(
                "{} and {} were measured on different images, by the fingerprints of their data; they could be paired by file name, but {} \
                 has no images.csv, which an earlier version did not write",
                run.name(),
                other.name(),
                run.name()
            );
        }
    }
    Ok(PairedBy::Name)
}

/// The images that all of `runs` have.
/// Fails where they have none in common or cannot be paired.
pub fn common_images(runs: &[FinishedRun]) -> Result<CommonImages> {
    let by = paired_by(runs)?;
    let mut keys: HashSet<String> = runs[0].images.keys(by).into_iter().collect();
    for run in &runs[1..] {
        let own: HashSet<String> = run.images.keys(by).into_iter().collect();
        keys.retain(|key| own.contains(key));
    }
    ensure!(
        !keys.is_empty(),
        "no image is common to all: the first of {} is {:?}, the first of {} is {:?}",
        runs[0].name(),
        runs[0].images.shown(0),
        runs[1].name(),
        runs[1].images.shown(0)
    );
    Ok(CommonImages { by, keys })
}

/// Brings `runs` to the order of the first one's images.
/// Fails where a run lacks images that another has, the runs disagree about the class of an image or about the classes, or they cannot
/// be paired.
pub fn pair(runs: &mut [FinishedRun]) -> Result<PairedBy> {
    let by = paired_by(runs)?;
    check_classes(runs)?;
    check_missing(runs, by)?;
    let (first, rest) = runs.split_at_mut(1);
    let first = &first[0];
    let order = first.images.keys(by);
    for run in rest {
        reorder(run, &order, by);
        let by_number = run.images.is_known_by_number(&first.images);
        for (image, key) in order.iter().enumerate() {
            let [here, there] = [run.images.class(image), first.images.class(image)];
            let is_same =
                if by_number { run.images.labels[image] == first.images.labels[image] } else { here == there };
            ensure!(
                is_same,
                "the image {} is of class {here:?} in {}, and of class {there:?} in {}: correct the labels, or compare runs on the same \
                 data",
                first
                    .images
                    .names
                    .as_ref()
                    .map_or_else(|| format!("sample {key}"), |names| format!("{:?}", names[image])),
                run.name(),
                first.name()
            );
        }
    }
    check_groups(runs)?;
    check_folds(runs)?;
    Ok(by)
}

/// Checks that all runs know the same classes, in whatever order; classes without names are known by their number.
fn check_classes(runs: &[FinishedRun]) -> Result<()> {
    let first = &runs[0];
    let known: HashSet<&String> = first.images.classes.iter().collect();
    for run in &runs[1..] {
        let (here, there) = (run.images.classes.len(), first.images.classes.len());
        ensure!(
            here == there,
            "{} knows {here} classes, and {} {there}: their losses are not comparable",
            run.name(),
            first.name()
        );
        if run.images.is_known_by_number(&first.images) {
            continue;
        }
        if let Some(class) = run.images.classes.iter().find(|class| !known.contains(class)) {
            bail!(
                "{} knows a class {class:?}, which {} does not: their losses are not comparable",
                run.name(),
                first.name()
            );
        }
    }
    Ok(())
}

/// Checks that every run has every image that any run has.
fn check_missing(runs: &[FinishedRun], by: PairedBy) -> Result<()> {
    let keys: Vec<Vec<String>> = runs.iter().map(|run| run.images.keys(by)).collect();
    if keys.iter().all(|own| *own == keys[0]) {
        return Ok(());
    }
    let mut lines = String::new();
    for (index, run) in runs.iter().enumerate() {
        let own: HashSet<&String> = keys[index].iter().collect();
        let mut seen: HashSet<&String> = HashSet::new();
        let mut missing = Vec::new();
        for (other, keys) in runs.iter().zip(&keys) {
            for (image, key) in keys.iter().enumerate() {
                if !own.contains(key) && seen.insert(key) {
                    missing.push(other.images.shown(image));
                }
            }
        }
        if !missing.is_empty() {
            let more = if missing.len() > SHOWN { ", …" } else { "" };
            let shown = missing[..missing.len().min(SHOWN)].join(", ");
            lines +=
                &format!("\n  {} lacks {} of {}: {shown}{more}", run.name(), missing.len(), own.len() + missing.len());
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let mut common: HashSet<&String> = keys[0].iter().collect();
    for own in &keys[1..] {
        let own: HashSet<&String> = own.iter().collect();
        common.retain(|key| own.contains(key));
    }
    let remedy = if common.is_empty() {
        "No image has one name in all: write the names relative to one folder, or measure all on the same images."
    } else {
        "Compare them on the images that all have (`options.common`), or measure all on the same ones."
    };
    bail!("they were not measured on the same images:{lines}\n{remedy}");
}

/// Puts the images of `run` into the order of `keys`, all of which it has.
fn reorder(run: &mut FinishedRun, keys: &[String], by: PairedBy) {
    let own = run.images.keys(by);
    if own == keys {
        return;
    }
    let places: HashMap<&String, usize> = own.iter().enumerate().map(|(place, key)| (key, place)).collect();
    let order: Vec<usize> = keys.iter().map(|key| places[key]).collect();
    run.val = Measured {
        losses: order.iter().map(|&place| run.val.losses[place]).collect(),
        correct: order.iter().map(|&place| run.val.correct[place]).collect(),
        groups: run.val.groups.as_ref().map(|groups| order.iter().map(|&place| groups[place]).collect()),
    };
    run.images = run.images.at(&order);
}

/// Checks that the runs of a cross-validation have the same folds, which are compared one by one.
fn check_folds(runs: &[FinishedRun]) -> Result<()> {
    let first = &runs[0];
    let seed = |run: &FinishedRun| run.recipe.as_ref().map_or(0, |recipe| recipe.data_seed);
    for run in &runs[1..] {
        ensure!(
            run.folds.len() == first.folds.len() && (run.folds.is_empty() || seed(run) == seed(first)),
            "{} has {} folds drawn with data seed {}, and {} has {} drawn with {}: compare runs on the same folds",
            run.name(),
            run.folds.len(),
            seed(run),
            first.name(),
            first.folds.len(),
            seed(first)
        );
        let [Some(here), Some(there)] = [&run.images.folds, &first.images.folds] else { continue };
        if let Some(image) = (0..here.len()).find(|&image| here[image] != there[image]) {
            bail!(
                "the image {} is in fold {} of {}, and in fold {} of {}: compare runs on the same folds",
                run.images.shown(image),
                here[image],
                run.name(),
                there[image],
                first.name()
            );
        }
    }
    Ok(())
}

/// Checks that runs, whose images are in one order, have the same groups, where they have groups.
fn check_groups(runs: &[FinishedRun]) -> Result<()> {
    let mut known: Option<(&FinishedRun, &Vec<String>)> = None;
    for run in runs {
        let Some(groups) = &run.images.groups else { continue };
        let &mut (first, before) = known.get_or_insert((run, groups));
        if let Some(image) = (0..groups.len()).find(|&image| groups[image] != before[image]) {
            bail!(
                "the image {} is of group {:?} in {}, and of group {:?} in {}: compare runs with the same groups",
                run.images.shown(image),
                groups[image],
                run.name(),
                before[image],
                first.name()
            );
        }
    }
    Ok(())
}
