//! Opens one split without train: enough to measure a model on.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{split::Split, split_name::SplitName};
use crate::data::{
    dataset,
    decoding::{
        read,
        shape::{Asked, Shape},
        sixteen_bit::Range,
    },
    list_splits,
    options::Options,
    read_progress::ReadProgress,
    sources::{
        exclude::Exclusions,
        image_folder, label_table,
        listing::{Listing, Samples},
        table, unreadable,
    },
};

/// One split, opened without train.
pub struct SingleSplit {
    /// Class names; a label is an index into them.
    pub classes: Vec<String>,
    /// The images.
    pub split: Split,
    /// Whether any image has 16 bits per channel.
    pub has_16bit: bool,
    /// Notes for the user on how the source was read, one sentence each.
    pub notes: Vec<String>,
}

/// Opens the split called `name` of `source`, a folder or a table that has this split and no train. A source of classes
/// without splits counts as test. None if there is a train split: [`open`](crate::data::open) then opens everything.
/// `known` are the classes of the model to be measured.
///
/// # Errors
/// The source has neither train nor this split, or an image cannot be read and `skip_bad` is not set.
pub fn open_single_split(
    source: &str,
    name: SplitName,
    known: &[String],
    options: &Options,
    progress: &dyn ReadProgress,
) -> Result<Option<SingleSplit>> {
    let failure = || format!("the data {source:?} cannot be used");
    let Some(listing) = listed(source, name, known, options).with_context(failure)? else { return Ok(None) };
    read_all(listing, name, options, progress).with_context(failure).map(Some)
}

/// Lists the samples of the split, in the place of train.
fn listed(source: &str, name: SplitName, known: &[String], options: &Options) -> Result<Option<Listing>> {
    let path = Path::new(source);
    let selection = &options.selection;
    let mut exclusions = Exclusions::of(selection)?;
    let listing = if source == "faces" {
        None
    } else if let Some(labels) = &selection.labels {
        label_table::list_single(path, labels, name, options, &mut exclusions)?
    } else if path.is_dir() {
        image_folder::list_single(path, &selection.folders, name)?
    } else if list_splits::is_table(path) {
        table::list_single(path, name, known, options.skip_bad, &mut exclusions)?
    } else {
        None
    };
    let Some(mut listing) = listing else { return Ok(None) };
    list_splits::select(&mut listing, selection, path, exclusions)?;
    Ok(Some(listing))
}

fn read_all(listing: Listing, name: SplitName, options: &Options, progress: &dyn ReadProgress) -> Result<SingleSplit> {
    let Listing { classes, train: samples, mut notes, .. } = listing;
    let asked = Asked { size: options.img_size, channels: options.in_chans };
    let shape = Shape::choose(asked, &samples, progress);
    let keep = (samples.ids.len() * shape.bytes()) as u64 <= options.cache_limit;
    let read = |samples: &Samples| read::read(&name.to_string(), samples, shape, keep, progress);
    let given = options.range_16bit.map(Range::of);
    let mut samples = samples.in_range(given.unwrap_or(Range::FULL));
    let mut reading = read(&samples)?;
    let values = reading.sixteen_bit;
    if let Some(range) = given.filter(|_| values.images > 0).or(values.range()) {
        notes.push(values.note(range));
        if range != samples.source.range() {
            samples = samples.in_range(range);
            reading = read(&samples)?;
        }
    }
    unreadable::tolerate(&reading.bad, "images", options.skip_bad)?;
    notes.extend(unreadable::note(&reading.bad));
    let split = dataset::split_of(&samples, reading, shape, options.workers());
    ensure!(!split.is_empty(), "{name} holds no image that can be read");
    notes.push(
        "There is no train split beside these images: whether some of them also appear in train is unknown.".into(),
    );
    Ok(SingleSplit { classes, split, has_16bit: values.images > 0, notes })
}
