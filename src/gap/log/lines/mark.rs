//! Finds out whether the numbers of a log have decimal commas.

use anyhow::{Result, ensure};

use crate::gap::log::{
    names::{side_of, words},
    tokens::Mark,
};

/// How the losses in `text` are written.
///
/// # Errors
/// Many have a point, and others a comma that may stand for thousands or between two figures.
pub fn of(text: &str) -> Result<Mark> {
    let mut points = 0;
    let mut commas = 0;
    let mut example = String::new();
    for number in text.lines().flat_map(numbers) {
        // `1,234.5` has commas between thousands.
        if number.contains('.') {
            points += 1;
        } else if number.contains(',') {
            commas += 1;
            example.replace_range(.., number);
        }
    }
    // A few commas are those of a list, such as the weights of several losses.
    if 20 * commas <= points {
        return Ok(Mark::Point);
    }
    ensure!(
        points == 0,
        "some of its losses have a decimal point, and others a comma, such as {example}: write all of them with a point"
    );
    Ok(Mark::Comma)
}

/// The digits, points and commas behind each `loss` of a line.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    let is_loss = |at: usize| line.as_bytes()[at..].get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"loss"));
    let ends = (0..line.len()).filter(move |at| is_loss(*at)).map(|at| at + 4);
    ends.filter_map(|at| {
        // `loss: 0,5`, `loss (val) = 0,5` and `LOSS train 0,5`.
        let rest = line[at..].trim_start_matches(|c: char| c.is_alphabetic() || ":=()[]_/- \t\"'".contains(c));
        let between = &line[at..line.len() - rest.len()];
        if !words(between).iter().all(|word| side_of(word).is_some()) {
            return None;
        }
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(rest.len());
        let number = rest[..end].trim_end_matches([',', '.']);
        number.starts_with(|c: char| c.is_ascii_digit()).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_of_fractions_thousands_and_lists() {
        for text in ["Epoch 1: loss 0,5 val_loss 0,6", "LOSS train 0,5 valid 0,6", "loss (val) = 0,5"] {
            assert_eq!(of(text).unwrap(), Mark::Comma, "{text}");
        }
        for text in [
            "loss: 0.5, val_loss: 0.6",
            "loss=1,acc=2",
            "[1,2000] loss: 1.3",
            "loss_weights: 1,2",
            "loss: 1,234.5 val_loss 2.0",
        ] {
            assert_eq!(of(text).unwrap(), Mark::Point, "{text}");
        }
        let weights = String::from("losses: 1,2\n") + &"loss: 0.5\n".repeat(20);
        assert_eq!(of(&weights).unwrap(), Mark::Point);
        assert!(of("loss: 1,234 val_loss: 0.5").unwrap_err().to_string().contains("1,234"));
    }
}
