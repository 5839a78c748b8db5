//! Which column is which figure.

use anyhow::{Result, bail};

use super::{
    Columns,
    epochs::Stated,
    names::{Kind, Meaning, Side, recognise, words},
    table::Table,
};

/// Columns by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    /// The training loss.
    pub train_loss: Option<u32>,
    /// The val loss, or a test loss where there is no other.
    pub val_loss: Option<u32>,
    /// Training accuracy.
    pub train_acc: Option<u32>,
    /// Val accuracy.
    pub val_acc: Option<u32>,
    /// A test loss beside the val loss.
    pub test_loss: Option<u32>,
    /// A test accuracy beside the val accuracy.
    pub test_acc: Option<u32>,
    /// The learning rate.
    pub rate: Option<u32>,
    /// The running mean of the objective.
    pub batch_loss: Option<u32>,
    /// The gap.
    pub gap: Option<u32>,
    /// Whether other columns may be the val accuracy too.
    pub val_acc_is_unclear: bool,
    /// Whether a test loss is taken for val's.
    pub val_is_test: bool,
}

/// What a column may be.
struct Candidate {
    column: u32,
    meaning: Meaning,
    /// Epochs that state it.
    epochs: usize,
}

/// The columns of the figures in these epochs.
///
/// # Errors
/// A column that was named is not there, or several columns may be one figure.
pub fn choose(table: &Table, epochs: &[(u32, Stated)], columns: &Columns) -> Result<Fields> {
    let candidates: Vec<Candidate> = (0..)
        .zip(&table.columns)
        .filter_map(|(column, name)| {
            let meaning = recognise(name)?;
            let epochs = epochs.iter().filter(|(_, stated)| stated.contains_key(&column)).count();
            (epochs > 0).then_some(Candidate { column, meaning, epochs })
        })
        .collect();
    let chooser = Chooser { table, epochs, candidates };
    let given = |flag: &str, name: &Option<String>| name.as_ref().map(|name| named(table, flag, name)).transpose();

    let train_loss = match given("--train-loss", &columns.train_loss)? {
        Some(column) => Some(column),
        None => chooser.one("training loss", "--train-loss", Kind::Loss, &[Some(Side::Train), None])?,
    };
    let is_bare = train_loss.is_some_and(|column| chooser.side(column).is_none());
    let val_loss = match given("--val-loss", &columns.val_loss)? {
        Some(column) => Some(column),
        None => chooser.one("validation loss", "--val-loss", Kind::Loss, &[Some(Side::Val)])?,
    };
    let test_loss = chooser.one("test loss", "--val-loss", Kind::Loss, &[Some(Side::Test)]);
    let val_is_test = val_loss.is_none();
    let (val_loss, test_loss) = if val_is_test { (test_loss?, None) } else { (val_loss, test_loss.ok().flatten()) };
    // `accuracy` is training's for Keras, whose training loss is `loss`, and val's for fastai, whose losses are named.
    let judged = if val_is_test { Side::Test } else { Side::Val };
    let (for_train, for_val): (&[_], &[_]) = match is_bare {
        true => (&[Some(Side::Train), None], &[Some(judged)]),
        false => (&[Some(Side::Train)], &[Some(judged), None]),
    };
    if let (Some(train), Some(val)) = (train_loss, val_loss)
        && train == val
    {
        bail!(
            "`{}` cannot be both the training and the validation loss: --train-loss COLUMN and --val-loss COLUMN say which \
             is which. Its columns are {}",
            chooser.name(train),
            seen(table)
        );
    }
    // An accuracy that is unclear stops nothing: the loss is what is judged.
    let (val_acc, val_acc_is_unclear) = match given("--val-acc", &columns.val_acc)? {
        Some(column) => (Some(column), false),
        None => match chooser.one("validation accuracy", "--val-acc", Kind::Accuracy, for_val) {
            Ok(column) => (column, false),
            Err(_) => (chooser.last(Kind::Accuracy, for_val), true),
        },
    };
    let rate = match given("--lr", &columns.lr)? {
        Some(column) => Some(column),
        None => chooser.first(Kind::Rate),
    };
    Ok(Fields {
        train_loss,
        val_loss,
        train_acc: chooser.one("training accuracy", "", Kind::Accuracy, for_train).ok().flatten(),
        val_acc,
        test_loss,
        test_acc: match val_is_test {
            true => None,
            false => chooser.one("test accuracy", "", Kind::Accuracy, &[Some(Side::Test)]).ok().flatten(),
        },
        rate,
        batch_loss: chooser.first(Kind::BatchLoss),
        gap: chooser.first(Kind::Gap),
        val_acc_is_unclear,
        val_is_test,
    })
}

struct Chooser<'a> {
    table: &'a Table,
    epochs: &'a [(u32, Stated)],
    candidates: Vec<Candidate>,
}

impl Chooser<'_> {
    /// The column of a figure; of several sides the first that has one.
    fn one(&self, figure: &str, flag: &str, kind: Kind, sides: &[Option<Side>]) -> Result<Option<u32>> {
        let of_figure =
            |candidate: &&Candidate| candidate.meaning.kind == kind && sides.contains(&candidate.meaning.side);
        let all: Vec<&Candidate> = self.candidates.iter().filter(of_figure).collect();
        // A figure that far fewer epochs state than another is a summary: the mean over all of training, say.
        let most = all.iter().map(|candidate| candidate.epochs).max().unwrap_or_default();
        let usual = all.into_iter().filter(|candidate| most < 3 || 4 * candidate.epochs > most);
        let place = |candidate: &Candidate| sides.iter().position(|side| *side == candidate.meaning.side);
        let key = |candidate: &&Candidate| (std::cmp::Reverse(place(candidate)), candidate.meaning.rank);
        let usual: Vec<&Candidate> = usual.collect();
        let Some(best) = usual.iter().map(key).max() else { return Ok(None) };
        let equal: Vec<&Candidate> = usual.into_iter().filter(|candidate| key(candidate) == best).collect();
        let differs = |candidate: &&&Candidate| !self.are_alike(equal[0].column, candidate.column);
        if equal.iter().any(|candidate| differs(&candidate)) {
            let names: Vec<String> =
                equal.iter().map(|candidate| format!("`{}`", self.name(candidate.column))).collect();
            bail!(
                "{} may each be the {figure}: say which with {flag} COLUMN. Its columns are {}",
                names.join(" and "),
                seen(self.table)
            );
        }
        Ok(Some(equal[0].column))
    }

    /// The highest-ranking column of a kind; of several groups' rates the first.
    fn first(&self, kind: Kind) -> Option<u32> {
        let of_kind = self.candidates.iter().filter(|candidate| candidate.meaning.kind == kind);
        of_kind
            .max_by_key(|candidate| (candidate.meaning.rank, std::cmp::Reverse(candidate.column)))
            .map(|candidate| candidate.column)
    }

    /// The last column of a kind and one of these sides: a trainer sums up behind its batches.
    fn last(&self, kind: Kind, sides: &[Option<Side>]) -> Option<u32> {
        let is_one = |candidate: &&Candidate| candidate.meaning.kind == kind && sides.contains(&candidate.meaning.side);
        self.candidates.iter().filter(is_one).map(|candidate| candidate.column).max()
    }

    fn side(&self, column: u32) -> Option<Side> {
        recognise(self.name(column)).and_then(|meaning| meaning.side)
    }

    fn name(&self, column: u32) -> &str {
        &self.table.columns[column as usize]
    }

    /// Whether two columns state the same numbers wherever both state one.
    fn are_alike(&self, one: u32, other: u32) -> bool {
        let pairs = self.epochs.iter().filter_map(|(_, stated)| Some((*stated.get(&one)?, *stated.get(&other)?)));
        one == other || pairs.into_iter().all(|(a, b)| a == b || a.is_nan() && b.is_nan())
    }
}

/// The column that a flag names, by its exact name or by its words.
///
/// # Errors
/// It is not there; the message lists those that are.
pub fn named(table: &Table, flag: &str, name: &str) -> Result<u32> {
    let exact = table.columns.iter().position(|column| column == name);
    let alike = || table.columns.iter().position(|column| words(column) == words(name));
    match exact.or_else(alike) {
        Some(column) => Ok(column as u32),
        None => bail!("{flag} {name}: its columns are {}", seen(table)),
    }
}

/// The columns that were seen, for a message.
pub fn seen(table: &Table) -> String {
    if table.seen.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = table.seen.iter().take(40).map(|name| format!("`{name}`")).collect();
    let more = if table.seen.len() > 40 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
