//! Finds which part of an epoch a line is about: one batch, or a progress bar's share.

use super::{
    counts::{number, position, with_total},
    epoch::{Named, tutorials},
};

/// The batch, of the epoch that a line names at `epoch`, that it is about: `[128/50000]`, `Step [10/40]`, `batch 7`; also a share of the
/// epoch. None where it is about the whole epoch.
pub fn batch(line: &str, epoch: Option<&Named>) -> Option<f64> {
    let rest = epoch.map_or(line, |epoch| &line[epoch.place.end..]).to_ascii_lowercase();
    if let Some(after) = rest.strip_prefix(',')
        && tutorials(&line.to_ascii_lowercase()).is_some()
    {
        return number(after.trim_start()).map(|(number, _)| number);
    }
    let bracketed = rest.match_indices('[').find_map(|(at, _)| position(&rest[at + 1..]));
    let counted = || {
        COUNTS.iter().find_map(|word| {
            rest.match_indices(word).find_map(|(at, _)| {
                let before = rest[..at].strip_suffix("global_").unwrap_or(&rest[..at]);
                let is_begun = before.chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
                let after = rest[at + word.len()..].trim_start_matches([':', ' ', '=', '[', '#']);
                let is_time = |rest: &str| {
                    rest.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                };
                number(after).filter(|(_, rest)| is_begun && !is_time(rest))
            })
        })
    };
    bracketed.or_else(|| counted().map(|(number, _)| number)).or_else(|| first_position(&rest))
}

/// Whether a line holds nothing but the numbers of an epoch and a batch: `[epoch=1][batch=3/3]:`.
pub fn is_heading(line: &str) -> bool {
    let small = line.to_ascii_lowercase();
    let mut words = small.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words.all(|word| ["epoch", "of"].contains(&word) || COUNTS.contains(&word))
}

/// The number and the total that a line begins with: `[  3/50] train_loss`, `3/50: loss`.
pub fn counter(line: &str) -> Option<(f64, f64)> {
    let (number, total, rest) = with_total(line.trim_start().trim_start_matches(['[', '(']))?;
    let is_whole = number.fract() == 0.0 && total.fract() == 0.0 && number <= total;
    (is_whole && rest.starts_with([']', ')', ':', ' ', '|', ','])).then_some((number, total))
}

/// Words that count the batches of an epoch.
const COUNTS: [&str; 10] =
    ["step", "batch", "iter", "iteration", "iters", "iterations", "it", "minibatch", "mini-batch", "mb"];

/// The number with which a line, or what follows the epoch that it names, begins where a total follows, or that is a share of the epoch:
/// `(1/3)`, `, 1/3,`, `| 1/3 |`, `33%`.
fn first_position(text: &str) -> Option<f64> {
    let text = text.trim_start_matches([' ', '(', ',', '|', '-', ':', '\t']);
    let (first, rest) = number(text)?;
    let Some((_, rest)) = rest.strip_prefix('/').and_then(number) else {
        return rest.starts_with("% ").then_some(first);
    };
    let rest = rest.trim_start();
    // tqdm and Keras draw a bar, or write a time, behind the numbers: they show the epoch so far.
    let is_before_name = rest.strip_prefix("- ").is_some_and(|name| name.starts_with(char::is_alphabetic));
    (is_before_name || rest.starts_with([',', '|', ')', ':'])).then_some(first)
}

/// The percentage of a progress bar that `line` shows: `45%|###  |`, or Keras' `18/40 [===>...`.
pub fn share(line: &str) -> Option<f64> {
    if let Some(end) = line.find("%|") {
        let before = &line[..end];
        let begin = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        return before[begin..].parse().ok();
    }
    let (done, rest) = number(line.trim_start())?;
    let (all, rest) = rest.strip_prefix('/').and_then(number)?;
    let bar = rest.trim_start();
    let is_bar = ["[=", "[>", "━"].iter().any(|bar_of_keras| bar.starts_with(bar_of_keras));
    (is_bar && all > 0.0).then(|| 100.0 * done / all)
}

/// Whether `line` draws a progress bar, of tqdm or Keras.
pub fn has_bar(line: &str) -> bool {
    line.contains("%|") || line.contains("[=") || line.contains("[>") || line.contains('━')
}

#[cfg(test)]
mod tests {
    use crate::gap::log::lines::epoch::find;

    #[test]
    fn bars_show_their_share() {
        for (line, share) in [
            ("Epoch 1:  45%|###  | 18/40 [00:01<00:01]", Some(45.0)),
            (" 10/40 [=====>..............] - ETA: 3s - loss: 0.5", Some(25.0)),
            ("40/40 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - loss: 0.5", Some(100.0)),
            ("10/40 [00:01]", None),
            ("Epoch 1/8 loss: 0.5", None),
        ] {
            assert_eq!(super::share(line), share, "{line}");
        }
    }

    #[test]
    fn counters_stand_at_the_beginning() {
        for (line, counter) in [
            ("[  3/50] train_loss: 0.5", Some((3.0, 50.0))),
            ("3/50: loss 0.5", Some((3.0, 50.0))),
            ("(3 / 50) loss 0.5", Some((3.0, 50.0))),
            ("98/100 (98%)", Some((98.0, 100.0))),
            ("50/3 loss", None),
            ("1.5/3 loss", None),
            ("12/05/2024 loss 0.5", None),
            ("loss 3/50", None),
        ] {
            assert_eq!(super::counter(line), counter, "{line}");
        }
        assert_eq!(
            super::batch("Epoch 1 batch 7/101 loss 1.6", find("Epoch 1 batch 7/101 loss 1.6").as_ref()),
            Some(7.0)
        );
        assert_eq!(super::batch("[1,  2000] loss: 1.6", find("[1,  2000] loss: 1.6").as_ref()), Some(2000.0));
    }

    #[test]
    fn batches_are_told_from_epochs() {
        let is_of_a_batch = |line: &str| super::batch(line, find(line).as_ref()).is_some();
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
}
