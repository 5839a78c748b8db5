//! What the ledger of a sealed test set says after an evaluation, as figures and as lines for a terminal of 80 columns.

use serde::Serialize;

use mindgap::seal::{Best, Standing};

/// What the ledger says after an evaluation.
#[derive(Clone, Debug, Serialize)]
pub struct SealedFigures {
    /// Path of the ledger.
    pub ledger: String,
    /// The name of the seal.
    pub id: String,
    /// The number of this look, from 1; with views, that of the plain predictions, and the views have the next.
    pub look: usize,
    /// The earlier look at this model; null where there is none.
    pub first_look: Option<usize>,
    /// The looks, and the best models among them.
    #[serde(flatten)]
    pub standing: Standing,
}

/// The names of the first looks.
const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// How often the test set was measured, and the best models among those that were. `views` names the views whose look
/// follows this one.
pub fn lines(seal: &SealedFigures, views: Option<&str>) -> Vec<String> {
    let mut first = match views {
        Some(views) => format!("looks {} and {} ({views}) at this test set", seal.look, seal.look + 1),
        None => format!("{} look at this test set", ordinal(seal.look)),
    };
    if let Some(before) = seal.first_look {
        first += &format!(", at the model of look {before}");
    }
    let mut lines = vec![first];
    if seal.standing.best_of > 1 {
        lines.extend(seal.standing.top1.as_ref().map(|best| line(seal, "top-1", best, "%", 2)));
        lines.extend(seal.standing.loss.as_ref().map(|best| line(seal, "loss", best, "nats", 4)));
    }
    lines
}

fn line(seal: &SealedFigures, name: &str, best: &Best, unit: &str, digits: usize) -> String {
    let is_this = best.look == seal.look || Some(best.look) == seal.first_look;
    let which = if is_this { "this model".to_owned() } else { format!("look {}", best.look) };
    let Best { best, corrected, .. } = best;
    let models = seal.standing.best_of;
    format!("best of {models}: {name} {best:.digits$} {unit} ({which}); corrected {corrected:.digits$} {unit}")
}

fn ordinal(number: usize) -> String {
    match ORDINALS.get(number.wrapping_sub(1)) {
        Some(word) => (*word).to_owned(),
        None => {
            let ending = match (number % 10, number % 100) {
                (_, 11..=13) => "th",
                (1, _) => "st",
                (2, _) => "nd",
                (3, _) => "rd",
                _ => "th",
            };
            format!("{number}{ending}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(look: usize, first_look: Option<usize>, best_of: usize) -> SealedFigures {
        let best = |best: f64, corrected: f64| {
            Some(Best { look: 2, model: "runs/b".into(), best, optimism: (best - corrected).abs(), corrected })
        };
        SealedFigures {
            ledger: "photos.seal/ledger.jsonl".into(),
            id: "00ff".into(),
            look,
            first_look,
            standing: Standing { looks: look, best_of, top1: best(71.2, 70.608), loss: best(0.84123, 0.8533) },
        }
    }

    #[test]
    fn looks_are_counted_and_the_best_is_corrected() {
        assert_eq!(lines(&seal(1, None, 1), None), ["first look at this test set"]);
        let third = [
            "third look at this test set",
            "best of 3: top-1 71.20 % (look 2); corrected 70.61 %",
            "best of 3: loss 0.8412 nats (look 2); corrected 0.8533 nats",
        ];
        assert_eq!(lines(&seal(3, None, 3), None), third);
        let again = lines(&seal(4, Some(2), 3), None);
        assert_eq!(again[0], "fourth look at this test set, at the model of look 2");
        assert!(again[1].contains("(this model)"), "{again:?}");
        assert_eq!(lines(&seal(2, None, 2), Some("flip"))[0], "looks 2 and 3 (flip) at this test set");
    }

    #[test]
    fn ordinals_are_those_of_english() {
        assert_eq!(
            [1, 10, 11, 12, 13, 21, 22, 103, 111].map(ordinal).join(" "),
            "first tenth 11th 12th 13th 21st 22nd 103rd 111th"
        );
    }
}
