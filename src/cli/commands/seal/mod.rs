//! `mindgap seal`: fixes the test split of a data set and opens the ledger of the evaluations on it.

mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::cli::{
    ExitStatus,
    flags::data::DataFlags,
    output::{print::print, say::say_notes},
};
use mindgap::{
    data::Dataset,
    recipe::Recipe,
    seal::{Ledger, Look, Sealed, Standing, TestImages, Witnesses, beside},
};

/// From then on `mindgap evaluate --split test` on these images appends a line to the ledger, in the folder DATA.seal beside
/// the data, and says how many models were measured on them, which is best, and what the choice adds to its figure.
#[derive(Clone, Debug, clap::Args)]
#[command(mut_arg("source", |flag| flag.hide(true)))]
pub struct Args {
    /// A folder with train/CLASS/* and test/CLASS/*, or a fer2013.csv
    #[arg(value_name = "DIR|FILE.csv")]
    subject: String,

    /// Verify the ledger and print it; the data are not opened
    #[arg(long)]
    show: bool,

    #[command(flatten)]
    data: DataFlags,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A ledger as `--json` prints it.
#[derive(Debug, Serialize)]
struct Shown {
    /// Path of the ledger.
    ledger: String,
    #[serde(flatten)]
    sealed: Sealed,
    standing: Standing,
    /// All looks, in order.
    all_looks: Vec<Look>,
}

/// Seals the test split, or prints its ledger.
/// Fails if there is no test split, it is sealed already, or the ledger fails a check.
pub fn run(args: &Args) -> Result<ExitStatus> {
    ensure!(args.data.source.is_none(), "seal takes the data without --data: mindgap seal {} …", args.subject);
    let Some(folder) = beside(&args.subject) else {
        if args.subject == "faces" {
            bail!("the generated faces have no files that could be sealed: name a folder or a table");
        }
        bail!("there are no data {:?}", args.subject);
    };
    let witnesses = Witnesses::of_user();
    let ledger = if args.show {
        ensure!(
            folder.join(Ledger::FILE).exists(),
            "{:?} is not sealed: there is no {}",
            args.subject,
            folder.join(Ledger::FILE).display()
        );
        Ledger::open_witnessed(&folder, &witnesses)?
    } else {
        let data = args.data.open_without_near_leaks(&args.subject, &Recipe::default(), false)?;
        say_notes(&data.notes);
        let (ledger, notes) = seal(&args.subject, &folder, &data, &witnesses)?;
        say_notes(notes);
        ledger
    };
    if ledger.is_torn {
        say_notes([format!(
            "the last line of {} is incomplete: a process is writing it, or was killed; the next evaluation removes it",
            ledger.path().display()
        )]);
    }
    let standing = Standing::of(&ledger)?;
    if args.json {
        let ledger_path = ledger.path().display().to_string();
        let shown = Shown { ledger: ledger_path, sealed: ledger.sealed, standing, all_looks: ledger.looks };
        print(serde_json::to_string_pretty(&shown)? + "\n")?;
    } else {
        print(text::render(&ledger, &standing))?;
    }
    Ok(ExitStatus::Done)
}

/// Seals the test split of `data`, which were read from `source`, in the ledger `folder`. Also returns notes for the user.
/// Fails if there is no test split, or the ledger cannot be written.
fn seal(source: &str, folder: &Path, data: &Dataset, witnesses: &Witnesses) -> Result<(Ledger, Vec<String>)> {
    let test = data.test.as_ref().with_context(|| match &data.unread_test {
        Some(reason) => format!("the test split of {source:?} cannot be sealed: {reason}"),
        None => format!("{source:?} has no test split; --test-dir names its folder"),
    })?;
    let classes: Vec<&str> = test.labels.iter().map(|&label| data.classes[label as usize].as_str()).collect();
    let images = TestImages::new(&test.original_hashes()?, &classes);
    Ledger::create(folder, source, &images, test.groups.as_deref(), witnesses)
}

/// The ledger of the test split of `data`, which were read from `source`: the one that is there, or else a new one.
/// Fails if there is no test split, the ledger fails a check, or it cannot be written.
pub fn seal_or_find(source: &str, data: &Dataset) -> Result<PathBuf> {
    let folder = beside(source).with_context(|| format!("{source:?} has no files that could be sealed"))?;
    let witnesses = Witnesses::of_user();
    let ledger = if folder.join(Ledger::FILE).exists() {
        Ledger::open_witnessed(&folder, &witnesses)?
    } else {
        seal(source, &folder, data, &witnesses)?.0
    };
    Ok(ledger.path())
}
