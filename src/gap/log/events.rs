//! TensorBoard's event files, alone or in a folder of runs.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    cell::Cell,
    groups::RUN,
    names::{Kind, label, recognise},
    table::{Row, Table},
};
use crate::run::{Scalar, read_scalars};

/// Files and folders that are looked at.
const MOST: usize = 2000;

/// Whether the file at `path` is one of TensorBoard's: by its name, or by its first record.
pub fn is_event_file(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name.to_string_lossy().contains("tfevents")) {
        return true;
    }
    let mut begin = [0; 64];
    let read = File::open(path).and_then(|file| file.take(64).read(&mut begin));
    read.is_ok_and(|read| begin[..read].windows(12).any(|window| window == b"brain.Event:"))
}

/// The scalars in an event file, or in all event files of a folder.
///
/// # Errors
/// There are no event files, or one is damaged at its beginning.
pub fn read(path: &Path, mut table: Table) -> Result<Table> {
    let files = if path.is_dir() { files(path)? } else { vec![path.to_owned()] };
    ensure!(!files.is_empty(), "it is a folder with no run and no event files of TensorBoard");
    let mut named: Vec<(String, String)> = Vec::new();
    for file in &files {
        named.push(run_and_prefix(file.strip_prefix(path).ok().and_then(Path::parent)));
    }
    let runs: std::collections::BTreeSet<&String> = named.iter().map(|(run, _)| run).collect();
    let step = table.column("step")?;
    for (file, (run, prefix)) in files.iter().zip(&named) {
        let run_cell = if runs.len() > 1 { table.column(RUN)? } else { None };
        let mut row = Row::default();
        let mut at = None;
        let push = |table: &mut Table, row: &mut Row, at: Option<i64>| -> Result<()> {
            let (Some(at), false) = (at, row.cells.is_empty()) else { return Ok(()) };
            let mut row = std::mem::take(row);
            row.cells.extend(step.map(|step| (step, Cell::Number(at as f64))));
            row.cells.extend(run_cell.map(|column| (column, Cell::Text(run.as_str().into()))));
            table.push(row)
        };
        read_scalars(file, |Scalar { step, tag, value }| {
            if at != Some(step) {
                push(&mut table, &mut row, at)?;
                at = Some(step);
            }
            let name = if prefix.is_empty() { tag.to_owned() } else { format!("{prefix}/{tag}") };
            // A side that the tag names itself holds; `train/loss` in a folder `train` is one figure.
            let name = if recognise(&name).is_none() && recognise(tag).is_some() { tag.to_owned() } else { name };
            row.cells.extend(table.column(&name)?.map(|column| (column, Cell::Number(value))));
            Ok(())
        })
        .with_context(|| format!("cannot read {}", file.display()))?;
        push(&mut table, &mut row, at)?;
    }
    ensure!(
        table.has(Kind::Loss) || !table.rows.is_empty(),
        "its event files hold no losses; their tags are {}",
        super::fields::seen(&table)
    );
    Ok(table)
}

/// The event files in a folder, the oldest of each folder first.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).max_depth(6).sort_by_file_name().into_iter().take(100 * MOST) {
        let entry = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
        if entry.file_type().is_file() && entry.file_name().to_string_lossy().contains("tfevents") {
            files.push(entry.into_path());
            ensure!(files.len() <= MOST, "it holds more than {MOST} event files: name the folder of one run");
        }
    }
    Ok(files)
}

/// The run and the side that a folder of event files names: `fold1/train` is run `fold1` and prefix `train`.
fn run_and_prefix(folder: Option<&Path>) -> (String, String) {
    let parts: Vec<String> = folder
        .into_iter()
        .flat_map(Path::components)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    match parts.split_last() {
        Some((last, before)) if label(last).is_some() || recognise(last).is_some() => (before.join("/"), last.clone()),
        _ => (parts.join("/"), String::new()),
    }
}
