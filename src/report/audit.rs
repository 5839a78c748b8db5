//! The page of an audit: what a data set holds, and pictures of what in it will mislead.

use anyhow::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::MARK;
use crate::data::{Audit, Broken, Item};

/// Longer side of a picture, in pixels.
const SIDE: u32 = 96;
/// Groups shown of each finding: enough to see what kind they are, few enough for a page that opens at once.
const GROUPS: usize = 60;
/// Pictures shown of a group.
const MEMBERS: usize = 8;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    mark: &'static str,
    style: &'static str,
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
    /// How many there are that are not shown.
    more: usize,
}

/// Pictures that belong together.
struct AuditGroup {
    pictures: Vec<Picture>,
    /// How many there are that are not shown.
    more: usize,
    /// What to know of them together.
    words: String,
}

/// One picture.
struct Picture {
    /// A PNG file as a data address; none if its file cannot be read any more.
    address: Option<String>,
    item: Item,
}

/// The page of `audit`, whole in itself.
///
/// # Errors
/// None that its caller could cause.
pub fn audit_page(audit: &Audit) -> Result<String> {
    let found = &audit.findings;
    let leaks = found.val_in_train + found.test_in_train.unwrap_or(0);
    let of = |items: &[Item]| group(audit, items, String::new());
    let alone = |items: &[Item]| items.iter().take(GROUPS).map(|item| of(std::slice::from_ref(item))).collect();
    let section = |id, title, note, all: usize, groups: Vec<AuditGroup>| {
        let more = all - groups.len();
        (all > 0).then_some(Section { id, title, note, groups, more })
    };
    let sections = [
        section(
            "leaks",
            "Leaks",
            "Images of val or test whose pixels also stand in train: the network has seen them, so they make val look \
             better than it is.",
            leaks,
            found
                .leaks
                .iter()
                .take(GROUPS)
                .map(|leak| of(&[std::slice::from_ref(&leak.image), &leak.in_train].concat()))
                .collect(),
        ),
        section(
            "conflicts",
            "Conflicting labels",
            "Equal pixels in train under two labels: whatever the network answers, it is wrong.",
            found.conflicting_groups,
            found.conflicts.iter().take(GROUPS).map(|items| of(items)).collect(),
        ),
        section(
            "duplicates",
            "Duplicates",
            "Equal pixels, over all splits. In train they count double; across splits they are leaks.",
            found.duplicate_groups,
            found.exact_groups.iter().take(GROUPS).map(|items| of(items)).collect(),
        ),
        section(
            "near",
            "Pairs that look alike",
            "Not equal, but their perceptual hashes almost are: often one photograph, saved or cropped \
             twice. Nothing leaves them out by itself.",
            found.near_duplicates,
            found
                .near_duplicate_pairs
                .iter()
                .take(GROUPS)
                .map(|pair| group(audit, &pair.images, format!("{} of 64 bits apart", pair.distance)))
                .collect(),
        ),
        section("blank", "Blank images", "A standard deviation below 1 of 255.", found.blank, alone(&found.blanks)),
        section(
            "turned",
            "Turned by EXIF",
            "Shown upright, as mindgap trains on them; a program that does not heed the EXIF orientation \
             sees them lying.",
            found.exif_rotated,
            alone(&found.exif_rotated_files),
        ),
    ];
    let source = audit.source.trim_end_matches('/');
    let page = Page {
        mark: MARK,
        style: concat!(include_str!("page.css"), include_str!("audit.css")),
        title: format!("{}, inspected", source.rsplit('/').next().unwrap_or(source)),
        verdict: verdict(audit),
        audit,
        cards: vec![
            ("leaks", leaks),
            ("conflicting groups", found.conflicting_groups),
            ("groups of duplicates", found.duplicate_groups),
            ("pairs that look alike", found.near_duplicates),
            ("blank", found.blank),
            ("broken", found.broken.len()),
            ("turned by EXIF", found.exif_rotated),
        ],
        sections: sections.into_iter().flatten().collect(),
        broken: &found.broken,
    };
    Ok(page.render()?)
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

fn group(audit: &Audit, items: &[Item], words: String) -> AuditGroup {
    let picture = |item: &Item| {
        let file = audit.thumbnail(item, SIDE).ok();
        let address = file.map(|file| format!("data:image/png;base64,{}", STANDARD.encode(file)));
        Picture { address, item: item.clone() }
    };
    let pictures = items.iter().take(MEMBERS).map(picture).collect();
    AuditGroup { pictures, more: items.len().saturating_sub(MEMBERS), words }
}
