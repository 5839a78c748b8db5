//! Folders are splits if name and contents say so, classes otherwise; an ambiguous layout is refused with the options
//! that settle it.

use std::path::PathBuf;

use super::*;
use crate::data::{Selection, SplitFolders};

/// Images of train, val and test: with a val folder, with a test folder beside which val is drawn, and with both.
const VAL: (usize, usize, Option<usize>) = (40, 40, None);
const TEST: (usize, usize, Option<usize>) = (36, 4, Some(40));
const BOTH: (usize, usize, Option<usize>) = (40, 40, Some(40));

/// A folder with splits of the classes a and b, `.` for class folders at the top, and with flat folders of images. Names
/// are separated by commas.
fn folder(splits: &str, flat: &str) -> Folder {
    let folder = names_in(splits).fold(Folder::new(), |folder, split| folder.split(split, &AB, 20));
    names_in(flat).zip(0..).fold(folder, |folder, (name, number)| {
        (0..3).fold(folder, |folder, i| folder.image(format!("{name}/{i}.png"), 90_000 + 10 * number + i))
    })
}

fn names_in(list: &str) -> impl Iterator<Item = &str> {
    list.split(", ").filter(|name| !name.is_empty())
}

/// Options that name the folders of splits, `""` for none.
fn naming(train: &str, val: &str, test: &str) -> Options {
    let [train, val, test] = [train, val, test].map(|name| (!name.is_empty()).then(|| PathBuf::from(name)));
    let folders = SplitFolders { train, val, test };
    Options { selection: Selection { folders, ..Selection::default() }, ..Options::default() }
}

#[test]
fn splits_are_found_by_their_names_and_told_unless_the_names_are_plain() {
    for (splits, expected, is_told) in [
        ("train, val, test", BOTH, false),
        ("Train, Valid", VAL, false),
        ("TRAIN, TEST, VALIDATION", BOTH, false),
        ("train/images, val/images", VAL, false),
        ("Training, Testing", TEST, true),
        ("training_set, test_set", TEST, true),
        ("seg_train/seg_train, seg_test/seg_test", TEST, true),
        ("training_set/training_set, test_set/test_set", TEST, true),
        ("train_images, val_images", VAL, true),
        ("TrainSet, DevSet", VAL, true),
        ("train2017, val2017", VAL, true),
        ("birds_train/birds_train, birds_test/birds_test", TEST, true),
        ("archive/train, archive/test", TEST, true),
        ("Data/train, Data/valid, Data/test", BOTH, true),
        ("dataset/training_set/training_set, dataset/test_set/test_set", TEST, true),
        ("plants/plants/train, plants/plants/valid", VAL, true),
        // Beside plain names the others are no splits.
        ("train, val, train_images, validation_set", VAL, false),
        ("train, val, archive/train", VAL, false),
    ] {
        let data = folder(splits, "").opened();
        assert_eq!((sizes(&data), data.classes.concat()), (expected, "ab".to_owned()), "{splits}");
        assert_eq!(data.notes.iter().any(|note| note.contains(" read")), is_told, "{splits}: {:?}", data.notes);
    }
}

#[test]
fn folders_beside_nested_splits_are_not_part_of_them() {
    let data = folder("seg_train/seg_train, seg_test/seg_test", "seg_pred/seg_pred").opened();
    assert_eq!(sizes(&data), TEST);
    assert_says(&data.notes.concat(), "seg_pred");
    // Files that macOS adds to archives.
    let mac = folder("chest/train, chest/val", "").image("__MACOSX/chest/train/a/._0.png", 0).opened();
    assert_eq!(sizes(&mac), VAL);
    // A copy of the whole data set inside itself.
    assert_eq!(sizes(&folder("train, val, chest/train, chest/val", "").opened()), VAL);
}

#[test]
fn classes_stay_classes_whatever_their_names() {
    for names in [&["invalid", "valid"][..], &["bus", "train_station"], &["Driving", "Testing"]] {
        assert_eq!(Folder::new().split(".", names, 10).opened().classes, names);
    }
    for names in [&["bus", "train"][..], &["test", "train"], &["test", "train", "validation"], &["train", "val"]] {
        assert_eq!(Folder::new().split("train", names, 10).split("val", names, 10).opened().classes, names);
    }
    let voc = Folder::new().split(".", &["bus", "car", "train"], 10).opened();
    assert_eq!(voc.classes, ["bus", "car", "train"]);
    assert_says(&voc.notes.concat(), "\"train\" is read as a class");
}

#[test]
fn a_folder_around_the_classes_is_entered() {
    let data = folder("flower_photos", "").file("flower_photos/LICENSE.txt", "").opened();
    assert_eq!((data.train.len(), data.classes.concat()), (36, "ab".to_owned()));
    assert_says(&data.notes.concat(), "read in \"flower_photos\"");
}

#[test]
fn an_ambiguous_layout_is_refused_with_the_folders_found_and_the_options() {
    for (splits, flat, expected) in [
        ("train_a/x, train_b/x, test_a/x, test_b/x", "", "holds 2 folders for one split | `train = "),
        ("train, val, valid", "", "holds 2 folders for one split | `val = "),
        ("", "train, test", "train | no class folders | `train`"),
        ("", "train, images", "train | no class folders | `train = .`"),
        (".", "test", "\"test\" with images beside \"a\", \"b\" | `train = .` `test = test`"),
        ("Testing", "cat, dog", "Testing | no train folder | \"cat\", \"dog\" | `test = Testing` | `train = .`"),
        ("Training", "Racing", "Training | Racing | `train = Training` | `train = .`"),
        ("val", "train", "train | no class folders"),
        ("day/train, day/test, night/train, night/test", "", "day | night | `train` | train/CLASS"),
        ("archive/train, archive/test", "samples", "archive | samples | `source`"),
        ("", "cat/train, cat/test, dog/train, dog/test", "cat | dog | move the splits above them"),
        ("train", "val", "val | no class folders | `train`"),
        ("labelled, test", "unlabelled", "if \"labelled\" is train, add `train = labelled` `test = test`"),
        ("train_aug, train_plain, val", "", "add `train = train_aug` `val = val`"),
        (
            "train, evaluate",
            "",
            "\"evaluate\" holds class folders | `val = evaluate` or `test = evaluate` | `train = train`",
        ),
        ("train, test, PublicTest", "", "\"PublicTest\" holds class folders | `val = PublicTest`"),
    ] {
        assert_says(&folder(splits, flat).refusal(), expected);
    }
}

#[test]
fn options_name_splits_that_names_do_not_show() {
    let ambiguous = folder("day/train, day/test, night/train", "");
    let absolute = ambiguous.path().join("night/train");
    let plain = folder("train, val, other", "");
    for (data, options, expected) in [
        (&ambiguous, naming("day/train", "night/train", "day/test"), BOTH),
        // Nothing is guessed if train is named.
        (&ambiguous, naming("day/train", "", ""), (36, 4, None)),
        (&ambiguous, naming("day/train", absolute.to_str().unwrap(), ""), VAL),
        // Val and test can be named without train.
        (&plain, naming("", "other", ""), VAL),
        (&plain, naming("", "", "other"), BOTH),
        (&folder("., held_out", ""), naming("", "held_out", ""), VAL),
        (&folder("train, evaluate, augmented", ""), naming("", "evaluate", ""), VAL),
        (&folder("train, augmented", ""), naming("train", "", ""), (36, 4, None)),
    ] {
        assert_eq!(sizes(&data.open(&options).unwrap()), expected, "{:?}", options.selection.folders);
    }
    let test = folder(".", "test");
    assert_eq!(test.open(&naming(".", "", "")).unwrap().classes, ["a", "b", "test"]);
    let as_split = test.open(&naming(".", "", "test")).unwrap();
    assert!(as_split.classes == AB && as_split.unread_test.is_some());

    let absent = "`options.selection.folders.val = gone`: there is no such folder";
    plain.refuses(&naming("train", "gone", ""), &[absent]);
    plain.refuses(&naming("train", "train", ""), &["for two splits"]);
    let faces = open("faces", &naming("train", "", ""), &NoProgress).err().unwrap();
    assert!(format!("{faces:#}").contains("options.selection.folders.train"), "{faces:#}");
}

#[test]
fn named_folders_are_found_after_the_data_are_moved() {
    let data = folder("day/train, night/train", "");
    let absolute = data.path().join("night/train");
    let named = SplitFolders { train: Some("day/train".into()), val: Some(absolute), test: Some(".".into()) };
    assert_eq!(named.settled(data.path()).unwrap(), naming("day/train", "night/train", ".").selection.folders);
}

#[test]
fn a_test_split_without_known_labels_is_left_out() {
    let with_test = |add: fn(Folder) -> Folder| add(folder("train, val", "")).opened();
    let plain = with_test(|folder| folder);
    for (add, reason) in [
        ((|folder| folder.image("test/0.png", 1)) as fn(Folder) -> Folder, "no class folders"),
        (|folder| folder.image("test/unknown/0.png", 1), "no classes of train: \"unknown\""),
        (|folder| folder.split("test", &["a", "b", "other"], 2), "no classes of train: \"other\""),
        (|folder| folder.file("test/readme.txt", ""), "no class folders"),
        (|folder| folder.file("test/a/readme.txt", ""), "no image"),
    ] {
        let data = with_test(add);
        assert_eq!((sizes(&data), &data.fingerprint), (sizes(&plain), &plain.fingerprint), "{reason}");
        assert_says(&data.unread_test.unwrap(), reason);
        assert_says(&data.notes.concat(), "only an evaluation on test needs it");
    }
    let partly = with_test(|folder| folder.image("test/a/0.png", 1));
    assert_eq!((sizes(&partly), partly.unread_test), ((40, 40, Some(1)), None));
    assert_eq!(partly.notes, ["test holds no image of these classes: \"b\"."]);
}

#[test]
fn folders_around_the_classes_are_entered() {
    for around in ["EuroSAT", "EuroSAT/2750", "a/b/c"] {
        let data = Folder::new().split(around, &AB, 5).opened();
        assert_eq!((&data.classes[..], data.train.len()), (&AB.map(str::to_owned)[..], 8), "{around}");
        assert_says(&data.notes.join(" "), &format!("The data are read in \"{around}\""));
    }
    let flat = Folder::new().image("train/1.png", 1).image("test/2.png", 2).file("train.csv", "id,label\n1,a\n");
    assert_says(&flat.refusal(), "in the table beside them, add `options.selection.labels = | train.csv`");
}

#[test]
fn classes_that_val_lacks_are_noted_also_where_val_is_drawn() {
    let train = || Folder::new().split("train", &["a", "b", "c"], 4);
    let lacking = |folder: Folder| folder.opened().notes.into_iter().find(|note| note.contains("val holds no image"));
    let note = Some("val holds no image of these classes: \"c\".".to_owned());
    assert_eq!(lacking(train().split("val", &AB, 2)), note);
    assert_eq!(lacking(train().split("val", &AB, 2).file("val/c/notes.txt", "")), note);
    let rare = Folder::new().split(".", &AB, 20).image("c/0.png", 7);
    assert_eq!(rare.opened().train.class_counts(3), [18, 18, 1]);
    assert_eq!(lacking(rare), note);
}

#[test]
fn masks_are_no_class_and_a_few_folders_inside_a_class_are_noted() {
    let folder = |kinds: [&str; 2]| {
        (0..4).fold(Folder::new(), |folder, i| folder.image(format!("{}/{i}.png", kinds[i as usize % 2]), i))
    };
    for kinds in [["images", "masks"], ["train/image", "train/label"]] {
        folder(kinds).refuses(&Options::default(), &["look like images and their masks"]);
    }
    assert_eq!(folder(["images", "drawings"]).opened().classes, ["drawings", "images"]);
    let beside =
        folder(["a", "b"]).image("a/0_mask.png", 8).image("a/0_mask_1.png", 9).image("b/x_mask.png", 10).opened();
    assert_says(
        &beside.notes.join(" "),
        "2 images are called like masks of others | 0_mask.png | `options.selection.exclude`",
    );
    let deep = folder(["images/cat", "images/dog"]).image("docs/0.png", 8).image("docs/1.png", 9).opened();
    assert_eq!(deep.classes, ["docs", "images"]);
    assert_says(&deep.notes.join(" "), "inside \"images\" (\"cat\", \"dog\") are no classes of their own");
}

#[test]
fn classes_that_all_hold_the_same_folders_are_noted_with_the_alternatives() {
    let outer = |data: &Folder, options: &Options| {
        let data = data.open(options).unwrap();
        let note = data.notes.iter().find(|note| note.contains("each hold the folders \"a\", \"b\"")).cloned();
        (data.classes, note)
    };
    for (folders, flags) in [
        ("cat, dog", "(`train = cat`) | (`val = dog`)"),
        ("2019, 2020, 2021", "(`train = 2019`) | (`val = 2020`)"),
        ("color, grayscale", "(`train = color`) | (`val = grayscale`)"),
        ("part 2, part1", "(`train = part 2`) | (`val = part1`)"),
        ("carnival, festival, strain", "(`train = carnival`) | (`val = festival`)"),
        ("dogstest, dogstrain", "`test = dogstest` | `train = dogstrain`"),
        ("holdout, main", "`test = holdout` | `train = main`"),
    ] {
        let (classes, note) = outer(&folder(folders, ""), &Options::default());
        assert_eq!(classes.join(", "), folders);
        assert_says(&note.unwrap(), &format!("taken for the classes | {flags}"));
    }
    // The options in the note have the effect that it describes.
    let data = folder("2019, 2020", "").open(&naming("2019", "2020", "")).unwrap();
    assert_eq!((sizes(&data), data.classes.concat()), (VAL, "ab".to_owned()));
    // Below a folder of train, and in a folder around the data.
    let (classes, note) = outer(&folder("train/one, train/two, val/one", ""), &Options::default());
    assert!(classes == ["one", "two"] && note.unwrap().contains("put the images of each together"));
    let (_, note) = outer(&folder("plants/color, plants/grey", ""), &Options::default());
    assert_says(&note.unwrap(), "`train = plants/color` | `val = plants/grey`");
    // One lacks a class, or they lie a folder deeper.
    let rare = Folder::new().split("2019", &AB, 5).split("2020", &["a", "b", "c"], 5).opened();
    assert_eq!(rare.classes, ["2019", "2020"]);
    assert_says(&rare.notes.join(" "), "hold folders of the same names, \"a\", \"b\"");
    let (classes, note) = outer(&folder("d-001/photos, d-002/photos", ""), &Options::default());
    assert_eq!((classes, note.is_some()), (vec!["d-001".to_owned(), "d-002".to_owned()], true));
    // Different folders in each, a single folder in each, or an image beside the folders: no note.
    for data in [
        Folder::new().split("x", &AB, 5).split("y", &["a", "c"], 5),
        Folder::new().split("x", &["a"], 5).split("y", &["a"], 5),
        folder("x, y", "x, y"),
    ] {
        assert_eq!(outer(&data, &Options::default()), (vec!["x".to_owned(), "y".to_owned()], None));
    }

    // Names of folds and splits are refused until an option says that they are classes.
    for (folders, flags) in [
        ("fold1, fold2, fold3", "(`train = fold1`)"),
        ("split_0, split_1", "(`val = split_1`)"),
        ("Te, Tr, Va", "`test = Te` `train = Tr` `val = Va`"),
        ("trn, vld", "`train = trn` `val = vld`"),
        ("imagesTr, imagesTs", "`train = imagesTr` `test = imagesTs`"),
        ("development, evaluation", "`train = development` `val = evaluation`"),
        ("birds_test, flowers_train", "`test = birds_test` `train = flowers_train`"),
    ] {
        let data = folder(folders, "");
        assert_says(&data.refusal(), &format!("add `train = .` | {flags}"));
        let (classes, note) = outer(&data, &naming(".", "", ""));
        assert_eq!((classes.join(", "), note.is_some()), (folders.to_owned(), true));
    }
}

#[test]
fn a_folder_with_a_split_of_its_name_beside_it_is_train() {
    for (splits, flat, expected) in [
        ("rps, rps-test-set", "", TEST),
        ("rps/rps, rps-test-set/rps-test-set", "", TEST),
        ("birds, birds_validation", "", VAL),
        ("birds, birds_val, birds_test", "", BOTH),
        ("rps, rps-test-set", "rps-validation", TEST),
    ] {
        let data = folder(splits, flat).opened();
        assert_eq!((sizes(&data), data.classes.concat()), (expected, "ab".to_owned()), "{splits}");
        assert_says(&data.notes.concat(), "as train");
    }
    // Images directly inside: classes.
    assert_eq!(folder("", "cat, cat_test, dog").opened().classes, ["cat", "cat_test", "dog"]);
    let fewer = Folder::new().split("birds", &AB, 20).split("birds_test", &["a"], 3).opened();
    assert_eq!(sizes(&fewer), (36, 4, Some(3)));
}

#[test]
fn splits_among_the_classes_of_a_split_are_refused_until_an_option_decides() {
    let inside = folder("train, train/val", "");
    assert_says(&inside.refusal(), "`train = train` `val = train/val`");
    assert_eq!(sizes(&inside.open(&naming("train", "train/val", "")).unwrap()), VAL);
    let as_class = inside.open(&naming("train", "", "")).unwrap();
    assert_eq!(as_class.classes, ["a", "b", "val"]);
    assert_says(&as_class.notes.concat(), "\"val\" hold class folders");

    let below = folder("train/train, train/val", "test");
    assert_says(&below.refusal(), "`train = train/train` `val = train/val`");
    assert_eq!(sizes(&below.open(&naming("train/train", "train/val", "")).unwrap()), VAL);
    // A class called train that contains kinds of trains.
    let trains = Folder::new().split("train", &["bus", "car"], 9).split("train/train", &["steam", "diesel"], 9);
    assert_eq!(trains.opened().classes, ["bus", "car", "train"]);
}

#[test]
fn a_copy_of_all_classes_beside_them_is_not_a_class() {
    for (splits, name, images) in [("., cells", "cells", 36), ("train, train/all, val", "all", 40)] {
        let data = folder(splits, "").opened();
        assert_eq!((data.train.len(), data.classes.concat()), (images, "ab".to_owned()), "{splits}");
        let expected = format!("\"{name}\" holds the class folders beside once more, \"a\", \"b\"");
        assert!(data.notes.iter().any(|note| note.starts_with(&expected)), "{:?}", data.notes);
    }
    // With a further class beside it, it is not a copy.
    assert_eq!(folder("., cells", "c").opened().classes, ["a", "b", "c", "cells"]);
}
