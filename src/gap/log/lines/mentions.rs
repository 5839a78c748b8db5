//! What looks like the epoch of a line and is none: times, counts, what a callback did, another epoch in passing.

use std::{borrow::Cow, ops::Range};

use crate::gap::log::names::side_of;

/// Words directly before `epoch` after which a number counts something else: `images per epoch: 50000`.
const OF_EVERY: [&str; 4] = ["per", "max", "maximum", "num"];
/// Words directly before `epoch` after which a number with a fraction is their figure: `Training Loss Epoch: 2.1`.
const OF_FIGURE: [&str; 8] = ["loss", "acc", "accuracy", "time", "this", "for", "of", "each"];
/// Units of a time: `Time taken for 1 epoch 12.3 sec`.
const TIMES: [&str; 12] =
    ["s", "sec", "secs", "second", "seconds", "ms", "min", "mins", "minutes", "h", "hours", "hrs"];
/// Words directly before an epoch that is mentioned: `mixup is off after epoch 6`.
const MENTIONS: [&str; 7] = ["at", "after", "before", "of", "in", "by", "on"];

/// Whether a line mentions an epoch, `number` at `place`, that is neither the `current` one nor the next, and is no heading:
/// `reset at epoch 1`.
pub fn is_aside(line: &str, place: &Range<usize>, number: f64, current: Option<f64>) -> bool {
    let Some(current) = current else { return false };
    let before = line[..place.start].to_ascii_lowercase();
    let words: Vec<&str> = before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_heading = words.len() < 2
        || words.iter().any(|word| {
            side_of(word).is_some()
                || ["start", "starting", "begin", "beginning", "results", "metrics", "loss"].contains(word)
        });
    let is_near = number == current || number == current + 1.0;
    let after = &line[place.end..];
    let is_end = !after.contains(char::is_alphanumeric);
    let has_numbers = [&before, after].iter().any(|text| text.contains(|c: char| c.is_ascii_digit()));
    let is_mentioned = match words.last() {
        Some(&"at") if is_end => true,
        last => !has_numbers && last.is_some_and(|last| MENTIONS.contains(last)),
    };
    is_mentioned && !is_heading && !is_near
}

/// How the names of files with weights end.
const WEIGHTS: [&str; 10] = [".ckpt", ".pt", ".pth", ".tar", ".h5", ".hdf5", ".keras", ".safetensors", ".pkl", ".bin"];

/// The line with blanks for the names of files with weights, which state no figure: `epoch=1-val_loss=1.90.ckpt`.
pub fn without_weight_files(line: &str) -> Cow<'_, str> {
    let is_named = |word: &str| WEIGHTS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending));
    let is_apart = |c: char| c.is_whitespace() || "'\"`()[]{},;".contains(c);
    if !line.split(is_apart).any(is_named) {
        return line.into();
    }
    let blank = |part: &str| {
        let word = part.trim_end_matches(is_apart);
        if is_named(word) { " ".repeat(word.len()) + &part[word.len()..] } else { part.to_owned() }
    };
    line.split_inclusive(is_apart).map(blank).collect::<String>().into()
}

/// Words that Keras' callbacks and PyTorch's schedulers print after an epoch.
const CALLBACKS: [&str; 8] = [
    "early stopping",
    "did not improve",
    "improved from",
    "saving model",
    "reducelronplateau",
    "learningratescheduler",
    "reducing learning rate",
    "adjusting learning rate",
];

/// Whether a line reports what a callback did; `place` is the epoch that it names.
pub fn is_of_a_callback(line: &str, place: &Range<usize>) -> bool {
    let after = line[place.end..].to_ascii_lowercase();
    after.starts_with(':') && CALLBACKS.iter().any(|words| after.contains(words))
}

/// Whether a `number` behind the word epoch, with the text `rest` behind it, is no epoch but a time or a count.
pub fn is_another_number(before: &str, number: f64, rest: &str) -> bool {
    let last = before.trim_end().rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let behind = rest.trim_start();
    let unit = behind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    // Not the word of a figure: `Epoch 3 min loss 0.4`.
    let is_time =
        TIMES.contains(&unit) && !behind[unit.len()..].trim_start_matches(' ').starts_with(char::is_alphabetic);
    let begins = |text: &str, is: fn(&char) -> bool| text.chars().next().is_some_and(|c| is(&c));
    // `0:00:12`, and DeepSpeed's `epoch=0/micro_step=10`.
    let is_clock = rest.strip_prefix(':').is_some_and(|rest| {
        begins(rest, char::is_ascii_digit) && rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(':')
    });
    let is_path = rest.strip_prefix('/').is_some_and(|rest| begins(rest, |c| c.is_alphabetic()));
    is_time || is_clock || is_path || OF_EVERY.contains(&last) || number.fract() != 0.0 && OF_FIGURE.contains(&last)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_weight_files_are_blanked() {
        let blanked = |line: &str| super::without_weight_files(line).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(blanked("ckpt: 'epoch=1-val_loss=1.90.ckpt', best"), "ckpt: ' ', best");
        assert_eq!(blanked("loss 0.5 (saved runs/epoch3.pth.tar)"), "loss 0.5 (saved )");
        assert_eq!(blanked("Epoch 3: val_loss 0.5"), "Epoch 3: val_loss 0.5");
    }

    #[test]
    fn an_epoch_that_is_mentioned_is_not_the_current_one() {
        let is_aside = |line: &str| {
            let begin = line.to_lowercase().find("epoch").unwrap();
            let end = begin + "epoch 1".len();
            super::is_aside(line, &(begin..end), line[end - 1..end].parse().unwrap(), Some(3.0))
        };
        for line in ["Mixup is off after epoch 6", "SWA starts at epoch 6", "Running mean reset at epoch 1"] {
            assert!(is_aside(line), "{line}");
        }
        for line in [
            "Epoch 4/8",
            "End of epoch 3",
            "Start of epoch 1",
            "Epoch 4",
            "Results of epoch 9",
            "val loss 0.4 after epoch 9",
        ] {
            assert!(!is_aside(line), "{line}");
        }
    }
}
