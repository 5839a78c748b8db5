//! `mindgap inspect`: the contents of a data set and its defects, before anything is trained.

mod features;
mod labels;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use labels::LabelFlags;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::{
    ExitStatus,
    flags::{data::Bar, option_names::with_flags, selection::SelectionFlags},
    output::{
        overwrite::{check_our_page, check_ours, check_unchanged},
        print::print,
        say::say,
    },
};
use mindgap::{
    data::{Audit, Options, Thumbnails, ToExclude},
    durable,
    labels::SuspectLabels,
    report,
    run::data_flags,
};

/// Findings are not failures: the exit code is 0 unless the data cannot be used at all.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("written").multiple(true))]
#[command(mut_arg("labels", |flag| flag.num_args(0..=1).default_missing_value(SelectionFlags::NO_FILE).help(
    "With a file: take labels from that table (columns file, label and perhaps split, group). Without: look for wrong labels"
)))]
pub struct Args {
    /// A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces
    #[arg(value_name = "DIR|FILE.csv|faces")]
    source: Option<String>,

    /// The data set, as `mindgap train --data` names it
    #[arg(long, value_name = "DATA", conflicts_with = "source", hide = true)]
    data: Option<String>,

    /// Seed that draws val if the data have none, and the generated faces
    #[arg(long, value_name = "N", default_value = "0")]
    data_seed: u64,

    #[command(flatten)]
    selection: SelectionFlags,

    #[command(flatten)]
    labels: LabelFlags,

    /// A run folder, or a .safetensors file that mindgap wrote: images that its network finds alike are compared too
    #[arg(long, value_name = "RUN")]
    model: Option<PathBuf>,

    /// Write a list of the samples that training should leave out, for `mindgap train --exclude`
    #[arg(long, value_name = "FILE", group = "written")]
    write_exclude: Option<PathBuf>,

    /// Replace a list or table that was changed since it was written
    #[arg(long, requires = "written")]
    force: bool,

    /// Write a page that shows the findings
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Examples of each finding that --json and --html name, 0 for all; everything is counted [default: --json all, up to
    /// a million; --html 100]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Number of examples of each finding in JSON. Only a data set of mostly similar images reaches it: the number of pairs grows
/// with the square of the number of images.
const NAMED_IN_JSON: usize = 1_000_000;
/// Number of examples of each finding on a page.
const NAMED_ON_PAGE: usize = 100;
/// Number of image sizes on a page.
const SIZES_ON_PAGE: usize = 20;

/// Audits the data, writes the requested files and prints the findings.
/// Fails if the data are missing or wrongly laid out, a foreign file would be overwritten, or the disk is full.
pub fn run(args: &Args) -> Result<ExitStatus> {
    args.check_outputs()?;
    let (source, selection) = args.subject()?;
    let finds_labels = args.labels.are_asked(&selection)?;
    let selection = selection.with_files_alone();
    let options = Options { data_seed: args.data_seed, selection: selection.selection(), ..Options::default() };
    let usual = if args.json { NAMED_IN_JSON } else { NAMED_ON_PAGE };
    // All near-duplicates are evidence about labels.
    let named = if finds_labels { 0 } else { args.limit.unwrap_or(usual) };
    let features = match &args.model {
        Some(model) => Some(features::of(model, args.labels.compute.device()?, &source, &options)?),
        None => None,
    };
    let mut audit = Audit::of(&source, &options, features.as_ref(), named, &Bar::default())?;
    audit.notes.iter_mut().for_each(|note| *note = with_flags(note));
    if args.json && !audit.findings.cut.is_empty() {
        audit.notes.push(format!("{} name {named} each; --limit 0 names all.", audit.findings.cut.join(", ")));
    }
    let mut suspects = None;
    if finds_labels {
        suspects = args.labels.search(&source, &options.selection, args.data_seed, &audit)?;
        let Some(found) = &suspects else { return Ok(ExitStatus::Stopped) };
        if let Some(file) = &args.labels.write_relabel {
            let table = found.relabel_csv()?;
            check_unchanged(file, table.as_bytes(), args.force, "--write-relabel")?;
            durable::write(file, table.as_bytes())?;
        }
        // What networks say that recognise too little is no reason to leave images out.
        if found.warning.is_none() {
            audit.to_exclude.add(found.to_exclude());
        }
    }
    if let Some(file) = &args.write_exclude {
        let command = "mindgap train --data DATA --exclude THIS_FILE";
        let list = audit.to_exclude.to_text_with(&source, command, options.selection.exclude.as_deref())?;
        check_unchanged(file, &list, args.force, "--write-exclude")?;
        durable::write(file, &list)?;
    }
    if let Some(file) = &args.html {
        let page = match &suspects {
            Some(found) => report::labels_page(found, &source, &Thumbnails::of(&source, &options)?)?,
            None => report::audit_page(&audit.clone().limited(args.limit.unwrap_or(NAMED_ON_PAGE), SIZES_ON_PAGE))?,
        };
        durable::write(file, page.as_bytes())?;
        say(format_args!("Page: {}", file.display()));
    }
    let text = if args.json {
        serde_json::to_string_pretty(&Found::new(&audit, suspects.as_ref())?)? + "\n"
    } else {
        let data = data_flags(&audit.source, &options.selection);
        let table = args.labels.write_relabel.as_deref();
        let labels = suspects.as_ref().map(|found| labels::render(found, &data, table)).transpose()?;
        text::render(&audit, &options.selection, finds_labels, args.write_exclude.as_deref())
            + &labels.unwrap_or_default()
    };
    print(text)?;
    Ok(ExitStatus::Done)
}

/// The audit in JSON; where wrong labels were looked for, with `suspect_labels`, the scores of all labels, the folder of the
/// runs and, under `label_errors`, all else that is known of them.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    audit: &'a Audit,
    #[serde(flatten)]
    labels: Map<String, Value>,
}

impl<'a> Found<'a> {
    fn new(audit: &'a Audit, suspects: Option<&SuspectLabels>) -> Result<Self> {
        let mut labels = Map::new();
        if let Some(Value::Object(mut fields)) = suspects.map(serde_json::to_value).transpose()? {
            for key in ["suspect_labels", "label_scores", "out_of_fold"] {
                labels.insert(key.to_owned(), fields.remove(key).unwrap_or(Value::Null));
            }
            labels.insert("label_errors".to_owned(), Value::Object(fields));
        }
        Ok(Self { audit, labels })
    }
}

impl Args {
    /// The data and what is read of them. `inspect --labels photos` is read as `inspect photos --labels`.
    fn subject(&self) -> Result<(String, SelectionFlags)> {
        match (self.source.as_ref().or(self.data.as_ref()), &self.selection.labels) {
            (Some(source), _) => Ok((source.clone(), self.selection.clone())),
            (None, Some(folder)) if folder.is_dir() || folder == Path::new("faces") => {
                let mut selection = self.selection.clone();
                selection.labels = Some(PathBuf::from(SelectionFlags::NO_FILE));
                Ok((folder.display().to_string(), selection))
            }
            _ => bail!("which data? Name a folder, a fer2013.csv or faces: mindgap inspect DATA"),
        }
    }

    /// Checks the output files before the images are read, which may take long.
    fn check_outputs(&self) -> Result<()> {
        if let Some(file) = &self.labels.write_relabel {
            check_ours(file, "table of labels", "--write-relabel", SuspectLabels::is_relabel_csv)?;
            ensure!(
                !self.selection.selection().relabel.is_some_and(|table| durable::is_same(&table, file)),
                "--write-relabel {}: this table is in use (--relabel), and what it corrects would be missing from the new one; \
                 choose another file",
                file.display()
            );
        }
        if let Some(file) = &self.html {
            check_our_page(file, "--html")?;
        }
        if let Some(file) = &self.write_exclude {
            check_ours(file, "list", "--write-exclude", ToExclude::is_list)?;
            ensure!(
                !self.selection.selection().exclude.is_some_and(|list| durable::is_same(&list, file)),
                "--write-exclude {}: this list is in use (--exclude); choose another file, which will hold its lines too",
                file.display()
            );
        }
        Ok(())
    }
}
