//! `next`: what to try, as the exact command.

use super::{Case, Finding, Id, Severity, advice::augments};
use crate::{
    data::Selection,
    recipe::{Family, Recipe, family},
    run::{data_flags, shell_word, source_and_flags},
};

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
        if let Some(run) = &case.run {
            // Only a path is known to be data that mindgap can open.
            let data =
                run.data.path.as_ref().map_or("--data DIR".to_owned(), |path| data_flags(path, &Selection::default()));
            return (
                "The recipe is not recorded, so no command repeats this run with one change. On its images, with three seeds and a \
                 test, this shows whether the regularised preset beats the seed preset:"
                    .to_owned(),
                format!("mindgap compare {data} --presets seed,closed --seeds 3"),
            );
        }
        return (
            "The log names neither data nor network; on your images, with three seeds and a test, this shows whether the \
             regularised preset beats the recipe of the log's kind:"
                .to_owned(),
            "mindgap compare --data DIR --presets seed,closed --seeds 3".to_owned(),
        );
    };
    let source = data_flags(&run.data.source, &run.data.selection);
    let again = |change: String| format!("mindgap train --recipe {} {source} {change}", recipe_file(case));
    let with_rate = |factor: f64| again(format!("--lr {:.2e}", factor * recipe.lr));
    match findings.first() {
        Some(Id::Diverged | Id::RateTooHigh) => {
            ("The same recipe with a third of the rate:".into(), with_rate(1.0 / 3.0))
        }
        Some(Id::RateTooLow) => ("The same recipe with three times the rate:".into(), with_rate(3.0)),
        Some(Id::Leak | Id::LabelNoise) => {
            let rest: Vec<Id> =
                findings.iter().copied().filter(|id| !matches!(id, Id::Leak | Id::LabelNoise)).collect();
            let (_, rest) = choose(case, &rest);
            let source = source_and_flags(&run.data.source, &run.data.selection);
            match run.data.selection.exclude {
                // What the list names is gone already; what is left must be looked at.
                Some(_) => ("The data first:".into(), format!("mindgap inspect {source} --html audit.html && {rest}")),
                None => {
                    let inspect = format!("mindgap inspect {source} --write-exclude exclude.txt");
                    ("The data first:".into(), format!("{inspect} && {rest} --exclude exclude.txt"))
                }
            }
        }
        Some(Id::Underfit) if recipe.knobs_on().is_empty() && !case.still_falls() => {
            let width = 2 * recipe.width.unwrap_or_else(|| family(&recipe.model).map_or(16, Family::default_width));
            ("The same recipe with twice the width:".into(), again(format!("--width {width}")))
        }
        Some(Id::Underfit) => {
            let epochs = (f64::from(recipe.epochs) * 1.5).ceil();
            ("The same recipe for half as long again:".into(), again(format!("--epochs {epochs}")))
        }
        Some(Id::Overconfident) if recipe.smoothing == 0.0 => {
            ("The same recipe with label smoothing:".into(), again("--smoothing 0.1".into()))
        }
        Some(Id::Healthy) | None => (
            "Whether a preset gains more is answered over seeds:".into(),
            format!("mindgap compare {source} --presets seed,closed --seeds 3{}", network(recipe)),
        ),
        _ if augments(recipe) => (
            "Regularisation is on; which of the stronger presets helps is answered over seeds:".into(),
            format!("mindgap compare {source} --presets seed,augment,mixup,closed --seeds 3{}", network(recipe)),
        ),
        _ => {
            // By what was measured: mild strengths for networks of few parameters.
            let preset = if recipe.width.unwrap_or(16) <= 16 { "closed-small" } else { "closed" };
            (
                "Everything that helps, on this network and for as long:".into(),
                format!("mindgap train {source} --preset {preset}{}", network(recipe)),
            )
        }
    }
}

/// Keys that a comparison with another recipe keeps, beside model and epochs.
const KEPT: [&str; 6] = ["width", "stem_stride", "train_fraction", "img_size", "batch_size", "data_seed"];

/// The flags that keep network, images, batch, length and draws as they are.
fn network(recipe: &Recipe) -> String {
    let mut flags = format!(" --model {}", recipe.model);
    for (key, value) in recipe.changed() {
        if KEPT.contains(&key.name) {
            flags += &format!(" {} {value}", key.flag());
        }
    }
    flags + &format!(" --epochs {}", recipe.epochs)
}

fn recipe_file(case: &Case) -> String {
    shell_word(&format!("{}/recipe.toml", case.name.trim_end_matches('/')))
}
