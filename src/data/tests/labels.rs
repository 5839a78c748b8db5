//! Labels in a table, corrected labels, joined and chosen classes.

use super::*;
use crate::data::{Selection, open_single_split};

/// Twelve images in a folder without classes, six of them deeper.
fn flat() -> Folder {
    (0..12)
        .fold(Folder::new(), |folder, i| folder.image(format!("{}img_{i:02}.png", if i < 6 { "" } else { "more/" }), i))
}

/// A table in the folder.
fn in_folder(folder: &Folder, name: &str, text: &str) -> PathBuf {
    let file = folder.path().join(name);
    fs::write(&file, text).unwrap();
    file
}

fn labelled(folder: &Folder, text: &str, column: Option<&str>) -> Options {
    let labels = Some(in_folder(folder, "labels.csv", text));
    let label_column = column.map(str::to_owned);
    Options { selection: Selection { labels, label_column, ..Selection::default() }, ..Options::default() }
}

/// A table of all twelve images, with a row made by `row`.
fn all(head: &str, row: impl Fn(u32) -> String) -> String {
    (0..12).fold(format!("{head}\n"), |text, i| text + &row(i) + "\n")
}

fn classes_of<'a>(data: &'a Dataset, split: &Split) -> Vec<&'a str> {
    split.labels.iter().map(|&label| data.classes[label as usize].as_str()).collect()
}

#[test]
fn labels_splits_and_groups_come_from_a_table() {
    let folder = flat();
    let text = all("image_id;dx;split;group", |i| {
        let split = ["train", "Training", "val", "test"][i as usize % 4];
        format!("img_{i:02};{};{split};{}", ["nv", "mel"][(i / 4) as usize % 2], i / 3)
    });
    let data = folder.open(&labelled(&folder, &text, None)).unwrap();
    assert_eq!((data.classes.clone(), sizes(&data)), (vec!["mel".into(), "nv".into()], (6, 3, Some(3))));
    assert_eq!(classes_of(&data, &data.train), ["nv", "nv", "mel", "mel", "nv", "nv"]);
    assert_eq!((data.groups.len(), data.group_leaks(&data.val)), (4, Some(3)));
    assert!(data.train.name(5).contains("more/img_09.png"), "{}", data.train.name(5));
    assert!(data.notes[0].contains("\"dx\""), "{:?}", data.notes);
    // Without splits val is drawn, in whole groups where there are groups.
    let text = all("group,file,label", |i| format!("{},img_{i:02}.png,{}", i / 2, 10 * (i % 2)));
    let data = folder.open(&labelled(&folder, &text, None)).unwrap();
    assert_eq!((data.classes.clone(), sizes(&data)), (vec!["0".into(), "10".into()], (10, 2, None)));
    let numbers = all("file,label", |i| format!("img_{i:02}.png,{}", [10, 9, 2][i as usize % 3]));
    assert_eq!(folder.open(&labelled(&folder, &numbers, None)).unwrap().classes, ["2", "9", "10"]);
}

#[test]
fn splits_are_known_by_what_a_column_holds() {
    let folder = flat();
    for name in ["dataset", "phase", "data_split"] {
        let text = all(&format!("id,{name},label"), |i| {
            format!("img_{i:02},{},{}", ["train", "train", "valid", "test"][i as usize % 4], i % 2)
        });
        assert_eq!(sizes(&folder.open(&labelled(&folder, &text, None)).unwrap()), (6, 3, Some(3)), "{name}");
    }
    let two = all("id,phase,stage,label", |i| {
        let split = ["train", "val"][i as usize % 2];
        format!("img_{i:02},{split},{split},{}", i % 3)
    });
    folder.refuses(&labelled(&folder, &two, None), &["\"phase\" and \"stage\" both name splits"]);
    let flags = all("fname,label,is_valid", |i| format!("img_{i:02}.png,{},{}", i % 2, i > 8));
    folder.refuses(&labelled(&folder, &flags, None), &["\"is_valid\" is not read", "\"split\""]);
    let twice = all("name,label,label", |i| format!("img_{i:02},{},{}", i % 2, i % 3));
    folder.refuses(&labelled(&folder, &twice, Some("label")), &["two columns are called \"label\""]);
    let flags =
        all("fname,label,val", |i| format!("img_{i:02}.png,{},{}", i % 2, ["False", "TRUE"][usize::from(i > 8)]));
    folder.refuses(&labelled(&folder, &flags, None), &["\"val\" is not read", "\"split\""]);
    // A blank or a slip in such a column would make train of all rows.
    for slip in ["", "trian"] {
        let text = all("id,part,label", |i| {
            let part = if i == 3 { slip } else { ["train", "test"][i as usize / 8] };
            format!("img_{i:02},{part},{}", i % 2)
        });
        folder.refuses(&labelled(&folder, &text, None), &["\"part\" names splits", "line 5", &format!("{slip:?}")]);
    }
}

#[test]
fn what_of_a_table_is_not_read_is_noted() {
    let folder = flat();
    let notes = |text: &str| folder.open(&labelled(&folder, text, None)).unwrap().notes.join(" ");
    let text = all("id,part,label,patient_id,fold", |i| {
        format!("img_{i:02},{},{},p{i},{}", ["train", "val"][i as usize / 9], i % 2, i % 5)
    });
    assert_says(&notes(&text), "Splits are those in the column \"part\" | \"patient_id\" is not read");
    let text = all("id,label,fold", |i| format!("img_{i:02},{},{}", ["a", "b", "a|b"][i as usize % 3], i % 5));
    assert_says(&notes(&text), "\"fold\" is not read | look like several at once | \"a|b\"");
    // Empty rows are a spreadsheet's, and NaN is no class.
    let text = all("id,label", |i| format!("img_{i:02},{}", i % 2)) + ",\n,\n";
    assert!(!notes(&text).contains("row"));
    for absent in ["NaN", "NA", "null"] {
        let text =
            all("id,label", |i| format!("img_{i:02},{}", if i == 4 { absent } else { ["a", "b"][i as usize % 2] }));
        folder.refuses(&labelled(&folder, &text, None), &["img_04", "its row has no label"]);
    }
    let text = all("ImageName,ClassName,Lesion ID,Fold_5", |i| {
        format!("img_{i:02},{},l{i},{}", ["cat", "Cat"][i as usize % 2], i % 5)
    });
    assert_says(
        &notes(&text),
        "\"Lesion ID\" is not read | \"Fold_5\" is not read | differ in their form alone | \"Cat\", \"cat\"",
    );
    let text = all("id,label", |i| format!("img_{i:02},{}", ["1", "1.0", "2"][i as usize % 3]));
    assert_says(&notes(&text), "differ in their form alone | \"1\", \"1.0\"");
    let text = all("id,label", |i| format!("img_{i:02},caption {i}"));
    folder.refuses(&labelled(&folder, &text, None), &["every image has a label of its own"]);

    let splits = (0..12).fold(Folder::new(), |folder, i| {
        folder.image(format!("{}/img_{i:02}.png", ["train", "test"][i as usize / 8]), i)
    });
    let text = all("id,label", |i| format!("img_{i:02},{}", i % 2));
    let data = splits.open(&labelled(&splits, &text, None)).unwrap();
    assert_says(&data.notes.join(" "), "The folders \"test\", \"train\" are not read as splits");
}

#[test]
fn images_are_named_from_the_root_or_from_the_tables_folder() {
    let around = (0..4).fold(Folder::new(), |folder, i| folder.image(format!("img/{i}.png"), i));
    let around = around.image("test/9.png", 9);
    let open = |root: &Path, text: String| {
        let labels = Some(in_folder(&around, "labels.csv", &format!("file,label\n{text}")));
        let options = Options { selection: Selection { labels, ..Selection::default() }, ..Options::default() };
        open(root.to_str().unwrap(), &options, &NoProgress)
    };
    let images = around.path().join("img");
    let rows = |name: &dyn Fn(u32) -> String| (0..4).map(|i| format!("{},{}\n", name(i), i % 2)).collect::<String>();
    for text in [
        rows(&|i| images.join(format!("{i}.png")).display().to_string()),
        rows(&|i| format!("img/{i}.png")),
        rows(&|i| format!("img\\{i}.png")),
        rows(&|i| format!("img/../img/{i}.png")),
        rows(&|i| format!("./other/../img/{i}.png")),
    ] {
        let data = open(&images, text.clone()).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        assert_eq!(data.train.len() + data.val.len(), 4, "{text}");
    }
    // A test folder without rows is a test split without labels.
    let data = open(around.path(), rows(&|i| format!("img/{i}.png"))).unwrap();
    assert!(data.notes.iter().any(|note| note.starts_with("1 test images have no row")), "{:?}", data.notes);
    let outside = open(&images, rows(&|i| format!("img/{i}.png")) + "test/9.png,1\n").err().unwrap();
    assert!(format!("{outside:#}").contains("test/9.png: it does not lie in"), "{outside:#}");
    let elsewhere = open(&images, rows(&|i| format!("/kaggle/input/{i}.png"))).err().unwrap();
    assert!(format!("{elsewhere:#}").contains("but one called \"0.png\""), "{elsewhere:#}");

    // A table beside the folder of the images, which a link leads to.
    fs::create_dir(around.path().join("tables")).unwrap();
    std::os::unix::fs::symlink(&images, around.path().join("linked")).unwrap();
    for name in ["../img", "../linked"] {
        let rows = rows(&|i| format!("{name}/{i}.png"));
        let labels = Some(in_folder(&around, "tables/labels.csv", &format!("file,label\n{rows}")));
        let options = Options { selection: Selection { labels, ..Selection::default() }, ..Options::default() };
        let data = super::open(images.to_str().unwrap(), &options, &NoProgress).unwrap();
        assert_eq!(data.train.len() + data.val.len(), 4, "{name}");
    }
}

#[test]
fn the_column_of_labels_is_named_where_it_is_not_clear() {
    let folder = flat();
    let text = all("id,breed,colour", |i| format!("img_{i:02},{},{}", i % 2, i % 3));
    let expected = "`options.selection.label_column`";
    folder.refuses(&labelled(&folder, &text, None), &["one-hot or soft labels", "\"breed\", \"colour\""]);
    let text = all("id,breed,colour", |i| format!("img_{i:02},b{},c{}", i % 2, i % 3));
    folder.refuses(&labelled(&folder, &text, None), &["Name one of \"breed\", \"colour\"", expected]);
    for (column, classes) in [("breed", 2), ("colour", 3)] {
        assert_eq!(folder.open(&labelled(&folder, &text, Some(column))).unwrap().classes.len(), classes);
    }
    folder.refuses(&labelled(&folder, &text, Some("size")), &["no such column", "\"id\", \"breed\""]);
    folder.refuses(&labelled(&folder, &text, Some("id")), &["cannot hold labels"]);
    let two = all("id,label,class", |i| format!("img_{i:02},{},{}", i % 2, i % 3));
    folder.refuses(&labelled(&folder, &two, None), &["Name one of \"label\", \"class\""]);
}

#[test]
fn a_table_that_does_not_fit_the_files_is_refused_by_name() {
    let folder = flat();
    let row = |i: u32| format!("img_{i:02},{}", i % 2);
    let options = labelled(&folder, &(all("id,label", row) + "gone,1\n"), None);
    folder.refuses(&options, &["1 of the images in", "gone: there is no such image file", "`options.skip_bad`"]);
    let data = folder.open(&Options { skip_bad: true, ..options }).unwrap();
    assert_eq!((data.bad_files.len(), data.train.len() + data.val.len()), (1, 12));
    assert!(
        data.notes.iter().any(|note| note.starts_with("1 rows that cannot be read were left out")),
        "{:?}",
        data.notes
    );
    folder.refuses(
        &labelled(&folder, &(all("id,label", row) + "img_01,0\n"), None),
        &["1 files", "img_01: \"1\" in train and \"0\""],
    );
    let mut options = labelled(&folder, &all("id,label", row), None);
    let path = options.selection.labels.replace("labels.csv".into()).unwrap();
    folder.refuses(&options, &["there is no such file", &format!("`options.selection.labels = {}`", path.display())]);
    let few: String = "id,label\nimg_00,a\nimg_01,b\nimg_11,a\n".into();
    let mut options = labelled(&folder, &few, None);
    folder.refuses(&options, &["9 image files", "have no row", "img_02.png", "`options.selection.exclude`"]);
    let list: String = (2..11).map(|i| format!("{}img_{i:02}.png\n", if i < 6 { "" } else { "more/" })).collect();
    options.selection.exclude = Some(in_folder(&folder, "list.txt", &list));
    assert_eq!(folder.open(&options).map(|data| data.train.len() + data.val.len()).unwrap(), 3);
    folder.refuses(&labelled(&folder, &all("id,label,split", |i| row(i) + ",7"), None), &["line 2", "the split \"7\""]);
    folder.refuses(&labelled(&folder, &all("id,label", |i| format!("img_{i:02},")), None), &["its row has no label"]);
    let faces = labelled(&folder, &all("id,label", row), None);
    let message = format!("{:#}", open("faces", &faces, &NoProgress).err().unwrap());
    assert!(message.contains("names the labels of the images in a folder"), "{message}");
    let mut named = faces;
    named.selection.folders.val = Some("more".into());
    folder.refuses(&named, &["has its splits in the table of labels"]);
}

#[test]
fn a_split_of_a_table_is_measured_alone() {
    let folder = flat();
    let open = |text: &str, name| {
        let options = labelled(&folder, text, None);
        open_single_split(folder.path().to_str().unwrap(), name, &[], &options, &NoProgress).unwrap()
    };
    use crate::data::SplitName::{Test, Val};
    let test = all("id,label,usage", |i| format!("img_{i:02},{},PrivateTest", i % 2));
    assert_eq!(open(&test, Test).unwrap().split.len(), 12);
    let plain = all("id,label", |i| format!("img_{i:02},{}", i % 2));
    assert!(open(&plain, Test).unwrap().notes.iter().any(|note| note.contains("names no splits")));
    assert!(open(&plain, Val).is_none());
}

/// Train and val of four classes, five and two images of each.
fn four() -> Folder {
    let classes = ["angry", "happy", "sad", "surprise"];
    Folder::new().split("train", &classes, 5).split("val", &classes, 2)
}

fn choosing(merge: &[&str], classes: &[&str]) -> Options {
    let merge = merge.iter().map(|merge| merge.parse().unwrap()).collect();
    let classes = classes.iter().map(|&class| class.to_owned()).collect();
    Options { selection: Selection { merge, classes, ..Selection::default() }, ..Options::default() }
}

#[test]
fn classes_are_joined_and_chosen() {
    let folder = four();
    let data = folder.open(&choosing(&["happy=positive", "surprise=positive"], &[])).unwrap();
    assert_eq!(
        (&data.classes[..], data.train.class_counts(3)),
        (&["angry", "positive", "sad"].map(str::to_owned)[..], vec![5, 10, 5])
    );
    assert!(
        data.notes.contains(&"\"happy\", \"surprise\" count as \"positive\" (`options.selection.merge`).".to_owned())
    );
    assert_eq!(folder.open(&choosing(&["sad=angry"], &[])).unwrap().train.class_counts(3), [10, 5, 5]);
    // Chosen classes are numbered in the order given, as by Keras; samples keep their ids.
    let data = folder.open(&choosing(&[], &["sad", "angry"])).unwrap();
    assert_eq!((data.classes.clone(), sizes(&data)), (vec!["sad".into(), "angry".into()], (10, 4, None)));
    assert_eq!((&data.train.labels[4..6], &data.train.ids[4..6]), (&[1, 0][..], &[4, 10][..]));
    assert!(
        data.notes.iter().any(|note| note.contains("10 of 20 images of train, 4 of 8 images of val")),
        "{:?}",
        data.notes
    );
    let data = folder.open(&choosing(&["happy=positive", "surprise=positive"], &["positive", "sad"])).unwrap();
    assert_eq!(data.val.class_counts(2), [4, 2]);
    for (options, expected) in [
        (choosing(&[], &["sad", "hapy"]), "there is no class \"hapy\"; did you mean \"happy\"?"),
        (choosing(&[], &["sad", "x"]), "there is no class \"x\"; there are \"angry\", \"happy\""),
        (choosing(&[], &["sad", "sad"]), "names \"sad\" twice"),
        (choosing(&[], &["sad"]), "one class only"),
        (choosing(&["glad=sad"], &[]), "`options.selection.merge = glad=sad`"),
        (choosing(&["happy=sad", "sad=angry"], &[]), "name the last class for both"),
        (choosing(&["happy=sad", "happy=angry"], &[]), "joined to two classes"),
        (choosing(&["happy=positive"], &["happy", "sad"]), "there is no class \"happy\""),
    ] {
        folder.refuses(&options, &[expected]);
    }
}

#[test]
fn corrected_labels_are_taken_before_classes_are_joined() {
    let folder = four();
    let relabel = |text: &str| {
        let relabel = Some(in_folder(&folder, "relabel.csv", text));
        Options {
            selection: Selection { relabel, ..choosing(&["happy=positive"], &[]).selection },
            ..Options::default()
        }
    };
    let data = folder
        .open(&relabel("name,label,given,score\ntrain/sad/0.png,happy,sad,0.9\ntrain/sad/1.png,sad,sad,0.1\nval/angry/1.png,sad,angry,0.8\n"))
        .unwrap();
    assert_eq!(data.classes, ["angry", "positive", "sad", "surprise"]);
    assert_eq!((data.train.class_counts(4), data.val.class_counts(4)), (vec![5, 6, 4, 5], vec![1, 2, 3, 2]));
    let note = "Labels were corrected: 1 of train, 1 of val; 1 named images had the label already (";
    assert!(data.notes.iter().any(|found| found.starts_with(note)), "{:?}", data.notes);
    assert_ne!(data.fingerprint, folder.open(&choosing(&["happy=positive"], &[])).unwrap().fingerprint);
    for (text, expected) in [
        ("name,label\ntrain/sad/0.png,hapy\n", "line 2: there is no class \"hapy\"; did you mean \"happy\"?"),
        ("name,label\ntrain/sad/9.png,happy\n", "1 names are those of no image"),
        ("name,label\n0.png,happy\n", "0.png: train/angry/0.png, train/happy/0.png"),
        ("name,label\ntrain/sad/0.png,happy\ntrain/sad/0.png,angry\n", "1 images have two labels"),
        ("name,kind\ntrain/sad/0.png,happy\n", "no column holds labels"),
    ] {
        folder.refuses(&relabel(text), &[expected]);
    }
}

#[test]
fn test_images_without_rows_are_left_out_wherever_their_folder_lies() {
    let folder = (0..8).fold(Folder::new(), |folder, i| folder.image(format!("jpeg/train/{i}.png"), i));
    let folder = folder.image("jpeg/test/90.png", 90).image("jpeg/test/more/91.png", 91);
    let table = (0..8).fold("image_name,target\n".to_owned(), |text, i| format!("{text}{i},{}\n", i % 2));
    let data = folder.open(&labelled(&folder, &table, None)).unwrap();
    assert_eq!(data.train.len() + data.val.len(), 8);
    assert_says(&data.notes.join(" "), "2 test images have no row");
    // A row for one of them shows that they are meant.
    let options = labelled(&folder, &(table + "90,1\n"), None);
    folder.refuses(&options, &["1 image files", "jpeg/test/more/91.png"]);
}

#[test]
fn labels_that_are_hardly_classes_are_noted() {
    let folder = flat();
    let notes = |labels: [&str; 4]| {
        let text = all("file,tags", |i| format!("img_{i:02}.png,{}", labels[i as usize % 4]));
        folder.open(&labelled(&folder, &text, None)).unwrap().notes.join(" ")
    };
    assert_says(
        &notes(["18.0", "19.5", "20.0", "21.5"]),
        "Numbers with a fraction count as classes: \"19.5\", \"21.5\"",
    );
    assert_says(&notes(["haze primary", "clear primary", "clear haze", "primary"]), "look like several at once");
    assert_says(&notes(["haze clear", "clear road", "road haze", "haze road clear"]), "look like several at once");
    for plain in [["0.0", "1.0", "2.0", "3.0"], ["golden retriever", "fox terrier", "poodle", "old fox hound"]] {
        let notes = notes(plain);
        assert!(!notes.contains("fraction") && !notes.contains("several"), "{notes}");
    }
}

#[test]
fn a_letter_names_a_column_of_labels_only_alone() {
    let folder = flat();
    let table = |head: &str| all(head, |i| format!("img_{i:02}.png,{},0.1{}", AB[i as usize % 2], i % 3));
    let columns = labelled(&folder, &table("Image Index,Finding Labels,y]"), None);
    folder.refuses(&columns, &["which column holds the labels?", "\"Finding Labels\", \"y]\""]);
    let data = folder.open(&labelled(&folder, &table("Image Index,Y,x"), None)).unwrap();
    assert_eq!(data.classes, AB);
    let spaces = labelled(&folder, "img_00 1 1\nimg_01 2 1\n", None);
    folder.refuses(&spaces, &["its fields are separated by spaces", "\"file,label\""]);
}

#[test]
fn training_images_have_the_probabilities_of_a_table_of_votes() {
    let folder = four();
    let soft = |text: &str, merge: &[&str]| {
        let soft_labels = Some(in_folder(&folder, "votes.csv", text));
        Options { selection: Selection { soft_labels, ..choosing(merge, &[]).selection }, ..Options::default() }
    };
    let text = "Image name;contempt;surprise;sad;happy;angry\n\
                train/sad/0.png;5;0;1;3;0\ntrain/angry/1.png;1;;0;0;2.5\ntrain/sad/1.png;2;0;0;0;0\n\
                val/sad/0.png;0;0;0;1;0\ngone.png;0;0;1;0;0\n";
    let data = folder.open(&soft(text, &[])).unwrap();
    assert_eq!(data.classes, ["angry", "happy", "sad", "surprise"]);
    let labels = &data.train.soft.as_ref().unwrap();
    let position = |name: &str| (0..).find(|&position| data.train.key(position, folder.path()) == name).unwrap();
    let images = ["train/sad/0.png", "train/angry/1.png", "train/sad/1.png", "train/happy/0.png"].map(position);
    let expected = [[0.0, 0.75, 0.25, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]];
    assert_eq!(labels.of(&images, &data.train.labels), expected.concat());
    assert_eq!(images.map(|position| labels.row(position).is_some()), [true, true, false, false]);
    assert!(data.val.soft.is_none());
    let note = data.notes.iter().find(|note| note.contains("soft labels")).unwrap();
    for part in [
        "2 of 20 training images",
        "for 1 of them another class",
        "1 images without votes",
        "1 of the named images are not trained on",
        "gone.png",
        "\"contempt\"",
    ] {
        assert!(note.contains(part), "{note}");
    }
    assert_ne!(data.fingerprint, folder.open(&choosing(&[], &[])).unwrap().fingerprint);

    // The votes for joined classes add up.
    let joined = folder.open(&soft(text, &["happy=sad"])).unwrap();
    let row = |data: &Dataset, image| data.train.soft.as_ref().unwrap().row(image).map(<[f32]>::to_vec);
    assert_eq!(row(&joined, images[0]), Some(vec![0.0, 1.0, 0.0]));
    for (text, expected) in [
        ("name,angry,happy,sad\ntrain/sad/0.png,1,0,0\n", "no column is called like these classes: \"surprise\""),
        ("name,angry,happy,sad,surprise\ntrain/sad/0.png,1,-2,0,0\n", "line 2: \"-2\" is no number of votes"),
        ("name,angry,happy,sad,surprise\ngone.png,1,2,0,0\n", "it names no training image"),
        ("name,angry,happy,sad,surprise\ntrain/sad/0.png,1,0,0,0\ntrain/sad/0.png,1,0,0,0\n", "1 images have two rows"),
        ("name,angry,happy,sad,surprise\n0.png,1,0,0,0\n", "may mean several images"),
        ("name,angry,happy,sad,surprise,sad\ntrain/sad/0.png,1,0,0,0,2\n", "two columns are called \"sad\""),
        ("name,angry,happy,sad,surprise\ntrain/sad/0.png,1e308,1e308,0,0\n", "line 2: these votes are too many to add"),
        ("name,angry,happy,sad,surprise\ntrain/sad/0.png,0,0,,0\n", "none of its training images has a vote"),
        ("name,angry,happy,sad,surprise\nval/sad/0.png,1,0,0,0\n", "it names 1 images of val or test"),
    ] {
        folder.refuses(&soft(text, &[]), &[expected]);
    }
}
