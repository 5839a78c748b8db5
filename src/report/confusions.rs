//! The confusion matrix of one preset, as the page shows it.

use super::RunGroup;
use crate::stats::{ConfusedPair, Confusion};

/// Above this number of classes a matrix is unreadable, and the most confused pairs alone are shown.
const MATRIX: usize = 25;
/// Number of most confused pairs shown.
const PAIRS: usize = 8;

/// The confusions of one preset.
pub struct Matrix<'a> {
    pub name: &'a str,
    /// One row for each true class: its name, then one cell for each predicted class. Empty where there are too many.
    pub rows: Vec<(&'a str, Vec<Cell>)>,
    pub classes: &'a [String],
    /// The most confused pairs: true class, predicted class, how often.
    pub pairs: Vec<(&'a str, &'a str, ConfusedPair)>,
    /// Predictions that are not a number.
    pub unread: usize,
}

/// One cell of a confusion matrix.
pub struct Cell {
    /// Share of the true class, in percent.
    pub percent: String,
    /// Number of images.
    pub count: usize,
    /// The share in tenths, 0–10.
    pub level: usize,
    pub is_right: bool,
}

impl<'a> Matrix<'a> {
    /// The confusions of `group`; None where no run of it has predictions.
    pub fn of(group: &'a RunGroup) -> Option<Self> {
        let classes = &group.runs[0].environment.data.classes[..];
        let confusion = group.confusion(classes.len())?;
        let mut rows = Vec::new();
        if classes.len() <= MATRIX {
            for (truth, name) in classes.iter().enumerate() {
                let cells = (0..classes.len()).map(|predicted| cell(&confusion, truth, predicted)).collect();
                rows.push((name.as_str(), cells));
            }
        }
        let mut pairs = Vec::new();
        for pair in confusion.pairs(PAIRS) {
            pairs.push((classes[pair.truth].as_str(), classes[pair.given].as_str(), pair));
        }
        Some(Self { name: &group.name, rows, classes, pairs, unread: confusion.unread.iter().sum() })
    }
}

fn cell(confusion: &Confusion, truth: usize, predicted: usize) -> Cell {
    let percent = confusion.percent(truth, predicted);
    Cell {
        percent: format!("{percent:.0}"),
        count: confusion.counts[truth][predicted],
        level: (percent / 10.0).round() as usize,
        is_right: truth == predicted,
    }
}
