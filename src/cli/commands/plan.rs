//! `mindgap plan`: writes down the runs of a comparison for other machines to train.

use std::fmt::Write;

use anyhow::Result;
use serde_json::json;

use crate::cli::{
    ExitStatus,
    flags::planning::Planning,
    output::{print::print, say::say},
};
use mindgap::{compare::Plan, run::shell_word};

/// Flags of `mindgap plan`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    planning: Planning,

    /// Print the plan's file and runs as JSON on stdout
    #[arg(long, help_heading = "Comparison")]
    json: bool,
}

/// Plans; trains nothing.
///
/// # Errors
/// A bad flag, file or data set; a plan in the folder that does not go with this one.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let planning = args.planning.settled();
    let (plan, added) = Plan::grow(&planning.out, planning.runs()?)?;
    let file = plan.path.display().to_string();
    let runs = || plan.runs.iter().enumerate();
    if args.json {
        let runs: Vec<_> =
            runs().map(|(index, run)| json!({"index": index, "run": run.job.name(), "id": run.id})).collect();
        print(serde_json::to_string_pretty(&json!({"plan": file, "added": added, "runs": runs}))? + "\n")?;
        return Ok(ExitStatus::Done);
    }
    let width = runs().map(|(_, run)| run.job.name().len()).max().unwrap_or(0).max("run".len());
    let mut text = format!("index  {:width$}  id\n", "run");
    for (index, run) in runs() {
        writeln!(text, "{index:>5}  {:width$}  {}", run.job.name(), run.id)?;
    }
    print(text)?;
    let (all, file) = (plan.runs.len(), shell_word(&file));
    say(format_args!("\n{all} runs are planned, {added} of them new. Train each, anywhere, with its index:"));
    say(format_args!("  mindgap run --plan {file} --index N"));
    say(format_args!("and see what they say, at any time, with:"));
    say(format_args!("  mindgap compare --plan {file}"));
    Ok(ExitStatus::Done)
}
