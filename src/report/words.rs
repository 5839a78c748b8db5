//! The texts about one run on the page.

use super::{ReportedRun, State};
use crate::{gap, stats::Lately};

/// A figure with its name and what it means.
pub struct Card {
    pub name: &'static str,
    pub figure: String,
    /// A remark on the figure; may be empty.
    pub note: String,
}

impl Card {
    pub fn new(name: &'static str, figure: String, note: impl Into<String>) -> Self {
        Self { name, figure, note: note.into() }
    }
}

/// The headline of a single run.
pub fn headline(run: &ReportedRun) -> String {
    let Some(last) = run.epochs.last() else {
        return "No epoch has ended yet.".to_owned();
    };
    let open = match gap::open_since(&run.epochs) {
        Some(epoch) => format!("the gap has been open (above two standard errors) since epoch {epoch}"),
        None => "the gap is not above two standard errors".to_owned(),
    };
    let losses: Vec<(f64, f64)> = run.epochs.iter().map(|record| (f64::from(record.epoch), record.val_loss)).collect();
    let lately =
        Lately::of_loss(&losses).map_or(String::new(), |lately| format!(" Validation loss {}.", lately.words()));
    let position = if last.gap_loss < 0.0 { "below" } else { "above" };
    format!(
        "After epoch {}{} validation loss lies {:.3} ± {:.3} nats {position} training loss; {open}.{lately}",
        last.epoch,
        run.recipe.as_ref().map_or(String::new(), |recipe| format!(" of {}", recipe.epochs)),
        last.gap_loss.abs(),
        last.gap_loss_se
    )
}

/// How far the run has come, as a sentence.
pub fn progress(run: &ReportedRun) -> String {
    let done = run.epochs.len();
    let Some(all) = run.recipe.as_ref().map(|recipe| recipe.epochs) else { return progress_of_recorded(run) };
    match &run.state {
        State::Finished(done) if done.early_stopped => {
            format!("Stopped early after epoch {}: this last epoch was chosen on val.", done.last.epoch)
        }
        State::Finished(_) => "Finished.".to_owned(),
        State::Running => {
            let recent: Vec<f64> = run.epochs.iter().rev().take(3).map(|record| record.seconds).collect();
            let left = f64::from(all).max(done as f64) - done as f64;
            let seconds = left * recent.iter().sum::<f64>() / recent.len().max(1) as f64;
            if recent.is_empty() {
                format!("Running: 0 of {all} epochs done.")
            } else {
                format!("Running: {done} of {all} epochs done, about {} left.", duration(seconds))
            }
        }
        State::Ended => format!("Not finished: it ended after {done} of {all} epochs, stopped, killed or failed."),
    }
}

/// How far a recorded run has come; how many epochs were planned is not known.
fn progress_of_recorded(run: &ReportedRun) -> String {
    let done = run.epochs.len();
    match &run.state {
        State::Finished(_) => "Finished.".to_owned(),
        State::Running => format!("Running: {done} epochs done."),
        State::Ended => format!("Not concluded: {done} epochs are recorded."),
    }
}

/// What the folder of a recorded run does not hold, in one line; None for mindgap's own runs.
pub fn not_recorded(run: &ReportedRun) -> Option<String> {
    let recorder = run.environment.recorder.as_ref()?;
    let mut missing = vec!["recipe", "checkpoints", "multiply-adds", "images"];
    for (what, is_missing) in [
        ("learning rate", run.epochs.iter().all(|record| record.lr.is_nan())),
        ("batch loss", run.epochs.iter().all(|record| record.batch_loss.is_nan())),
        ("image size", run.environment.data.size.is_none()),
    ] {
        if is_missing {
            missing.push(what);
        }
    }
    Some(format!(
        "Recorded by {} from another training loop ({}, {}). Not recorded: {}.",
        recorder.package,
        recorder.framework,
        recorder.model,
        missing.join(", ")
    ))
}

/// A duration in seconds, minutes or hours.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "–".to_owned(),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The figures of the last epoch of one run.
pub fn cards(run: &ReportedRun) -> Vec<Card> {
    let Some(last) = run.epochs.last() else { return Vec::new() };
    let mut cards = vec![
        Card::new(
            "val loss",
            format!("{:.3}", last.val_loss),
            without_leaks(last.val_loss_without_leaks, last.val_loss_without_near_leaks, 3),
        ),
        Card::new(
            "val accuracy",
            format!("{:.1} %", last.val_acc),
            without_leaks(last.val_acc_without_leaks, last.val_acc_without_near_leaks, 1),
        ),
        Card::new("probe loss", format!("{:.3}", last.probe_loss), "training images, measured like val"),
        Card::new("probe accuracy", format!("{:.1} %", last.probe_acc), ""),
        Card::new(
            "gap",
            format!("{:.3} ± {:.3}", last.gap_loss, last.gap_loss_se),
            format!("nats, one standard error; {:.1} percentage points", last.gap_acc),
        ),
    ];
    if let State::Finished(done) = &run.state {
        if let Some(best) = &done.best {
            let note = format!(
                "epoch {}; optimistic, since selected on val; cross-fitted {:.3}",
                best.epoch, done.cross_fitted_best_loss
            );
            cards.push(Card::new("lowest val loss", format!("{:.3}", best.val_loss), note));
        }
        let note = format!("nats; temperature {:.2}, ECE {:.3}", done.temperature, done.calibration_error);
        cards.push(Card::new("overconfidence", format!("{:.3}", done.overconfidence), note));
        if let Some(views) = &done.tta {
            let note = format!("{:.1} %, predictions averaged over views ({})", views.val_acc, views.views);
            cards.push(Card::new("val loss with TTA", format!("{:.3}", views.val_loss), note));
        }
        let macs = done.cost.macs.map(|macs| format!(", {:.1} million multiply-adds an image", macs as f64 / 1e6));
        let note = format!("{} parameters{}", done.cost.parameters, macs.unwrap_or_default());
        cards.push(Card::new("training time", duration(done.cost.seconds), note));
    }
    cards
}

/// A figure without the leaks, and without near leaks too, as a note; empty where there are none.
fn without_leaks(figure: Option<f64>, without_near: Option<f64>, digits: usize) -> String {
    let exact = figure.map(|figure| format!("{figure:.digits$} without the val images that also appear in train"));
    let near = without_near
        .map(|figure| format!("{figure:.digits$} without all val images that appear there exactly or nearly"));
    exact.into_iter().chain(near).collect::<Vec<_>>().join("; ")
}
