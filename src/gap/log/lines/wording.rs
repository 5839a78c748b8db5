//! What the words around a figure's name say: that it is another figure, or one of another time.

use crate::gap::log::names::{Side, label, side_of, words};

/// Words before a name that say nothing about the figure.
const SILENT: [&str; 28] = [
    "running",
    "step",
    "batch",
    "results",
    "result",
    "final",
    "done",
    "finished",
    "complete",
    "completed",
    "summary",
    "end",
    "ended",
    "and",
    "with",
    "the",
    "a",
    "of",
    "in",
    "is",
    "has",
    "after",
    "at",
    "on",
    "for",
    "per",
    "over",
    "overall",
];
/// Levels of a logger; what stands before them is the logger's.
const LEVELS: [&str; 5] = ["info", "debug", "warning", "warn", "root"];
/// Words of figures of an earlier epoch.
const PAST: [&str; 5] = ["best", "lowest", "highest", "previous", "prev"];
/// Words of figures over several epochs.
const SUMMARIES: [&str; 6] = ["min", "max", "minimum", "maximum", "delta", "change"];
/// Words beside `best` in what a trainer says of the current epoch: `new best`, `saving best model`.
const OF_NOW: [&str; 10] = ["new", "is", "found", "improved", "save", "saved", "saving", "this", "update", "updated"];
/// Words that a bracket behind a name adds without changing what it means: `val loss (CE)`, `acc (top1)`.
const NOTES: [&str; 11] =
    ["loss", "acc", "accuracy", "nats", "bits", "ce", "nll", "bce", "cross-entropy", "top1", "top-1"];
/// Words that say that the number behind them is a running mean: `(avg: 0.6)`.
const MEANS: [&str; 5] = ["avg", "average", "mean", "running", "global_avg"];
/// Words whose numbers name a part of the model or the data: `class 0 val acc`.
const PARTS: [&str; 7] = ["class", "cls", "task", "head", "domain", "group", "client"];
/// Names of averaged or other weights, kept in addition to the raw ones.
const OTHER_WEIGHTS: [&str; 6] = ["ema", "swa", "teacher", "model ema", "averaged", "ema model"];

/// Names of the weights that are trained, where averaged ones are measured too.
const TRAINED_WEIGHTS: [&str; 4] = ["student", "raw", "online", "live"];
/// Words between the name of a figure and its number: `train loss is 0.5`.
const COPULAS: [&str; 4] = ["is", "was", "of", "equals"];

/// Whether words before a name say nothing that makes it another figure.
pub fn is_silent(before: &[&str]) -> bool {
    qualifier(before).is_none()
}

/// The words before an epoch, without those of a logger, in small letters: what tells the lines of the epochs from other lines that name one.
pub fn opening(before: &str) -> String {
    let small = before.to_lowercase();
    let words: Vec<&str> = small.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let of_logger = words.iter().rposition(|word| LEVELS.contains(word)).map_or(0, |at| at + 1);
    words[of_logger..].join(" ")
}

/// The words before a name that make it another figure, such as `aux` in `aux val loss`; None where they say nothing.
pub fn qualifier(before: &[&str]) -> Option<String> {
    let small: Vec<String> = before.iter().map(|word| word.to_lowercase()).collect();
    let of_logger = small.iter().rposition(|word| LEVELS.contains(&word.as_str())).map_or(0, |at| at + 1);
    let mut kept = Vec::new();
    for word in &small[of_logger..] {
        let names_side = side_of(word).is_some();
        // Files and modules are a logger's: `train.py`, `trainer/loop`.
        if !names_side && !SILENT.contains(&word.as_str()) && !word.contains(['.', '/']) {
            kept.push(word.as_str());
        }
    }
    (!kept.is_empty()).then(|| kept.join(" "))
}

/// Whether words before a name make it a summary over epochs: `best val loss`.
pub fn is_summary(words: &[&str]) -> bool {
    has_any(words, &SUMMARIES) || is_past(words)
}

/// Whether a label says that the figures behind it are of an earlier epoch: `Best so far:`.
pub fn is_past(words: &[&str]) -> bool {
    has_any(words, &PAST) && !has_any(words, &OF_NOW)
}

fn has_any(words: &[&str], list: &[&str]) -> bool {
    words.iter().any(|word| list.contains(&word.to_lowercase().as_str()))
}

/// Whether the first word of a line says that training is over: `Final train loss: 0.5`.
pub fn is_closing(line: &str) -> bool {
    let words = line.trim_start_matches(|c: char| !c.is_alphabetic());
    words.split(|c: char| !c.is_alphabetic()).next().is_some_and(|first| first.eq_ignore_ascii_case("final"))
}

/// Whether a line states what an evaluation above came to, over all its processes: `* Acc@1 75.5 Acc@5 92.3 loss 1.08`.
pub fn closes_evaluation(line: &str) -> bool {
    line.contains("* Acc@1") || line.contains("* Prec@1")
}

/// Whether a text in brackets names other weights than those that are trained.
pub fn names_other_weights(text: &str) -> bool {
    OTHER_WEIGHTS.contains(&text)
}

/// Whether a text in brackets names the weights that are trained.
pub fn names_trained_weights(text: &str) -> bool {
    TRAINED_WEIGHTS.contains(&text)
}

/// The side and the weights that a label such as `val_ema` or `val_raw` names; no weights for those that are trained.
pub fn side_of_weights(label: &[&str]) -> Option<(Side, Option<String>)> {
    let all: Vec<String> = label.iter().flat_map(|word| words(word)).collect();
    let [one, other] = &all[..] else { return None };
    let (side, weights) = match (side_of(one), side_of(other)) {
        (Some(side), None) => (side, other),
        (None, Some(side)) => (side, one),
        _ => return None,
    };
    match weights {
        weights if names_trained_weights(weights) => Some((side, None)),
        weights if names_other_weights(weights) => Some((side, Some(weights.clone()))),
        _ => None,
    }
}

/// Whether a word only leads from the name of a figure to its number.
pub fn is_copula(word: &str) -> bool {
    COPULAS.contains(&word.to_lowercase().as_str())
}

/// Whether words in brackets behind a name leave its meaning as it is.
pub fn is_note(inside: &str) -> bool {
    NOTES.contains(&inside.to_lowercase().as_str()) || label(&format!("val {inside}")).is_some()
}

/// Whether a word says that the number behind it is a running mean.
pub fn is_mean(word: &str) -> bool {
    MEANS.contains(&word.to_lowercase().as_str())
}

/// Whether a word between the name of a figure and an epoch says that it is that epoch's: `loss for epoch 3: 0.5`.
pub fn leads_to_epoch(word: &str) -> bool {
    ["for", "at", "of", "in", "after"].contains(&word.to_lowercase().as_str())
}

/// Whether the number behind a word names a part of the model or the data.
pub fn names_part(word: &str) -> bool {
    PARTS.contains(&word.to_lowercase().as_str())
}

/// The side of a single word: `train` in `loss: train 0.3, val 0.4`.
pub fn bare_side(name: &[&str]) -> Option<Side> {
    match name {
        [word] => side_of(&word.to_lowercase()),
        _ => None,
    }
}

/// Whether one of the words names a side.
pub fn has_side(name: &[&str]) -> bool {
    name.iter().any(|word| words(word).iter().any(|word| side_of(word).is_some()))
}

/// The name of `eval loss` behind `train`: training images, measured as val is.
pub fn on_train_images(before: &[&str], name: &str) -> Option<String> {
    let is_of_train = before.last().is_some_and(|word| side_of(&word.to_lowercase()) == Some(Side::Train));
    let figure = canonical(name);
    let rest = figure.strip_prefix("eval_").or_else(|| figure.strip_prefix("evaluation_"))?;
    is_of_train.then(|| format!("train_{rest}"))
}

/// One spelling for names that differ in punctuation and capitals alone.
pub fn canonical(name: &str) -> String {
    words(name).join("_")
}
