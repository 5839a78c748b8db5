//! Tables whose cells are separated by commas, semicolons or tabs.

use anyhow::{Context, Result, ensure};

use super::{
    cell::Cell,
    heads,
    index::{self, Index},
    names::{Kind, label, recognise},
    table::{Row, Table},
};

/// Lines in which the head is searched.
const HEAD: usize = 200;

/// The table in `text`; None where it holds none.
///
/// # Errors
/// A row cannot be read, or there is too much of it.
pub fn read(text: &str, table: Table) -> Result<Option<Table>> {
    let Some(Head { delimiter, above, text }) = head(text, &table) else { return Ok(None) };
    // A quote inside a cell of free text does not open a quoted cell.
    let mut records = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let above: Vec<&str> = cells(above, delimiter).collect();
    let mut reader =
        Reader { table, head: csv::StringRecord::new(), names: Vec::new(), columns: None, index: Index::default() };
    let mut record = csv::StringRecord::new();
    let mut row_number = 0u32;
    while records.read_record(&mut record).with_context(|| format!("row {row_number} cannot be read"))? {
        if row_number == 0 {
            reader.begin(&above, &record)?;
        } else {
            reader.read(&record)?;
        }
        row_number += 1;
    }
    if !reader.names.first().is_some_and(|name| index::is_name(name)) {
        reader.index.is_named = true;
    }
    reader.index.fill(&mut reader.table, false)?;
    Ok(Some(reader.table))
}

/// Reads records one by one.
struct Reader {
    table: Table,
    /// The head of the current rows, and its names.
    head: csv::StringRecord,
    names: Vec<String>,
    /// The columns of these names, as soon as a row below the head is known.
    columns: Option<Vec<Option<u32>>>,
    index: Index,
}

impl Reader {
    fn begin(&mut self, above: &[&str], head: &csv::StringRecord) -> Result<()> {
        self.head = head.clone();
        self.names = names_of(above, head)?;
        self.columns = None;
        Ok(())
    }

    fn read(&mut self, record: &csv::StringRecord) -> Result<()> {
        // A trainer that appends to its file writes a head again; its columns may be others by then.
        if *record == self.head || is_head(record) {
            if *record != self.head {
                self.begin(&[], record)?;
            }
            self.index.push("");
            return self.table.push(Row { cells: Vec::new(), begins: true });
        }
        let columns = match self.columns.take() {
            Some(columns) => columns,
            None => {
                // pandas writes the name of an index into a row of its own.
                if self.names[0].is_empty() && record.iter().skip(1).all(str::is_empty) {
                    self.names[0] = record[0].to_owned();
                    return Ok(());
                }
                columns_of(&self.names, record, &mut self.table)?
            }
        };
        let mut cells = Vec::new();
        for (text, column) in record.iter().zip(&columns) {
            let Some(column) = *column else { continue };
            cells.extend(self.table.read_cell(column, text).map(|cell| (column, cell)));
        }
        self.columns = Some(columns);
        self.index.push(&record[0]);
        self.table.push(Row { cells, begins: false })
    }
}

/// Whether a record below the head is another head: it names a loss, and no cell is a number.
fn is_head(record: &csv::StringRecord) -> bool {
    let names_loss = |cell| recognise(cell).is_some_and(|meaning| meaning.kind == Kind::Loss);
    record.len() > 1
        && record.iter().all(|cell| Cell::read(cell).is_none_or(|cell| cell.number().is_none()))
        && record.iter().any(names_loss)
}

/// The names in a head, which may have a line of groups above it.
///
/// # Errors
/// A loss is named twice.
fn names_of(above: &[&str], head: &csv::StringRecord) -> Result<Vec<String>> {
    let names: Vec<&str> = head.iter().map(str::trim).collect();
    let mut names = heads::joined(above, &names).unwrap_or_else(|| names.iter().map(|&name| name.to_owned()).collect());
    while let Some(name) = heads::twice(&names).map(str::to_owned) {
        ensure!(
            recognise(&name).is_none_or(|meaning| meaning.kind != Kind::Loss),
            "two of its columns have the name `{name}`: rename them, for example to train_loss and val_loss"
        );
        // Of accuracies that cannot be told apart none is read.
        names.iter_mut().filter(|other| **other == name).for_each(String::clear);
    }
    Ok(names)
}

/// The cells of a line, without quotes.
fn cells(line: &str, delimiter: char) -> impl Iterator<Item = &str> {
    line.split(delimiter).map(|cell| cell.trim().trim_matches('"'))
}

/// Where a table begins.
struct Head<'a> {
    delimiter: char,
    /// The line above the head.
    above: &'a str,
    /// The text from the head on.
    text: &'a str,
}

/// The columns of these names. Where none names a side, nor is known to say which side a row is about, one that does so in the
/// first row is taken for it.
fn columns_of(names: &[String], first: &csv::StringRecord, table: &mut Table) -> Result<Vec<Option<u32>>> {
    let mut columns: Vec<Option<u32>> = names.iter().map(|name| table.column(name)).collect::<Result<_>>()?;
    if !table.has(Kind::Mode)
        && table.columns_of(|meaning| meaning.side.is_some()).is_empty()
        && let Some(at) =
            (0..columns.len()).find(|&at| columns[at].is_none() && first.get(at).and_then(label).is_some())
    {
        columns[at] = table.column("split")?;
    }
    Ok(columns)
}

/// The head: the first line with two or more cells, one of which names a loss.
fn head<'a>(text: &'a str, table: &Table) -> Option<Head<'a>> {
    let mut begin = 0;
    let mut above = "";
    for line in text.split_inclusive('\n').take(HEAD) {
        let delimiter = delimiter_of(line);
        let cells: Vec<&str> = cells(line, delimiter).collect();
        let kinds: Vec<Kind> = cells.iter().filter_map(|cell| recognise(cell)).map(|meaning| meaning.kind).collect();
        let is_long = kinds.contains(&Kind::Value) && (kinds.contains(&Kind::Key) || kinds.contains(&Kind::Step));
        let is_named = cells.iter().filter(|cell| table.keeps(cell)).count() >= 2 && !line.contains(['{', '|']);
        // Settings such as `Namespace(loss='ce', lr=0.1)` and lines such as `training loss:\t0.5` state values.
        let states_values = line.contains('=') || cells.iter().any(|cell| cell.parse::<f64>().is_ok());
        let is_head = cells.len() >= 2 && !states_values && (kinds.contains(&Kind::Loss) || is_long || is_named);
        begin += line.len();
        // `dict_keys(['loss', 'val_loss'])` names losses too, but no row of as many cells follows.
        let next = text[begin..].lines().find(|next| !next.trim().is_empty());
        // A delimiter at the end of each row, or of the head, adds an empty cell.
        let width = |line: &str| line.trim_end().trim_end_matches(delimiter).split(delimiter).count();
        let has_rows = next.is_some_and(|next| {
            next.contains('"') || next.split(delimiter).count() == cells.len() || width(next) == width(line)
        });
        if is_head && has_rows {
            return Some(Head { delimiter, above, text: &text[begin - line.len()..] });
        }
        above = line;
    }
    None
}

/// The sign that separates the cells of `line`: the most frequent one.
pub fn delimiter_of(line: &str) -> char {
    [',', ';', '\t'].into_iter().max_by_key(|&sign| line.matches(sign).count()).unwrap_or(',')
}

/// Whether the text is the head of a table and nothing else.
pub fn is_a_head_alone(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(head), None) = (lines.next(), lines.next()) else { return false };
    let is_known = |cell: &str| recognise(cell.trim().trim_matches('"')).is_some();
    [',', ';', '\t']
        .iter()
        .any(|sign| head.contains(*sign) && head.split(*sign).filter(|cell| is_known(cell)).count() >= 2)
}

/// The names of the columns of a table without known names; empty where the text is not a table.
pub fn names(text: &str) -> Vec<String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(head), Some(row)) = (lines.next(), lines.next()) else { return Vec::new() };
    let delimiter = delimiter_of(head);
    let names: Vec<&str> = head.split(delimiter).map(|name| name.trim().trim_matches('"')).collect();
    let cells: Vec<&str> = row.split(delimiter).collect();
    let is_number = |cell: &&str| matches!(Cell::read(cell), Some(Cell::Number(_) | Cell::Percent(_)));
    let is_table = names.len() >= 2 && names.len() == cells.len() && cells.iter().any(is_number);
    let is_head = names.iter().all(|name| !is_number(name) && name.len() < 60);
    if is_table && is_head { names.into_iter().take(40).map(str::to_owned).collect() } else { Vec::new() }
}
