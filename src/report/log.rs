//! The page of a log of another trainer (`log.html`): the parts of a run's page that a log has figures for.

use anyhow::Result;
use askama::Template;

use super::{
    MARK, STYLE,
    chart::{self, Metric},
    provenance::Fact,
    words::Card,
};
use crate::gap::{Case, Diagnosis, Finding, Id, LossPoint, TrainingLoss};

#[derive(Template)]
#[template(path = "log.html")]
struct Page<'a> {
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
    provenance: Vec<Fact>,
}

/// The page of a diagnosed log.
/// Fails if a chart cannot be drawn.
pub fn log_page(case: &Case, diagnosis: &Diagnosis) -> Result<String> {
    let curves = &case.curves;
    let train = curves.series(|point| point.train_loss);
    let val = curves.series(|point| point.val_loss);
    let rates = curves.series(|point| point.lr);
    let train_accuracies = curves.series(|point| point.train_acc);
    let val_accuracies = curves.series(|point| point.val_acc);
    let accuracy = if train_accuracies.is_empty() && val_accuracies.is_empty() {
        None
    } else {
        Some(chart::log_curves(Metric::Accuracy, &train_accuracies, &val_accuracies, &rates)?)
    };
    let gaps = curves.series(LossPoint::gap);
    let first = gaps.first().map_or(0.0, |(epoch, _)| *epoch);
    let last = gaps.last().map_or(0.0, |(epoch, _)| *epoch);
    let training = match curves.training {
        TrainingLoss::Probe => "probe (training images, measured like val)",
        TrainingLoss::Running => "training (the log's own training loss)",
    };
    let page = Page {
        title: &diagnosis.subject,
        verdict: verdict(case, diagnosis),
        cards: cards(case, diagnosis),
        findings: &diagnosis.findings,
        notes: &diagnosis.notes,
        training,
        loss: chart::log_curves(Metric::Loss, &train, &val, &rates)?,
        accuracy,
        gap: chart::gap_lines(&[chart::points(&gaps)], [first, last.max(first + 1.0)])?,
        is_cut: train.iter().chain(&val).any(|(_, loss)| *loss > chart::DIVERGED),
        provenance: vec![("log", diagnosis.subject.clone()), ("mindgap", env!("CARGO_PKG_VERSION").to_owned())],
    };
    Ok(page.render()?)
}

fn verdict(case: &Case, diagnosis: &Diagnosis) -> String {
    let Some((last, gap)) = case.curves.last().zip(diagnosis.gap_loss) else {
        return "No epoch has both losses, so no gap is known.".to_owned();
    };
    let position = if gap < 0.0 { "below" } else { "above" };
    let lately = diagnosis.val_loss_lately.map_or(String::new(), |lately| format!("; it {}", lately.words()));
    format!("After epoch {} validation loss lies {:.3} nats {position} training loss{lately}.", last.epoch, gap.abs())
}

/// The figures of the last epoch that has both losses.
fn cards(case: &Case, diagnosis: &Diagnosis) -> Vec<Card> {
    let Some(last) = case.curves.last() else { return Vec::new() };
    let mut cards = vec![
        Card::new("val loss", format!("{:.3}", last.val_loss), format!("epoch {}", last.epoch)),
        Card::new("training loss", format!("{:.3}", last.train_loss), ""),
    ];
    for (name, accuracy) in [("val accuracy", last.val_acc), ("training accuracy", last.train_acc)] {
        if accuracy.is_finite() {
            cards.push(Card::new(name, format!("{accuracy:.1} %"), ""));
        }
    }
    if let Some(gap) = diagnosis.gap_loss {
        cards.push(Card::new("gap", format!("{gap:.3}"), "nats"));
    }
    if let Some(best) = case.curves.best() {
        let note = format!("epoch {}; optimistic, since selected on val", best.epoch);
        cards.push(Card::new("lowest val loss", format!("{:.3}", best.val_loss), note));
    }
    cards
}
