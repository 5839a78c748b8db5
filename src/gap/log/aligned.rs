//! Tables laid out for people: columns separated by spaces, as fastai, skorch and pandas print them, and tables in Markdown
//! or with drawn lines.

mod head;

use anyhow::Result;

use super::{
    cell::Cell,
    index::Index,
    names::Kind,
    table::{Row, Table},
};
use head::{Head, Layout, is_omission};

/// Longer lines are no rows \[bytes\].
const LONGEST: usize = 20_000;

/// The tables in `text` that name a loss; None where there is none.
pub fn read(text: &str, table: Table) -> Result<Option<Table>> {
    let lines: Vec<&str> = text.lines().filter(|line| line.len() < LONGEST).collect();
    let mut reader =
        Reader { table, head: None, first: 0, beside: None, index: Index::default(), omissions: Vec::new() };
    for (at, line) in lines.iter().enumerate() {
        let is_continued = reader.head.as_ref().is_some_and(|(head, _)| head.continues);
        let above = if at > 0 { lines[at - 1] } else { "" };
        match Head::of(line, above, &lines[at + 1..], is_continued) {
            Some(head) => reader.begin(head)?,
            None => reader.row(line)?,
        }
    }
    reader.end()
}

/// Reads lines one by one.
struct Reader<'a> {
    table: Table,
    /// The head of the current table, and its columns.
    head: Option<(Head<'a>, Vec<Option<u32>>)>,
    /// The number of the first row of the current table.
    first: usize,
    /// The row beside which the next one belongs, in the second part of a table that was too wide for its lines.
    beside: Option<usize>,
    /// What stands before each row.
    index: Index,
    /// The numbers of the rows before which rows were left out.
    omissions: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn begin(&mut self, head: Head<'a>) -> Result<()> {
        let columns = head.names.iter().map(|name| self.table.column(name)).collect::<Result<_>>()?;
        let before = self.head.replace((head, columns));
        if before.as_ref().is_some_and(|(head, _)| head.continues) {
            self.beside = Some(self.first);
            return Ok(());
        }
        if before.is_some() {
            self.push(Row { cells: Vec::new(), begins: true }, "")?;
        }
        self.beside = None;
        self.first = self.table.rows.len();
        Ok(())
    }

    /// Adds the row that a line is; any other line is passed over.
    fn row(&mut self, line: &str) -> Result<()> {
        let Some((head, columns)) = &self.head else { return Ok(()) };
        let bare = without_bar(line);
        let Some(texts) = head.cells_of_row(bare) else { return Ok(()) };
        if texts.iter().all(|text| is_omission(text)) {
            if self.beside.is_none() {
                self.omissions.push(self.table.rows.len());
            }
            return Ok(());
        }
        let mut cells: Vec<(u32, Cell)> = Vec::new();
        for (text, column) in texts.iter().zip(columns) {
            let Some(column) = *column else { continue };
            cells.extend(self.table.read_cell(column, text).map(|cell| (column, cell)));
        }
        let has_words = cells.iter().any(|(_, cell)| matches!(cell, Cell::Text(_)));
        if head.layout == Layout::Spaces && has_words || cells.iter().all(|(_, cell)| cell.number().is_none()) {
            return Ok(());
        }
        self.index.is_named |= !head.has_index();
        let first = texts.first().copied().unwrap_or_default();
        // A bar that is redrawn writes its row again.
        self.table.takes_last |= bare.len() < line.len();
        if let Some(at) = &mut self.beside {
            if let Some(row) = self.table.rows.get_mut(*at) {
                row.cells.extend(cells);
            }
            *at += 1;
            return Ok(());
        }
        self.push(Row { cells, begins: false }, first)
    }

    fn push(&mut self, row: Row, first: &str) -> Result<()> {
        self.index.push(first);
        self.table.push(row)
    }

    fn end(mut self) -> Result<Option<Table>> {
        self.index.fill(&mut self.table, !self.omissions.is_empty())?;
        let epoch = self.table.first(Kind::Epoch);
        for &at in &self.omissions {
            let number = |at: usize| self.table.rows.get(at)?.number(epoch?);
            let which = match (at.checked_sub(1).and_then(number), number(at)) {
                (Some(before), Some(after)) => format!("epochs {} to {} are", before + 1.0, after - 1.0),
                _ => "its epochs are".to_owned(),
            };
            self.table
                .notes
                .push(format!("The table was printed without some of its rows (`...`): {which} not known."));
        }
        Ok((!self.table.rows.is_empty()).then_some(self.table))
    }
}

/// A row without the progress bar behind it: `1.9  0.95: 100%|####| 10/10`.
fn without_bar(line: &str) -> &str {
    let Some(bar) = line.find("%|") else { return line };
    line[..bar].trim_end_matches(|c: char| c.is_ascii_digit()).trim_end().trim_end_matches(':')
}
