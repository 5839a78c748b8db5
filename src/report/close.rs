//! The page of a search (`close.html`): what closed the gap, what was tried, and what to do next.

use std::path::Path;

use anyhow::Result;
use askama::Template;

use super::{
    MARK, STYLE,
    chart::{self, Metric},
    provenance::Fact,
    table::Table,
    words::Card,
};
use crate::{
    run::{EpochRecord, RunFolder, shell_line},
    search::{CloseRecord, Score, Trained, Trial},
    stats::counted,
};

#[derive(Template)]
#[template(path = "close.html")]
struct Page<'a> {
    title: String,
    verdict: &'a str,
    cards: Vec<Card>,
    curves: Vec<Curves>,
    tried: Option<Table>,
    findings: &'a [String],
    plan: Option<Table>,
    /// Which of several trainings curves and bills are of.
    shown: &'static str,
    bills: Vec<(&'static str, String, String)>,
    recipe: String,
    next: &'a [String],
    files: Vec<Fact>,
    notes: Vec<&'a String>,
    provenance: Vec<Fact>,
}

/// The curves of one training.
struct Curves {
    title: String,
    loss: String,
    accuracy: String,
}

/// The page of a finished search.
/// Fails if a run cannot be read, or a chart cannot be drawn.
pub fn close_page(record: &CloseRecord) -> Result<String> {
    let mut curves = Vec::new();
    for (name, trained) in [("Before: the reference", &record.reference), ("After: the winner", &record.last)] {
        if let Some(trained) = trained {
            curves.push(Curves::of(name, trained)?);
        }
    }
    let mut bills = Vec::new();
    let shown = if record.data.len() > 1 { "the first fold and seed" } else { "the first seed" };
    for (name, bill) in ["The reference’s gap", "The winner’s gap"].into_iter().zip(&record.bills) {
        if let Some(bill) = bill {
            bills.push((name, bill.sentence.clone(), chart::waterfall(bill)?));
        }
    }
    let look_notes = record.look.iter().flat_map(|look| &look.notes);
    let page = Page {
        title: record.data.first().map_or("mindgap close".to_owned(), |data| data.source.clone()),
        verdict: &record.sentence,
        cards: cards(record),
        curves,
        tried: Table::of(tried(record)),
        findings: &record.findings,
        plan: Table::of(plan(record)),
        shown,
        bills,
        recipe: record.last.as_ref().map_or(String::new(), |last| last.recipe.to_toml()),
        next: &record.next,
        files: files(record),
        notes: look_notes.chain(&record.notes).collect(),
        provenance: provenance(record),
    };
    Ok(page.render()?)
}

impl Curves {
    fn of(name: &str, trained: &Trained) -> Result<Self> {
        let mut records = Vec::new();
        if let Some(folder) = trained.folders.first() {
            records = RunFolder::open(Path::new(folder))?.epochs()?.records;
        }
        let series = |figure: fn(&EpochRecord) -> f64| -> Vec<(f64, f64)> {
            let points = records.iter().map(|record| (f64::from(record.epoch), figure(record)));
            points.filter(|(_, value)| value.is_finite()).collect()
        };
        let rates = series(|record| record.lr);
        let losses = [series(|record| record.probe_loss), series(|record| record.val_loss)];
        let accuracies = [series(|record| record.probe_acc), series(|record| record.val_acc)];
        Ok(Self {
            title: format!("{name} ({}), {}", trained.what, counted(trained.recipe.epochs as usize, "epoch")),
            loss: chart::log_curves(Metric::Loss, &losses[0], &losses[1], &rates)?,
            accuracy: chart::log_curves(Metric::Accuracy, &accuracies[0], &accuracies[1], &rates)?,
        })
    }
}

/// Before and after, on the half of val that selected nothing.
fn cards(record: &CloseRecord) -> Vec<Card> {
    let Some(verdict) = &record.verdict else { return Vec::new() };
    let (before, after) = (&verdict.reference, &verdict.winner);
    let card = |name: &'static str, figure: fn(&Score) -> String| {
        Card::new(name, figure(after), format!("before: {}", figure(before)))
    };
    let mut cards = vec![
        card("gap", |score| format!("{:.3}", score.gap_loss)),
        card("val loss", |score| format!("{:.3}", score.val_loss)),
        card("val accuracy", |score| format!("{:.1} %", score.val_acc)),
        card("probe loss", |score| format!("{:.3}", score.probe_loss)),
    ];
    if let Some(test) = record.test.as_ref().and_then(|test| test["top1"].as_f64()) {
        cards.push(Card::new("test accuracy", format!("{test:.1} %"), "sealed; measured once by this search"));
    }
    cards
}

/// The candidates with the trial of the first seed on their highest rung, and what became of them.
fn tried(record: &CloseRecord) -> Vec<Vec<String>> {
    let head = ["recipe", "what", "tried because", "rung", "epochs", "val loss", "gap", "what became of it"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (index, candidate) in record.candidates.iter().enumerate() {
        let trials = record.trials.iter().filter(|trial| (trial.candidate, trial.seed) == (index, record.seed));
        let trial = trials.max_by_key(|trial| trial.rung);
        let score = trial.and_then(Trial::score);
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        rows.push(vec![
            candidate.name.clone(),
            candidate.what.clone(),
            candidate.why.clone(),
            trial.map_or("–".to_owned(), |trial| (trial.rung + 1).to_string()),
            trial.map_or("–".to_owned(), |trial| trial.epochs.to_string()),
            number(score.map(|score| score.val_loss)),
            number(score.map(|score| score.gap_loss)),
            record.results.get(index).cloned().unwrap_or_default(),
        ]);
    }
    rows
}

/// How the budget was divided.
fn plan(record: &CloseRecord) -> Vec<Vec<String>> {
    let Some(plan) = &record.plan else { return Vec::new() };
    let row = |what: &str, seconds: f64| vec![what.to_owned(), format!("{:.1}", seconds / 60.0)];
    let mut rows = vec![vec!["part".to_owned(), "minutes planned".to_owned()]];
    rows.extend([
        row("reference", plan.reference),
        row("search", plan.search),
        row("winner", plan.last),
        row("verdict, bills, files", plan.rest),
        row("budget", plan.budget),
        row("spent", record.spent_seconds),
    ]);
    rows
}

fn files(record: &CloseRecord) -> Vec<Fact> {
    let name = |what: &str| match what {
        "run" => "run folder",
        "recipe" => "recipe",
        "torchscript" => "TorchScript",
        "safetensors" => "safetensors",
        "onnx" => "ONNX",
        _ => "page",
    };
    record.files.iter().map(|file| (name(&file.what), file.path.clone())).collect()
}

fn provenance(record: &CloseRecord) -> Vec<Fact> {
    let mut facts = vec![("command", shell_line(&record.command_line)), ("mindgap", record.mindgap.clone())];
    if let Some(data) = record.data.first() {
        facts.push(("data", data.to_string()));
    }
    if let Some(look) = &record.look {
        let left_out: Vec<String> = look.left_out.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if !left_out.is_empty() {
            facts.push(("left out of training", left_out.join(", ")));
        }
        if let Some(folds) = look.folds {
            facts.push(("folds", folds.to_string()));
        }
        if let Some(ledger) = &look.sealed {
            facts.push(("sealed test set", ledger.clone()));
        }
    }
    facts
}
