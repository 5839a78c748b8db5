//! `mindgap report`: one HTML page of a run, or of several side by side.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{
    ExitStatus,
    output::{overwrite::check_our_page, print::print},
};
use mindgap::{durable, report::Report, run::RunFolder};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run folders, or the folder of a comparison; runs of one recipe over several seeds form one group
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// The runs that the others are compared with, by name [default: the first]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,

    /// File to write [default: report.html in the folder, or here for several]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the page and says where it is.
/// Fails if a folder holds no run, if the file exists and is not a page of mindgap, and on a full disk.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let report = Report::read(&args.runs, args.baseline.as_deref())?;
    let out = match (&args.out, &args.runs[..]) {
        (Some(out), _) => out.clone(),
        (None, [folder]) => folder.join(RunFolder::REPORT),
        (None, _) => PathBuf::from(RunFolder::REPORT),
    };
    check_our_page(&out, "--out")?;
    durable::write(&out, report.to_html()?.as_bytes())?;
    print(format!("{}\n", out.display()))?;
    Ok(ExitStatus::Done)
}
