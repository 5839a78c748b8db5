//! The epoch that a line names: `Epoch: 20/50..`, `Epoch 20`, `epoch [20/50]`, `'epoch': 1.5`, `Epoch(train) [3]`.

use std::ops::Range;

/// An epoch in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its number; Hugging Face counts in fractions.
    pub number: f64,
    /// How many there are to be.
    pub planned: Option<u32>,
    /// Where in the line it stands.
    pub place: Range<usize>,
    /// Whether the line looks back at it: `Best epoch: 12`.
    pub is_of_another: bool,
}

/// Words before an epoch that make it another one than the line's.
const LOOKING_BACK: [&str; 9] =
    ["best", "stopped", "stopping", "restor", "load", "resum", "checkpoint from", "lowest", "total"];

/// The first epoch that `line` names.
pub fn find(line: &str) -> Option<Named> {
    let small = line.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = small[from..].find("epoch").map(|at| from + at) {
        if let Some(named) = at_word(&small, at) {
            return Some(named);
        }
        from = at + "epoch".len();
    }
    timms(line)
}

/// timm's `Train: 3 [  50/1251 (  4%)]`.
fn timms(line: &str) -> Option<Named> {
    let at = line.find("Train: ")?;
    let (number, rest) = number(&line[at + "Train: ".len()..])?;
    let place = at + "Train: ".len()..line.len() - rest.len();
    rest.starts_with(" [").then_some(Named { number, planned: None, place, is_of_another: false })
}

/// The fold that `line` names: `Fold 2/5`.
pub fn fold(line: &str) -> Option<u32> {
    let small = line.to_ascii_lowercase();
    let at = small.find("fold")?;
    let is_begun = small[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let rest = small[at + "fold".len()..].trim_start_matches([':', ' ', '=', '[', '#', '_', '-']);
    let (number, _) = number(rest).filter(|_| is_begun)?;
    Some(number as u32)
}

/// The epoch whose word begins at `at`.
fn at_word(line: &str, at: usize) -> Option<Named> {
    let before = &line[..at];
    // `max_epoch=50` and `runs/epoch=3.ckpt` name none.
    let is_begun = before.chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || "_/.-".contains(c)));
    if !(is_begun || before.ends_with("train_") || before.ends_with("val_")) {
        return None;
    }
    let word = at + "epoch".len();
    let mut rest = line[word..].strip_prefix('s').unwrap_or(&line[word..]);
    for side in ["(train)", "(val)", "(test)"] {
        rest = rest.strip_prefix(side).unwrap_or(rest);
    }
    let rest = rest.trim_start_matches([':', ' ', '=', '[', '(', '#', '\t', '"', '\'', '|', '-']);
    let (number, rest) = number(rest)?;
    let after = rest.trim_start();
    let planned = after
        .strip_prefix('/')
        .or_else(|| after.strip_prefix("of "))
        .or_else(|| after.strip_prefix("out of "))
        .and_then(|after| self::number(after.trim_start()));
    let (planned, rest) = match planned {
        Some((planned, rest)) => (Some(planned as u32), rest),
        None => (None, rest),
    };
    // `epochs: 50` is a setting, unless more follows.
    if line[word..].starts_with('s') && planned.is_none() && rest.trim().is_empty() {
        return None;
    }
    let place = at..line.len() - rest.len();
    let is_of_another = LOOKING_BACK.iter().any(|word| before.contains(word));
    Some(Named { number, planned, place, is_of_another })
}

/// A number at the start of a text that is no part of a name.
fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut end = digits(text);
    if end == 0 || end > 9 {
        return None;
    }
    if let Some(fraction) = text[end..].strip_prefix('.') {
        let more = digits(fraction);
        end += if more > 0 { more + 1 } else { 0 };
    }
    let rest = &text[end..];
    let is_over = !rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_over.then_some(())?;
    Some((text[..end].parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_in_the_ways_in_which_they_are_named() {
        for (line, number, planned) in [
            ("Epoch: 20/50..  Training Loss: 1.4", 20.0, Some(50)),
            ("2025-01-01 - INFO - Epoch [3/12], Train Loss", 3.0, Some(12)),
            ("epoch 7 of 9", 7.0, Some(9)),
            ("{'loss': 0.5, 'epoch': 1.25}", 1.25, None),
            ("Epoch(train)  [1][100/1000] loss: 1", 1.0, None),
            ("Epoch: 003, Loss", 3.0, None),
            ("Train Epoch: 5 [0/60000 (0%)]", 5.0, None),
            ("EPOCH 12:", 12.0, None),
        ] {
            let named = find(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((named.number, named.planned, named.is_of_another), (number, planned, false), "{line}");
        }
    }

    #[test]
    fn folds_are_named_beside_epochs() {
        assert_eq!(
            [fold("===== Fold 2/5 ====="), fold("[fold_3] Epoch 1"), fold("10 folds"), fold("unfold 3")],
            [Some(2), Some(3), None, None]
        );
    }

    #[test]
    fn settings_paths_and_looks_back_name_none() {
        for line in [
            "num_epochs: 50",
            "epochs: 50",
            "saved runs/epoch=3.ckpt",
            "an epoch of 5 minutes",
            "max_epoch=4",
            "per epoch",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
        assert!(find("Best epoch: 12, val_loss 0.3").unwrap().is_of_another);
        assert!(find("Restoring weights from epoch 4").unwrap().is_of_another);
    }
}
