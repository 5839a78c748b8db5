//! Where the figures come from: command, versions, machine, data.

use super::{Report, Run};
use crate::run::shell_line;

/// A name and its values, in order.
pub type Fact = (&'static str, String);

impl Report {
    /// What must be known to repeat the runs. Where runs differ, all values are named.
    pub(super) fn provenance(&self) -> Vec<Fact> {
        let runs: Vec<&Run> = self.groups.iter().flat_map(|group| &group.runs).collect();
        let of = |value: &dyn Fn(&Run) -> String| {
            let mut values: Vec<String> = runs.iter().map(|run| value(run)).collect();
            let mut seen = std::collections::HashSet::new();
            values.retain(|value| seen.insert(value.clone()));
            values.join("; ")
        };
        let data = |run: &Run| {
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
        };
        let mut facts: Vec<Fact> = vec![("command", shell_line(&self.command_line))];
        facts.push(("data", of(&data)));
        facts.push(("data fingerprint", of(&|run| run.environment.data.fingerprint.clone())));
        facts.push(("val images also in train", of(&|run| run.environment.data.val_in_train.to_string())));
        facts.push(("files left out", of(&|run| run.environment.data.bad_files.to_string())));
        facts.push(("seeds", of(&|run| run.job.seed.to_string())));
        facts.push(("data seed", of(&|run| run.recipe.data_seed.to_string())));
        facts.push(("mindgap", of(&|run| run.environment.versions.mindgap.clone())));
        facts.push((
            "libtorch, tch",
            of(&|run| format!("{}, {}", run.environment.versions.libtorch, run.environment.versions.tch)),
        ));
        facts.push((
            "device",
            of(&|run| {
                let versions = &run.environment.versions;
                format!("{}, {} thread(s)", versions.device, versions.threads)
            }),
        ));
        facts.push(("processor", of(&|run| run.environment.cpu.clone())));
        let started = runs.iter().map(|run| run.environment.started.clone()).min().unwrap_or_default();
        facts.push(("first run begun", started));
        let resumes: usize = runs.iter().map(|run| run.environment.resumes.len()).sum();
        facts.push(("resumes", resumes.to_string()));
        facts
    }
}
