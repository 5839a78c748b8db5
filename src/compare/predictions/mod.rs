//! Tables of predictions, as any trainer can write them: a row for each val image with its name, its true class, and one
//! probability or logit for each class.

mod columns;
#[cfg(test)]
mod tests;
mod values;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};

pub use columns::EVALUATE_COLUMNS;
pub use values::Values;

use columns::Columns;
use values::{FLOOR, Rows, to_logits};

use crate::{
    durable::{other_format, uncounted_lines},
    run::{Outputs, csv_error::csv_error},
};

/// The longest first line that is read \[bytes\].
const LONGEST_HEAD: u64 = 16 << 20;

/// A table that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionsTable {
    /// Logits, labels, and the numbers of the rows as sample ids.
    pub outputs: Outputs,
    /// The images' names.
    pub names: Vec<String>,
    /// The classes, in the order of the logits.
    pub classes: Vec<String>,
    /// What was done to values or columns, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a table in UTF-8 with a comma, a semicolon or a tab between its columns. `stated` says what the values are; None
/// finds out.
/// Fails where the file cannot be read or is no such table: a column is missing, a cell is no number, an image comes twice, a label is no
/// class, or it is not clear what the values are. The message names the line.
pub fn read(path: &Path, stated: Option<Values>) -> Result<PredictionsTable> {
    let failure = || format!("cannot read {}", path.display());
    let mut file = BufReader::new(File::open(path).with_context(failure)?);
    let mut head = Vec::new();
    (&mut file).take(LONGEST_HEAD).read_until(b'\n', &mut head).with_context(failure)?;
    if let Some(format) = other_format(&head) {
        bail!("it is {format}");
    }
    // Some programs write a mark before UTF-8.
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    ensure!(!head.is_empty(), "it is empty");
    parse(head, file, stated)
}

/// Parses the first line `head` and what follows it.
fn parse(head: &[u8], rest: impl Read, stated: Option<Values>) -> Result<PredictionsTable> {
    let columns = Columns::of_head(head).context("line 1")?;
    let before = uncounted_lines(head);
    let line_at = |position: &csv::Position| position.line() + before;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(columns.separator).trim(csv::Trim::All).from_reader(head.chain(rest));
    let mut logits: Vec<f32> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut labels: Vec<(u64, String)> = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    let mut rows = Rows::default();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| csv_error(error, line_at))? {
        let line = record.position().map_or(0, line_at);
        let name = record[columns.name].to_owned();
        ensure!(!name.is_empty(), "line {line}: the image has no name");
        if let Some(before) = lines.insert(name.clone(), line) {
            bail!("line {line}: the image {name:?} stands in line {before} already");
        }
        let mut decimals = 0;
        for (class, &column) in columns.classes.iter().zip(&columns.values) {
            let cell = &record[column];
            let value: Option<f32> = cell.parse().ok().filter(|value: &f32| value.is_finite());
            let value = value.with_context(|| format!("line {line}, column {class:?}: {}", no_number(cell)))?;
            logits.push(value);
            decimals = decimals.max(decimals_of(cell));
        }
        rows.add(line, &logits[logits.len() - columns.classes.len()..], decimals);
        labels.push((line, record[columns.label].to_owned()));
        names.push(name);
    }
    ensure!(!names.is_empty(), "it has no row below its first line");
    if let Some((line, label)) = labels.iter().find(|(_, label)| columns.others.contains(label)) {
        bail!(
            "line {line}: the label {label:?} names a column that counts as no class by its name: rename it in both places"
        );
    }
    let labels = numbers_of(&labels, &columns.classes)?;
    let mut notes = Vec::new();
    if !columns.others.is_empty() {
        notes.push(format!("no classes by their names, and left out: {}", columns.others.join(", ")));
    }
    notes.extend(without_images(&labels, &columns.classes));
    if columns.has_index {
        notes.push("the first column has no name and counts as an index, as pandas writes it".to_owned());
    }
    if rows.judge(stated)? == Values::Probabilities {
        let raised = to_logits(&mut logits, &labels)?;
        if raised > 0 {
            notes.push(format!(
                "in {raised} of {} rows the probability of the true class is below {FLOOR:e}, perhaps rounded to 0, which an infinite loss \
                 would follow from; it counts as {FLOOR:e}",
                labels.len()
            ));
        }
    }
    let ids = (0..labels.len() as i64).collect();
    Ok(PredictionsTable { outputs: Outputs { logits, labels, ids }, names, classes: columns.classes, notes })
}

/// The numbers of the classes that the labels name. Labels are names of classes or, where none is, their numbers from 0.
fn numbers_of(labels: &[(u64, String)], classes: &[String]) -> Result<Vec<i64>> {
    let known: HashMap<&str, i64> = classes.iter().map(String::as_str).zip(0..).collect();
    // `3.0` is what pandas writes of a whole number in a column that once had gaps.
    let named = |label: &str| known.get(label).or_else(|| known.get(label.strip_suffix(".0")?)).copied();
    let are_names = labels.iter().any(|(_, label)| named(label).is_some());
    let mut numbers = Vec::with_capacity(labels.len());
    for (line, label) in labels {
        let number = match named(label) {
            None if !are_names => label.strip_suffix(".0").unwrap_or(label).parse().ok(),
            number => number,
        };
        let number = number.filter(|number| (0..classes.len() as i64).contains(number));
        numbers.push(number.with_context(|| no_class(*line, label, classes, are_names))?);
    }
    Ok(numbers)
}

/// A note on classes of which there is no image: such a column may be something else.
fn without_images(labels: &[i64], classes: &[String]) -> Option<String> {
    let seen: HashSet<i64> = labels.iter().copied().collect();
    let empty: Vec<&str> =
        (0..).zip(classes).filter(|(class, _)| !seen.contains(class)).map(|(_, name)| name.as_str()).collect();
    let first = empty.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let more = if empty.len() > 5 { format!(" and {} more", empty.len() - 5) } else { String::new() };
    let text = format!("no image is of {first}{more}: take out columns that are no class");
    (!empty.is_empty()).then_some(text)
}

fn no_class(line: u64, label: &str, classes: &[String], are_names: bool) -> String {
    let first = classes.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if classes.len() > 5 { ", …" } else { "" };
    if are_names {
        format!("line {line}: the label {label:?} is none of the classes {first}{more}, which other labels name")
    } else {
        format!(
            "line {line}: the label {label:?} is neither a class ({first}{more}) nor a number from 0 to {}",
            classes.len() - 1
        )
    }
}

/// Says why a cell is no number.
fn no_number(cell: &str) -> String {
    match cell {
        "" => "the cell is empty".to_owned(),
        cell if cell.contains(',') && cell.replace(',', ".").parse::<f32>().is_ok() => {
            format!("{cell:?} is no number: write a decimal point")
        }
        cell if cell.parse::<f32>().is_ok() => format!("{cell:?} is no finite number"),
        cell => format!("{cell:?} is no number"),
    }
}

/// How many decimals a number is written with.
fn decimals_of(cell: &str) -> usize {
    let (digits, exponent) = cell.split_once(['e', 'E']).unwrap_or((cell, "0"));
    let after_point = digits.split_once('.').map_or(0, |(_, after)| after.len());
    let exponent: i64 = exponent.parse().unwrap_or(0);
    usize::try_from(after_point as i64 - exponent).unwrap_or(0)
}
