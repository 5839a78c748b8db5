//! Groups of images: drawn splits keep them whole, given splits that cut through them are counted.

use std::collections::HashSet;

use super::*;
use crate::data::{Audit, Selection};

/// Twelve patients, each with five photographs of one class, `P-I.png`.
fn patients() -> Folder {
    let all = (0..12).flat_map(|patient| (0..5).map(move |image| (patient, image)));
    all.fold(Folder::new(), |folder, (patient, image)| {
        folder.image(format!("{}/p{patient}-{image}.png", AB[patient as usize % 2]), 10 * patient + image)
    })
}

fn with(selection: Selection) -> Options {
    Options { selection, ..Options::default() }
}

fn by(pattern: &str) -> Options {
    with(Selection { group_by: Some(pattern.into()), ..Selection::default() })
}

/// Options that name the table `text`, which is written beside the class folders.
fn table(folder: &Folder, text: &str) -> Options {
    let file = folder.path().join("groups.csv");
    fs::write(&file, text).unwrap();
    with(Selection { groups: Some(file), ..Selection::default() })
}

fn groups_of(split: &Split) -> HashSet<u32> {
    split.groups.iter().flatten().copied().collect()
}

#[test]
fn a_drawn_val_keeps_groups_whole_and_everything_knows_them() {
    let folder = patients();
    let data = folder.open(&by(r"p\d+")).unwrap();
    assert_eq!((data.groups.len(), sizes(&data)), (12, (55, 5, None)));
    assert!(groups_of(&data.train).is_disjoint(&groups_of(&data.val)));
    assert_eq!(data.group_leaks(&data.val), Some(0));
    let name = &data.groups[data.val.groups.as_ref().unwrap()[0] as usize];
    assert!(data.val.name(0).contains(&format!("/{name}-")), "{name}");
    assert!(data.notes.iter().any(|note| note.contains("12 groups")), "{:?}", data.notes);
    // The first capture group is the group; a table says the same.
    let rows: String = (0..60).map(|i| format!("p{}-{}.png,{}\n", i / 5, i % 5, i / 5)).collect();
    for options in [by(r"/p(\d+)-"), table(&folder, &format!("image,patient_id\n{rows}"))] {
        assert_eq!(folder.open(&options).unwrap().fingerprint, data.fingerprint);
    }
    assert_ne!(folder.opened().fingerprint, data.fingerprint);
    assert!(folder.opened().train.groups.is_none());
    // A fraction and the halves of val keep them whole too.
    let half = folder.open(&Options { train_fraction: 0.5, ..by(r"p\d+") }).unwrap();
    assert_eq!((half.train.len() % 5, half.train.len() / 5 >= 5), (0, true));
    let fold = folder.open(&Options { fold: Some(crate::data::Fold { index: 1, of: 3 }), ..by(r"p\d+") }).unwrap();
    assert_eq!((fold.val.len(), groups_of(&fold.val).len()), (20, 4));
    let halves = fold.val_halves(0);
    assert_eq!(fold.val.groups.iter().flatten().zip(&halves).collect::<HashSet<_>>().len(), 4);
    let audit = Audit::of(folder.path().to_str().unwrap(), &by(r"p\d+"), None, 0, &NoProgress).unwrap();
    assert_eq!(audit.fingerprint, data.fingerprint);
    assert_eq!(audit.group_leaks.unwrap().cut, []);
}

#[test]
fn splits_that_cut_through_groups_are_counted_and_the_probe_avoids_them() {
    let folder = Folder::new().split("train", &AB, 6).split("val", &AB, 3);
    // Images 0 and 1 of each class of val are of groups that train has too.
    let options = by(r"[ab]/[01]|val/./2|train/./[2-9]");
    let data = folder.open(&options).unwrap();
    assert_eq!((data.group_leaks(&data.val), data.groups.len()), (Some(4), 14));
    let probe = data.probe(0);
    let of_val = groups_of(&data.val);
    assert_eq!(probe.len(), 6);
    assert!(probe.iter().all(|&at| !of_val.contains(&data.train.groups.as_ref().unwrap()[at as usize])));
    let audit = Audit::of(folder.path().to_str().unwrap(), &options, None, 0, &NoProgress).unwrap();
    let found = audit.group_leaks.clone().unwrap();
    assert_eq!((found.groups, found.val, found.test, found.cut.len()), (14, 4, None, 4));
    assert_eq!((found.cut[0].group.as_str(), found.cut[0].images.train, found.cut[0].images.val), ("a/0", 1, 1));
    let json = serde_json::to_string(&audit).unwrap();
    assert!(
        json.contains(r#""group_leaks":{"groups":14,"val":4,"test":null,"cut":[{"group":"a/0","images":"#),
        "{json}"
    );
}

#[test]
fn groups_that_do_not_fit_the_images_are_refused_by_name() {
    let folder = patients();
    folder.refuses(
        &by(r"p1\d-"),
        &["50 images have no group", "a/p0-0.png", "and 40 more", "`options.selection.group_by = p1\\d-`"],
    );
    folder.refuses(&by("("), &["`options.selection.group_by = (`"]);
    folder.refuses(&by("(p)([0-9]+)"), &["2 capture groups"]);
    let rows = |n: u32| (0..n).map(|i| format!("p{}-{}.png,{}\n", i / 5, i % 5, i / 5)).collect::<String>();
    folder.refuses(&table(&folder, &format!("name,group\n{}", rows(59))), &["1 images have no group", "b/p11-4.png"]);
    folder.refuses(
        &table(&folder, &format!("name,group\n{}gone.png,1\n", rows(60))),
        &["1 names are those of no image", "gone.png"],
    );
    folder.refuses(
        &table(&folder, &format!("name,group\n{}p1-1.png,7\n", rows(60))),
        &["1 images have two groups", "\"1\" and \"7\""],
    );
    folder.refuses(&table(&folder, "name,kind\np1-1.png,7\n"), &["no column holds groups (group, ", "\"kind\""]);
    folder.refuses(&table(&folder, "name,group\np1-1.png,\n"), &["line 2", "has no group"]);
    let both = Selection { group_by: Some("p".into()), ..table(&folder, "name,group\n").selection };
    folder.refuses(&with(both), &["leave one out"]);
    folder.refuses(&by("png"), &["all images belong to one group"]);
    let twice = folder.image("b/p0-0.png", 1).image("a/p1-0.png", 2);
    let words = ["2 names may mean several images", "p1-0.png: a/p1-0.png, b/p1-0.png"];
    twice.refuses(&table(&twice, &format!("name,group\n{}", rows(60))), &words);
}

#[test]
fn images_that_are_left_out_need_no_group() {
    let folder = patients();
    let list = folder.path().join("list.txt");
    fs::write(&list, "a/p0-0.png\n").unwrap();
    let rows: String = (1..60).map(|i| format!("p{}-{}.png,{}\n", i / 5, i % 5, i / 5)).collect();
    let mut options = table(&folder, &format!("name,group\n{rows}"));
    options.selection.exclude = Some(list.clone());
    assert_eq!(folder.open(&options).unwrap().groups.len(), 12);
    // Nor does it harm where they have one.
    let mut options = table(&folder, &format!("name,group\np0-0.png,0\n{rows}"));
    options.selection.exclude = Some(list);
    let data = folder.open(&options).unwrap();
    assert_eq!(data.train.len() + data.val.len(), 59);
}

#[test]
fn samples_that_are_no_files_have_groups_by_their_keys() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let faces = 0..crate::data::faces::TRAIN;
    let rows: String = faces.map(|face| format!("train face {face},{}\n", face / 4)).collect();
    let val: String = (2304..3104).map(|face| format!("val face {},x{}\n", face - 2304, face / 4)).collect();
    fs::write(&file, format!("name,group\n{rows}{val}")).unwrap();
    let options = with(Selection { groups: Some(file.path().into()), ..Selection::default() });
    let data = open("faces", &options, &NoProgress).unwrap();
    assert_eq!((data.groups.len(), data.group_leaks(&data.val)), (776, Some(0)));
    let message = format!("{:#}", open("faces", &by("face"), &NoProgress).err().unwrap());
    assert!(message.contains("reads the names of image files"), "{message}");
}
