//! What a comparison leaves: files in its folder, text on stdout.

use std::{
    fs,
    io::{self, IsTerminal},
    path::Path,
};

use anyhow::{Context, Result};

use crate::cli::output::{print::print, say::say};
use mindgap::{compare::Comparison, durable, report::Report, run::RunFolder};

/// The command, word by word.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Writes compare.json, compare.md and the report that `report` makes once they are there into `folder`.
/// Fails where the folder cannot be written to, or the report cannot be made.
pub fn write_files(comparison: &Comparison, folder: &Path, report: impl FnOnce() -> Result<Report>) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let json = serde_json::to_string_pretty(comparison)? + "\n";
    durable::write(&folder.join(Comparison::FILE), json.as_bytes())?;
    durable::write(&folder.join("compare.md"), comparison.to_markdown().as_bytes())?;
    durable::write(&folder.join(RunFolder::REPORT), report()?.to_html()?.as_bytes())
}

/// Prints the comparison: as JSON, in short on a terminal, or whole. Says where its files are.
/// Fails where stdout cannot be written to.
pub fn print_comparison(comparison: &Comparison, folder: Option<&Path>, json: bool) -> Result<()> {
    let text = match (json, io::stdout().is_terminal()) {
        (true, _) => serde_json::to_string_pretty(comparison)? + "\n",
        (false, true) => comparison.to_brief(),
        (false, false) => comparison.to_markdown(),
    };
    print(text)?;
    if let Some(folder) = folder {
        say(format_args!("\nAll figures: {}", folder.join("compare.md").display()));
        say(format_args!("Report: {}", folder.join(RunFolder::REPORT).display()));
    }
    Ok(())
}
