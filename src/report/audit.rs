//! The page of an audit: what a data set holds, and the images in it that will mislead training.

use anyhow::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{MARK, STYLE};
use crate::data::{Audit, Broken, CutGroup, Item};

/// Rules of the page's style that the page of labels needs too.
pub const AUDIT_STYLE: &str = include_str!("audit.css");
/// Longer side of a shown image, in pixels.
const SIDE: u32 = 96;
/// Groups shown of each finding: enough to see what kind they are, few enough for a page that opens at once.
const GROUPS: usize = 60;
/// Images shown of a group.
const MEMBERS: usize = 8;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    title: String,
    verdict: String,
    audit: &'a Audit,
    cards: Vec<(&'static str, usize)>,
    sections: Vec<Section>,
    broken: &'a [Broken],
}

/// One kind of finding.
struct Section {
    id: &'static str,
    title: &'static str,
    note: &'static str,
    groups: Vec<AuditGroup>,
    /// How many groups are not shown.
    more: usize,
}

/// Images that belong together.
struct AuditGroup {
    images: Vec<ShownImage>,
    /// How many images are not shown.
    more: usize,
    /// A remark on the group.
    words: String,
}

/// One image of the data set.
struct ShownImage {
    /// A PNG file as a data address; None where the image cannot be read.
    address: Option<String>,
    item: Item,
}

/// The page of `audit` as one file that needs no other.
/// Fails if the template cannot be rendered.
pub fn audit_page(audit: &Audit) -> Result<String> {
    let found = &audit.findings;
    let leaks = found.val_in_train + found.test_in_train.unwrap_or(0);
    let source = audit.source.trim_end_matches('/');
    let page = Page {
        title: format!("{}, inspected", source.rsplit('/').next().unwrap_or(source)),
        verdict: verdict(audit),
        audit,
        cards: cards(audit, leaks),
        sections: sections(audit, leaks),
        broken: &found.broken,
    };
    Ok(page.render()?)
}

/// What was counted.
fn cards(audit: &Audit, leaks: usize) -> Vec<(&'static str, usize)> {
    let found = &audit.findings;
    let mut cards = vec![
        ("leaks", leaks),
        ("conflicting groups", found.conflicting_groups),
        ("groups of duplicates", found.duplicate_groups),
        ("near leaks", found.near_leaks.count()),
        ("near-duplicate pairs", found.near_duplicates),
        ("blank", found.blank),
        ("broken", found.broken.len()),
        ("turned by EXIF", found.exif_rotated),
    ];
    if let Some(groups) = &audit.group_leaks {
        cards.insert(1, ("groups cut by the splits", groups.cut.len()));
    }
    cards
}

fn verdict(audit: &Audit) -> String {
    let images: Vec<String> = audit.images.each().map(|(split, count)| format!("{count} {split}")).collect();
    let count = audit.to_exclude.count();
    let end = if count == 0 {
        "nothing needs to be left out.".to_owned()
    } else {
        format!("{count} samples should be left out of training (mindgap inspect --write-exclude, train --exclude).")
    };
    format!("{} images of {} classes; {end}", images.join(", "), audit.classes.len())
}

/// The kinds of findings that there are.
fn sections(audit: &Audit, leaks: usize) -> Vec<Section> {
    let found = &audit.findings;
    let mut leaking = Vec::new();
    for leak in found.leaks.iter().take(GROUPS) {
        let mut items = vec![leak.image.clone()];
        items.extend(leak.in_train.iter().cloned());
        leaking.push(group(audit, &items));
    }
    let mut alike = Vec::new();
    for pair in found.near_duplicate_pairs.iter().take(GROUPS) {
        alike.push(AuditGroup { words: format!("residual {:.3}", pair.residual), ..group(audit, &pair.images) });
    }
    let mut sections = vec![
        section(
            "leaks",
            "Leaks",
            "Images of val or test whose pixels also appear in train: the network has seen them, so they make val look \
             better than it is.",
            leaks,
            leaking,
        ),
        section(
            "conflicts",
            "Conflicting labels",
            "Equal pixels in train under two labels: whatever the network predicts, one of them counts as wrong.",
            found.conflicting_groups,
            found.conflicts.iter().take(GROUPS).map(|items| group(audit, items)).collect(),
        ),
        section(
            "duplicates",
            "Duplicates",
            "Equal pixels, over all splits. In train they count double; across splits they are leaks.",
            found.duplicate_groups,
            found.exact_groups.iter().take(GROUPS).map(|items| group(audit, items)).collect(),
        ),
        section(
            "near",
            "Near-duplicates",
            "Often one photograph, saved, cropped or mirrored twice. The residual is the share of the detail's variance that \
             registering one image to the other leaves unexplained. Across train and val or test they are near leaks.",
            found.near_duplicates,
            alike,
        ),
        section(
            "blank",
            "Blank images",
            "A standard deviation below 1 of 255.",
            found.blank,
            single_images(audit, &found.blanks),
        ),
        section(
            "turned",
            "Turned by EXIF",
            "Shown upright, as mindgap trains on them; a program that ignores the EXIF orientation sees them turned.",
            found.exif_rotated,
            single_images(audit, &found.exif_rotated_files),
        ),
    ];
    if let Some(groups) = &audit.group_leaks {
        let cut = groups.cut.iter().take(GROUPS);
        let shown = cut.map(|cut| AuditGroup { words: cut_group(cut), ..group(audit, &cut.examples) });
        sections.insert(
            1,
            section(
                "groups",
                "Groups cut by the splits",
                "Groups (patients, videos, bursts) that have images in train and in val or test: val says nothing of how the \
                 network does on new groups.",
                groups.cut.len(),
                shown.collect(),
            ),
        );
    }
    sections.retain(|section| !section.groups.is_empty() || section.more > 0);
    sections
}

/// The name of a group, and the number of its images in each split.
fn cut_group(cut: &CutGroup) -> String {
    let images: Vec<String> = cut.images.each().map(|(split, count)| format!("{count} {split}")).collect();
    format!("group {}: {}", cut.group, images.join(", "))
}

/// A section about `all` groups, of which `groups` are shown.
fn section(id: &'static str, title: &'static str, note: &'static str, all: usize, groups: Vec<AuditGroup>) -> Section {
    let more = all - groups.len();
    Section { id, title, note, groups, more }
}

/// Each image as a group of its own.
fn single_images(audit: &Audit, items: &[Item]) -> Vec<AuditGroup> {
    items.iter().take(GROUPS).map(|item| group(audit, std::slice::from_ref(item))).collect()
}

fn group(audit: &Audit, items: &[Item]) -> AuditGroup {
    let mut images = Vec::new();
    for item in items.iter().take(MEMBERS) {
        let file = audit.thumbnail(item, SIDE).ok();
        let address = file.map(|file| format!("data:image/png;base64,{}", STANDARD.encode(file)));
        images.push(ShownImage { address, item: item.clone() });
    }
    AuditGroup { images, more: items.len().saturating_sub(MEMBERS), words: String::new() }
}
