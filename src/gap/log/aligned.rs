//! Tables laid out for people: columns separated by spaces, as fastai, skorch and pandas print them, and tables in Markdown
//! or with drawn lines.

use std::{borrow::Cow, collections::BTreeSet};

use anyhow::Result;

use super::{
    cell::Cell,
    heads,
    index::{self, Index},
    names::{Kind, recognise},
    table::{Row, Table},
};

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

/// The head of a table.
struct Head<'a> {
    layout: Layout,
    names: Vec<Cow<'a, str>>,
    /// Where each name of a table of spaces begins and ends in the line \[bytes\].
    spans: Vec<(usize, usize)>,
    /// Whether further columns follow below the rows: pandas ends such a head with a backslash.
    continues: bool,
}

/// How the cells of a table are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Bars,
    Spaces,
}

impl<'a> Head<'a> {
    /// The head in `line`: all cells are names, and one names a loss unless the columns of a table are continued here.
    /// `above` is the line above it, and `below` are the lines below it.
    fn of(line: &'a str, above: &'a str, below: &[&'a str], is_continued: bool) -> Option<Self> {
        // Hardly any line is a head; this quick test excludes most of them.
        let small = line.to_ascii_lowercase();
        if !is_continued && !["loss", "entropy", "xent", "nll"].iter().any(|word| small.contains(word)) {
            return None;
        }
        let line = line.trim_end();
        let continues = line.ends_with('\\');
        let line = line.trim_end_matches('\\');
        let layout = if line.contains(BARS) { Layout::Bars } else { Layout::Spaces };
        let mut spans = name_spans(line);
        let cells = match layout {
            Layout::Bars => layout.cells(line),
            Layout::Spaces => spans.iter().map(|&(begin, end)| &line[begin..end]).collect(),
        };
        if layout == Layout::Bars
            && let Some(names) = heads::joined(&layout.cells(above), &cells)
        {
            let names = names.into_iter().map(Cow::Owned).collect();
            return Some(Self { layout, names, spans: Vec::new(), continues });
        }
        let is_name = |cell: &&str| {
            is_omission(cell) || cell.chars().any(char::is_alphabetic) && !cell.contains([':', '=', '{', '('])
        };
        let kinds: Vec<Kind> = cells.iter().filter_map(|name| recognise(name)).map(|meaning| meaning.kind).collect();
        let losses = kinds.iter().filter(|kind| **kind == Kind::Loss).count();
        if losses == 0 && !is_continued || !cells.iter().filter(|name| !name.is_empty()).all(is_name) {
            return None;
        }
        let mut names: Vec<Cow<str>> = cells.into_iter().map(Cow::Borrowed).collect();
        if layout == Layout::Spaces
            && let Some(index) = name_of_index(below, names.len())
        {
            names.insert(0, Cow::Borrowed(index));
            spans.insert(0, (0, 0));
            return Some(Self { layout, names, spans, continues });
        }
        // The words of a sentence must not pass for columns: a table of spaces has an epoch and no loss of two words.
        let is_head = match layout {
            Layout::Bars => true,
            Layout::Spaces => {
                kinds.iter().any(|kind| matches!(kind, Kind::Epoch | Kind::Step))
                    && names.iter().all(|name| !name.eq_ignore_ascii_case("loss") || losses > 1)
                    && heads::twice(&names).is_none()
            }
        };
        (names.len() >= 3 && losses > 0 && is_head).then_some(Self { layout, names, spans, continues })
    }

    /// Whether the first cell of a row is an index.
    fn has_index(&self) -> bool {
        self.names.first().is_some_and(|name| index::is_name(name))
    }

    /// The cells of a row, one for each name; None where the line is no row. Rules, progress bars and prose between the rows
    /// of a table of spaces hold words; its rows hold only numbers, times of day and signs.
    fn cells_of_row<'b>(&self, line: &'b str) -> Option<Vec<&'b str>> {
        if self.layout == Layout::Bars {
            let cells = self.layout.cells(line);
            return (cells.len() == self.names.len()).then_some(cells);
        }
        let is_word =
            |cell: &&str| matches!(Cell::read(cell), Some(Cell::Text(_))) && cell.starts_with(char::is_alphabetic);
        // A cell may hold a space: `12.3 s`.
        for between in [1, 2] {
            let cells: Vec<&str> = spans(line, between).into_iter().map(|(begin, end)| &line[begin..end]).collect();
            if cells.len() == self.names.len() && !cells.iter().any(is_word) {
                return Some(cells);
            }
        }
        self.placed(line).filter(|cells| !cells.iter().any(is_word))
    }

    /// The cells of a row in which some are blank: each belongs to the name above it.
    fn placed<'b>(&self, line: &'b str) -> Option<Vec<&'b str>> {
        let mut cells = vec![""; self.names.len()];
        for (begin, end) in spans(line, 1) {
            let above = self.spans.iter().position(|span| begin < span.1 && span.0 < end)?;
            if !cells[above].is_empty() {
                return None;
            }
            cells[above] = &line[begin..end];
        }
        let states = |kind| self.names.iter().zip(&cells).any(|(name, cell)| is_of(name, kind) && !cell.is_empty());
        (states(Kind::Epoch) && states(Kind::Loss)).then_some(cells)
    }
}

/// Signs that separate the cells of a table.
const BARS: [char; 3] = ['|', '│', '┃'];

impl Layout {
    fn cells(self, line: &str) -> Vec<&str> {
        match self {
            Self::Bars => {
                let inside = line.trim().trim_start_matches(BARS).trim_end_matches(BARS);
                inside.split(BARS).map(str::trim).collect()
            }
            Self::Spaces => line.split_whitespace().collect(),
        }
    }
}

fn is_of(name: &str, kind: Kind) -> bool {
    recognise(name).is_some_and(|meaning| meaning.kind == kind)
}

/// The name of the index in a table of `names` other columns that pandas printed: blank, or in the line below the head; None
/// where the rows have no index.
fn name_of_index<'a>(below: &[&'a str], names: usize) -> Option<&'a str> {
    let first = *below.first()?;
    if is_indexed(first, names) {
        return Some("");
    }
    let is_named = recognise(first).is_some() && below.get(1).is_some_and(|row| is_indexed(row, names));
    is_named.then_some(first.trim())
}

/// Whether a line is a row behind an index: a number, and a cell for each of `names` names.
fn is_indexed(line: &str, names: usize) -> bool {
    let cells: Vec<&str> = line.split_whitespace().collect();
    let is_figure = |cell: &&str| !matches!(Cell::read(cell), Some(Cell::Text(_))) || is_omission(cell);
    cells.len() == names + 1 && cells[0].parse::<u32>().is_ok() && cells.iter().all(is_figure)
}

/// Whether a cell stands for what was left out: `..`, `...` or `…`.
fn is_omission(cell: &str) -> bool {
    cell == "…" || cell.len() > 1 && cell.bytes().all(|byte| byte == b'.')
}

/// Where the names of a head begin and end \[bytes\]: names of one word, or names of several with more space between them.
fn name_spans(line: &str) -> Vec<(usize, usize)> {
    let known = |spans: &[(usize, usize)]| {
        let names: BTreeSet<&str> = spans.iter().map(|&(begin, end)| &line[begin..end]).collect();
        names.into_iter().filter(|name| recognise(name).is_some()).count()
    };
    let [words, names] = [1, 2].map(|between| spans(line, between));
    if known(&names) > known(&words) { names } else { words }
}

/// Where the cells of a line begin and end that have at least `between` spaces between them \[bytes\].
fn spans(line: &str, between: usize) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut spaces = between;
    for (at, c) in line.char_indices() {
        if c.is_whitespace() {
            spaces += if c == '\t' { between } else { 1 };
            continue;
        }
        let end = at + c.len_utf8();
        match spans.last_mut() {
            Some(last) if spaces < between => last.1 = end,
            _ => spans.push((at, end)),
        }
        spaces = 0;
    }
    spans
}

/// A row without the progress bar behind it: `1.9  0.95: 100%|####| 10/10`.
fn without_bar(line: &str) -> &str {
    let Some(bar) = line.find("%|") else { return line };
    line[..bar].trim_end_matches(|c: char| c.is_ascii_digit()).trim_end().trim_end_matches(':')
}
