//! Figures of training and val that share a name: `train/val loss: 0.5/0.6`, `Loss (train/val): 0.5 / 0.6`.

use std::{borrow::Cow, sync::LazyLock};

use regex_lite::Regex;

/// The names of the two sides, and two numbers.
const SIDES: &str = r"(train(?:ing)?|tr)\s*/\s*(val(?:id(?:ation)?)?|dev|eval|test)";
const NUMBERS: &str = r"\s*[:=]?\s*(\d*\.?\d+(?:e[-+]?\d+)?%?)\s*[/|,]\s*(\d*\.?\d+(?:e[-+]?\d+)?%?)";

/// The sides before the name, and behind it in brackets.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b{SIDES}\s+(\w+){NUMBERS}")));
static BEHIND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b(\w+)\s*[(\[]{SIDES}[)\]]{NUMBERS}")));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is fixed")
}

/// The text with a name for each number of a pair.
pub fn apart(text: &str) -> Cow<'_, str> {
    let is_pair = |at: usize| {
        let rest = text[at + 1..].trim_start_matches(' ');
        rest.get(..3)
            .is_some_and(|word| ["val", "dev", "eva", "tes"].iter().any(|side| word.eq_ignore_ascii_case(side)))
    };
    // Hardly any log has a pair; this quick test excludes most of them.
    if !text.match_indices('/').any(|(at, _)| is_pair(at)) {
        return text.into();
    }
    let before = BEFORE.replace_all(text, "$1 $3: $4, $2 $3: $5");
    BEHIND.replace_all(&before, "$2 $1: $4, $3 $1: $5").into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn each_number_gets_its_name() {
        for (text, expected) in [
            (
                "Epoch 1/7 | train/val loss: 1.7/1.9 | train/val acc: 40%/35%",
                "Epoch 1/7 | train loss: 1.7, val loss: 1.9 | train acc: 40%, val acc: 35%",
            ),
            (
                "Loss (train/val): 1.7 / 1.9  Acc [Train/Test]=.4,.3",
                "train Loss: 1.7, val Loss: 1.9  Train Acc: .4, Test Acc: .3",
            ),
            ("train/val loss: high", "train/val loss: high"),
            ("data/val/cat.png 0.5/0.6", "data/val/cat.png 0.5/0.6"),
        ] {
            assert_eq!(apart(text), expected);
        }
    }
}
