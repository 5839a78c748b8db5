//! `next`: what to try, as the exact command.

use super::{Case, Finding, Id, Severity, advice::augments};
use crate::{recipe::Recipe, run::shell_word};

/// The command to try after these findings, the first of which counts most.
pub fn next(case: &Case, findings: &[Finding]) -> Finding {
    let grave = findings.iter().filter(|finding| finding.severity > Severity::Info).map(|finding| finding.id);
    let grave: Vec<Id> = grave.chain(findings.first().map(|finding| finding.id)).collect();
    let (why, command) = choose(case, &grave);
    Finding::new(Id::Next, Severity::Info, "What to try next").because(why).advise(command)
}

/// Why, and the command; `findings` are those that matter, the first most.
fn choose(case: &Case, findings: &[Id]) -> (String, String) {
    let (Some(run), Some(recipe)) = (&case.run, case.recipe()) else {
        return (
            "The log tells neither data nor network; on your images, with three seeds and a test, this shows whether the \
             regularised preset beats the recipe of the log's kind:"
                .to_owned(),
            "mindgap compare --data DIR --presets seed,closed --seeds 3".to_owned(),
        );
    };
    let source = shell_word(&run.data.source);
    let with_preset = |preset: &str| format!("mindgap train --data {source} --preset {preset}{}", network(recipe));
    let with_rate = |factor: f64| {
        format!("mindgap train --recipe {} --data {source} --lr {:.2e}", recipe_file(case), factor * recipe.lr)
    };
    match findings.first() {
        Some(Id::Diverged | Id::RateTooHigh) => {
            ("The same recipe with a third of the rate:".into(), with_rate(1.0 / 3.0))
        }
        Some(Id::RateTooLow) => ("The same recipe with three times the rate:".into(), with_rate(3.0)),
        Some(Id::Leak | Id::LabelNoise) => {
            let inspect = format!("mindgap inspect {source} --write-exclude exclude.txt");
            let (_, rest) = choose(case, &findings[1..]);
            ("The data first:".into(), format!("{inspect} && {rest} --exclude exclude.txt"))
        }
        Some(Id::Underfit) => {
            let preset = if recipe.knobs_on().is_empty() { "wider" } else { "longer" };
            ("More capacity or time, on this network otherwise:".into(), with_preset(preset))
        }
        Some(Id::Overconfident) if recipe.smoothing == 0.0 => {
            ("Label smoothing on this network:".into(), with_preset("smoothing"))
        }
        Some(Id::Healthy) | None => (
            "Nothing needs mending. Whether a preset gains more is answered over seeds:".into(),
            format!("mindgap compare --data {source} --presets seed,closed --seeds 3{}", network(recipe)),
        ),
        _ if augments(recipe) => (
            "Regularisation is on; which of the stronger presets helps is answered over seeds:".into(),
            format!("mindgap compare --data {source} --presets seed,augment,mixup,closed --seeds 3{}", network(recipe)),
        ),
        _ => {
            // By what was measured: mild strengths for networks of few parameters.
            let preset = if recipe.width.unwrap_or(16) <= 16 { "closed-small" } else { "closed" };
            ("Everything that helps, on this network and for as long:".into(), with_preset(preset))
        }
    }
}

/// The flags that keep network, length and data as they are.
fn network(recipe: &Recipe) -> String {
    let standard = Recipe::default();
    let mut flags = format!(" --model {}", recipe.model);
    if let Some(width) = recipe.width {
        flags += &format!(" --width {width}");
    }
    if recipe.stem_stride != standard.stem_stride {
        flags += &format!(" --stem-stride {}", recipe.stem_stride);
    }
    if recipe.train_fraction != standard.train_fraction {
        flags += &format!(" --train-fraction {}", recipe.train_fraction);
    }
    flags + &format!(" --epochs {}", recipe.epochs)
}

fn recipe_file(case: &Case) -> String {
    shell_word(&format!("{}/recipe.toml", case.name.trim_end_matches('/')))
}
