//! Folders are splits if name and contents say so, classes otherwise; an ambiguous layout is refused with the options
//! that settle it.

use std::path::PathBuf;

use super::*;
use crate::data::SplitFolders;

const AB: [&str; 2] = ["a", "b"];

/// A folder with the splits and the images `SPLIT/NUMBER.png` of a flat folder.
fn folder(splits: &[&str], flat: &[&str]) -> Folder {
    let folder = splits.iter().fold(Folder::new(), |folder, split| folder.split(split, &AB, 20));
    flat.iter().zip(0..).fold(folder, |folder, (name, number)| {
        (0..3).fold(folder, |folder, i| folder.image(format!("{name}/{i}.png"), 90_000 + 10 * number + i))
    })
}

/// Images of train, val and test.
fn sizes(data: &Dataset) -> (usize, usize, Option<usize>) {
    (data.train.len(), data.val.len(), data.test.as_ref().map(Split::len))
}

const DRAWN: (usize, usize) = (36, 4);

#[test]
fn splits_are_found_by_their_names() {
    let (val, test) = ((40, 40, None), (DRAWN.0, DRAWN.1, Some(40)));
    for (splits, expected) in [
        (&["Training", "Testing"][..], test),
        (&["training_set", "test_set"], test),
        (&["Train", "Valid"], val),
        (&["TRAIN", "TEST", "VALIDATION"], (40, 40, Some(40))),
        (&["seg_train/seg_train", "seg_test/seg_test"], test),
        (&["training_set/training_set", "test_set/test_set"], test),
        (&["train_images", "val_images"], val),
        (&["TrainSet", "DevSet"], val),
        (&["train2017", "val2017"], val),
        (&["birds_train/birds_train", "birds_test/birds_test"], test),
        (&["archive/train", "archive/test"], test),
        (&["Data/train", "Data/valid", "Data/test"], (40, 40, Some(40))),
        (&["dataset/training_set/training_set", "dataset/test_set/test_set"], test),
        (&["plants/plants/train", "plants/plants/valid"], val),
        (&["train/images", "val/images"], val),
        // Beside plain names the others are no splits.
        (&["train", "val", "train_images", "validation_set"], val),
        (&["train", "val", "archive/train"], val),
    ] {
        let data =
            folder(splits, &[]).open(&Options::default()).unwrap_or_else(|error| panic!("{splits:?}: {error:#}"));
        assert_eq!((sizes(&data), &data.classes[..]), (expected, &["a".to_owned(), "b".to_owned()][..]), "{splits:?}");
        let notes = data.notes.join("\n");
        let is_plain = splits
            .iter()
            .all(|split| ["train", "val", "test", "valid", "validation"].contains(&&*split.to_lowercase()));
        let is_said =
            is_plain || splits[0].starts_with("train/") || splits.contains(&"train") || notes.contains("read");
        assert!(is_said, "{splits:?}: {notes}");
    }
}

#[test]
fn folders_beside_nested_splits_are_not_part_of_them() {
    let data = folder(&["seg_train/seg_train", "seg_test/seg_test"], &["seg_pred/seg_pred"]).opened();
    assert_eq!(sizes(&data), (36, 4, Some(40)));
    assert!(data.notes.iter().any(|note| note.contains("seg_pred")), "{:?}", data.notes);
    // Files that macOS adds to archives.
    let mac = folder(&["chest/train", "chest/val"], &[]).image("__MACOSX/chest/train/a/._0.png", 0).opened();
    assert_eq!(sizes(&mac), (40, 40, None));
    // A copy of the whole data set inside itself.
    let twice = folder(&["train", "val", "chest/train", "chest/val"], &[]).opened();
    assert_eq!(sizes(&twice), (40, 40, None));
}

#[test]
fn classes_stay_classes_whatever_their_names() {
    let classes = |names: &[&str], splits: &[&str]| {
        let folder = splits.iter().fold(Folder::new(), |folder, split| folder.split(split, names, 10));
        folder.open(&Options::default()).map(|data| data.classes)
    };
    for names in
        [&["bus", "car", "train"][..], &["invalid", "valid"], &["bus", "train_station"], &["Driving", "Testing"]]
    {
        assert_eq!(classes(names, &[""]).unwrap(), names, "{names:?}");
    }
    for names in [&["bus", "train"][..], &["test", "train"], &["test", "train", "validation"], &["train", "val"]] {
        assert_eq!(classes(names, &["train", "val"]).unwrap(), names, "{names:?}");
    }
    let voc = Folder::new().split("", &["bus", "car", "train"], 10).opened();
    assert!(voc.notes.iter().any(|note| note.contains("\"train\" is read as a class")), "{:?}", voc.notes);
}

#[test]
fn a_folder_around_the_classes_is_entered() {
    let data = folder(&["flower_photos"], &[]).file("flower_photos/LICENSE.txt", "").opened();
    assert_eq!((data.classes, data.train.len()), (vec!["a".to_owned(), "b".to_owned()], DRAWN.0));
    assert!(data.notes.iter().any(|note| note.contains("read in \"flower_photos\"")), "{:?}", data.notes);
}

#[test]
fn an_ambiguous_layout_is_refused_with_the_folders_found_and_the_options() {
    for (splits, flat, expected) in [
        (
            &["train_a/x", "train_b/x", "test_a/x", "test_b/x"][..],
            &[][..],
            &["holds 2 folders for one split", "options.folders.train"][..],
        ),
        (&["train", "val", "valid"], &[], &["holds 2 folders for one split", "options.folders.val"]),
        (&[], &["train", "test"], &["train", "no class folders", "options.folders.train"]),
        (&[], &["train", "images"], &["train", "no class folders", "`options.folders.train = .`"]),
        (
            &[""],
            &["test"],
            &["\"test\" with images beside \"a\", \"b\"", "`options.folders.train = .` `options.folders.test = test`"],
        ),
        (
            &["Testing"],
            &["cat", "dog"],
            &[
                "Testing",
                "no train folder",
                "\"cat\", \"dog\"",
                "`options.folders.test = Testing`",
                "`options.folders.train = .`",
            ],
        ),
        (
            &["Training"],
            &["Racing"],
            &["Training", "Racing", "`options.folders.train = Training`", "`options.folders.train = .`"],
        ),
        (&["val"], &["train"], &["train", "no class folders"]),
        (
            &["day/train", "day/test", "night/train", "night/test"],
            &[],
            &["day", "night", "options.folders.train", "train/CLASS"],
        ),
        (&["archive/train", "archive/test"], &["samples"], &["archive", "samples", "`source`"]),
        (&[], &["cat/train", "cat/test", "dog/train", "dog/test"], &["cat", "dog", "move the splits above them"]),
        (&["train"], &["val"], &["val", "no class folders", "options.folders.train"]),
        (
            &["labelled", "test"],
            &["unlabelled"],
            &["if \"labelled\" is train, add `options.folders.train = labelled` `options.folders.test = test`"],
        ),
        (
            &["train_aug", "train_plain", "val"],
            &[],
            &["add `options.folders.train = train_aug` `options.folders.val = val`"],
        ),
    ] {
        let refusal = folder(splits, flat).refusal();
        for word in expected {
            assert!(refusal.contains(word), "{word} is not in: {refusal}");
        }
    }
}

#[test]
fn options_name_splits_that_names_do_not_show() {
    let flags = |train: &str, val: &str, test: &str| {
        let folder = |name: &str| (!name.is_empty()).then(|| PathBuf::from(name));
        Options {
            folders: SplitFolders { train: folder(train), val: folder(val), test: folder(test) },
            ..Options::default()
        }
    };
    let ambiguous = folder(&["day/train", "day/test", "night/train"], &[]);
    assert_eq!(sizes(&ambiguous.open(&flags("day/train", "night/train", "day/test")).unwrap()), (40, 40, Some(40)));
    // Nothing is guessed if train is named.
    assert_eq!(sizes(&ambiguous.open(&flags("day/train", "", "")).unwrap()), (36, 4, None));
    let absolute = ambiguous.path().join("night/train");
    assert_eq!(sizes(&ambiguous.open(&flags("day/train", absolute.to_str().unwrap(), "")).unwrap()), (40, 40, None));
    let plain = folder(&["train", "val", "other"], &[]);
    assert_eq!(sizes(&plain.open(&flags("", "other", "")).unwrap()), (40, 40, None));
    assert_eq!(sizes(&plain.open(&flags("", "", "other")).unwrap()), (40, 40, Some(40)));

    let test = folder(&[""], &["test"]);
    let as_class = test.open(&flags(".", "", "")).unwrap();
    assert_eq!(as_class.classes, ["a", "b", "test"]);
    let as_split = test.open(&flags(".", "", "test")).unwrap();
    assert_eq!((&as_split.classes[..], as_split.unread_test.is_some()), (&["a".to_owned(), "b".to_owned()][..], true));
    // Val and test can be named without train.
    let held_out = folder(&["", "held_out"], &[]);
    assert_eq!(sizes(&held_out.open(&flags("", "held_out", "")).unwrap()), (40, 40, None));

    let refusal = |options: &Options| format!("{:#}", plain.open(options).err().unwrap());
    assert!(refusal(&flags("train", "gone", "")).contains("`options.folders.val = gone`: there is no such folder"));
    assert!(refusal(&flags("train", "train", "")).contains("for two splits"));
    let faces = open("faces", &flags("train", "", ""), &NoProgress).err().unwrap();
    assert!(format!("{faces:#}").contains("options.folders.train"), "{faces:#}");
}

#[test]
fn named_folders_are_found_after_the_data_are_moved() {
    let data = folder(&["day/train", "night/train"], &[]);
    let absolute = data.path().join("night/train");
    let named = SplitFolders { train: Some("day/train".into()), val: Some(absolute), test: Some(".".into()) };
    let settled = named.settled(data.path()).unwrap();
    let [train, val, test] = [settled.train, settled.val, settled.test].map(|folder| folder.unwrap());
    assert_eq!((train, val, test), ("day/train".into(), "night/train".into(), ".".into()));
}

#[test]
fn a_test_split_without_known_labels_is_left_out() {
    let with_test = |add: fn(Folder) -> Folder| add(folder(&["train", "val"], &[])).opened();
    let plain = with_test(|folder| folder);
    for (case, add, reason) in [
        (
            "flat",
            (|folder| folder.image("test/0.png", 1).image("test/1.png", 2)) as fn(Folder) -> Folder,
            "no class folders",
        ),
        ("unknown", |folder| folder.image("test/unknown/0.png", 1), "no classes of train: \"unknown\""),
        ("partly", |folder| folder.split("test", &["a", "b", "other"], 2), "no classes of train: \"other\""),
        ("empty", |folder| folder.file("test/readme.txt", ""), "no class folders"),
        ("empty classes", |folder| folder.file("test/a/readme.txt", ""), "no image"),
    ] {
        let data = with_test(add);
        assert_eq!((sizes(&data), &data.fingerprint), (sizes(&plain), &plain.fingerprint), "{case}");
        assert!(data.unread_test.as_ref().is_some_and(|why| why.contains(reason)), "{case}: {:?}", data.unread_test);
        assert!(
            data.notes.iter().any(|note| note.contains("only an evaluation on test needs it")),
            "{case}: {:?}",
            data.notes
        );
    }
    let partly = with_test(|folder| folder.image("test/a/0.png", 1));
    assert_eq!((sizes(&partly), partly.unread_test), ((40, 40, Some(1)), None));
    assert!(partly.notes.contains(&"test holds no image of these classes: \"b\".".to_owned()), "{:?}", partly.notes);
}

#[test]
fn an_empty_class_of_val_is_noted_and_a_drawn_val_names_the_classes_it_lacks() {
    let empty =
        Folder::new().split("train", &["a", "b", "c"], 4).split("val", &["a", "c"], 2).file("val/b/notes.txt", "");
    assert_eq!(empty.opened().notes[1], "val holds no image of these classes: \"b\".");
    let rare = Folder::new().split("", &AB, 20).image("c/0.png", 7).opened();
    assert_eq!(rare.train.class_counts(3), [18, 18, 1]);
    let lacking: Vec<_> = rare.notes.iter().filter(|note| note.contains("val holds no image")).collect();
    assert_eq!(lacking, ["val holds no image of these classes: \"c\"."]);
}

#[test]
fn classes_that_all_hold_the_same_folders_are_noted_with_the_alternatives() {
    let outer = |data: &Folder, options: &Options| {
        let data = data.open(options).unwrap();
        let note = data.notes.iter().find(|note| note.contains("each hold the folders \"a\", \"b\"")).cloned();
        (data.classes, note)
    };
    for (folders, flags) in [
        (&["cat", "dog"][..], ["(`options.folders.train = cat`)", "(`options.folders.val = dog`)"]),
        (&["2019", "2020", "2021"], ["(`options.folders.train = 2019`)", "(`options.folders.val = 2020`)"]),
        (&["color", "grayscale"], ["(`options.folders.train = color`)", "(`options.folders.val = grayscale`)"]),
        (&["part1", "part 2"], ["(`options.folders.train = part 2`)", "(`options.folders.val = part1`)"]),
        (
            &["carnival", "festival", "strain"],
            ["(`options.folders.train = carnival`)", "(`options.folders.val = festival`)"],
        ),
        (&["dogstest", "dogstrain"], ["`options.folders.test = dogstest`", "`options.folders.train = dogstrain`"]),
        (&["main", "holdout"], ["`options.folders.test = holdout`", "`options.folders.train = main`"]),
    ] {
        let data = folder(folders, &[]);
        let (classes, note) = outer(&data, &Options::default());
        let note = note.unwrap_or_else(|| panic!("{folders:?}"));
        assert!(folders.iter().all(|folder| classes.contains(&(*folder).to_owned())), "{classes:?}");
        assert!(flags.iter().all(|flag| note.contains(flag)) && note.contains("taken for the classes"), "{note}");
    }
    // The options in the note have the effect that it describes.
    let years = folder(&["2019", "2020"], &[]);
    let folders = SplitFolders { train: Some("2019".into()), val: Some("2020".into()), test: None };
    let data = years.open(&Options { folders, ..Options::default() }).unwrap();
    assert_eq!((sizes(&data), &data.classes[..]), ((40, 40, None), &["a".to_owned(), "b".to_owned()][..]));
    // Below a folder of train, and in a folder around the data.
    let (classes, note) = outer(&folder(&["train/one", "train/two", "val/one"], &[]), &Options::default());
    assert!(classes == ["one", "two"] && note.unwrap().contains("put the images of each together"));
    let wrapped = outer(&folder(&["plants/color", "plants/grey"], &[]), &Options::default()).1.unwrap();
    assert!(
        wrapped.contains("`options.folders.train = plants/color`")
            && wrapped.contains("`options.folders.val = plants/grey`"),
        "{wrapped}"
    );
    // Different folders in each, a single folder in each, or an image beside the folders: no note.
    for data in [
        Folder::new().split("x", &["a", "b"], 5).split("y", &["a", "c"], 5),
        Folder::new().split("x", &["a"], 5).split("y", &["a"], 5),
        folder(&["x", "y"], &["x", "y"]),
    ] {
        assert_eq!(outer(&data, &Options::default()), (vec!["x".to_owned(), "y".to_owned()], None));
    }

    for (folders, flags) in [
        (&["fold1", "fold2", "fold3"][..], "(`options.folders.train = fold1`)"),
        (&["split_0", "split_1"], "(`options.folders.val = split_1`)"),
        (&["Te", "Tr", "Va"], "`options.folders.test = Te` `options.folders.train = Tr` `options.folders.val = Va`"),
        (&["trn", "vld"], "`options.folders.train = trn` `options.folders.val = vld`"),
        (&["imagesTr", "imagesTs"], "`options.folders.train = imagesTr` `options.folders.test = imagesTs`"),
        (&["development", "evaluation"], "`options.folders.train = development` `options.folders.val = evaluation`"),
        (
            &["birds_test", "flowers_train"],
            "`options.folders.test = birds_test` `options.folders.train = flowers_train`",
        ),
    ] {
        let data = folder(folders, &[]);
        let refusal = data.refusal();
        assert!(refusal.contains(flags) && refusal.contains("add `options.folders.train = .`"), "{refusal}");
        let as_classes = Options {
            folders: SplitFolders { train: Some(".".into()), ..SplitFolders::default() },
            ..Options::default()
        };
        let (classes, note) = outer(&data, &as_classes);
        assert_eq!((classes.len(), note.is_some()), (folders.len(), true), "{folders:?}");
    }
}

#[test]
fn a_folder_with_a_split_of_its_name_beside_it_is_train() {
    for (splits, flat, expected) in [
        (&["rps", "rps-test-set"][..], &[][..], (DRAWN.0, DRAWN.1, Some(40))),
        (&["rps/rps", "rps-test-set/rps-test-set"], &[], (DRAWN.0, DRAWN.1, Some(40))),
        (&["birds", "birds_validation"], &[], (40, 40, None)),
        (&["birds", "birds_val", "birds_test"], &[], (40, 40, Some(40))),
        (&["rps", "rps-test-set"], &["rps-validation"], (DRAWN.0, DRAWN.1, Some(40))),
    ] {
        let data = folder(splits, flat).opened();
        assert_eq!((sizes(&data), &data.classes[..]), (expected, &["a".to_owned(), "b".to_owned()][..]), "{splits:?}");
        assert!(data.notes.iter().any(|note| note.contains("as train")), "{:?}", data.notes);
    }
    // Images directly inside: classes.
    let cats = folder(&[], &["cat", "cat_test", "dog"]).opened();
    assert_eq!(cats.classes, ["cat", "cat_test", "dog"]);
    let fewer = Folder::new().split("birds", &["a", "b"], 20).split("birds_test", &["a"], 3).opened();
    assert_eq!(sizes(&fewer), (36, 4, Some(3)));
}

#[test]
fn splits_among_the_classes_of_a_split_are_refused_until_an_option_decides() {
    let named = |train: &str, val: &str| {
        let name = |folder: &str| (!folder.is_empty()).then(|| PathBuf::from(folder));
        let folders = SplitFolders { train: name(train), val: name(val), test: None };
        Options { folders, ..Options::default() }
    };
    let inside = folder(&["train", "train/val"], &[]);
    let refusal = inside.refusal();
    assert!(refusal.contains("`options.folders.train = train` `options.folders.val = train/val`"), "{refusal}");
    assert_eq!(sizes(&inside.open(&named("train", "train/val")).unwrap()), (40, 40, None));
    let as_class = inside.open(&named("train", "")).unwrap();
    assert_eq!(as_class.classes, ["a", "b", "val"]);
    assert!(as_class.notes.iter().any(|note| note.contains("\"val\" hold class folders")), "{:?}", as_class.notes);

    let below = folder(&["train/train", "train/val"], &["test"]);
    let refusal = below.refusal();
    assert!(refusal.contains("`options.folders.train = train/train` `options.folders.val = train/val`"), "{refusal}");
    assert_eq!(sizes(&below.open(&named("train/train", "train/val")).unwrap()), (40, 40, None));
    // A class called train that contains kinds of trains.
    let trains = Folder::new().split("train", &["bus", "car"], 9).split("train/train", &["steam", "diesel"], 9);
    assert_eq!(trains.opened().classes, ["bus", "car", "train"]);
}

#[test]
fn a_copy_of_all_classes_beside_them_is_not_a_class() {
    for (splits, name) in [(&["", "cells"][..], "cells"), (&["train", "train/all", "val"], "all")] {
        let data = folder(splits, &[]).opened();
        assert_eq!(data.classes, ["a", "b"], "{splits:?}");
        assert_eq!(data.train.len(), if splits.len() == 2 { 36 } else { 40 });
        let expected = format!("\"{name}\" holds the class folders beside once more, \"a\", \"b\"");
        assert!(data.notes.iter().any(|note| note.starts_with(&expected)), "{:?}", data.notes);
    }
    // With a further class beside it, it is not a copy.
    let more = folder(&["", "cells"], &["c"]).opened();
    assert_eq!(more.classes, ["a", "b", "c", "cells"]);
}
