//! The groups of samples: images of one patient, video, person or burst, which are not independent of each other.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;

use super::{
    csv_rows::{CsvRows, is_absent},
    exclude::{self, Exclusions},
    listing::Listing,
    name_index::{NameIndex, NotFound},
    source::Source,
    unreadable,
};
use crate::data::selection::Selection;

/// Names of the column of groups, and those that count where none of the first ones is there.
pub const COLUMNS: [&[&str]; 2] = [
    &[
        "group",
        "group_id",
        "patient",
        "patient_id",
        "subject",
        "subject_id",
        "person",
        "person_id",
        "video",
        "video_id",
        "burst",
    ],
    &[
        "lesion_id",
        "case_id",
        "animal_id",
        "user_id",
        "study_id",
        "series_id",
        "slide",
        "slide_id",
        "session",
        "session_id",
        "scene",
        "scene_id",
        "sequence",
        "sequence_id",
        "clip",
        "clip_id",
        "individual",
        "individual_id",
    ],
];

/// The number of a sample without a group, until [`check`] has refused it.
const NONE: u32 = u32::MAX;

/// Gives the samples of `listing`, whose folder is `root`, the groups that `selection` names, if it names any. Samples that
/// no row or match concerns stay without a group until [`check`].
/// Fails if both a table and a regular expression are given, one of them cannot be used, or the table names what is no
/// sample and not in `exclusions`, or gives a sample two groups.
pub fn attach(listing: &mut Listing, selection: &Selection, root: &Path, exclusions: &Exclusions) -> Result<()> {
    let keys = listing.keys(root);
    let groups = match (&selection.groups, &selection.group_by) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            bail!("`options.selection.groups` and `options.selection.group_by` both name groups: leave one out")
        }
        (Some(file), None) => of_table(file, keys, listing, exclusions)?,
        (None, Some(pattern)) => {
            let are_files = listing.splits().all(|(_, samples)| matches!(*samples.source, Source::Files { .. }));
            ensure!(
                are_files,
                "`options.selection.group_by` reads the names of image files, and these images have none; \
                 `options.selection.groups` names a table with their groups"
            );
            of_names(pattern, &keys)?
        }
    };
    set(listing, groups);
    Ok(())
}

/// Gives the samples of `listing`, in the order of its splits, these groups, numbered in the order of their names.
pub fn set(listing: &mut Listing, groups: Vec<Option<String>>) {
    let mut names: Vec<String> = groups.iter().flatten().cloned().collect();
    names.sort_unstable();
    names.dedup();
    let numbers: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
    let mut groups = groups.iter().map(|name| name.as_ref().map_or(NONE, |name| numbers[name.as_str()]));
    for (_, samples) in listing.splits_mut() {
        samples.groups = Some(groups.by_ref().take(samples.ids.len()).collect());
    }
    listing.groups = names;
}

fn of_table(
    file: &Path,
    keys: Vec<Vec<u8>>,
    listing: &Listing,
    exclusions: &Exclusions,
) -> Result<Vec<Option<String>>> {
    let table = CsvRows::read("groups", file)?;
    let name = table.names()?;
    let group = match table.column(COLUMNS[0])? {
        Some(group) => group,
        None => table.required("groups", &COLUMNS.concat())?,
    };
    let mut groups: Vec<Option<String>> = vec![None; keys.len()];
    let index = NameIndex::new(keys);
    let (mut missing, mut twice) = (NotFound::default(), Vec::new());
    for row in &table.rows {
        let text = row.field(group);
        ensure!(!is_absent(text), "{}, line {}: {:?} has no group", table.option, row.line, row.field(name));
        let Some(number) = index.find(row.field(name), &mut missing) else { continue };
        match &mut groups[number as usize] {
            Some(before) if before != text => twice.push(format!("{}: {before:?} and {text:?}", row.field(name))),
            place => *place = Some(text.to_owned()),
        }
    }
    missing.without(|name| exclusions.explain(name, listing)).check(&table.option)?;
    unreadable::check_none(&twice, &table.option, "images have two groups")?;
    Ok(groups)
}

fn of_names(pattern: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<String>>> {
    let option = || format!("`options.selection.group_by = {pattern}`");
    let regex = Regex::new(pattern).with_context(option)?;
    ensure!(
        regex.captures_len() <= 2,
        "{}: it has {} capture groups, and only one can name the group of an image; write (?:…) for the others",
        option(),
        regex.captures_len() - 1
    );
    let group_of = |key: &Vec<u8>| {
        let name = exclude::escape(key);
        let captures = regex.captures(&name)?;
        let group = if captures.len() > 1 { captures.get(1) } else { captures.get(0) };
        group.map(|group| group.as_str().to_owned()).filter(|group| !group.is_empty())
    };
    Ok(keys.iter().map(group_of).collect())
}

/// Checks that every sample of `listing` has a group where some have one, and notes how many groups there are.
/// Fails if samples have no group; the message counts them and names the first ten.
pub fn check(listing: &mut Listing, selection: &Selection, root: &Path) -> Result<()> {
    let mut without = Vec::new();
    let mut in_use = std::collections::HashSet::new();
    for (_, samples) in listing.splits() {
        let Some(groups) = &samples.groups else { return Ok(()) };
        for (&id, &group) in samples.ids.iter().zip(groups) {
            if group == NONE {
                without.push(exclude::escape(&samples.source.key(id, root)));
            }
            in_use.insert(group);
        }
    }
    let option = match (&selection.groups, &selection.group_by, &selection.labels) {
        (Some(file), _, _) => format!("`options.selection.groups = {}`", file.display()),
        (_, Some(pattern), _) => format!("`options.selection.group_by = {pattern}`"),
        (_, _, file) => {
            format!("`options.selection.labels = {}`", file.as_deref().unwrap_or(Path::new("")).display())
        }
    };
    ensure!(
        without.is_empty(),
        "{option}: {} images have no group:\n{}\nGive each a group, its own name where it belongs to none.",
        without.len(),
        unreadable::lines(without.iter())
    );
    listing.notes.push(format!("The images belong to {} groups ({option}).", in_use.len()));
    Ok(())
}
