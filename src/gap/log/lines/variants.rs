//! One side that is measured in several ways: on two val sets, or with averaged weights beside the raw ones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::figures::{Figure, Line, OTHER_WEIGHTS};
use crate::gap::log::table::Table;

/// Gives the variants of a figure names of their own where there are several. The plain figure keeps its name, and figures
/// of averaged weights are left out beside it.
pub fn separate(lines: &mut [Line], table: &mut Table) -> Result<()> {
    let mut variants: BTreeMap<u32, BTreeSet<Option<String>>> = BTreeMap::new();
    for figure in lines.iter().flat_map(|line| &line.figures) {
        let of_column = variants.entry(figure.column).or_default();
        if !of_column.contains(&figure.variant) {
            of_column.insert(figure.variant.clone());
        }
    }
    variants.retain(|_, of_column| of_column.len() > 1);
    let mut names: BTreeMap<(u32, String), Option<u32>> = BTreeMap::new();
    for (column, of_column) in &variants {
        if !of_column.contains(&None) {
            let plain = &table.columns[*column as usize];
            table.seen.retain(|name| name != plain);
        }
        let has_raw_weights = of_column.iter().any(|variant| !is_of_other_weights(variant.as_deref()));
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
    variant.is_some_and(|variant| OTHER_WEIGHTS.contains(&variant))
}

/// `val_loss` of `ood` is `val_ood_loss`.
fn named(name: &str, variant: &str) -> String {
    let variant = variant.replace(' ', "_");
    match name.split_once('_') {
        Some((side, figure)) => format!("{side}_{variant}_{figure}"),
        None => format!("{variant}_{name}"),
    }
}
