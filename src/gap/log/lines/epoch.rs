//! Finds the epoch that a line names: `Epoch: 20/50..`, `Epoch 20`, `epoch [20/50]`, `'epoch': 1.5`, `Epoch(train) [3]`.

use std::ops::Range;

/// An epoch in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its number, which may be a fraction (Hugging Face).
    pub number: f64,
    /// The bytes of the line that name it.
    pub place: Range<usize>,
    /// Whether the line looks back at another epoch: `Best epoch: 12`.
    pub is_of_another: bool,
}

/// Words before an epoch that say that the line is not about this epoch.
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
    timms(line).or_else(|| swins(&small)).or_else(|| tutorials(&small))
}

/// Swin's `Train: [3/300][50/1251]`: epochs before batches.
fn swins(line: &str) -> Option<Named> {
    let at =
        ["train: [", "val: [", "valid: [", "test: ["].iter().find_map(|label| Some(line.find(label)? + label.len()))?;
    let (number, rest) = number(line[at..].trim_start())?;
    let rest = match rest.strip_prefix('/') {
        Some(total) => self::number(total)?.1,
        None => rest,
    };
    let is_before_batches = rest.trim_start_matches(']').trim_start().starts_with('[') && rest.starts_with(']');
    let place = at..line.len() - rest.len();
    is_before_batches.then_some(Named { number, place, is_of_another: false })
}

/// PyTorch's tutorial: `[3,  2000] loss: 1.2`, epoch and batch.
fn tutorials(line: &str) -> Option<Named> {
    let begin = line.len() - line.trim_start().len() + 1;
    let (number, rest) = number(line.trim_start().strip_prefix('[')?)?;
    let (_, after) = self::number(rest.strip_prefix(',')?.trim_start())?;
    let place = begin..line.len() - rest.len();
    (after.starts_with(']') && after.contains("loss")).then_some(Named { number, place, is_of_another: false })
}

/// Whether a line is about one batch of the epoch that it names at `epoch`: `[128/50000]`, `Step [10/40]`, `batch 7`.
pub fn is_of_a_batch(line: &str, epoch: Option<&Named>) -> bool {
    let rest = epoch.map_or(line, |epoch| &line[epoch.place.end..]).to_ascii_lowercase();
    if rest.starts_with(',') && tutorials(&line.to_ascii_lowercase()).is_some() {
        return true;
    }
    let is_bracketed = rest.match_indices('[').any(|(at, _)| is_position(&rest[at + 1..]));
    let is_counted = ["step", "batch", "iter", "iteration"].iter().any(|word| {
        rest.match_indices(word).any(|(at, _)| {
            let is_begun = rest[..at].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
            let after = rest[at + word.len()..].trim_start_matches([':', ' ', '=', '[', '#']);
            is_begun && number(after).is_some_and(|(_, rest)| !rest.starts_with(':'))
        })
    });
    is_bracketed || is_counted
}

/// Whether a text begins with a number and a total: `128/50000]`.
fn is_position(text: &str) -> bool {
    let Some((_, rest)) = number(text.trim_start()) else { return false };
    let total = rest.trim_start().strip_prefix('/').and_then(|total| number(total.trim_start()));
    total.is_some_and(|(_, end)| end.starts_with([']', ' ', ')']))
}

/// Words that Keras' callbacks print after an epoch.
const CALLBACKS: [&str; 6] = [
    "early stopping",
    "did not improve",
    "improved from",
    "saving model",
    "reducelronplateau",
    "learningratescheduler",
];

/// Whether a line reports what a callback did.
pub fn is_of_a_callback(line: &str, epoch: &Named) -> bool {
    let after = line[epoch.place.end..].to_ascii_lowercase();
    after.starts_with(':') && CALLBACKS.iter().any(|words| after.contains(words))
}

/// The run that the line of an epoch names: `[seed 0] Epoch 1/12`.
pub fn run(line: &str) -> Option<String> {
    let small = line.to_ascii_lowercase();
    ["seed", "trial", "run", "client", "task"].iter().find_map(|word| {
        small.match_indices(word).find_map(|(at, _)| {
            let is_begun = small[..at].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || "_/.-".contains(c)));
            let rest = small[at + word.len()..].trim_start_matches([':', ' ', '=', '#', '_', '-']);
            let (number, _) = number(rest).filter(|_| is_begun)?;
            Some(format!("{word} {number}"))
        })
    })
}

/// timm's `Train: 3 [  50/1251 (  4%)]`.
fn timms(line: &str) -> Option<Named> {
    let at = line.find("Train: ")?;
    let (number, rest) = number(&line[at + "Train: ".len()..])?;
    let place = at + "Train: ".len()..line.len() - rest.len();
    rest.starts_with(" [").then_some(Named { number, place, is_of_another: false })
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
    // `max_epoch=50` and `runs/epoch=3.ckpt` do not name the current epoch.
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
    let total = after
        .strip_prefix('/')
        .or_else(|| after.strip_prefix("of "))
        .or_else(|| after.strip_prefix("out of "))
        .and_then(|after| self::number(after.trim_start()));
    // `epochs: 50` is a setting, unless more follows.
    if line[word..].starts_with('s') && total.is_none() && rest.trim().is_empty() {
        return None;
    }
    let rest = total.map_or(rest, |(_, rest)| rest);
    let place = at..line.len() - rest.len();
    let is_of_another = LOOKING_BACK.iter().any(|word| before.contains(word));
    Some(Named { number, place, is_of_another })
}

/// The number at the start of a text, where it is not part of a name.
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
        for (line, number) in [
            ("Epoch: 20/50..  Training Loss: 1.4", 20.0),
            ("2025-01-01 - INFO - Epoch [3/12], Train Loss", 3.0),
            ("epoch 7 of 9", 7.0),
            ("{'loss': 0.5, 'epoch': 1.25}", 1.25),
            ("Epoch(train)  [1][100/1000] loss: 1", 1.0),
            ("Epoch: 003, Loss", 3.0),
            ("Train Epoch: 5 [0/60000 (0%)]", 5.0),
            ("EPOCH 12:", 12.0),
            ("INFO Train: [3/300][50/1251]\teta 0:01 loss 0.5 (0.6)", 3.0),
            ("[2,  2000] loss: 1.3", 2.0),
        ] {
            assert_eq!(find(line).map(|named| (named.number, named.is_of_another)), Some((number, false)), "{line}");
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
    fn batches_are_told_from_epochs() {
        let is_of_a_batch = |line: &str| super::is_of_a_batch(line, find(line).as_ref());
        for line in [
            "Training Epoch: 1 [128/5120]\tLoss: 2.3",
            "Epoch [1/12], Step [7/40], Loss: 2.3",
            "Epoch(train)  [2][ 38/40]  loss: 1.3",
            "Train Epoch: 5 [0/60000 (0%)]\tLoss: 1",
            "loss: 2.10  [   64/60000]",
            "Epoch 0 batch 50/101 loss 1.6",
            "[1,     7] loss: 1.693",
        ] {
            assert!(is_of_a_batch(line), "{line}");
        }
        for line in [
            "Epoch [1/12] Loss: 2.3",
            "Epoch 1: 7%|#| 3/40 [00:01<00:01, 50.00it/s, loss=2.0]",
            "10/10 [====] - 1s 12ms/step - loss: 1.2",
            "Test set: Average loss: 0.05, Accuracy: 98/100 (98%)",
            "Epoch 3 | batch size 32 | loss 0.5".replace("size ", "size=").as_str(),
        ] {
            assert!(!is_of_a_batch(line), "{line}");
        }
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
            "Test: [10/98] Loss 0.5 (0.6)",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
        assert!(find("Best epoch: 12, val_loss 0.3").unwrap().is_of_another);
        assert!(find("Restoring weights from epoch 4").unwrap().is_of_another);
    }
}
