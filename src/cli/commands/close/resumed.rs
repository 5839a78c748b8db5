//! What the flags of a resumed search may change, and what they may not.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{args::Args, clock::text_of};
use mindgap::{
    data::Selection,
    recipe::{KeyDifference, Recipe},
    search::{CloseRecord, Stage},
};

/// Checks that the flags of a resumed search are those of its beginning, as far as finished runs depend on them.
pub fn check_same(args: &Args, record: &CloseRecord) -> Result<()> {
    if let Some(data) = record.data.first() {
        let absolute = std::path::absolute(&args.subject)?.display().to_string();
        let given = if args.subject == "faces" { &args.subject } else { &absolute };
        // As paths, which a slash at the end does not change.
        ensure!(
            Path::new(given) == Path::new(&data.source),
            "the search in {} is on the data {:?}, not {given:?}: name the data as at its beginning, or choose another --out",
            args.out.display(),
            data.source
        );
    }
    if let Some(seeds) = args.seeds {
        ensure!(
            u64::from(seeds) == record.seeds,
            "the search in {} has --seeds {}, not {seeds}",
            args.out.display(),
            record.seeds
        );
    }
    if let Some(folds) = args.folds() {
        let record_folds = record.look.as_ref().map_or(record.folds_asked, |look| look.folds);
        ensure!(
            Some(folds) == record_folds,
            "the search in {} {}, not --folds {folds}",
            args.out.display(),
            record_folds.map_or("has no folds".to_owned(), |folds| format!("has --folds {folds}"))
        );
    }
    let selection = args.data.selection();
    ensure!(
        selection == Selection::default() || selection == record.selection,
        "the search in {} reads other images: leave out the flags of the data, or give those that it began with",
        args.out.display()
    );
    if args.say_recipe() {
        let differences = args.asked()?.diff(record.asked.as_ref().unwrap_or(&Recipe::default()));
        ensure!(
            differences.is_empty(),
            "the search in {} began with another recipe (asked for here, recorded there):{}",
            args.out.display(),
            KeyDifference::lines(&differences)
        );
    }
    Ok(())
}

/// Sets the budget. Where nothing is trained yet there is a new plan; later the winner's time changes.
/// Fails where the winner's epochs are decided.
pub fn set_budget(record: &mut CloseRecord, budget: f64) -> Result<()> {
    let is_decided = record.last.is_some() || record.stage == Stage::Done;
    ensure!(
        budget == record.budget_seconds || !is_decided,
        "the length of its winner is decided, with a budget of {}: leave --budget out, or choose another --out",
        text_of(record.budget_seconds)
    );
    if record.stage <= Stage::Planned && budget != record.budget_seconds {
        record.plan = None;
    }
    if let Some(plan) = &mut record.plan {
        plan.last = (plan.last + budget - plan.budget).max(0.0);
        plan.budget = budget;
    }
    record.budget_seconds = budget;
    Ok(())
}

/// Sets the number of runs at a time, by which the plan divides the time: before anything is trained there is a new plan.
/// Fails later.
pub fn set_jobs(record: &mut CloseRecord, jobs: u16) -> Result<()> {
    if record.jobs == jobs {
        return Ok(());
    }
    ensure!(
        record.stage <= Stage::Planned,
        "it is planned for --jobs {}, not {jobs}: leave --jobs out, or choose another --out",
        record.jobs
    );
    (record.jobs, record.plan) = (jobs, None);
    Ok(())
}
