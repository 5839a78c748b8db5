//! Renders an audit as text for a terminal of 80 columns.

use std::path::Path;

use crate::cli::output::say::{count, plain};
use mindgap::{
    data::{Audit, Broken, CutGroup, GroupLeaks, Item, Selection},
    gap::Case,
    run::{shell_word, source_and_flags, wrong_labels_flag},
};

/// Column where values start.
const INDENT: usize = 12;
/// Number of examples of each finding.
const EXAMPLES: usize = 3;
/// Largest number of classes that are all shown; of more classes only the largest and the smallest are shown.
const CLASSES: usize = 12;

/// Renders the whole audit of what `selection` selects; `finds_labels` says whether wrong labels were looked for. `list` is the file that lists the samples to leave out, if it was
/// written.
pub fn render(audit: &Audit, selection: &Selection, finds_labels: bool, list: Option<&Path>) -> String {
    let mut text = figures(audit) + "\n" + &classes(audit) + "\n" + &findings(audit) + "\n";
    for note in &audit.notes {
        text += &format!("note: {note}\n");
    }
    // A list that was written holds the lines of the list in use.
    let exclude = list.filter(|_| audit.to_exclude.count() > 0).map(Path::to_owned).or(selection.exclude.clone());
    // A list that was in use before leaves these files in.
    let is_whole = list.is_some() || audit.findings.broken.is_empty();
    let mut data = source_and_flags(&audit.source, &Selection { exclude, ..selection.clone() });
    data += if is_whole { "" } else { " --skip-bad" };
    text + &advice(audit, selection, finds_labels, list) + &groups_advice(audit, &data) + &folds_advice(audit, &data)
}

fn row(label: &str, value: impl AsRef<str>) -> String {
    format!("{label:INDENT$}{}\n", value.as_ref())
}

fn figures(audit: &Audit) -> String {
    let images: Vec<String> = audit.images.each().map(|(split, count)| format!("{count} {split}")).collect();
    let drawn =
        if audit.is_val_drawn { format!(" (val drawn, --data-seed {})", audit.data_seed) } else { String::new() };
    let numbers = |values: &[f32]| values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(", ");
    let mut sizes: Vec<String> = audit
        .sizes
        .iter()
        .take(EXAMPLES)
        .map(|size| {
            let times = if audit.distinct_sizes > 1 { format!(" ({})", size.count) } else { String::new() };
            format!("{}×{}{times}", size.width, size.height)
        })
        .collect();
    if audit.distinct_sizes > EXAMPLES {
        sizes.push(format!("{} other sizes", audit.distinct_sizes - EXAMPLES));
    }
    let colour = match (audit.channels.grey, audit.channels.colour) {
        (_, 0) => "all grey".to_owned(),
        (0, _) => "all in colour".to_owned(),
        (grey, colour) => format!("{grey} grey, {colour} in colour"),
    };
    row("Data", plain(&audit.source))
        + &row("Images", images.join(", ") + &drawn)
        + &row("Size", sizes.join(", "))
        + &row("Colour", colour)
        + &row("Pixels", format!("mean {}, std {} (train, 0–1)", numbers(&audit.mean), numbers(&audit.std)))
}

fn classes(audit: &Audit) -> String {
    let splits: Vec<_> = audit.counts.each().map(|(split, counts)| (split, &counts.0)).collect();
    let mut order: Vec<usize> = (0..audit.classes.len()).collect();
    if order.len() > CLASSES {
        order.sort_by_key(|&class| std::cmp::Reverse(audit.counts.train.0[class].1));
    }
    let name = |class: usize| plain(&audit.classes[class]);
    let left_out = order.len().saturating_sub(CLASSES);
    let (first, last) = (order.len().min(CLASSES / 2 + 1), order.len() - order.len().min(CLASSES) / 2);
    let shown = |place: usize| left_out == 0 || place < first || place >= last;
    let width = order.iter().map(|&class| name(class).chars().count()).max().unwrap_or(0).clamp(16, 48);
    let line = |label: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>9}")).collect();
        format!("{label:width$}{cells}\n")
    };
    let mut text = line("Class", splits.iter().map(|(split, _)| split.to_string()).collect());
    for (place, &class) in order.iter().enumerate().filter(|(place, _)| shown(*place)) {
        text += &line(&name(class), splits.iter().map(|(_, counts)| counts[class].1.to_string()).collect());
        if left_out > 0 && place + 1 == first {
            text += &format!("… and {} more\n", last - first);
        }
    }
    let balance = audit.balance.each().map(|(_, ratio)| ratio.map_or("–".into(), |ratio| format!("{ratio:.1}")));
    text + &line("largest/smallest", balance.collect())
}

fn findings(audit: &Audit) -> String {
    let found = &audit.findings;
    let leak_count = found.val_in_train + found.test_in_train.unwrap_or(0);
    let surplus: Vec<String> =
        found.surplus_duplicates.each().map(|(split, count)| format!("{count} in {split}")).collect();
    let broken: Vec<String> = found.broken.iter().map(broken).collect();
    // Only unreadable rows of a table have no split.
    let what = if found.broken.iter().any(|file| file.split.is_none()) { "row" } else { "file" };
    [
        finding(
            "Duplicates",
            found.duplicate_groups,
            &(surplus.join(", ") + " beyond the first of equal images"),
            found.exact_groups.iter().map(|group| equal(group)),
        ),
        finding(
            "Leaks",
            leak_count,
            &leaks(audit),
            found.leaks.iter().map(|leak| together(&leak.image, &leak.in_train)),
        ),
        audit.group_leaks.as_ref().map_or(String::new(), |groups| group_leaks(groups, audit)),
        finding(
            "Conflicts",
            found.conflicting_groups,
            &(count(found.conflicting_groups, "group") + " of equal training images under two labels"),
            found.conflicts.iter().map(|group| conflict(group)),
        ),
        finding(
            "Similar",
            found.near_duplicates,
            &format!(
                "{}, {} across splits; {}",
                count(found.near_duplicates, "near-duplicate pair"),
                found.near_duplicates_across_splits,
                count(found.near_leaks.count(), "near leak")
            ),
            found.near_duplicate_pairs.iter().map(|pair| {
                format!("{} (residual {:.3})", pair.images.each_ref().map(name).join(" ~ "), pair.residual)
            }),
        ),
        finding(
            "Blank",
            found.blank,
            &(count(found.blank, "image") + " of one value (standard deviation below 1 of 255)"),
            found.blanks.iter().map(name),
        ),
        finding("Broken", broken.len(), &(count(broken.len(), what) + " that cannot be read"), broken.iter().cloned()),
        finding(
            "Rotated",
            found.exif_rotated,
            &(count(found.exif_rotated, "image") + " by the EXIF orientation"),
            found.exif_rotated_files.iter().map(name),
        ),
    ]
    .concat()
}

/// Renders a finding: a line with the count, and the first examples below it.
fn finding(label: &str, all: usize, summary: &str, named: impl ExactSizeIterator<Item = String>) -> String {
    let shown = named.len().min(EXAMPLES);
    let mut text = row(label, if all == 0 { "none" } else { summary });
    named.take(EXAMPLES).for_each(|line| text += &format!("    {line}\n"));
    if all > shown {
        text += &format!("    … and {} more\n", all - shown);
    }
    text
}

fn leaks(audit: &Audit) -> String {
    let mut text = format!("{} of {} val images", audit.findings.val_in_train, audit.images.val);
    if let (Some(count), Some(all)) = (audit.findings.test_in_train, audit.images.test) {
        text += &format!(" and {count} of {all} test images");
    }
    text + " also appear in train"
}

fn group_leaks(found: &GroupLeaks, audit: &Audit) -> String {
    let mut summary = format!("{} of {} val images", found.val, audit.images.val);
    if let (Some(count), Some(all)) = (found.test, audit.images.test) {
        summary += &format!(" and {count} of {all} test images");
    }
    summary += &format!(" are of groups in train ({} of {})", found.cut.len(), found.groups);
    if found.cut.is_empty() {
        return row("Groups", format!("{}, none in train and also in val or test", found.groups));
    }
    finding("Groups", found.cut.len(), &summary, found.cut.iter().map(cut_group))
}

fn cut_group(cut: &CutGroup) -> String {
    let images = cut.images.each().filter(|(_, count)| **count > 0).map(|(split, count)| format!("{count} {split}"));
    format!("{}: {}", plain(&cut.group), images.collect::<Vec<_>>().join(", "))
}

fn equal(group: &[Item]) -> String {
    group.first().map_or(String::new(), |first| together(first, &group[1..]))
}

/// Renders a conflict: the first image beside one of another class.
fn conflict(group: &[Item]) -> String {
    let Some((first, rest)) = group.split_first() else { return String::new() };
    let mut rest = rest.to_vec();
    rest.sort_by_key(|item| item.class == first.class);
    together(first, &rest)
}

/// Renders two of a group of equal images, and the number of further ones.
fn together(first: &Item, rest: &[Item]) -> String {
    let more = if rest.len() > 1 { format!(" = {} more", rest.len() - 1) } else { String::new() };
    format!("{} = {}{more}", name(first), rest.first().map_or(String::new(), name))
}

/// The name of an image and, if the name does not contain it, the class.
fn name(item: &Item) -> String {
    if item.name.split('/').any(|part| part == item.class) {
        item.name.clone()
    } else {
        format!("{} ({})", item.name, plain(&item.class))
    }
}

fn broken(file: &Broken) -> String {
    format!("{}: {}", file.name, plain(file.reason.lines().next().unwrap_or_default()))
}

/// Advises folds, which keep groups whole, where the splits cut through groups.
fn groups_advice(audit: &Audit, data: &str) -> String {
    let cut = audit.group_leaks.as_ref().map_or(0, |found| found.cut.len());
    if cut == 0 {
        return String::new();
    }
    format!(
        "The splits cut through {}, so that val is no test of new ones. Folds keep\ngroups whole:\n  mindgap train --data \
         {data} --folds {} --fold 0\n",
        count(cut, "group"),
        fitting_folds(audit)
    )
}

/// Five folds, or one for each group where there are fewer groups.
fn fitting_folds(audit: &Audit) -> usize {
    audit.group_leaks.as_ref().map_or(5, |found| found.groups.clamp(2, 5))
}

/// Losses of single images usually vary by about one nat, so that the standard error of val's loss is about 1/√n nats.
const LOSS_SD: f64 = 1.0;

/// Advises folds where val is too small to tell the usual difference in val loss. `data` are the words of a command that
/// name the data.
fn folds_advice(audit: &Audit, data: &str) -> String {
    let n = audit.images.val;
    let error = LOSS_SD / (n as f64).sqrt();
    if n == 0 || error <= Case::DETECT {
        return String::new();
    }
    format!(
        "Val has {}: its loss will have a standard error of about {error:.2} nats,\ntoo much to tell a difference of {}. To \
         validate each image once:\n  mindgap compare --data {data} --presets seed,closed --folds {}\n",
        count(n, "image"),
        Case::DETECT,
        fitting_folds(audit),
    )
}

/// What to do with the samples that should be left out, where `selection` is in use.
fn advice(audit: &Audit, selection: &Selection, finds_labels: bool, list: Option<&Path>) -> String {
    let labels = if finds_labels { format!(" {}", wrong_labels_flag(selection)) } else { String::new() };
    let own = source_and_flags(&audit.source, selection) + &labels;
    let data = source_and_flags(&audit.source, &Selection { exclude: None, ..selection.clone() });
    let file = if selection.exclude.is_some() { "exclude-more.txt" } else { "exclude.txt" };
    let samples = count(audit.to_exclude.count(), "sample");
    match list {
        _ if audit.to_exclude.count() == 0 => "Nothing needs to be left out.\n".to_owned(),
        Some(list) => format!(
            "{samples} should be left out, as {0} lists them:\n  mindgap train --data {data} --exclude {1}\n",
            list.display(),
            shell_word(&list.to_string_lossy())
        ),
        None => format!(
            "{samples} should be left out of training:\n  mindgap inspect {own} --write-exclude {file}\n  \
             mindgap train --data {data} --exclude {file}\n"
        ),
    }
}
