//! Tables laid out for people: fastai's columns separated by spaces, and tables in Markdown or with drawn lines.

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, recognise},
    table::{Row, Table},
};

/// The tables in `text` that name a loss; None where there is none.
pub fn read(text: &str, mut table: Table) -> Result<Option<Table>> {
    let mut columns: Option<(Layout, Vec<Option<u32>>)> = None;
    let mut is_there = false;
    for line in text.lines().filter(|line| line.len() < 20_000) {
        if let Some((layout, names)) = head(line) {
            let begins = columns.is_some();
            let found = names.iter().map(|name| table.column(name)).collect::<Result<_>>()?;
            columns = Some((layout, found));
            is_there = true;
            if begins {
                table.push(Row { cells: Vec::new(), begins: true })?;
            }
            continue;
        }
        let Some((layout, columns)) = &columns else { continue };
        let cells = layout.cells(line);
        if cells.len() != columns.len() || !layout.are_figures(&cells) {
            continue;
        }
        let cells = cells.iter().zip(columns).filter_map(|(cell, column)| Some(((*column)?, Cell::read(cell)?)));
        let cells: Vec<(u32, Cell)> = cells.collect();
        if cells.iter().any(|(_, cell)| cell.number().is_some()) {
            table.push(Row { cells, begins: false })?;
        }
    }
    Ok((is_there && !table.rows.is_empty()).then_some(table))
}

/// How the cells of a table are separated.
#[derive(Clone, Copy)]
enum Layout {
    Bars,
    Spaces,
}

impl Layout {
    fn cells(self, line: &str) -> Vec<&str> {
        match self {
            Self::Bars => {
                let inside = line.trim().trim_start_matches(['|', '│', '┃']).trim_end_matches(['|', '│', '┃']);
                inside.split(['|', '│', '┃']).map(str::trim).collect()
            }
            Self::Spaces => line.split_whitespace().collect(),
        }
    }

    /// Whether the cells may be a row. Rules, progress bars and prose between the rows of a table of spaces hold words; its
    /// rows hold only numbers and times of day.
    fn are_figures(self, cells: &[&str]) -> bool {
        let is_word = |cell: &&str| matches!(Cell::read(cell), Some(Cell::Text(text)) if !text.contains(':'));
        matches!(self, Self::Bars) || !cells.iter().any(is_word)
    }
}

/// The names of the columns where `line` is a head: all cells are names, and one names a loss.
fn head(line: &str) -> Option<(Layout, Vec<&str>)> {
    // Hardly any line is a head; this quick test excludes most of them.
    let small = line.to_ascii_lowercase();
    if !["loss", "entropy", "xent", "nll"].iter().any(|word| small.contains(word)) {
        return None;
    }
    let layout = if line.contains(['|', '│', '┃']) { Layout::Bars } else { Layout::Spaces };
    let cells = layout.cells(line);
    let is_name = |cell: &&str| cell.chars().any(char::is_alphabetic) && !cell.contains([':', '=', '{', '(']);
    let losses = cells.iter().filter(|cell| recognise(cell).is_some_and(|meaning| meaning.kind == Kind::Loss)).count();
    let has_epoch = cells
        .iter()
        .any(|cell| recognise(cell).is_some_and(|meaning| matches!(meaning.kind, Kind::Epoch | Kind::Step)));
    // The words of a sentence must not pass for columns: a table of spaces has an epoch and no loss of two words.
    let is_head = match layout {
        Layout::Bars => losses >= 1,
        Layout::Spaces => {
            losses >= 1 && has_epoch && cells.iter().all(|cell| !cell.eq_ignore_ascii_case("loss") || losses > 1)
        }
    };
    (cells.len() >= 3 && is_head && cells.iter().filter(|cell| !cell.is_empty()).all(is_name))
        .then_some((layout, cells))
}
