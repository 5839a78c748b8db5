//! `mindgap plan`: writes the runs of a comparison to a file, for other machines to train.

use anyhow::Result;
use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};
use serde_json::json;

use crate::cli::{
    ExitStatus,
    flags::planning::Planning,
    output::{print::print, say::say},
};
use mindgap::{compare::Plan, run::shell_word};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    planning: Planning,

    /// Print the plan's file and runs as JSON on stdout
    #[arg(long, help_heading = "Comparison")]
    json: bool,
}

/// Writes the plan; trains nothing.
/// Fails on a bad flag, file or data set, and if the folder holds a plan that contradicts this one.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let planning = args.planning.settled();
    let (plan, added) = Plan::grow(&planning.out(), planning.runs(None)?)?;
    let file = plan.path.display().to_string();
    if args.json {
        let mut runs = Vec::new();
        for (index, run) in plan.runs.iter().enumerate() {
            runs.push(json!({"index": index, "run": run.job.name(), "id": run.id}));
        }
        print(serde_json::to_string_pretty(&json!({"plan": file, "added": added, "runs": runs}))? + "\n")?;
        return Ok(ExitStatus::Done);
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["index", "run", "id"]);
    for (index, run) in plan.runs.iter().enumerate() {
        let index = Cell::new(index).set_alignment(CellAlignment::Right);
        table.add_row([index, Cell::new(run.job.name()), Cell::new(&run.id)]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    print(table.trim_fmt() + "\n")?;
    let all = plan.runs.len();
    let file = shell_word(&file);
    say(format_args!("\n{all} runs are planned, {added} of them new. Train each, on any machine, with its index:"));
    say(format_args!("  mindgap run --plan {file} --index N"));
    say(format_args!("and compare those that are finished, at any time, with:"));
    say(format_args!("  mindgap compare --plan {file}"));
    Ok(ExitStatus::Done)
}
