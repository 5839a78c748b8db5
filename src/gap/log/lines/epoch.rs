//! Finds the epoch that a line names: `Epoch: 20/50..`, `Epoch 20`, `epoch [20/50]`, `'epoch': 1.5`, `Epoch(train) [3]`.

use std::ops::Range;

use super::{
    counts::{number, position},
    mentions::is_another_number,
};

/// An epoch in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its number, which may be a fraction (Hugging Face).
    pub number: f64,
    /// The bytes of the line that name it; where it is another epoch, from the words that say so.
    pub place: Range<usize>,
    /// Whether the line looks at another epoch: `Best epoch: 12`, `no improvement since epoch 3`.
    pub is_of_another: bool,
}

/// Words before an epoch that say that it is not the current one.
const OF_ANOTHER: [&str; 28] = [
    "best",
    "lowest",
    "highest",
    "optimal",
    "selected",
    "chosen",
    "stop",
    "stops",
    "stopped",
    "stopping",
    "restore",
    "restored",
    "restoring",
    "load",
    "loaded",
    "loading",
    "reload",
    "reloaded",
    "reloading",
    "resume",
    "resumed",
    "resuming",
    "next",
    "improvement",
    "removed",
    "removing",
    "deleted",
    "deleting",
];
/// Words that say so directly before it.
const DIRECTLY: [&str; 5] = ["from", "since", "until", "till", "total"];
/// The epoch that `line` names: the first that is the current one, or else the first other one.
pub fn find(line: &str) -> Option<Named> {
    let small = line.to_ascii_lowercase();
    let mut other = None;
    for (at, _) in small.match_indices("epoch").filter(|(at, _)| !is_bracketed(&small[..*at])) {
        match at_word(&small, at) {
            Some(named) if named.is_of_another => other = other.or(Some(named)),
            Some(named) => return Some(named),
            None => {}
        }
    }
    other.or_else(|| timms(line)).or_else(|| swins(&small)).or_else(|| tutorials(&small)).or_else(|| short(&small))
}

/// `ep 3` and `[3/50][100/1583]`, epoch and batch.
fn short(line: &str) -> Option<Named> {
    let begin = line.len() - line.trim_start().len();
    let named = |place: Range<usize>, number| Some(Named { number, place, is_of_another: false });
    if let Some((number, rest)) = line[begin..].strip_prefix('[').and_then(number) {
        let (_, rest) = self::number(rest.strip_prefix('/')?)?;
        let batch = rest.strip_prefix("][")?;
        return position(batch).and_then(|_| named(begin + 1..line.len() - rest.len(), number));
    }
    line.match_indices("ep").find_map(|(at, _)| {
        let is_begun = line[..at].chars().next_back().is_none_or(|c| " [(|-:\t".contains(c));
        let rest = line[at + "ep".len()..].trim_start_matches([':', ' ', '=', '[', '#']);
        let (number, rest) = number(rest).filter(|(number, _)| is_begun && number.fract() == 0.0)?;
        let total = rest.strip_prefix('/').and_then(self::number);
        named(at..line.len() - total.map_or(rest, |(_, rest)| rest).len(), number)
    })
}

/// Whether an epoch behind `before` is mentioned in a bracket, behind other words: `(best: 0.4 @ epoch 7)`.
fn is_bracketed(before: &str) -> bool {
    let Some(open) = before.rfind(['(', '[']) else { return false };
    let inside = before[open + 1..].trim_end();
    let is_open = !inside.contains([')', ']']);
    let last = inside.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    is_open
        && (inside.ends_with('@')
            || ["at", "in", "by", "after", "before"].contains(&last)
            || of_another(inside).is_some())
}

/// Where the words begin that say that an epoch behind `before` is another one.
fn of_another(before: &str) -> Option<usize> {
    // What stands before a bracket or a bar, or in another sentence, is about something else: `[BEST] Epoch 3`.
    let cut = [before.rfind([']', '|', ';', '\t']).map(|at| at + 1), before.rfind(". ").map(|at| at + 2)];
    let mut at = cut.into_iter().flatten().max().unwrap_or(0);
    let mut first = None;
    let mut last = None;
    for word in before[at..].split_inclusive(char::is_whitespace) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if OF_ANOTHER.contains(&bare) {
            first = first.or(Some(at));
        }
        last = Some(at).filter(|_| DIRECTLY.contains(&bare));
        at += word.len();
    }
    first.or(last)
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
pub fn tutorials(line: &str) -> Option<Named> {
    let begin = line.len() - line.trim_start().len() + 1;
    let (number, rest) = number(line.trim_start().strip_prefix('[')?)?;
    let (_, after) = self::number(rest.strip_prefix(',')?.trim_start())?;
    let place = begin..line.len() - rest.len();
    // `[1,0]<stdout>:` is the rank of a process.
    let is_apart = after.strip_prefix(']').is_some_and(|after| after.starts_with(char::is_whitespace));
    (is_apart && after.contains("loss")).then_some(Named { number, place, is_of_another: false })
}

/// The run that the line of an epoch names: `[seed 0] Epoch 1/12`.
pub fn run(line: &str) -> Option<String> {
    let small = line.to_ascii_lowercase();
    ["seed", "trial", "run", "client", "task"].iter().find_map(|word| {
        small.match_indices(word).find_map(|(at, _)| {
            let is_begun = small[..at].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || "_/.-".contains(c)));
            let rest = small[at + word.len()..].trim_start_matches([':', ' ', '=', '#', '_', '-']);
            let (number, after) = number(rest).filter(|_| is_begun)?;
            // `run: 12.5` is a time.
            let digits = &rest[..rest.len() - after.len()];
            (!digits.contains('.')).then(|| format!("{word} {number}"))
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
    // `engine:train_epoch:42` and `[val_epoch:57]` are the lines of a program that log.
    let function = before.trim_end_matches("train_").trim_end_matches("val_");
    if !is_begun && function.ends_with([':', '.', '[']) && line[word..].starts_with(':') {
        return None;
    }
    let mut rest = line[word..].strip_prefix('s').unwrap_or(&line[word..]);
    for side in ["(train)", "(val)", "(test)"] {
        rest = rest.strip_prefix(side).unwrap_or(rest);
    }
    let rest = rest.trim_start_matches([':', ' ', '=', '[', '(', '#', '\t', '"', '\'', '|', '-']);
    let (number, rest) = number(rest)?;
    if let Some(bar) = rest.strip_prefix('%') {
        return of_bar(line, at, bar);
    }
    if is_another_number(before, number, rest) {
        return None;
    }
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
    let end = line.len() - rest.len();
    Some(match of_another(before) {
        Some(begin) => Named { number, place: begin..end, is_of_another: true },
        None => Named { number, place: at..end, is_of_another: false },
    })
}

/// The epoch of tqdm's bar over epochs, whose percentage ends before `bar`: `Epoch:  17%|##   | 1/6 [00:10<00:50]`.
fn of_bar(line: &str, at: usize, bar: &str) -> Option<Named> {
    let (number, rest) = number(bar.split_once('|')?.1.split_once('|')?.1.trim_start())?;
    let (_, rest) = self::number(rest.strip_prefix('/')?)?;
    let place = at..line.len() - rest.len();
    rest.starts_with(" [").then_some(Named { number, place, is_of_another: false })
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
    fn settings_paths_and_looks_back_name_none() {
        for line in [
            "num_epochs: 50",
            "epochs: 50",
            "saved runs/epoch=3.ckpt",
            "an epoch of 5 minutes",
            "max_epoch=4",
            "per epoch",
            "Test: [10/98] Loss 0.5 (0.6)",
            "Time taken for 1 epoch 12.3 sec",
            "Time per epoch: 0:00:12.34, Est. complete in: 0:01:00",
            "Time for this epoch: 12.3",
            "Training Loss Epoch: 2.1",
            "Images per epoch: 50000",
            "max epoch: 100",
            "INFO | engine:train_epoch:42 - train loss: 2.1",
            "[timer.py:215:stop] epoch=0/micro_step=10/global_step=10, RunningAvg",
            "[1,0]<stdout>:loss: 2.1",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
        assert!(find("Best epoch: 12, val_loss 0.3").unwrap().is_of_another);
        assert!(find("Restoring weights from epoch 4").unwrap().is_of_another);
        assert!(find("Last improvement: epoch 1").unwrap().is_of_another);
    }
}
