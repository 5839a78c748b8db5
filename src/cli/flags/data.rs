//! Flags of the data: their source, and how they are read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use clap::{Args, Command, Id};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::flags::{option_names::with_flags, selection::SelectionFlags};
use mindgap::{
    compare::PlannedData,
    data::{self, Dataset, Fold, Options, ReadProgress, Selection, SingleSplit, SplitName},
    recipe::Recipe,
};

/// The data source, and how it is read.
#[derive(Clone, Debug, clap::Args)]
pub struct DataFlags {
    /// A folder with train/CLASS/* and val/CLASS/*, or with CLASS/*, a fer2013.csv, or faces [default: faces]
    #[arg(long = "data", value_name = "DIR|FILE.csv|faces", help_heading = "Data")]
    pub source: Option<String>,

    /// Leave out images and rows that cannot be read, and say how many, instead of stopping
    #[arg(long, help_heading = "Data")]
    skip_bad: bool,

    #[command(flatten)]
    selection: SelectionFlags,

    /// What is read in place of what the flags select.
    #[arg(skip)]
    read: Option<Selection>,

    /// Decoded images kept in memory; a larger data set is decoded again for each batch
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size, help_heading = "Data")]
    cache_limit: u64,

    /// Decode all images; neither read nor write those kept in ~/.cache/mindgap/decoded since the last start
    #[arg(long, help_heading = "Data")]
    no_cache: bool,

    /// Threads that decode images beside training [default: one for each core]
    #[arg(long, short = 'j', value_name = "N", help_heading = "Data")]
    workers: Option<usize>,
}

impl DataFlags {
    /// The flags for `source`, of which `selection` is read; images that cannot be read are left out.
    pub fn of(source: &str, selection: Selection) -> Self {
        Self {
            source: Some(source.to_owned()),
            skip_bad: true,
            selection: SelectionFlags::default(),
            read: Some(selection),
            cache_limit: Options::default().cache_limit,
            no_cache: false,
            workers: None,
        }
    }

    /// The flags that decide what is read of data, as clap knows them; but `--group-by`, which groups trained models too.
    pub fn what_is_read() -> Vec<Id> {
        let flags = SelectionFlags::augment_args(Command::new(""));
        let of_data = flags.get_arguments().map(|flag| flag.get_id().clone()).filter(|id| id != "group_by");
        of_data.chain([Id::from("skip_bad")]).collect()
    }

    /// The arguments that make another `mindgap` process read any data in the same way.
    pub fn reading_words(&self) -> Vec<String> {
        let mut words = vec![format!("--cache-limit={}", self.cache_limit)];
        words.extend(self.no_cache.then(|| "--no-cache".to_owned()));
        words.extend(self.workers.map(|workers| format!("--workers={workers}")));
        words
    }

    /// The data for a plan, with paths that are valid in any current folder.
    /// Fails if the current folder was removed, or if its path is not UTF-8.
    pub fn planned(&self, data: &Dataset) -> Result<PlannedData> {
        let absolute = |path: &Path| -> Result<PathBuf> {
            let path = std::path::absolute(path)?;
            path.to_str().with_context(|| format!("a plan cannot hold the path {path:?}, which is not UTF-8"))?;
            Ok(path)
        };
        let source = self.source();
        let selection = self.selection().with_files(absolute)?;
        Ok(PlannedData {
            source: if source == "faces" { source.into() } else { absolute(source.as_ref())?.display().to_string() },
            selection: Selection { folders: selection.folders.settled(source.as_ref())?, ..selection },
            skip_bad: self.skip_bad,
            variant: None,
            fingerprint: data.fingerprint.clone(),
            train: data.train.len(),
            val: data.val.len(),
        })
    }

    /// The flags for data from a plan. Flags that name data or a list give their place on this machine.
    pub fn over(&self, planned: &PlannedData) -> Self {
        Self {
            source: self.source.clone().or_else(|| Some(planned.source.clone())),
            skip_bad: self.skip_bad || planned.skip_bad,
            ..self.reading(self.selection().or(&planned.selection))
        }
    }

    /// The data source as the user names it.
    pub fn source(&self) -> &str {
        self.source.as_deref().unwrap_or("faces")
    }

    /// What is read of the data.
    pub fn selection(&self) -> Selection {
        self.read.clone().unwrap_or_else(|| self.selection.selection())
    }

    /// The flags with `selection` in the place of what they select.
    pub fn reading(&self, selection: Selection) -> Self {
        Self { read: Some(selection), ..self.clone() }
    }

    /// Opens `source` as `recipe` says, with a progress bar on stderr. `skipped_before`: the run to be resumed left
    /// unreadable files out.
    /// Fails if the data are missing, badly laid out or unreadable.
    pub fn open(&self, source: &str, recipe: &Recipe, skipped_before: bool) -> Result<Dataset> {
        Self::open_with(source, &self.options(recipe, skipped_before))
    }

    /// Opens `source` as [`open`](Self::open) does, without the search for near leaks, which nobody reads there.
    /// Fails if the data are missing, badly laid out or unreadable.
    pub fn open_without_near_leaks(&self, source: &str, recipe: &Recipe, skipped_before: bool) -> Result<Dataset> {
        Self::open_with(source, &Options { near_leaks: false, ..self.options(recipe, skipped_before) })
    }

    fn open_with(source: &str, options: &Options) -> Result<Dataset> {
        let mut data = data::open(source, options, &Bar::default())?;
        data.notes.iter_mut().for_each(|note| *note = with_flags(note));
        Ok(data)
    }

    /// Opens the split called `name` of `source` alone; None if there is a train split beside it. See
    /// [`data::open_single_split`]. Fails if the data are missing, badly laid out or unreadable.
    pub fn open_single_split(
        &self,
        source: &str,
        name: SplitName,
        known: &[String],
        recipe: &Recipe,
        skipped_before: bool,
    ) -> Result<Option<SingleSplit>> {
        let options = self.options(recipe, skipped_before);
        let mut opened = data::open_single_split(source, name, known, &options, &Bar::default())?;
        opened.iter_mut().flat_map(|data| &mut data.notes).for_each(|note| *note = with_flags(note));
        Ok(opened)
    }

    /// The options to audit the data with, whose splits `recipe` decides.
    pub fn audit_options(&self, recipe: &Recipe) -> Options {
        Options { train_fraction: 1.0, ..self.options(recipe, true) }
    }

    fn options(&self, recipe: &Recipe, skipped_before: bool) -> Options {
        Options {
            data_seed: recipe.data_seed,
            fold: Fold::of_keys(recipe.folds, recipe.fold),
            train_fraction: recipe.train_fraction,
            img_size: recipe.img_size,
            in_chans: recipe.in_chans,
            range_16bit: recipe.range_16bit,
            skip_bad: self.skip_bad || skipped_before,
            selection: self.selection(),
            cache_limit: self.cache_limit,
            workers: self.workers,
            decoded_folder: if self.no_cache { None } else { data::default_folder() },
            ..Options::default()
        }
    }
}

/// Reads a number of bytes: `800MB`, `4GiB`, `1.5g` or a plain number. A bare letter is a binary prefix.
fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let unit = if text.ends_with(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T']) { "iB" } else { "" };
    let size: ByteSize = format!("{text}{unit}").parse().map_err(|error| format!("{error}; such as 800MB or 4GiB"))?;
    Ok(size.as_u64())
}

/// A progress bar on stderr while images are read; nothing if stderr is not a terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar of the form `template`, a template of indicatif.
    pub fn new(template: &str) -> Self {
        let style = ProgressStyle::with_template(template);
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new("{msg} {wide_bar} {pos}/{len} {per_sec}")
    }
}

impl ReadProgress for Bar {
    fn begin(&self, what: &str, total: u64) {
        self.0.reset();
        self.0.set_length(total);
        self.0.set_message(what.to_owned());
    }

    fn advance(&self, n: u64) {
        self.0.inc(n);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(parse_size("4GiB"), Ok(4 << 30));
        assert_eq!(parse_size("1.5 kb"), Ok(1500));
        assert_eq!(parse_size("2m"), Ok(2 << 20));
        assert_eq!(parse_size("0"), Ok(0));
        assert!(parse_size("4 apples").unwrap_err().contains("apples"));
        assert!(parse_size("GiB").is_err());
        assert!(parse_size("-1").is_err());
    }
}
