//! From files to one table: which form each has, and what its name adds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{
    aligned, delimited, events, groups, json, lines, long, modes,
    names::{Kind, Side, label, recognise, words},
    notebook,
    table::Table,
    text,
};
use crate::durable;

/// The rows of all files together. `wanted` are names of columns that are kept though they are not known.
///
/// # Errors
/// A file cannot be read, or holds no losses; the message shows what it holds instead.
pub fn read(paths: &[PathBuf], wanted: &[String]) -> Result<Table> {
    let mut all = Table::new(wanted);
    for path in paths {
        let table = one(path, wanted).with_context(|| format!("{} cannot be diagnosed", path.display()))?;
        let table = if paths.len() > 1 { sided(table, path) } else { table };
        all.append(table)?;
    }
    groups::stacked(modes::spread(all)?)
}

fn one(path: &Path, wanted: &[String]) -> Result<Table> {
    if path.is_dir() || events::is_event_file(path) {
        return events::read(path, Table::new(wanted));
    }
    let bytes = durable::read_text(path)?;
    if let Some(format) = text::other_than_text(&bytes) {
        bail!("it is {format}, not the text of a log");
    }
    let text = text::decode(&bytes);
    let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    of_text(&text, &stem, wanted)
}

/// The table in a text, whatever its form; `stem` is the name of its file without the ending.
///
/// # Errors
/// It holds no losses, or too many.
pub fn of_text(text: &str, stem: &str, wanted: &[String]) -> Result<Table> {
    if let Some(printed) = notebook::printed(text) {
        return of_text(&printed, stem, wanted);
    }
    let empty = || Table::new(wanted);
    let has_figures = |table: &Table| {
        let is_of_interest =
            |name: &str| recognise(name).is_none_or(|meaning| matches!(meaning.kind, Kind::Loss | Kind::Value));
        let columns: Vec<u32> =
            (0..).zip(&table.columns).filter(|(_, name)| is_of_interest(name)).map(|(at, _)| at).collect();
        table.rows.iter().any(|row| columns.iter().any(|column| row.number(*column).is_some()))
    };
    let mut seen: Vec<String> = Vec::new();
    for read in [json::read, json::lists, long::metric_file, delimited::read, aligned::read] {
        if let Some(table) = read(text, empty())? {
            if has_figures(&table) {
                return single(table, stem);
            }
            seen.extend(table.seen);
        }
    }
    ensure!(!delimited::is_a_head_alone(text), "the table holds no rows: its head is all there is");
    let table = lines::read(text, empty())?;
    if has_figures(&table) {
        return Ok(table);
    }
    if seen.is_empty() {
        seen = delimited::names(text);
    }
    ensure!(
        seen.is_empty(),
        "no losses were found in it. Its columns are {}: name them with --train-loss COLUMN and --val-loss COLUMN",
        seen.iter().take(40).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    let begin: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(3)
        .map(|line| format!("\n    {}", shortened(line)))
        .collect();
    ensure!(
        false,
        "no epoch was found in it: neither lines such as `Epoch: 20/50.. Training Loss: 1.402.. Validation Loss: 1.432` nor \
         a table with columns such as epoch, train_loss, val_loss. It begins{}\nA table of other names is read with \
         --train-loss COLUMN and --val-loss COLUMN; docs/logs.md lists the forms that are read",
        if begin.is_empty() { " and ends with nothing".to_owned() } else { format!(":{}", begin.concat()) }
    );
    Ok(table)
}

fn shortened(line: &str) -> String {
    let short: String = line.chars().take(100).collect();
    if short.len() < line.len() { short + "…" } else { short }
}

/// TensorBoard exports one figure a file, `Wall time, Step, Value`: its name is the file's.
fn single(mut table: Table, stem: &str) -> Result<Table> {
    let of = |table: &Table, kind| {
        table.columns.iter().position(|name| recognise(name).is_some_and(|meaning| meaning.kind == kind))
    };
    if let (Some(value), None, None) = (of(&table, Kind::Value), of(&table, Kind::Key), of(&table, Kind::Loss)) {
        let mut name = figure_of(stem);
        if recognise(&name).is_none()
            && let Some(side) = only_side(stem)
            && is_a_loss(&table, value as u32)
        {
            name = format!("{}_loss", side.word());
            table.notes.push(format!("The figure in `{stem}` has no name; it is taken for the {} loss.", side.word()));
        }
        table.seen.push(name.clone());
        table.rename(value as u32, name);
    }
    Ok(table)
}

/// The side that a file's name tells.
fn only_side(stem: &str) -> Option<Side> {
    let sides: Vec<Side> = words(stem).iter().filter_map(|word| label(word)).collect();
    match sides[..] {
        [side] => Some(side),
        _ => None,
    }
}

/// Whether the figures of a column may be losses: they fall, or exceed 1 and are no percentages of anything.
fn is_a_loss(table: &Table, column: u32) -> bool {
    let values: Vec<f64> = table.rows.iter().filter_map(|row| row.number(column)).collect();
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return false };
    last < first || values.iter().any(|value| *value > 1.0) && values.iter().all(|value| *value < 20.0)
}

/// The figure that a file's name tells: `run-train-tag-epoch_loss` is training's loss.
fn figure_of(stem: &str) -> String {
    let (run, tag) = stem.split_once("tag-").unwrap_or(("", stem));
    let side = words(run).iter().rev().find_map(|word| super::names::side_of(word));
    let all = words(tag);
    for from in 0..all.len() {
        for to in (from + 1..=all.len()).rev() {
            let name = all[from..to].join("_");
            let Some(meaning) = recognise(&name) else { continue };
            if matches!(meaning.kind, Kind::Loss | Kind::Accuracy | Kind::Rate | Kind::Epoch) {
                return match side {
                    Some(side) if meaning.side.is_none() => format!("{}_{name}", side.word()),
                    _ => name,
                };
            }
        }
    }
    stem.to_owned()
}

/// Of several files, one whose losses name no side has that of its own name: `train.csv` beside `val.csv`.
fn sided(mut table: Table, path: &Path) -> Table {
    let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    let is_bare = |name: &str| {
        recognise(name)
            .is_some_and(|meaning| meaning.side.is_none() && matches!(meaning.kind, Kind::Loss | Kind::Accuracy))
    };
    let names_a_side = table.columns.iter().any(|name| recognise(name).is_some_and(|meaning| meaning.side.is_some()));
    let Some(side) = only_side(&stem) else { return table };
    if names_a_side || !table.columns.iter().any(|name| is_bare(name)) {
        return table;
    }
    for column in 0..table.columns.len() {
        let name = table.columns[column].clone();
        if is_bare(&name) {
            table.rename(column as u32, format!("{}_{name}", side.word()));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_tells_its_figure() {
        for (stem, figure) in [
            ("run-train-tag-epoch_loss", "train_epoch_loss"),
            ("run-.-tag-Loss_val", "loss_val"),
            ("resnet_val_loss", "val_loss"),
            ("version_0_train_loss_epoch (1)", "train_loss_epoch"),
            ("figures", "figures"),
        ] {
            assert_eq!(figure_of(stem), figure);
        }
    }
}
