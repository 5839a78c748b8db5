//! Soft labels of training images from a table with a column of votes or probabilities for each class, such as FERPlus.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{
    csv_rows::{CsvRow, CsvRows},
    listing::Listing,
    name_index::{NameIndex, NotFound},
    soft_labels::SoftLabels,
    unreadable,
};
use crate::data::selection::{Merge, Selection};

/// Gives the training images of `listing`, whose splits are settled and whose folder is `root`, the soft labels that `selection` names,
/// if it names any. Images of the other splits keep their labels.
/// Fails if the table cannot be used, lacks a column for a class, has what is no number of votes, names an image twice, or
/// names no training image.
pub fn attach(listing: &mut Listing, selection: &Selection, root: &Path) -> Result<()> {
    let Some(file) = &selection.soft_labels else { return Ok(()) };
    let table = CsvRows::read("soft_labels", file)?;
    let name = table.names()?;
    let columns = Columns::of(&table, name, &listing.classes, &selection.merge)?;
    let index = NameIndex::new(listing.keys(root));
    let images = listing.train.ids.len();
    let mut soft = SoftLabels::of_none(images, listing.classes.len());
    let mut missing = NotFound::default();
    let (mut twice, mut without_votes, mut others, mut other_class) = (Vec::new(), 0, 0, 0);
    for row in &table.rows {
        let votes = columns.votes(row, &table.option)?;
        let Some(number) = index.find(row.field(name), &mut missing) else { continue };
        // Train comes first among the keys.
        if number as usize >= images {
            others += 1;
            continue;
        }
        let Some(shares) = shares(&votes) else {
            without_votes += 1;
            continue;
        };
        if !soft.set(number, &shares) {
            twice.push(row.field(name).to_owned());
        }
        let label = listing.train.labels[number as usize] as usize;
        other_class += usize::from(shares.iter().any(|&share| share > shares[label]));
    }
    unreadable::check_none(&twice, &table.option, "images have two rows")?;
    let unknown = missing.unknown().to_vec();
    // Only an ambiguous name is an error: a table may speak of more images than are here.
    missing.without(|_| true).check(&table.option)?;
    ensure!(soft.count() > 0 || without_votes == 0, "{}: none of its training images has a vote", table.option);
    ensure!(
        soft.count() > 0 || others == 0,
        "{}: it names {others} images of val or test, which keep their labels, and no training image",
        table.option
    );
    ensure!(
        soft.count() > 0,
        "{}: it names no training image; the first name is {:?}, and an image is called {:?} here",
        table.option,
        table.rows[0].field(name),
        String::from_utf8_lossy(&listing.train.source.key(listing.train.ids[0], root))
    );

    let mut note = format!(
        "{} of {images} training images have soft labels ({}); for {other_class} of them another class than their label has most votes.",
        soft.count(),
        table.option
    );
    let mut also = |count: usize, what: &str| {
        if count > 0 {
            note += &format!(" {count} {what}.");
        }
    };
    also(without_votes, "images without votes for any class keep their label");
    also(others, "of the named images are not trained on");
    also(unknown.len(), &format!("names are those of no image in use: {}", unreadable::in_line(unknown.iter())));
    if !columns.others.is_empty() {
        note += &format!(" These columns are no classes: {}.", unreadable::in_line(columns.others.iter()));
    }
    listing.notes.push(note);
    listing.train.soft = Some(soft);
    Ok(())
}

/// The columns of a table of votes.
struct Columns {
    /// Number of classes.
    classes: usize,
    /// Columns of votes, each with its class.
    votes: Vec<(usize, usize)>,
    /// The names of the other columns but that of the names.
    others: Vec<String>,
}

impl Columns {
    /// Finds the columns of `classes`, by their names or by those of classes that are joined to them.
    /// Fails if a class has none, or two columns of one name.
    fn of(table: &CsvRows, name: usize, classes: &[String], merges: &[Merge]) -> Result<Self> {
        let class_called = |text: &str| classes.iter().position(|class| class == text);
        let (mut votes, mut others) = (Vec::new(), Vec::new());
        for (column, head) in table.head.iter().enumerate().filter(|(column, _)| *column != name) {
            let joined = merges.iter().find(|merge| merge.from == *head);
            match class_called(joined.map_or(head, |merge| &merge.into)) {
                Some(class) => {
                    ensure!(!table.head[..column].contains(head), "{}: two columns are called {head:?}", table.option);
                    votes.push((column, class));
                }
                None => others.push(format!("{head:?}")),
            }
        }
        let lacking = classes.iter().enumerate().filter(|(class, _)| votes.iter().all(|(_, of)| of != class));
        let lacking: Vec<&String> = lacking.map(|(_, name)| name).collect();
        ensure!(
            lacking.is_empty(),
            "{}: no column is called like these classes: {}; there are {:?}. Rename the columns",
            table.option,
            unreadable::quoted(lacking.iter()),
            table.head
        );
        Ok(Self { classes: classes.len(), votes, others })
    }

    /// The votes of a row \[classes\].
    /// Fails if one is no finite number from 0 up.
    fn votes(&self, row: &CsvRow, option: &str) -> Result<Vec<f64>> {
        let mut votes = vec![0.0; self.classes];
        for &(column, class) in &self.votes {
            let text = row.field(column);
            // Nobody voted.
            let number = if text.is_empty() { Some(0.0) } else { text.parse::<f64>().ok() };
            let number = number.filter(|number| number.is_finite() && *number >= 0.0);
            votes[class] += number.with_context(|| {
                format!("{option}, line {}: {text:?} is no number of votes and no probability", row.line)
            })?;
        }
        ensure!(votes.iter().sum::<f64>().is_finite(), "{option}, line {}: these votes are too many to add", row.line);
        Ok(votes)
    }
}

/// Votes as probabilities; None where there are none.
fn shares(votes: &[f64]) -> Option<Vec<f32>> {
    let sum: f64 = votes.iter().sum();
    (sum > 0.0).then(|| votes.iter().map(|vote| (vote / sum) as f32).collect())
}
