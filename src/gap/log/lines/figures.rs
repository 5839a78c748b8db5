//! Finds the figures in a line: names followed by numbers.

mod brackets;
mod known;
mod naming;

use anyhow::Result;

use super::{epoch, line::Figure, wording};
use crate::gap::log::{
    cell::Cell,
    names::{Kind, Side, label, side_of},
    table::Table,
    tokens::{Mark, Token, tokens},
};
pub use known::Known;

/// Most words of a name.
const LONGEST: usize = 8;

/// What applies to the figures of a line.
pub struct Setting<'a> {
    /// The epoch that the line names.
    pub epoch: Option<&'a epoch::Named>,
    /// The side of names without a side, until a label in the line names another.
    pub side: Option<Side>,
    /// How the log writes its numbers.
    pub mark: Mark,
}

/// Every figure of the line whose name is known, except the epoch.
pub fn find(line: &str, setting: &Setting, table: &mut Table, known: &mut Known) -> Result<Vec<Figure>> {
    let mut reader = Reader {
        table,
        known,
        found: Vec::new(),
        name: Vec::new(),
        side: setting.side,
        is_side_of_figure: false,
        bare: Vec::new(),
        variant: None,
        last: None,
        beside: None,
        is_past: false,
    };
    let Some(epoch) = setting.epoch else {
        reader.read(&tokens(line, setting.mark))?;
        return Ok(reader.found);
    };
    // `Epoch(val) [3]`
    let word = &line[epoch.place.clone()];
    let of_word = ["(train)", "(val)", "(test)"].iter().find(|side| word.contains(**side));
    reader.side = of_word.and_then(|side| label(side)).or(setting.side);
    reader.read(&tokens(&line[..epoch.place.start], setting.mark))?;
    if !reader.is_of_the_epoch() {
        // `TRAIN in epoch 3, loss = 0.5`
        if reader.name.last().is_some_and(|last| wording::leads_to_epoch(last)) {
            reader.name.pop();
        }
        reader.end_of_name();
    }
    // `[BEST] Epoch 3` is about epoch 3.
    reader.is_past = false;
    reader.read(&tokens(&line[epoch.place.end..], setting.mark))?;
    Ok(reader.found)
}

struct Reader<'a> {
    table: &'a mut Table,
    known: &'a mut Known,
    found: Vec<Figure>,
    /// The words since the last number or separator.
    name: Vec<&'a str>,
    /// The side of names without a side.
    side: Option<Side>,
    /// Whether that side is the one of the figure before, not of a label: `Val Loss: 0.4 | Acc: 0.9`.
    is_side_of_figure: bool,
    /// The columns of figures that took the side of the figure before, each with its name without a side.
    bare: Vec<(u32, String)>,
    /// The images or weights that the figures are about, where the line says so.
    variant: Option<String>,
    /// The kind of the last figure: in `LOSS train 0.3 valid 0.4` it applies to both sides.
    last: Option<Kind>,
    /// The accuracy whose number stands in a bracket behind that of the loss: `acc` in `loss (acc): 2.1 (0.31)`.
    beside: Option<&'a str>,
    /// Whether a label such as `Best:` says that the figures behind it are of an earlier epoch.
    is_past: bool,
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
                Token::Link => {
                    let is_label = matches!(tokens.get(at), Some(Token::Word(_)));
                    self.is_past |= is_label && wording::is_past(&self.name);
                    // `val_ema: loss 0.4 acc 0.9`
                    if is_label && let Some((side, weights)) = wording::side_of_weights(&self.name) {
                        self.set_side(side);
                        self.variant = weights;
                        self.name.clear();
                    }
                }
                Token::Open | Token::OpenSquare => at += self.bracket(&tokens[at..]),
                Token::Close | Token::Break | Token::Arrow | Token::Change => self.end_of_name(),
                Token::Value(value) => match &tokens[at..] {
                    // `3302 / 10000 (33.02%)` and `3302 of 10000 (33.02%)`
                    [
                        Token::Break | Token::Word("of"),
                        Token::Value(_),
                        Token::Open,
                        Token::Value(share @ Cell::Percent(_)),
                        Token::Close,
                        ..,
                    ] => {
                        self.figure(share.clone(), false)?;
                        at += 5;
                    }
                    // `0.9 --> 0.8`: the figure before, and the one now.
                    [Token::Arrow, Token::Value(now), ..] => {
                        self.figure(now.clone(), false)?;
                        at += 2;
                    }
                    // `loss (acc): 2.1 (0.31)`
                    [Token::Open, Token::Value(other), Token::Close, ..] if self.beside.is_some() => {
                        let beside = self.beside.take();
                        self.figure(value.clone(), false)?;
                        self.name.extend(beside);
                        self.figure(other.clone(), false)?;
                        at += 3;
                    }
                    // `0.5 (0.6)` or `0.5 (avg: 0.6)`: the value of a batch, and the running mean, which counts.
                    [Token::Open, rest @ ..] if running_mean(rest).is_some() => {
                        let (mean, length) = running_mean(rest).unwrap_or((value, 0));
                        self.figure(mean.clone(), true)?;
                        at += 1 + length;
                    }
                    _ => self.figure(value.clone(), false)?,
                },
            }
        }
        Ok(())
    }

    /// Whether the words before an epoch name the figure behind it: `Training loss for epoch 3: 0.5`. The name is kept then.
    fn is_of_the_epoch(&mut self) -> bool {
        if !self.name.last().is_some_and(|last| wording::leads_to_epoch(last)) {
            return false;
        }
        let word = self.name.pop();
        let is_named = self.names_figure();
        self.name.extend(word.filter(|_| !is_named));
        is_named
    }

    /// Whether the words so far name a loss or an accuracy.
    fn names_figure(&mut self) -> bool {
        let names = (0..self.name.len()).map(|from| self.name[from..].join(" "));
        let mut meanings = names.filter_map(|name| self.known.recognise(&name));
        meanings.next().is_some_and(|meaning| matches!(meaning.kind, Kind::Loss | Kind::Accuracy))
    }

    /// Ends a name at a separator: the words before it may have been a label.
    fn end_of_name(&mut self) {
        let name = self.name.join(" ");
        if let Some(side) = label(&name).or_else(|| side_of(&self.name.last()?.to_lowercase())) {
            self.set_side(side);
        } else if wording::names_other_weights(&name.to_lowercase()) {
            // `EMA model | val loss 0.4`
            self.variant = Some(name.to_lowercase());
        } else if let Some(meaning) = self.known.recognise(&name) {
            // `Loss - train: 0.3 val: 0.4`
            let is_figure = matches!(meaning.kind, Kind::Loss | Kind::Accuracy);
            self.last = if is_figure { Some(meaning.kind) } else { self.last };
        }
        self.is_past |= wording::is_past(&self.name);
        self.name.clear();
    }

    /// Sets the side of the names that follow. A set of images that was named for another side no longer applies.
    fn set_side(&mut self, side: Side) {
        let is_weights = self.variant.as_ref().is_some_and(|variant| wording::names_other_weights(variant));
        if self.side.is_some_and(|before| before != side) && !is_weights {
            self.variant = None;
        }
        self.side = Some(side);
        self.is_side_of_figure = false;
    }

    /// Adds a number that follows the words of `name`.
    fn figure(&mut self, value: Cell, is_running: bool) -> Result<()> {
        let mut words = std::mem::take(&mut self.name);
        self.beside = None;
        let named = words.iter().rposition(|word| !wording::is_copula(word)).map_or(0, |last| last + 1);
        // `train loss is 0.5` states a figure, `the loss is 0.5` is prose.
        if named == 1 || wording::has_side(&words[..named]) {
            words.truncate(named);
        }
        // In `train loss 0.4, val 91%` the share is no loss.
        let is_share = matches!(value, Cell::Percent(_)) && self.last == Some(Kind::Loss);
        if words.is_empty() || is_share && wording::bare_side(&words).is_some() {
            return Ok(());
        }
        let Some((name, before)) = self.full_name(&words) else {
            self.unknown(words, &value);
            return Ok(());
        };
        let plain = self.without_side(&words).filter(|plain| self.is_side_of_figure && *plain != name);
        if let Some(meaning) = self.known.recognise(&name) {
            if matches!(meaning.kind, Kind::Epoch | Kind::Mode | Kind::Key | Kind::Value | Kind::Run) {
                return Ok(());
            }
            if let Some(side) = meaning.side {
                self.set_side(side);
                self.is_side_of_figure = true;
            }
            // In `Loss: 1.8, Val: 0.5` the first name has no side, so the second figure may be anything.
            self.last = meaning.side.map(|_| meaning.kind);
        }
        if self.is_past {
            return Ok(());
        }
        if let Some(column) = self.table.column(&name)? {
            let variant = self.variant.clone();
            match plain {
                Some(plain) => self.bare.push((column, plain)),
                None => self.give_back(column)?,
            }
            self.found.retain(|other| (other.column, &other.variant, &other.before) != (column, &variant, &before));
            self.found.push(Figure { column, cell: value, is_running, variant, before });
        }
        Ok(())
    }

    /// Takes the side from the figure in `column` that had it from another figure alone, now that the line names the side's own:
    /// `Val Loss: 0.4 | Acc: 0.9 | Val Acc: 0.8`.
    fn give_back(&mut self, column: u32) -> Result<()> {
        let Some(at) = self.bare.iter().position(|(other, _)| *other == column) else { return Ok(()) };
        let (_, plain) = self.bare.swap_remove(at);
        let plain = self.table.column(&plain)?;
        if let Some(plain) = plain
            && !self.found.iter().any(|figure| figure.column == plain)
            && let Some(figure) = self.found.iter_mut().find(|figure| figure.column == column)
        {
            figure.column = plain;
        }
        Ok(())
    }

    /// Takes what a name that is not known says about the figures behind its number.
    fn unknown(&mut self, name: Vec<&'a str>, value: &Cell) {
        // In `loss: train 0.3, val 0.4 | F1: train 0.8, val 0.7` the last number is no loss.
        if wording::has_side(&name) {
            self.last = None;
        }
        // `Training: 45%|###  | loss=0.5`, Lightning's `Validation DataLoader 0: 45%|###  | loss=0.5`, and `valid took 4.2 sec | loss = 0.5`
        let of_bar = match name[..] {
            [side, "DataLoader" | "took" | "takes" | "time"] => label(side),
            _ => label(&name.join(" ")),
        };
        self.side = of_bar.or(self.side);
        // `class 0 val acc: 12`
        if matches!(value, Cell::Number(number) if number.fract() == 0.0)
            && name.last().is_some_and(|word| wording::names_part(word))
        {
            self.name = name;
        }
    }
}

/// The running mean in a bracket whose content begins with `tokens`, and the number of its tokens: `0.6)`, `avg: 0.6)`.
fn running_mean<'t>(tokens: &'t [Token]) -> Option<(&'t Cell, usize)> {
    match tokens {
        [Token::Value(mean @ Cell::Number(_)), Token::Close, ..] => Some((mean, 2)),
        [Token::Word(word), Token::Value(mean), Token::Close, ..] if wording::is_mean(word) => Some((mean, 3)),
        [Token::Word(word), Token::Link, Token::Value(mean), Token::Close, ..] if wording::is_mean(word) => {
            Some((mean, 4))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
