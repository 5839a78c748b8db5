//! The columns of a table of pixels, and one row of it.

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::ByteRecord;

use crate::data::{
    sources::{choose_classes::LABELS, csv_rows::is_called, unreadable},
    splits::split_name::SplitName,
};

/// Fewest columns of pixels in a table with a column for each: 8×8, as the digits of scikit-learn have them.
const FEWEST_PIXELS: usize = 64;

/// A row of the table.
pub struct Row {
    pub split: SplitName,
    /// Side of the image in pixels.
    pub side: u32,
    pub label: u32,
    pub pixels: Vec<u8>,
}

/// Indices of the columns.
pub struct Columns {
    label: usize,
    pixels: Pixels,
    pub usage: Option<usize>,
    all: usize,
}

/// Where the pixels of an image are.
enum Pixels {
    /// In one column.
    Together(usize),
    /// In all columns but that of the labels.
    Apart,
}

impl Columns {
    /// Finds the columns by the names in the first line.
    /// Fails if it names neither FER2013's columns nor a label and a square number of pixels.
    pub fn find(header: &ByteRecord) -> Result<Self> {
        let find = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name.as_bytes()));
        let all = header.len();
        if let Some(label) = label_before_pixels(header) {
            return Ok(Self { label, pixels: Pixels::Apart, usage: None, all });
        }
        let is_number = |column: &[u8]| std::str::from_utf8(column).is_ok_and(|column| column.parse::<f64>().is_ok());
        ensure!(
            all <= FEWEST_PIXELS || !header.iter().all(is_number),
            "holds {all} numbers, no names of columns: write one above it, \"label\" for the class and any names for the pixels"
        );
        let missing = |name: &str| {
            let there = header.iter().map(|column| shorten(&String::from_utf8_lossy(column))).collect::<Vec<_>>();
            anyhow!(
                "names no column {name:?}; expected are emotion, pixels and optionally Usage, or label and a column for each of a square \
                 number of pixels; found are {}; a table of labels is named by `options.selection.labels` beside the folder of its images",
                unreadable::quoted(there.iter())
            )
        };
        Ok(Self {
            label: find("emotion").ok_or_else(|| missing("emotion"))?,
            pixels: Pixels::Together(find("pixels").ok_or_else(|| missing("pixels"))?),
            usage: find("usage"),
            all,
        })
    }

    /// Whether the labels are FER2013's emotions.
    pub fn are_emotions(&self) -> bool {
        matches!(self.pixels, Pixels::Together(_))
    }

    /// Reads one row.
    pub fn read(&self, record: &ByteRecord) -> Result<Row> {
        ensure!(record.len() == self.all, "{} columns; the first line names {}", record.len(), self.all);
        let what = if self.are_emotions() { "emotion" } else { "label" };
        let label = text(&record[self.label])?;
        // Of numbers beside absent ones pandas writes `3.0`.
        let number = label.strip_suffix(".0").unwrap_or(label).parse();
        let label = number.ok().with_context(|| format!("the {what} {label:?} is not a number from 0"))?;
        let split = match self.usage.map(|column| text(&record[column])).transpose()? {
            None => SplitName::Train,
            Some(usage) if usage.eq_ignore_ascii_case("Training") => SplitName::Train,
            Some(usage) if usage.eq_ignore_ascii_case("PublicTest") => SplitName::Val,
            Some(usage) if usage.eq_ignore_ascii_case("PrivateTest") => SplitName::Test,
            Some(usage) => bail!("the Usage {usage:?} is none of Training, PublicTest, PrivateTest"),
        };
        let pixels = match self.pixels {
            Pixels::Together(column) => {
                values(record[column].split(u8::is_ascii_whitespace).filter(|value| !value.is_empty()))?
            }
            Pixels::Apart => {
                let rest = record.iter().enumerate().filter(|(column, _)| *column != self.label);
                values(rest.map(|(_, value)| value.strip_suffix(b".0").unwrap_or(value)))?
            }
        };
        let side = pixels.len().isqrt() as u32;
        ensure!(
            side > 0 && (side as usize).pow(2) == pixels.len(),
            "{} pixels; a square number is expected, such as 2304 (48×48)",
            pixels.len()
        );
        Ok(Row { split, side, label, pixels })
    }
}

/// The only column of labels, where a square number of others may be pixels: `label,pixel0,pixel1,…`, `label,1x1,1x2,…`.
fn label_before_pixels(header: &ByteRecord) -> Option<usize> {
    let pixels = header.len().checked_sub(1)?;
    if pixels < FEWEST_PIXELS || pixels.isqrt().pow(2) != pixels {
        return None;
    }
    let is_label = |column: &[u8]| std::str::from_utf8(column).is_ok_and(|column| is_called(column, &LABELS));
    let mut labels = (0..header.len()).filter(|&column| is_label(&header[column]));
    labels.next().filter(|_| labels.next().is_none())
}

/// Shortens a column's name: in a table without a header it may be a whole image.
fn shorten(name: &str) -> String {
    let most = 20;
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most).collect::<String>() + "…" }
}

fn text(field: &[u8]) -> Result<&str> {
    std::str::from_utf8(field).ok().with_context(|| format!("{:?} is not UTF-8", String::from_utf8_lossy(field)))
}

/// The values of pixels.
fn values<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>> {
    fields
        .enumerate()
        .map(|(i, value)| {
            let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            number.with_context(|| {
                let shown = &value[..value.len().min(20)];
                format!("pixel {} is \"{}\"; a number from 0 to 255 is expected", i + 1, shown.escape_ascii())
            })
        })
        .collect()
}
