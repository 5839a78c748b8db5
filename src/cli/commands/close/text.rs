//! A search in words: its plan, and its end.

use super::clock::text_of;
use mindgap::{search::CloseRecord, stats::counted};

pub fn plan(record: &CloseRecord) -> String {
    let Some(plan) = &record.plan else { return String::new() };
    let mut text = format!("Plan for {}\n", text_of(plan.budget));
    let epoch = |seconds: f64| format!("{seconds:.1} s an epoch");
    let reference = record.reference_pace.as_ref().map_or(String::new(), |pace| epoch(pace.epoch_seconds));
    let mut line = |what: &str, seconds: f64, note: String| {
        text += &format!("  {what:<12} {:>8}  {note}\n", text_of(seconds));
    };
    let what = record.reference.as_ref().map_or(String::new(), |reference| reference.what.clone());
    line("reference", plan.reference, format!("{what}, {reference}"));
    match &plan.rungs {
        Some(rungs) => {
            let mut text = format!("{} recipes for {} each", rungs.candidates[0], text_of(rungs.seconds[0]));
            for (seconds, count) in rungs.seconds.iter().zip(&rungs.candidates).skip(1) {
                let best = if *count == 1 { "the best one".to_owned() } else { format!("the best {count}") };
                text += &format!(", then {best} for {}", text_of(*seconds));
            }
            line("search", plan.search, text);
        }
        None => line("search", 0.0, "the budget is too small to try several recipes".into()),
    }
    line("winner", plan.last, "on what is left, with a whole schedule".into());
    line("the rest", plan.rest, "verdict, bills, files".into());
    text += "Networks, an epoch of each with its measurements\n";
    for (index, pace) in record.paces.iter().enumerate() {
        let start = if index == record.start { "  (the start)" } else { "" };
        text += &format!(
            "  {:<44} {:>7.1} s  {:>6.0} images/s{start}\n",
            pace.network.words(),
            pace.epoch_seconds,
            pace.train_images_per_s
        );
    }
    for note in &record.notes {
        text += &format!("note: {note}\n");
    }
    text
}

pub fn outcome(record: &CloseRecord) -> String {
    let mut text = format!("\n{}\n", wrapped(&record.sentence));
    if let Some(winner) = record.winner.as_ref().and_then(|winner| record.candidates.get(winner.candidate)) {
        let epochs = counted(record.last.as_ref().map_or(0, |last| last.recipe.epochs as usize), "epoch");
        let what = record.last.as_ref().map_or(&winner.what, |last| &last.what);
        text += &format!("\nWinner      {what} ({}), {epochs}\n", winner.name);
    }
    let tried = match record.trials.len() {
        0 => "nothing else".to_owned(),
        trainings => {
            let is_tried = |candidate: &usize| record.trials.iter().any(|trial| trial.candidate == *candidate);
            let tried = (0..record.candidates.len()).filter(is_tried).count();
            format!("{tried} recipes in {trainings} trainings")
        }
    };
    let (spent, budget) = (text_of(record.spent_seconds), text_of(record.budget_seconds));
    text += &format!("Tried       {tried}; {spent} of {budget} spent\n");
    if let Some(test) = record.test.as_ref().and_then(|test| test["top1"].as_f64()) {
        text += &format!("Test        {test:.1} % on the sealed test set, measured once by this search\n");
    }
    for note in &record.notes {
        text += &format!("{}\n", wrapped(&format!("note: {note}")));
    }
    text += "Files\n";
    for file in &record.files {
        text += &format!("  {:<12} {}\n", file.what, file.path);
    }
    text += "Next\n";
    for step in &record.next {
        text += &format!("  {step}\n");
    }
    text
}

fn wrapped(text: &str) -> String {
    textwrap::fill(text, 100)
}
