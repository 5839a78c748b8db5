//! Decides which column is which figure.

use std::cmp::{Ordering, Reverse};

use anyhow::{Result, bail};

use super::{
    epochs::Stated,
    names::{Kind, Meaning, Side, recognise},
    options::Columns,
    table::Table,
};

/// The columns of the figures, by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    pub train_loss: Option<u32>,
    /// The val loss, or a test loss where there is no other.
    pub val_loss: Option<u32>,
    pub train_acc: Option<u32>,
    pub val_acc: Option<u32>,
    /// A test loss in addition to the val loss.
    pub test_loss: Option<u32>,
    pub test_acc: Option<u32>,
    pub rate: Option<u32>,
    /// The running mean of the objective.
    pub batch_loss: Option<u32>,
    pub gap: Option<u32>,
    /// Whether other columns may be the val accuracy too.
    pub val_acc_is_unclear: bool,
    /// Whether a test loss is used as val loss.
    pub val_is_test: bool,
}

/// A column with a known name.
struct Candidate {
    column: u32,
    meaning: Meaning,
    /// Number of epochs that state it.
    epochs: usize,
}

/// Chooses the columns of the figures in these epochs.
///
/// # Errors
/// A column that the user named does not exist, or several columns may be one figure.
pub fn choose(table: &Table, epochs: &[(u32, Stated)], columns: &Columns) -> Result<Fields> {
    let mut candidates = Vec::new();
    for (column, name) in (0..).zip(&table.columns) {
        let stating = epochs.iter().filter(|(_, stated)| stated.contains_key(&column)).count();
        if let Some(meaning) = recognise(name)
            && stating > 0
        {
            candidates.push(Candidate { column, meaning, epochs: stating });
        }
    }
    let chooser = Chooser { table, epochs, candidates };

    let mut train_loss = chooser.given("--train-loss", &columns.train_loss)?;
    if train_loss.is_none() {
        train_loss = chooser.one("training loss", "--train-loss", Kind::Loss, &[Some(Side::Train), None])?;
    }
    let mut val_loss = chooser.given("--val-loss", &columns.val_loss)?;
    if val_loss.is_none() {
        val_loss = chooser.one("validation loss", "--val-loss", Kind::Loss, &[Some(Side::Val)])?;
    }
    let mut test_loss = None;
    let val_is_test = val_loss.is_none();
    let of_test = chooser.one("test loss", "--val-loss", Kind::Loss, &[Some(Side::Test)]);
    if val_is_test {
        // A test loss that is measured once, after the training, shows no course.
        val_loss = of_test?.filter(|test| !chooser.is_measured_once(*test, train_loss));
    } else {
        test_loss = of_test.ok().flatten();
    }
    // An accuracy without a side is training's for Keras, whose training loss has no side either, and val's for fastai,
    // whose losses both have one.
    let judged = if val_is_test { Side::Test } else { Side::Val };
    let train_has_side = train_loss.is_none_or(|column| chooser.side(column).is_some());
    let (train_sides, val_sides): (&[_], &[_]) = if train_has_side {
        (&[Some(Side::Train)], &[Some(judged), None])
    } else {
        (&[Some(Side::Train), None], &[Some(judged)])
    };
    if let (Some(train), Some(val)) = (train_loss, val_loss)
        && train == val
    {
        bail!(
            "`{}` cannot be both the training and the validation loss: --train-loss COLUMN and --val-loss COLUMN say which \
             is which. Its columns are {}",
            chooser.name(train),
            table.column_list()
        );
    }
    // An unclear accuracy is no error, since the diagnosis is about the loss.
    let (val_acc, val_acc_is_unclear) = match chooser.given("--val-acc", &columns.val_acc)? {
        Some(column) => (Some(column), false),
        None => match chooser.one("validation accuracy", "--val-acc", Kind::Accuracy, val_sides) {
            Ok(column) => (column, false),
            Err(_) => (chooser.last(Kind::Accuracy, val_sides), true),
        },
    };
    Ok(Fields {
        train_loss,
        val_loss,
        train_acc: chooser.one("training accuracy", "", Kind::Accuracy, train_sides).ok().flatten(),
        val_acc,
        test_loss,
        test_acc: chooser.one("test accuracy", "", Kind::Accuracy, &[Some(Side::Test)]).ok().flatten(),
        rate: chooser.given("--lr", &columns.lr)?.or_else(|| chooser.first(Kind::Rate)),
        batch_loss: chooser.first(Kind::BatchLoss),
        gap: chooser.first(Kind::Gap),
        val_acc_is_unclear,
        val_is_test,
    })
}

impl Candidate {
    /// Greater for an earlier one of `sides`, then for a higher rank.
    fn preference(&self, sides: &[Option<Side>]) -> (Reverse<Option<usize>>, i8) {
        (Reverse(sides.iter().position(|side| *side == self.meaning.side)), self.meaning.rank)
    }
}

/// Chooses columns for figures.
struct Chooser<'a> {
    table: &'a Table,
    epochs: &'a [(u32, Stated)],
    candidates: Vec<Candidate>,
}

impl Chooser<'_> {
    /// The column that a flag names, where it is given.
    fn given(&self, flag: &str, name: &Option<String>) -> Result<Option<u32>> {
        name.as_ref().map(|name| self.table.named(flag, name)).transpose()
    }

    /// The column of a figure: of the first of `sides` that has one, the highest-ranking.
    fn one(&self, figure: &str, flag: &str, kind: Kind, sides: &[Option<Side>]) -> Result<Option<u32>> {
        let all = self.candidates_for(kind, sides);
        // A figure that far fewer epochs state than another is a summary, such as the mean over the whole training.
        let most = all.iter().map(|candidate| candidate.epochs).max().unwrap_or_default();
        let mut best: Vec<&Candidate> = Vec::new();
        for candidate in all.into_iter().filter(|candidate| most < 3 || 4 * candidate.epochs > most) {
            let order = match best.first() {
                Some(first) => candidate.preference(sides).cmp(&first.preference(sides)),
                None => Ordering::Greater,
            };
            match order {
                Ordering::Greater => best = vec![candidate],
                Ordering::Equal => best.push(candidate),
                Ordering::Less => {}
            }
        }
        let Some(first) = best.first() else { return Ok(None) };
        if best.iter().any(|candidate| !self.are_alike(first.column, candidate.column)) {
            let names: Vec<String> =
                best.iter().map(|candidate| format!("`{}`", self.name(candidate.column))).collect();
            bail!(
                "{} may each be the {figure}: say which with {flag} COLUMN. Its columns are {}",
                names.join(" and "),
                self.table.column_list()
            );
        }
        Ok(Some(first.column))
    }

    fn candidates_for(&self, kind: Kind, sides: &[Option<Side>]) -> Vec<&Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.meaning.kind == kind && sides.contains(&candidate.meaning.side))
            .collect()
    }

    /// The highest-ranking column of a kind; of equal ones, such as the rates of several parameter groups, the first.
    fn first(&self, kind: Kind) -> Option<u32> {
        let of_kind = self.candidates.iter().filter(|candidate| candidate.meaning.kind == kind);
        of_kind
            .max_by_key(|candidate| (candidate.meaning.rank, Reverse(candidate.column)))
            .map(|candidate| candidate.column)
    }

    /// The last column of a kind and of one of these sides: a trainer writes an epoch's figure after those of its batches.
    fn last(&self, kind: Kind, sides: &[Option<Side>]) -> Option<u32> {
        self.candidates_for(kind, sides).iter().map(|candidate| candidate.column).max()
    }

    /// Whether one epoch alone states a column, and several state the training loss.
    fn is_measured_once(&self, column: u32, train_loss: Option<u32>) -> bool {
        let count = |column| self.epochs.iter().filter(|(_, stated)| stated.contains_key(&column)).count();
        count(column) == 1 && train_loss.map_or(0, count) > 2
    }

    fn side(&self, column: u32) -> Option<Side> {
        recognise(self.name(column)).and_then(|meaning| meaning.side)
    }

    fn name(&self, column: u32) -> &str {
        &self.table.columns[column as usize]
    }

    /// Whether two columns state the same numbers wherever both state one.
    fn are_alike(&self, one: u32, other: u32) -> bool {
        self.epochs.iter().all(|(_, stated)| match (stated.get(&one), stated.get(&other)) {
            (Some(a), Some(b)) => a == b || a.is_nan() && b.is_nan(),
            _ => true,
        })
    }
}
