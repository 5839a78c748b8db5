//! Joins classes, and chooses among them.

use anyhow::{Result, anyhow, ensure};

use super::{listing::Listing, unreadable};
use crate::data::selection::Merge;

/// Names of a column of labels.
pub const LABELS: [&str; 8] = ["label", "labels", "class", "class_name", "target", "category", "label_name", "y"];

/// The number of the class called `name`.
/// Fails if there is none; the message suggests one.
pub fn number(classes: &[String], name: &str) -> Result<u32> {
    let found = classes.iter().position(|class| class == name);
    found.map(|number| number as u32).ok_or_else(|| {
        let likeness = |class: &String| strsim::jaro_winkler(&class.to_lowercase(), &name.to_lowercase());
        let nearest = classes.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let hint = match nearest.filter(|class| likeness(class) > 0.8) {
            Some(class) => format!("did you mean {class:?}?"),
            None => format!("there are {}", unreadable::quoted(classes.iter())),
        };
        anyhow!("there is no class {name:?}; {hint}")
    })
}

/// Counts the images of each class of `merges` as the other one's. The classes stay sorted where they were; else the joined
/// class has the place of its first part.
/// Fails if a class does not exist or is joined to two, or is joined to one that is itself joined to another.
pub fn merge(listing: &mut Listing, merges: &[Merge]) -> Result<()> {
    if merges.is_empty() {
        return Ok(());
    }
    let mut named = listing.classes.clone();
    for (place, merge) in merges.iter().enumerate() {
        let option = || format!("`options.selection.merge = {merge}`");
        let from = number(&listing.classes, &merge.from).map_err(|error| error.context(option()))?;
        let other = merges[..place].iter().find(|other| other.from == merge.from && other.into != merge.into);
        ensure!(other.is_none(), "{}: {:?} is joined to two classes", option(), merge.from);
        let chained = merges.iter().find(|other| other.from == merge.into);
        ensure!(
            chained.is_none(),
            "{}: {:?} is joined to another class itself; name the last class for both",
            option(),
            merge.into
        );
        named[from as usize] = merge.into.clone();
    }
    let is_sorted = listing.classes.is_sorted();
    let mut classes: Vec<String> = Vec::new();
    for name in &named {
        if !classes.contains(name) {
            classes.push(name.clone());
        }
    }
    if is_sorted {
        classes.sort();
    }
    let mut numbers = Vec::new();
    for name in &named {
        numbers.push(number(&classes, name)?);
    }
    for (_, samples) in listing.splits_mut() {
        samples.labels.iter_mut().for_each(|label| *label = numbers[*label as usize]);
    }
    for class in classes.iter().filter(|class| merges.iter().any(|merge| merge.into == **class)) {
        let parts: Vec<String> = listing
            .classes
            .iter()
            .zip(&named)
            .filter(|&(_, into)| into == class)
            .map(|(from, _)| format!("{from:?}"))
            .collect();
        let verb = if parts.len() == 1 { "counts" } else { "count" };
        listing.notes.push(format!("{} {verb} as {class:?} (`options.selection.merge`).", parts.join(", ")));
    }
    listing.classes = classes;
    Ok(())
}

/// Keeps the images of `chosen` classes alone, and numbers these in the order given; all classes where none is chosen.
/// Fails if a class does not exist, or is named twice.
pub fn choose(listing: &mut Listing, chosen: &[String]) -> Result<()> {
    if chosen.is_empty() {
        return Ok(());
    }
    let mut number_of = vec![None; listing.classes.len()];
    for (place, name) in (0..).zip(chosen) {
        let class = number(&listing.classes, name)
            .map_err(|error| error.context(format!("`options.selection.classes = {}`", chosen.join(","))))?;
        let before = number_of[class as usize].replace(place);
        ensure!(before.is_none(), "`options.selection.classes` names {name:?} twice");
    }
    let mut counts = Vec::new();
    for (split, samples) in listing.splits_mut() {
        let all = samples.ids.len();
        let is_kept = |position: &u32| number_of[samples.labels[*position as usize] as usize].is_some();
        let kept: Vec<u32> = (0..all as u32).filter(is_kept).collect();
        *samples = samples.select(&kept);
        samples.labels.iter_mut().for_each(|label| *label = number_of[*label as usize].unwrap_or_default());
        counts.push(format!("{} of {all} images of {split}", kept.len()));
    }
    listing.notes.push(format!(
        "{} of {} classes are in use, with {} (`options.selection.classes`).",
        chosen.len(),
        listing.classes.len(),
        counts.join(", ")
    ));
    listing.classes = chosen.to_vec();
    Ok(())
}
