//! The page of a log of another trainer: what a run's page shows, as far as a log holds it (`log.html`).

use anyhow::Result;
use askama::Template;

use super::{
    MARK,
    chart::{self, Metric},
    words::Card,
};
use crate::gap::{Case, Diagnosis, Finding, Id, LossPoint, TrainingLoss};

#[derive(Template)]
#[template(path = "log.html")]
struct Page<'a> {
    mark: &'static str,
    style: &'static str,
    title: &'a str,
    verdict: String,
    cards: Vec<Card>,
    findings: &'a [Finding],
    notes: &'a [String],
    training: &'static str,
    loss: String,
    /// None where the log states no accuracies.
    accuracy: Option<String>,
    gap: String,
    is_cut: bool,
    version: &'static str,
}

/// The whole page of a log that was diagnosed.
///
/// # Errors
/// A chart cannot be drawn.
pub fn log_page(case: &Case, diagnosis: &Diagnosis) -> Result<String> {
    let curves = &case.curves;
    let of = |value: fn(&LossPoint) -> f64| curves.series(value);
    let (train, val, rates) = (of(|point| point.train_loss), of(|point| point.val_loss), of(|point| point.lr));
    let accuracies = [of(|point| point.train_acc), of(|point| point.val_acc)];
    let has_accuracies = accuracies.iter().any(|series| !series.is_empty());
    let accuracy = match has_accuracies {
        true => Some(chart::log_curves(Metric::Accuracy, &accuracies[0], &accuracies[1], &rates)?),
        false => None,
    };
    let gaps = of(LossPoint::gap);
    let ends = [gaps.first(), gaps.last()].map(|point| point.map_or(0.0, |(epoch, _)| *epoch));
    let training = match curves.training {
        TrainingLoss::Probe => "probe (training images, measured as val is)",
        TrainingLoss::Running => "training (the log's own training loss)",
    };
    let page = Page {
        mark: MARK,
        style: include_str!("page.css"),
        title: &diagnosis.subject,
        verdict: verdict(case, diagnosis),
        cards: cards(case, diagnosis),
        findings: &diagnosis.findings,
        notes: &diagnosis.notes,
        training,
        loss: chart::log_curves(Metric::Loss, &train, &val, &rates)?,
        accuracy,
        gap: chart::gap_lines(&[chart::points(&gaps)], [ends[0], ends[1].max(ends[0] + 1.0)])?,
        is_cut: train.iter().chain(&val).any(|(_, loss)| *loss > chart::DIVERGED),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(page.render()?)
}

fn verdict(case: &Case, diagnosis: &Diagnosis) -> String {
    let Some((last, gap)) = case.curves.last().zip(diagnosis.gap_loss) else {
        return "No epoch has both losses, so no gap is known.".to_owned();
    };
    let side = if gap < 0.0 { "below" } else { "above" };
    let lately = diagnosis.val_loss_lately.map_or(String::new(), |lately| format!("; it {}", lately.words()));
    format!("After epoch {} validation loss lies {:.3} nats {side} training loss{lately}.", last.epoch, gap.abs())
}

/// The figures of the last epoch that has both losses.
fn cards(case: &Case, diagnosis: &Diagnosis) -> Vec<Card> {
    let Some(last) = case.curves.last() else { return Vec::new() };
    let card = |name, figure: String, note: String| Card { name, figure, note };
    let mut cards = vec![
        card("val loss", format!("{:.3}", last.val_loss), format!("epoch {}", last.epoch)),
        card("training loss", format!("{:.3}", last.train_loss), String::new()),
    ];
    for (name, accuracy) in [("val accuracy", last.val_acc), ("training accuracy", last.train_acc)] {
        if accuracy.is_finite() {
            cards.push(card(name, format!("{accuracy:.1} %"), String::new()));
        }
    }
    if let Some(gap) = diagnosis.gap_loss {
        cards.push(card("gap", format!("{gap:.3}"), "nats".into()));
    }
    if let Some(best) = case.curves.best() {
        let note = format!("epoch {}; optimistic, since selected on val", best.epoch);
        cards.push(card("lowest val loss", format!("{:.3}", best.val_loss), note));
    }
    cards
}
