//! Lists the samples of a source and settles its splits, before any image is read.

use std::{collections::HashSet, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::{
    options::Options,
    selection::Selection,
    sources::{
        choose_classes,
        exclude::Exclusions,
        faces, files_beside,
        folder_contents::is_csv,
        groups, image_folder, label_table,
        listing::{Listing, Samples},
        relabel,
        source::{Names, Source},
        table, unreadable, votes,
    },
    splits::{
        folds::{self, Fold},
        grouped, stratified,
    },
};

/// Lists the samples of every split of `source` without reading an image.
pub fn listed(source: &str, options: &Options) -> Result<Listing> {
    let mut listing = listed_whole(source, options).with_context(|| format!("the data {source:?} cannot be used"))?;
    if !listing.bad.is_empty() {
        let bad = listing.bad.len();
        listing.notes.push(format!("{bad} rows that cannot be read were left out (`options.skip_bad`)."));
    }
    settle_and_thin(&mut listing, source, options)
        .and_then(|()| votes::attach(&mut listing, &options.selection, Path::new(source)))
        .with_context(|| format!("the data {source:?} cannot be used"))?;
    Ok(listing)
}

/// Lists the splits that the source has, without the excluded samples.
fn listed_whole(source: &str, options: &Options) -> Result<Listing> {
    let selection = &options.selection;
    let mut exclusions = Exclusions::of(selection)?;
    let mut listing = list(source, options, &mut exclusions)?;
    select(&mut listing, selection, Path::new(source), exclusions)?;
    listing.check()?;
    Ok(listing)
}

/// Corrects, joins and chooses labels, gives the samples their groups, and leaves the excluded ones out, as `selection`
/// says. `root` is the folder of the data.
/// Fails if the selection names what the data do not have.
pub fn select(listing: &mut Listing, selection: &Selection, root: &Path, exclusions: Exclusions) -> Result<()> {
    // Tables may name samples that are left out afterwards.
    if let Some(file) = &selection.relabel {
        relabel::apply(listing, file, root, &selection.merge, &exclusions)?;
    }
    groups::attach(listing, selection, root, &exclusions)?;
    exclusions.apply(listing, root)?;
    choose_classes::merge(listing, &selection.merge)?;
    choose_classes::choose(listing, &selection.classes)?;
    groups::check(listing, selection, root)
}

fn list(source: &str, options: &Options, exclusions: &mut Exclusions) -> Result<Listing> {
    let selection = &options.selection;
    let is_folder = source != "faces" && Path::new(source).is_dir();
    ensure!(
        is_folder || selection.labels.is_none(),
        "`options.selection.labels` names the labels of the images in a folder, and {source:?} is none"
    );
    ensure!(
        selection.label_column.is_none() || selection.labels.is_some(),
        "`options.selection.label_column` names a column of the table in `options.selection.labels`, which is not given"
    );
    ensure!(
        is_folder && selection.labels.is_none() || selection.folders.is_empty(),
        "`options.selection.folders.train`, `options.selection.folders.val` and `options.selection.folders.test` name folders \
         in a folder of images, and \
         {source:?} {}",
        if is_folder { "has its splits in the table of labels" } else { "is none" }
    );
    if source == "faces" {
        return Ok(generate(options.data_seed));
    }
    let path = Path::new(source);
    let kind = path.metadata().context("there is no such folder or file")?;
    if let Some(labels) = &selection.labels {
        label_table::list(path, labels, options, exclusions)
    } else if kind.is_dir() {
        image_folder::list(path, &selection.folders)
    } else if is_table(path) {
        table::list(path, options.skip_bad, exclusions)
    } else {
        bail!("it is neither a folder nor a .csv file{}", files_beside::remedy(path));
    }
}

/// Whether `path` is a file to be read as a table.
pub fn is_table(path: &Path) -> bool {
    path.is_file() && is_csv(path)
}

/// Lists the generated faces.
fn generate(data_seed: u64) -> Listing {
    let samples = |kind, first, count| {
        let faces::Faces { images, labels } = faces::generate(data_seed, first, count);
        Samples::all(
            Source::Grey { side: faces::SIZE as u32, pixels: images, names: Names::Numbers(vec![(kind, count)]) },
            labels,
        )
    };
    let mut notes = Vec::new();
    if Path::new("faces").exists() {
        notes.push("The generated faces are used; ./faces is not read.".into());
    }
    let classes = faces::CLASSES.map(str::to_owned).to_vec();
    let val = Some(samples("val face", faces::TRAIN, faces::VAL));
    Listing { val, notes, ..Listing::of(classes, samples("train face", 0, faces::TRAIN)) }
}

/// Settles the splits, and then leaves out what train alone is to do without.
fn settle_and_thin(listing: &mut Listing, source: &str, options: &Options) -> Result<()> {
    settle_splits(listing, options)?;
    let Some(list) = &options.selection.exclude_train else { return Ok(()) };
    Exclusions::read("exclude_train", list)?.apply_to_train(listing, Path::new(source), options.fold.is_some())?;
    let untrained = listing.classes_without(&listing.train);
    ensure!(
        untrained.is_empty(),
        "`options.selection.exclude_train = {}` leaves no training image of these classes: {}",
        list.display(),
        unreadable::in_line(untrained.iter())
    );
    Ok(())
}

/// Draws val if it is a fold or if the listing lacks one, and the fraction of train in use.
fn settle_splits(listing: &mut Listing, options: &Options) -> Result<()> {
    let classes = listing.classes.len();
    if let Some(fold) = options.fold {
        draw_fold(listing, fold, options.data_seed)?;
    } else if listing.val.is_none() {
        let labels = &listing.train.labels;
        let (train, val) = match &listing.train.groups {
            None => stratified::tenth(labels, classes, options.data_seed),
            Some(groups) => grouped::tenth(labels, classes, groups, options.data_seed)?,
        };
        let share = if listing.train.groups.is_some() { "whole groups" } else { "a tenth of every class" };
        listing.val = Some(listing.train.select(&val));
        listing.train = listing.train.select(&train);
        listing.notes.push(format!(
            "There is no val split: {} of the {} training images, {share}, validate (`options.data_seed = {}`).",
            val.len(),
            val.len() + train.len(),
            options.data_seed
        ));
        listing.note_absent_from_drawn();
    }
    if options.train_fraction < 1.0 {
        let all = listing.train.ids.len();
        let labels = &listing.train.labels;
        let used = match &listing.train.groups {
            None => stratified::fraction(labels, classes, options.train_fraction, options.data_seed),
            Some(groups) => grouped::fraction(labels, groups, options.train_fraction, options.data_seed),
        };
        let is_used: HashSet<u32> = used.iter().copied().collect();
        let unused: Vec<u32> = (0..all as u32).filter(|position| !is_used.contains(position)).collect();
        listing.unused = Some(listing.train.select(&unused));
        listing.train = listing.train.select(&used);
        listing.notes.push(format!("{} of {all} training images are used (`options.train_fraction`).", used.len()));
    }
    Ok(())
}

/// Makes one fold of train and val together the val split, and the other folds train.
fn draw_fold(listing: &mut Listing, Fold { index, of }: Fold, data_seed: u64) -> Result<()> {
    ensure!(of >= 2 && index < of, "`options.fold`: of {of} folds, there is none with the index {index}");
    let all = match &listing.val {
        None => listing.train.clone(),
        Some(val) => listing
            .train
            .joined(val)
            .context("train and val cannot be divided into folds together, since their images have different sizes")?,
    };
    let fold_of = folds::draw(&all.labels, listing.classes.len(), all.groups.as_deref(), of, data_seed);
    let (val, train): (Vec<u32>, Vec<u32>) =
        (0..fold_of.len() as u32).partition(|&position| fold_of[position as usize] == index);
    let joined = if listing.val.is_some() { "train and val" } else { "train" };
    listing.notes.push(format!(
        "Fold {index} of 0 to {} validates: {} of the {} images of {joined} (`options.data_seed = {data_seed}`).",
        of - 1,
        val.len(),
        all.ids.len()
    ));
    listing.train = all.select(&train);
    listing.val = Some(all.select(&val));
    ensure!(
        !val.is_empty(),
        "fold {index} of {of} holds no image: there are {} images{}; use fewer folds",
        all.ids.len(),
        match all.groups.as_ref().map(|groups| groups.iter().collect::<HashSet<_>>().len()) {
            Some(groups) => format!(" in {groups} groups, which folds keep whole"),
            None => String::new(),
        }
    );
    let untrained = listing.classes_without(&listing.train);
    ensure!(
        untrained.is_empty(),
        "fold {index} of {of} holds all images of these classes, so that none is left to train on: {}; use fewer folds, or leave \
         these classes out",
        unreadable::in_line(untrained.iter())
    );
    listing.note_absent_from_drawn();
    Ok(())
}
