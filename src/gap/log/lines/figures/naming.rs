//! The names of figures: which words before a number name it, and the side that it takes from the line.

use super::{super::wording, Reader};
use crate::gap::log::names::{Kind, Meaning};

impl Reader<'_> {
    /// The name of a loss or an accuracy that names no side.
    pub(super) fn without_side(&mut self, words: &[&str]) -> Option<String> {
        for from in 0..words.len() {
            let name = words[from..].join(" ");
            let Some(meaning) = self.known.recognise(&name) else { continue };
            let is_figure = matches!(meaning.kind, Kind::Loss | Kind::Accuracy);
            return (is_figure && meaning.side.is_none()).then(|| wording::canonical(&name));
        }
        None
    }

    /// The name with the side that applies to it, and words before it that may make it another figure; None where it is not
    /// known.
    pub(super) fn full_name(&mut self, words: &[&str]) -> Option<(String, Option<String>)> {
        let whole = words.join(" ");
        if self.table.is_wanted(&whole) && self.known.recognise(&whole).is_none() {
            return Some((whole, None));
        }
        for from in 0..words.len() {
            let name = words[from..].join(" ");
            let Some(meaning) = self.known.recognise(&name) else { continue };
            // In `9 img/s val.acc: 0.5` the name does not begin with the unit.
            let is_unit = words[from].contains('/') && !wording::has_side(&words[from..=from]);
            if is_unit && self.known.recognise(&words[from + 1..].join(" ")).is_some() {
                continue;
            }
            let before = &words[..from];
            if wording::is_summary(before) {
                return None;
            }
            if !matches!(meaning.kind, Kind::Loss | Kind::Accuracy) {
                return Some((wording::canonical(&name), None));
            }
            if meaning.side.is_some() {
                return Some(match wording::on_train_images(before, &name) {
                    Some(trains) => (trains, Some("eval".to_owned())),
                    None => (wording::canonical(&name), wording::qualifier(before)),
                });
            }
            return wording::is_silent(before).then(|| (self.sided(&name), None));
        }
        self.of_bare_side(words).map(|name| (name, None))
    }

    /// The name of a figure that is named by its side alone: `valid 0.4` after `LOSS train 0.3`.
    fn of_bare_side(&mut self, words: &[&str]) -> Option<String> {
        let name = match (wording::bare_side(words)?, self.last?) {
            (side, Kind::Loss) => format!("{}_loss", side.word()),
            (side, Kind::Accuracy) => format!("{}_acc", side.word()),
            _ => return None,
        };
        // A second number of a side is another figure, such as a time.
        let meaning = self.known.recognise(&name);
        (!self.states(meaning)).then_some(name)
    }

    /// Whether the line has stated a figure of this side and kind.
    fn states(&mut self, meaning: Option<Meaning>) -> bool {
        let Some(meaning) = meaning else { return false };
        let (table, known) = (&self.table, &mut self.known);
        self.found.iter().any(|figure| {
            let stated = known.recognise(&table.columns[figure.column as usize]);
            stated.is_some_and(|stated| (stated.side, stated.kind) == (meaning.side, meaning.kind))
        })
    }

    /// The name with the current side, where that side has not stated this figure yet.
    fn sided(&self, name: &str) -> String {
        let Some(side) = self.side else { return wording::canonical(name) };
        let sided = wording::canonical(&format!("{} {name}", side.word()));
        // In `val_loss: 0.6 loss: 0.5` the second loss is not val's.
        let is_stated = self
            .found
            .iter()
            .any(|other| self.table.columns[other.column as usize] == sided && other.variant == self.variant);
        if is_stated { wording::canonical(name) } else { sided }
    }
}
