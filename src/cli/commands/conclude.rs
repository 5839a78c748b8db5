//! `mindgap conclude`: computes the final figures of a recorded run. The recorder calls it; people need not.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{
    ExitStatus,
    output::{overwrite::check_our_page, print::print, say::say},
};
use mindgap::{
    durable,
    report::Report,
    run::{self, RunFolder},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a run that another training loop recorded
    #[arg(value_name = "RUN_DIR")]
    run: PathBuf,

    /// Print the final figures as JSON
    #[arg(long)]
    json: bool,
}

/// Writes the run's final figures and its report. Fails where the folder holds no recorded run, another process writes to
/// it, or its files are damaged or contradict each other.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let page = args.run.join(RunFolder::REPORT);
    check_our_page(&page, "RUN_DIR")?;
    let done = run::conclude(&args.run)?;
    durable::write(&page, Report::read(std::slice::from_ref(&args.run), None)?.to_html()?.as_bytes())?;
    if args.json {
        let mut json = serde_json::to_value(&done)?;
        json["run"] = args.run.display().to_string().into();
        print(serde_json::to_string_pretty(&json)? + "\n")?;
        return Ok(ExitStatus::Done);
    }
    let last = &done.last;
    print(format!(
        "epoch {}: probe loss {:.3}, val loss {:.3}, gap {:.3} ± {:.3} nats, val accuracy {:.1} %\n",
        last.epoch, last.probe_loss, last.val_loss, last.gap_loss, last.gap_loss_se, last.val_acc
    ))?;
    say(format_args!("Report: {}", page.display()));
    Ok(ExitStatus::Done)
}
