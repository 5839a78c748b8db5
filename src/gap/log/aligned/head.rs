//! The head of a table laid out for people, which says where the cells of its rows are.

use std::{borrow::Cow, collections::BTreeSet};

use crate::gap::log::{
    cell::Cell,
    heads, index,
    names::{Kind, recognise},
};

/// The head of a table.
pub struct Head<'a> {
    /// How its cells are separated.
    pub layout: Layout,
    /// The names of the columns.
    pub names: Vec<Cow<'a, str>>,
    /// Where each name of a table of spaces begins and ends in the line \[bytes\].
    spans: Vec<(usize, usize)>,
    /// Whether further columns follow below the rows: pandas ends such a head with a backslash.
    pub continues: bool,
}

/// How the cells of a table are separated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Bars,
    Spaces,
}

impl<'a> Head<'a> {
    /// The head in `line`: all cells are names, and one names a loss unless the columns of a table are continued here.
    /// `above` is the line above it, and `below` are the lines below it.
    pub fn of(line: &'a str, above: &'a str, below: &[&'a str], is_continued: bool) -> Option<Self> {
        // Hardly any line is a head; this quick test excludes most of them.
        let small = line.to_ascii_lowercase();
        if !is_continued && !["loss", "entropy", "xent", "nll"].iter().any(|word| small.contains(word)) {
            return None;
        }
        let line = line.trim_end();
        let continues = line.ends_with('\\');
        let line = line.trim_end_matches('\\');
        let layout = if line.contains(BARS) { Layout::Bars } else { Layout::Spaces };
        if layout == Layout::Spaces && line.split_whitespace().any(|word| word.parse::<f64>().is_ok()) {
            return None;
        }
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
    pub fn has_index(&self) -> bool {
        self.names.first().is_some_and(|name| index::is_name(name))
    }

    /// The cells of a row, one for each name; None where the line is no row. Rules, progress bars and prose between the rows
    /// of a table of spaces hold words; its rows hold only numbers, times of day and signs.
    pub fn cells_of_row<'b>(&self, line: &'b str) -> Option<Vec<&'b str>> {
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
const BARS: [char; 4] = ['|', '│', '┃', '┆'];

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
pub fn is_omission(cell: &str) -> bool {
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
