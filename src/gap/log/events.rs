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

/// Most event files that are read.
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

/// Reads the scalars in an event file, or in all event files of a folder.
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
        let mut common = Vec::new();
        if runs.len() > 1 {
            common.extend(table.column(RUN)?.map(|column| (column, Cell::Text(run.as_str().into()))));
        }
        read_file(file, prefix, step, &common, &mut table)
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    ensure!(
        table.has(Kind::Loss) || !table.rows.is_empty(),
        "its event files hold no losses; their tags are {}",
        table.column_list()
    );
    Ok(table)
}

/// Adds the scalars of a file to the table, one row a step; each row also gets the cells `common` and its step.
fn read_file(
    file: &Path,
    prefix: &str,
    step_column: Option<u32>,
    common: &[(u32, Cell)],
    table: &mut Table,
) -> Result<()> {
    let mut row_step = 0;
    let mut row = Row::default();
    read_scalars(file, |Scalar { step, tag, value }| {
        if step != row_step {
            push(std::mem::take(&mut row), row_step, step_column, common, table)?;
            row_step = step;
        }
        let mut name = if prefix.is_empty() { tag.to_owned() } else { format!("{prefix}/{tag}") };
        // `train/loss` in a folder `train` names the side twice: the tag alone is enough.
        if recognise(&name).is_none() && recognise(tag).is_some() {
            name = tag.to_owned();
        }
        row.cells.extend(table.column(&name)?.map(|column| (column, Cell::Number(value))));
        Ok(())
    })?;
    push(row, row_step, step_column, common, table)
}

/// Adds a row, unless it holds no figure.
fn push(mut row: Row, step: i64, step_column: Option<u32>, common: &[(u32, Cell)], table: &mut Table) -> Result<()> {
    if row.cells.is_empty() {
        return Ok(());
    }
    row.cells.extend(step_column.map(|column| (column, Cell::Number(step as f64))));
    row.cells.extend(common.iter().cloned());
    table.push(row)
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
