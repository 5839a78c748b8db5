//! Tables that lie on their side: a row for each figure, a column for each epoch.

use std::collections::BTreeSet;

use super::{
    cell::Cell,
    delimited::delimiter_of,
    names::{Kind, recognise},
    row_number,
};

/// Figures of a trainer at most: a table with more rows has a row for each epoch.
const MOST_ROWS: usize = 200;

/// The upright table of a sideways one in `text`, as CSV; None for other text.
pub fn upright(text: &str) -> Option<String> {
    if text.lines().nth(MOST_ROWS).is_some() {
        return None;
    }
    let delimiter = delimiter_of(text.lines().find(|line| !line.trim().is_empty())?);
    let mut records = csv::ReaderBuilder::new()
        .delimiter(delimiter as u8)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes())
        .into_records()
        .collect::<Result<Vec<_>, _>>()
        .ok()?;
    let losses: BTreeSet<&str> = records.iter().map(|record| &record[0]).filter(|name| is_loss(name)).collect();
    if losses.len() < 2 || records[0].len() < 3 || !records.iter().skip(1).all(holds_figures) {
        return None;
    }
    if !is_loss(&records[0][0]) {
        records[0] = head(&records[0])?;
    }
    let mut upright = csv::WriterBuilder::new().from_writer(Vec::new());
    for place in 0..records[0].len() {
        upright.write_record(records.iter().map(|record| &record[place])).ok()?;
    }
    String::from_utf8(upright.into_inner().ok()?).ok()
}

fn is_loss(name: &str) -> bool {
    recognise(name).is_some_and(|meaning| meaning.kind == Kind::Loss)
}

/// Whether a record has a name and then numbers, or nothing where none was measured.
fn holds_figures(record: &csv::StringRecord) -> bool {
    let is_figure = |cell: &str| Cell::read(cell).is_none_or(|cell| cell.number().is_some());
    !record[0].is_empty() && record.iter().skip(1).all(is_figure)
}

/// The numbers of the epochs in the first record: `epoch,1,2`, `,0,1` or `metric,epoch_1,epoch_2`.
fn head(record: &csv::StringRecord) -> Option<csv::StringRecord> {
    let numbers = record.iter().skip(1).map(row_number::number).collect::<Option<Vec<_>>>()?;
    let of_epochs = numbers.first()?.column();
    let is_step = recognise(&record[0]).is_some_and(|meaning| meaning.kind == Kind::Step);
    let name = if is_step { "step" } else { of_epochs };
    Some([name.to_owned()].into_iter().chain(numbers.iter().map(|number| number.number.to_string())).collect())
}
