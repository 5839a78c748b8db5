//! Corrected labels of some samples, as a table `name,label`. No file of the data is touched.

use std::path::Path;

use anyhow::Result;

use super::{
    choose_classes::{self, LABELS},
    csv_rows::CsvRows,
    exclude::Exclusions,
    listing::Listing,
    name_index::{NameIndex, NotFound},
    unreadable,
};
use crate::data::selection::Merge;

/// Corrects the labels of the samples of `listing` that the table `file` names; `root` is the folder of the data. Further
/// columns are ignored.
/// A label may also be the class to which `merges` join others afterwards.
/// Fails if the table cannot be used, names what is no sample and not in `exclusions`, a label that is no class, or two
/// labels of one sample.
pub fn apply(listing: &mut Listing, file: &Path, root: &Path, merges: &[Merge], exclusions: &Exclusions) -> Result<()> {
    let table = CsvRows::read("relabel", file)?;
    let (name, label) = (table.names()?, table.required("labels", &LABELS)?);
    let index = NameIndex::new(listing.keys(root));
    let mut corrected: Vec<Option<u32>> = vec![None; listing.splits().map(|(_, samples)| samples.ids.len()).sum()];
    let (mut missing, mut twice) = (NotFound::default(), Vec::new());
    for row in &table.rows {
        let text = row.field(label);
        let part = merges.iter().find(|merge| merge.into == text).map(|merge| &merge.from);
        let class = choose_classes::number(&listing.classes, text)
            .or_else(|error| part.map_or(Err(error), |part| choose_classes::number(&listing.classes, part)))
            .map_err(|error| error.context(format!("{}, line {}", table.option, row.line)))?;
        let Some(number) = index.find(row.field(name), &mut missing) else { continue };
        match corrected[number as usize].replace(class) {
            Some(before) if before != class => {
                let before = &listing.classes[before as usize];
                twice.push(format!("{}: {before:?} and {text:?}", row.field(name)));
            }
            _ => {}
        }
    }
    missing.without(|name| exclusions.explain(name, listing)).check(&table.option)?;
    unreadable::check_none(&twice, &table.option, "images have two labels")?;

    let mut corrected = corrected.into_iter();
    let (mut counts, mut same) = (Vec::new(), 0);
    for (split, samples) in listing.splits_mut() {
        let mut changed = 0;
        for (old, new) in samples.labels.iter_mut().zip(&mut corrected) {
            let Some(new) = new else { continue };
            if *old == new {
                same += 1
            } else {
                changed += 1
            }
            *old = new;
        }
        if changed > 0 {
            counts.push(format!("{changed} of {split}"));
        }
    }
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let same = if same == 0 { String::new() } else { format!("; {same} named images had the label already") };
    listing.notes.push(format!("Labels were corrected: {counts}{same} ({}).", table.option));
    Ok(())
}
