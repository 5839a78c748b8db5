//! Finds the figures in a line: names followed by numbers.

use std::collections::HashMap;

use anyhow::Result;

use super::epoch;
use crate::gap::log::{
    cell::Cell,
    names::{Kind, Meaning, Side, label, recognise, side_of, words},
    table::Table,
    tokens::{Token, tokens},
};

/// Words that may precede a name without a side.
const BEFORE: [&str; 8] = ["info", "debug", "root", "running", "step", "batch", "results", "final"];

/// Number of names whose meaning is remembered.
const MOST_KNOWN: usize = 10_000;

/// Most words of a name.
const LONGEST: usize = 8;

/// A stated figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The number of its column.
    pub column: u32,
    /// Its value.
    pub cell: Cell,
    /// Whether it is a running mean: `0.5 (0.6)`.
    pub is_running: bool,
    /// The images or weights that brackets after the side name: `ood` in `val (ood) loss`, `ema` in `Test (EMA)`.
    pub variant: Option<String>,
}

/// A line with figures.
pub struct Line {
    /// The epoch, its own or that of a line above.
    pub epoch: Option<f64>,
    /// Whether the line itself names the epoch.
    pub is_own: bool,
    /// Whether it is the first line with figures since an epoch was named.
    pub begins: bool,
    pub is_of_a_batch: bool,
    /// The fold that was named last, and the run that the epoch's line names.
    pub run: Option<String>,
    pub figures: Vec<Figure>,
}

/// Names of averaged or other weights, kept in addition to the raw ones.
pub const OTHER_WEIGHTS: [&str; 6] = ["ema", "swa", "teacher", "model ema", "averaged", "ema model"];

/// Words in brackets after a side that name neither images nor weights.
const NO_VARIANT: [&str; 12] =
    ["loss", "acc", "accuracy", "nats", "bits", "ce", "student", "epoch", "model", "full", "all", "s"];

/// Every figure of the line whose name is known, except the epoch.
///
/// `side` applies to names without a side, until a label in the line names another.
pub fn find(
    line: &str,
    epoch: Option<&epoch::Named>,
    side: Option<Side>,
    table: &mut Table,
    known: &mut Known,
) -> Result<Vec<Figure>> {
    let mut reader = Reader { table, known, found: Vec::new(), name: Vec::new(), side, variant: None, last: None };
    let Some(epoch) = epoch else {
        reader.read(&tokens(line))?;
        return Ok(reader.found);
    };
    // `Epoch(val) [3]`
    let word = &line[epoch.place.clone()];
    let of_word = ["(train)", "(val)", "(test)"].iter().find(|side| word.contains(**side));
    reader.side = of_word.and_then(|side| label(side)).or(side);
    reader.read(&tokens(&line[..epoch.place.start]))?;
    reader.end_of_name();
    reader.read(&tokens(&line[epoch.place.end..]))?;
    Ok(reader.found)
}

/// Meanings of names that were looked up before: a progress bar that is redrawn a million times names the same figures each
/// time.
#[derive(Default)]
pub struct Known(HashMap<String, Option<Meaning>>);

impl Known {
    fn recognise(&mut self, name: &str) -> Option<Meaning> {
        if let Some(meaning) = self.0.get(name) {
            return *meaning;
        }
        let meaning = recognise(name);
        if self.0.len() < MOST_KNOWN {
            self.0.insert(name.to_owned(), meaning);
        }
        meaning
    }
}

struct Reader<'a> {
    table: &'a mut Table,
    known: &'a mut Known,
    found: Vec<Figure>,
    /// The words since the last number or separator.
    name: Vec<&'a str>,
    /// The side of names without a side.
    side: Option<Side>,
    /// The images or weights that the figures are about, where the line says so.
    variant: Option<String>,
    /// The kind of the last figure: in `LOSS train 0.3 valid 0.4` it applies to both sides.
    last: Option<Kind>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, tokens: &[Token<'a>]) -> Result<()> {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Word(word) => {
                    if self.name.len() == LONGEST {
                        self.name.remove(0);
                    }
                    self.name.push(word);
                }
                // The figures of a label come after its colon, so the name is kept.
                Token::Link => {}
                Token::Open => {
                    self.variant_in(&tokens[at..]);
                    self.end_of_name();
                }
                Token::Close | Token::Break => self.end_of_name(),
                Token::Value(value) => {
                    // `0.5 (0.6)`: the value of a batch, and the running mean, which counts.
                    if let [Token::Open, Token::Value(mean @ Cell::Number(_)), Token::Close, ..] = &tokens[at..] {
                        self.figure(mean.clone(), true)?;
                        at += 3;
                    } else {
                        self.figure(value.clone(), false)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads the variant in brackets whose content begins with `tokens`: `(EMA)`, or after a side `(ood)`.
    fn variant_in(&mut self, tokens: &[Token]) {
        let length = tokens.iter().take_while(|token| matches!(token, Token::Word(_))).count();
        if !(1..=2).contains(&length) || tokens.get(length) != Some(&Token::Close) {
            return;
        }
        let mut inside = Vec::new();
        for token in &tokens[..length] {
            if let Token::Word(word) = token {
                inside.extend(words(word));
            }
        }
        let inside = inside.join(" ");
        if inside == "student" {
            self.variant = None;
        } else if OTHER_WEIGHTS.contains(&inside.as_str()) || self.names_other_images(&inside) {
            self.variant = Some(inside);
        }
    }

    /// Whether words in brackets after a side name a set of images.
    fn names_other_images(&self, inside: &str) -> bool {
        label(&self.name.join(" ")).is_some()
            && label(inside).is_none()
            && !is_filler(inside)
            && !NO_VARIANT.contains(&inside)
            && recognise(inside).is_none()
    }

    /// Ends a name at a separator: the words before it may have been a label.
    fn end_of_name(&mut self) {
        if let Some(side) = label(&self.name.join(" ")).or_else(|| side_of(&self.name.last()?.to_lowercase())) {
            self.set_side(side);
        }
        self.name.clear();
    }

    /// Sets the side of the names that follow. A set of images that was named for another side no longer applies.
    fn set_side(&mut self, side: Side) {
        let is_weights = self.variant.as_ref().is_some_and(|variant| OTHER_WEIGHTS.contains(&variant.as_str()));
        if self.side.is_some_and(|before| before != side) && !is_weights {
            self.variant = None;
        }
        self.side = Some(side);
    }

    /// Adds a number that follows the words of `name`.
    fn figure(&mut self, value: Cell, is_running: bool) -> Result<()> {
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return Ok(());
        }
        let Some(name) = self.full_name(&name) else {
            // `Training: 45%|###  | loss=0.5`
            self.side = label(&name.join(" ")).or(self.side);
            return Ok(());
        };
        if let Some(meaning) = self.known.recognise(&name) {
            if matches!(meaning.kind, Kind::Epoch | Kind::Mode | Kind::Key | Kind::Value | Kind::Run) {
                return Ok(());
            }
            if let Some(side) = meaning.side {
                self.set_side(side);
            }
            // In `Loss: 1.8, Val: 0.5` the first name has no side, so the second figure may be anything.
            self.last = meaning.side.map(|_| meaning.kind);
        }
        if let Some(column) = self.table.column(&name)? {
            let variant = self.variant.clone();
            self.found.retain(|other| other.column != column || other.variant != variant);
            self.found.push(Figure { column, cell: value, is_running, variant });
        }
        Ok(())
    }

    /// The name with the side that applies to it; None where it is not known.
    fn full_name(&mut self, words: &[&str]) -> Option<String> {
        let whole = words.join(" ");
        if self.table.is_wanted(&whole) && self.known.recognise(&whole).is_none() {
            return Some(whole);
        }
        for from in 0..words.len() {
            let name = words[from..].join(" ");
            let Some(meaning) = self.known.recognise(&name) else { continue };
            let before = &words[..from];
            if is_summary(before) {
                return None;
            }
            let has_side = meaning.side.is_some() || !matches!(meaning.kind, Kind::Loss | Kind::Accuracy);
            if has_side {
                return Some(canonical(&name));
            }
            // Unknown words before the name make it another figure.
            let are_droppable = before.iter().all(|word| BEFORE.contains(&word.to_lowercase().as_str()));
            return are_droppable.then(|| self.sided(&name));
        }
        // `valid 0.4` after `LOSS train 0.3`.
        let side = label(&whole)?;
        match self.last? {
            Kind::Loss => Some(format!("{}_loss", side.word())),
            Kind::Accuracy => Some(format!("{}_acc", side.word())),
            _ => None,
        }
    }

    /// The name with the current side, where that side has not stated this figure yet.
    fn sided(&self, name: &str) -> String {
        let Some(side) = self.side else { return canonical(name) };
        let sided = canonical(&format!("{} {name}", side.word()));
        // In `val_loss: 0.6 loss: 0.5` the second loss is not val's.
        let is_stated = self
            .found
            .iter()
            .any(|other| self.table.columns[other.column as usize] == sided && other.variant == self.variant);
        if is_stated { canonical(name) } else { sided }
    }
}

/// Whether words add nothing to a label: `avg`.
fn is_filler(inside: &str) -> bool {
    label(&format!("val {inside}")).is_some()
}

/// Whether words before a name make it a summary over epochs: `best val loss`.
fn is_summary(words: &[&str]) -> bool {
    words.iter().any(|word| {
        ["best", "lowest", "highest", "min", "max", "minimum", "maximum", "previous"]
            .contains(&word.to_lowercase().as_str())
    })
}

/// One spelling for names that differ in punctuation and capitals alone.
fn canonical(name: &str) -> String {
    crate::gap::log::names::words(name).join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<(String, f64)> {
        let mut table = Table::new(&[]);
        let found = find(line, epoch::find(line).as_ref(), None, &mut table, &mut Known::default()).unwrap();
        let pair = |figure: Figure| (table.columns[figure.column as usize].clone(), figure.cell.number().unwrap());
        found.into_iter().map(pair).collect()
    }

    fn pairs(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn a_side_holds_for_the_names_behind_it() {
        let both = pairs(&[("train_loss", 0.5), ("train_acc", 0.8), ("val_loss", 0.7), ("val_acc", 0.6)]);
        for line in [
            "Epoch 3 | Train Loss: 0.5 | Acc: 0.8 | Val Loss: 0.7 | Acc: 0.8",
            "Epoch 3 - Train: loss 0.5, acc 0.8; Val: loss 0.7, acc 0.6",
            "[Train] Loss: 0.5 Acc: 0.8 [Val] Loss: 0.7 Acc: 0.6",
        ] {
            let names: Vec<String> = of(line).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, both.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), "{line}");
        }
        assert_eq!(of("val Loss: 0.7 Acc: 0.6"), both[2..]);
        assert_eq!(of("LOSS train 0.5 valid 0.7"), pairs(&[("loss_train", 0.5), ("val_loss", 0.7)]));
        assert_eq!(of("val_loss=0.7, loss=0.5"), pairs(&[("val_loss", 0.7), ("loss", 0.5)]));
    }

    #[test]
    fn prose_summaries_and_other_losses_are_none() {
        for line in [
            "While loss: high, it was fine",
            "the loss is 0.743",
            "best val loss: 0.3",
            "regularization loss: 0.1",
            "val_loss improved from 0.9 to 0.8",
            "Best val Acc: 0.95",
            "10/10 - 12ms/step",
        ] {
            assert_eq!(of(line), [], "{line}");
        }
    }

    #[test]
    fn means_fractions_and_log_levels() {
        assert_eq!(of("Epoch: [0][10/50]\tLoss 6.9 (6.5)\tAcc@1 1.5 (2.5)"), pairs(&[("loss", 6.5), ("acc@1", 2.5)]));
        assert_eq!(
            of("Test set: Average loss: 0.05, Accuracy: 98/100 (98%)"),
            pairs(&[("test_set_average_loss", 0.05), ("test_accuracy", 98.0)])
        );
        assert_eq!(of("INFO Training loss 0.5"), pairs(&[("training_loss", 0.5)]));
    }
}
