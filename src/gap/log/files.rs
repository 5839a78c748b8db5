//! Reads files into one table: finds the form of each, and takes what its name says about its figures.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::{
    aligned, blocks, delimited, events, groups, html, index, json, lines, long, modes,
    names::{Kind, Side, label, recognise, words},
    notebook, printed, run_sides, sideways,
    table::Table,
    text,
};
use crate::durable;

/// Reads the table in a text of one form; None where the text is of another.
type Form = fn(&str, Table) -> Result<Option<Table>>;

/// The forms, in the order in which they are tried.
const FORMS: [Form; 8] = [
    json::read,
    blocks::read,
    printed::lists,
    long::metric_file,
    delimited::read,
    aligned::read,
    |text, table| Ok(Some(lines::read(text, table)?).filter(Table::has_figures)),
    printed::document,
];
/// How many of these forms are a file of their own. The others may stand beside each other in one output, such as lines of
/// epochs and a table of the last five; of them the one with the most epochs is taken.
const WHOLE_FILES: usize = 5;

/// The rows of all files together. `wanted` are names of columns that are kept although their meaning is not known.
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

/// Reads the table in a text of any form; `stem` is the name of its file without the ending.
///
/// # Errors
/// It holds no losses, or too many.
pub fn of_text(text: &str, stem: &str, wanted: &[String]) -> Result<Table> {
    if let Some(printed) = notebook::printed(text) {
        return of_text(&printed, stem, wanted);
    }
    if text.trim_start().starts_with('<')
        && let Some(tables) = html::tables(text)
    {
        return of_text(&tables, stem, wanted);
    }
    if let Some(upright) = sideways::upright(text) {
        return of_text(&upright, stem, wanted);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut best: Option<(usize, Table)> = None;
    let mut failed = None;
    for (at, read) in FORMS.iter().enumerate() {
        let table = match with_form(*read, text, wanted) {
            // Other output may hold what this form does not.
            Err(error) if at >= WHOLE_FILES => {
                failed = failed.or(Some(error));
                continue;
            }
            table => table?,
        };
        let Some(table) = table else { continue };
        if !table.has_figures() {
            seen.extend(table.seen);
            continue;
        }
        let epochs = whole_epochs(&table)?;
        if at < WHOLE_FILES && epochs > 0 {
            return Ok(table);
        }
        if best.as_ref().is_none_or(|(most, _)| epochs > *most) {
            best = Some((epochs, table));
        }
    }
    match (best, failed) {
        (Some((_, best)), _) => return name_single_figure(best, stem),
        (None, Some(error)) => return Err(error),
        (None, None) => {}
    }
    ensure!(!delimited::is_a_head_alone(text), "the table has a head and no rows");
    if seen.is_empty() {
        seen = delimited::names(text);
    }
    ensure!(
        seen.is_empty(),
        "no losses were found in it. Its columns are {}: name them with --train-loss COLUMN and --val-loss COLUMN",
        seen.iter().take(40).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    let begin: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(3)
        .map(|line| format!("\n    {}", shortened(line)))
        .collect();
    ensure!(
        !lines::name_epochs(text),
        "it names epochs, but no loss: none of the usual names, such as `train loss` and `val_loss`, stands before a number. It \
         begins:{begin}\nOther names are given with --train-loss NAME and --val-loss NAME; docs/logs.md lists the forms that are read"
    );
    bail!(
        "no epoch was found in it: neither lines such as `Epoch: 20/50.. Training Loss: 1.402.. Validation Loss: 1.432` nor \
         a table with columns such as epoch, train_loss, val_loss. {}\nA table of other names is read with \
         --train-loss COLUMN and --val-loss COLUMN; docs/logs.md lists the forms that are read",
        if begin.is_empty() { "It is empty".to_owned() } else { format!("It begins:{begin}") }
    )
}

/// The table in a text of one form, with a column for each figure.
fn with_form(read: Form, text: &str, wanted: &[String]) -> Result<Option<Table>> {
    let Some(table) = read(text, Table::new(wanted))? else { return Ok(None) };
    let table = run_sides::separated(long::pivot(table)?)?;
    index::refuse_comparison(&table)?;
    Ok(Some(table))
}

/// How many epochs state both losses, also where a column says which side a row is about.
fn whole_epochs(table: &Table) -> Result<usize> {
    Ok(if table.has(Kind::Mode) { modes::spread(table.clone())?.whole_epochs() } else { table.whole_epochs() })
}

fn shortened(line: &str) -> String {
    let short: String = line.chars().take(100).collect();
    if short.len() < line.len() { short + "…" } else { short }
}

/// Names the figure of a table that TensorBoard exported, with the columns `Wall time, Step, Value`: the file's name holds
/// the figure's.
fn name_single_figure(mut table: Table, stem: &str) -> Result<Table> {
    if table.has(Kind::Key) || table.has(Kind::Loss) {
        return Ok(table);
    }
    let Some(value) = table.first(Kind::Value) else { return Ok(table) };
    let mut name = figure_of(stem);
    if recognise(&name).is_none()
        && let Some(side) = only_side(stem)
        && may_be_loss(&table, value)
    {
        name = format!("{}_loss", side.word());
        table.notes.push(format!("The figure in `{stem}` has no name; it is taken for the {} loss.", side.word()));
    }
    table.seen.push(name.clone());
    table.rename(value, name);
    Ok(table)
}

/// The side that a file's name gives, where it names one alone.
fn only_side(stem: &str) -> Option<Side> {
    let sides: Vec<Side> = words(stem).iter().filter_map(|word| label(word)).collect();
    match sides[..] {
        [side] => Some(side),
        _ => None,
    }
}

/// Whether the figures of a column may be losses: they fall, or exceed 1 without reaching the size of percentages.
fn may_be_loss(table: &Table, column: u32) -> bool {
    let values: Vec<f64> = table.rows.iter().filter_map(|row| row.number(column)).collect();
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return false };
    last < first || values.iter().any(|value| *value > 1.0) && values.iter().all(|value| *value < 20.0)
}

/// The figure that a file's name gives: `run-train-tag-epoch_loss` is the training loss.
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

/// Gives losses and accuracies without a side that of the file's name, its ending or its folder, where one of several files names it:
/// `train.csv` and `val.csv`, `log.train` and `log.val`, `train/loss.tsv` and `val/loss.tsv`.
fn sided(mut table: Table, path: &Path) -> Table {
    let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    let around = [path.extension(), path.parent().and_then(Path::file_name)];
    let of_path = || around.into_iter().flatten().find_map(|name| label(&name.to_string_lossy()));
    let Some(side) = only_side(&stem).or_else(of_path) else { return table };
    if table.columns.iter().any(|name| recognise(name).is_some_and(|meaning| meaning.side.is_some())) {
        return table;
    }
    table.name_side(side);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_or_the_folder_of_a_file_may_name_its_side() {
        for (path, name) in [
            ("train.csv", "train_loss"),
            ("val/loss.tsv", "val_loss"),
            ("caffe.log.test", "test_loss"),
            ("a/b.csv", "loss"),
        ] {
            let mut table = Table::new(&[]);
            table.column("loss").unwrap();
            assert_eq!(sided(table, Path::new(path)).columns, [name], "{path}");
        }
    }

    #[test]
    fn a_files_name_gives_its_figure() {
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
