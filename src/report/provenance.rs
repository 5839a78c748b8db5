//! Where the figures come from: command, versions, machine, data.

use super::{Report, ReportedRun};
use crate::run::shell_line;

/// A name and its values.
pub type Fact = (&'static str, String);

impl Report {
    /// Everything that must be known to repeat the runs. Where runs differ, all values are named.
    pub(super) fn provenance(&self) -> Vec<Fact> {
        let runs: Vec<&ReportedRun> = self.groups.iter().flat_map(|group| &group.runs).collect();
        let started = runs.iter().map(|run| run.environment.started.clone()).min().unwrap_or_default();
        let resumes: usize = runs.iter().map(|run| run.environment.resumes.len()).sum();
        vec![
            ("command", shell_line(&self.command_line)),
            ("data", values(&runs, data)),
            ("data fingerprint", values(&runs, |run| run.environment.data.fingerprint.clone())),
            ("val images also in train", values(&runs, |run| run.environment.data.val_in_train.to_string())),
            ("files left out", values(&runs, |run| run.environment.data.bad_files.to_string())),
            ("seeds", values(&runs, |run| run.job.seed.to_string())),
            ("data seed", values(&runs, |run| run.recipe.data_seed.to_string())),
            ("mindgap", values(&runs, |run| run.environment.versions.mindgap.clone())),
            ("libtorch, tch", values(&runs, libraries)),
            ("device", values(&runs, device)),
            ("processor", values(&runs, |run| run.environment.cpu.clone())),
            ("first run begun", started),
            ("resumes", resumes.to_string()),
        ]
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
    let test = data.test.map_or(String::new(), |test| format!(", {test} test (not read)"));
    format!(
        "{}: {} train, {} val{test}, probe {}, {} classes, {}×{} px, {} channel(s)",
        data.source,
        data.train,
        data.val,
        data.probe,
        data.classes.len(),
        data.size,
        data.size,
        data.channels
    )
}

fn libraries(run: &ReportedRun) -> String {
    let versions = &run.environment.versions;
    format!("{}, {}", versions.libtorch, versions.tch)
}

fn device(run: &ReportedRun) -> String {
    let versions = &run.environment.versions;
    format!("{}, {} thread(s)", versions.device, versions.threads)
}
