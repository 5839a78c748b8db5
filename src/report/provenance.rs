//! Where the figures come from: command, versions, machine, data.

use super::{Report, ReportedRun};
use crate::{run::shell_line, seal::Standing};

/// A name and its values.
pub type Fact = (&'static str, String);

impl Report {
    /// Everything that must be known to repeat the runs. Where runs differ, all values are named.
    pub(super) fn provenance(&self) -> Vec<Fact> {
        let runs: Vec<&ReportedRun> = self.groups.iter().flat_map(|group| &group.runs).collect();
        let started = runs.iter().map(|run| run.environment.started.clone()).min().unwrap_or_default();
        let resumes: usize = runs.iter().map(|run| run.environment.resumes.len()).sum();
        let mut facts = vec![
            ("command", shell_line(&self.command_line)),
            ("data", values(&runs, data)),
            ("data fingerprint", values(&runs, |run| run.environment.data.fingerprint.clone())),
            ("val images also in train", values(&runs, |run| run.environment.data.val_in_train.to_string())),
            ("near leaks in val", values(&runs, near_leaks)),
            ("files left out", values(&runs, |run| run.environment.data.bad_files.to_string())),
            ("seeds", values(&runs, ReportedRun::seed)),
            ("data seed", values(&runs, data_seed)),
            ("mindgap", values(&runs, |run| run.environment.versions.mindgap.clone())),
            ("libtorch, tch", values(&runs, libraries)),
            ("device", values(&runs, device)),
            ("processor", values(&runs, |run| run.environment.cpu.clone())),
            ("first run begun", started),
            ("resumes", resumes.to_string()),
        ];
        if runs.iter().all(|run| run.environment.data.near_leaks.is_none()) {
            facts.retain(|(name, _)| *name != "near leaks in val");
        }
        if runs.iter().any(|run| run.environment.data.group_leaks.is_some()) {
            facts.push(("groups of val images", values(&runs, groups)));
        }
        if runs.iter().any(|run| run.environment.recorder.is_some()) {
            facts.push(("trained by", values(&runs, trainer)));
        }
        facts.extend(sealed_tests(&runs).map(|looks| ("sealed test", looks)));
        facts
    }
}

/// What the ledgers say now of the sealed test sets on which the runs were evaluated, or why they cannot; None where there is
/// none.
fn sealed_tests(runs: &[&ReportedRun]) -> Option<String> {
    let mut ledgers: Vec<&str> = Vec::new();
    let mut sentences = Vec::new();
    for witness in runs.iter().flat_map(|run| &run.sealed_tests) {
        if ledgers.contains(&witness.ledger.as_str()) {
            continue;
        }
        ledgers.push(&witness.ledger);
        let sentence = Standing::known_by(witness).map_or_else(|error| format!("{error:#}"), |found| found.sentence());
        sentences.push(format!("{}: {sentence}", witness.ledger));
    }
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

/// The number of groups of val, and its images whose group also has images in train.
fn groups(run: &ReportedRun) -> String {
    let data = &run.environment.data;
    match (data.val_groups, data.group_leaks) {
        (Some(groups), Some(leaks)) => format!("{groups}; {leaks} images are of groups that train also has"),
        _ => "none".to_owned(),
    }
}

/// The different values that the runs have, each once.
fn values(runs: &[&ReportedRun], value: impl Fn(&ReportedRun) -> String) -> String {
    let mut values: Vec<String> = Vec::new();
    for run in runs {
        let value = value(run);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.join("; ")
}

fn data(run: &ReportedRun) -> String {
    let data = &run.environment.data;
    let shape =
        data.size.zip(data.channels).map(|(size, channels)| format!(", {size}×{size} px, {channels} channel(s)"));
    let test = data.test.map_or(String::new(), |test| format!(", {test} test (not read)"));
    format!(
        "{}: {} train, {} val{test}, probe {}, {} classes{}",
        data.source,
        data.train,
        data.val,
        data.probe,
        data.classes.len(),
        shape.unwrap_or_default()
    )
}

fn near_leaks(run: &ReportedRun) -> String {
    run.environment.data.near_leaks.map_or("none known".to_owned(), |count| count.to_string())
}

fn data_seed(run: &ReportedRun) -> String {
    run.recipe.as_ref().map_or("not recorded".to_owned(), |recipe| recipe.data_seed.to_string())
}

fn trainer(run: &ReportedRun) -> String {
    match &run.environment.recorder {
        Some(recorder) => format!("another training loop ({}), recorded by {}", recorder.framework, recorder.package),
        None => "mindgap".to_owned(),
    }
}

fn libraries(run: &ReportedRun) -> String {
    let versions = &run.environment.versions;
    format!("{}, {}", versions.libtorch, versions.tch.as_deref().unwrap_or("–"))
}

fn device(run: &ReportedRun) -> String {
    let versions = &run.environment.versions;
    format!("{}, {} thread(s)", versions.device, versions.threads)
}
