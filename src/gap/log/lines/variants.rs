//! One side that is measured in several ways: on two val sets, or with averaged weights beside the raw ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::{
    line::{Figure, Line},
    wording::{names_other_weights, names_trained_weights},
};
use crate::gap::log::{
    names::{Meaning, recognise, words},
    table::Table,
};

/// Gives the variants of a figure names of their own where there are several. The plain figure keeps its name, and figures
/// of averaged weights are left out beside it.
pub fn separate(lines: &mut [Line], table: &mut Table) -> Result<()> {
    let beside_trained = beside_trained(table);
    take_words_before(lines, &beside_trained);
    let mut variants: BTreeMap<u32, BTreeSet<Option<String>>> = BTreeMap::new();
    for figure in lines.iter().flat_map(|line| &line.figures) {
        let of_column = variants.entry(figure.column).or_default();
        if !of_column.contains(&figure.variant) {
            of_column.insert(figure.variant.clone());
        }
    }
    variants.retain(|column, of_column| of_column.len() > 1 || beside_trained.contains(column));
    let mut names: BTreeMap<(u32, String), Option<u32>> = BTreeMap::new();
    for (column, of_column) in &variants {
        if !of_column.contains(&None) {
            let plain = &table.columns[*column as usize];
            table.seen.retain(|name| name != plain);
        }
        let has_raw_weights =
            beside_trained.contains(column) || of_column.iter().any(|variant| !is_of_other_weights(variant.as_deref()));
        for variant in of_column.iter().flatten() {
            let name = named(&table.columns[*column as usize], variant);
            let renamed = table.column(&name)?;
            // Where averaged weights alone are measured, their figures are the model's.
            if has_raw_weights || !is_of_other_weights(Some(variant)) {
                names.insert((*column, variant.clone()), renamed);
            }
        }
    }
    for line in lines {
        for figure in std::mem::take(&mut line.figures) {
            let key = figure.variant.clone().map(|variant| (figure.column, variant));
            match key.and_then(|key| names.get(&key)) {
                Some(Some(column)) => line.figures.push(Figure { column: *column, ..figure }),
                Some(None) => {}
                None => line.figures.push(figure),
            }
        }
    }
    Ok(())
}

fn is_of_other_weights(variant: Option<&str>) -> bool {
    variant.is_some_and(names_other_weights)
}

/// What the lines state of one column.
#[derive(Default)]
struct Worded {
    /// The words before its name in each epoch of each run.
    of_epochs: BTreeMap<(Option<String>, u64), BTreeSet<Option<String>>>,
    /// The number of epochs that state it with these words before its name.
    counts: BTreeMap<Option<String>, usize>,
}

impl Worded {
    /// Whether the words name several figures: an epoch states it with several. Otherwise they are a logger's.
    fn are_several(&self) -> bool {
        self.of_epochs.values().any(|words| words.len() > 1)
    }

    /// The words of the figure that the plain name means: none, unless a single epoch has none, as below a training that
    /// has ended; then those of the weights that are trained. Err where others are equally frequent.
    fn plain(&self) -> Result<Option<String>, ()> {
        let most = self.counts.values().max().copied().unwrap_or_default();
        if self.counts.get(&None).is_some_and(|count| *count > 1 || most < 3) {
            return Ok(None);
        }
        let mut trained = self.counts.keys().filter(|words| words.as_deref().is_some_and(names_trained_weights));
        if let (Some(words), None) = (trained.next(), trained.next()) {
            return Ok(words.clone());
        }
        let mut frequent = self.counts.iter().filter(|(_, count)| **count == most);
        match (frequent.next(), frequent.next()) {
            (Some((words, _)), None) => Ok(words.clone()),
            _ => Err(()),
        }
    }
}

/// The columns beside another one of the same figure whose name says that it is of the weights that are trained: `val loss` beside
/// `student val loss`.
fn beside_trained(table: &Table) -> BTreeSet<u32> {
    let meanings: Vec<_> = table.columns.iter().map(|name| (name, recognise(name))).collect();
    let names_trained = |name: &str| words(name).iter().any(|word| names_trained_weights(word));
    let is_beside = |name: &str, meaning: Meaning| {
        meanings.iter().any(|(other, of_other)| {
            let is_same = of_other.is_some_and(|other| (other.kind, other.side) == (meaning.kind, meaning.side));
            is_same && names_trained(other) && !names_trained(name)
        })
    };
    let columns = (0..).zip(&meanings);
    columns.filter(|(_, (name, meaning))| meaning.is_some_and(|it| is_beside(name, it))).map(|(at, _)| at).collect()
}

/// Makes variants of the figures that the words before their names make others: `aux val loss` beside `val loss`, or beside the same figure
/// of the weights that are trained, which is a column of its own.
fn take_words_before(lines: &mut [Line], beside_trained: &BTreeSet<u32>) {
    let mut columns: BTreeMap<u32, Worded> = BTreeMap::new();
    for line in lines.iter() {
        let epoch = line.epoch.map_or(0, f64::to_bits);
        for figure in &line.figures {
            let column = columns.entry(figure.column).or_default();
            let of_epoch = column.of_epochs.entry((line.run.clone(), epoch)).or_default();
            if of_epoch.insert(figure.before.clone()) {
                *column.counts.entry(figure.before.clone()).or_default() += 1;
            }
        }
    }
    columns.retain(|column, worded| worded.are_several() || beside_trained.contains(column));
    let plain_of =
        |column: u32, worded: &Worded| if beside_trained.contains(&column) { Ok(None) } else { worded.plain() };
    let plain: BTreeMap<u32, Result<Option<String>, ()>> =
        columns.iter().map(|(column, worded)| (*column, plain_of(*column, worded))).collect();
    for figure in lines.iter_mut().flat_map(|line| &mut line.figures) {
        let before = figure.before.take();
        let Some(plain) = plain.get(&figure.column) else { continue };
        if plain.as_ref() == Ok(&before) {
            continue;
        }
        let words = [before.or_else(|| Some("summary".to_owned())), figure.variant.take()];
        figure.variant = Some(words.into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
}

/// `val_loss` of `ood` is `val_ood_loss`.
/// `val_loss` of `ood` is `val_ood_loss`.
fn named(name: &str, variant: &str) -> String {
    let variant = variant.replace(' ', "_");
    match name.split_once('_') {
        Some((side, figure)) => format!("{side}_{variant}_{figure}"),
        None => format!("{variant}_{name}"),
    }
}
