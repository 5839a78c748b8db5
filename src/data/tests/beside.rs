//! Files beside class folders, or in their place: tables of labels, masks, images packed in other formats.

use super::*;
use crate::data::{Selection, SplitFolders};

/// Two folders with six images each, `img_0.png` to `img_11.png`, and a table of them whose rows `row` makes.
fn in_parts(names: [&str; 2], head: &str, row: impl Fn(u32) -> String) -> Folder {
    let folder =
        (0..12).fold(Folder::new(), |folder, i| folder.image(format!("{}/img_{i}.png", names[usize::from(i >= 6)]), i));
    folder.file("metadata.csv", (0..12).fold(format!("{head}\n"), |text, i| text + &row(i) + "\n"))
}

#[test]
fn folders_that_a_table_beside_contradicts_are_no_classes_unasked() {
    let parts = ["images_part_1", "images_part_2"];
    let dx = |i: u32| format!("img_{i},{}", ["nv", "mel"][i as usize % 2]);
    let folder = in_parts(parts, "image_id,dx", dx);
    assert_says(
        &folder.refusal(),
        "metadata.csv | \"images_part_1\", \"images_part_2\" | `options.selection.label_column = dx` | `train = .`",
    );
    let folders = SplitFolders { train: Some(".".into()), ..SplitFolders::default() };
    let named = Options { selection: Selection { folders, ..Selection::default() }, ..Options::default() };
    assert_eq!(folder.open(&named).unwrap().classes, parts);
    // A column that no name says to be labels: numbered parts are refused, other folders are the classes.
    assert_says(&in_parts(parts, "image,age", |i| format!("img_{i},{i}")).refusal(), "metadata.csv | `train = .`");
    let cats = in_parts(["cat", "dog"], "image,age", |i| format!("img_{i}.png,{i}")).opened();
    assert_says(&cats.notes.join(" "), "metadata.csv\" names these images and is not read");
    // A column that the folders tell, finer ones beside it or not.
    for (head, row) in [
        ("image,label", (|i: u32| format!("img_{i}.png,{}", i / 6)) as fn(u32) -> String),
        ("image,label,species", |i| format!("img_{i}.png,{},{}", i % 3, i / 6)),
        ("other,things", |i| format!("x_{i},{i}")),
    ] {
        let data = in_parts(["cat", "dog"], head, row).opened();
        assert_eq!(data.classes, ["cat", "dog"], "{head}");
        assert!(!data.notes.iter().any(|note| note.contains("names these images")), "{:?}", data.notes);
    }
}

#[test]
fn a_table_beside_is_named_where_folders_are_no_classes() {
    let one = (0..4).fold(Folder::new(), |folder, i| folder.image(format!("images/{i}.png"), i));
    assert_says(&one.refusal(), "one class only");
    let one = one.file("sample_submission.csv", "id,label\n0,a\n").file("train.csv", "id,label\n0,a\n");
    assert_says(&one.refusal(), "one class only (\"images\") | in the table beside them | train.csv`");
    let inside = Folder::new().image("train/1.png", 1).file("train/metadata.csv", "file_name,label\n1.png,a\n");
    assert_says(&inside.image("test/2.png", 2).refusal(), "train/metadata.csv` | `train = .`");
    let lacking = Folder::new().split("train", &AB, 2).split("valid", &["c"], 2).file("train.csv", "id,label\n0,a\n");
    assert_says(&lacking.refusal(), "val holds classes that train lacks: \"c\" | train.csv`");
}

#[test]
fn images_packed_in_other_formats_are_named() {
    let packed = Folder::new().file("data/train-00000-of-00001.parquet", "PAR1").file("data/readme.txt", "");
    assert_says(&packed.refusal(), "train-00000-of-00001.parquet\" is of a format that is not read | CLASS/IMAGE");
    let idx = Folder::new().file("train-images-idx3-ubyte", [0, 0, 8, 3]);
    assert_says(&idx.refusal(), "train-images-idx3-ubyte\" is of a format");
    let numpy = Folder::new().file("x.npz", "");
    let refusal = open(numpy.path().join("x.npz").to_str().unwrap(), &Options::default(), &NoProgress).err().unwrap();
    assert_says(&format!("{refusal:#}"), "its format is not read: write its images to");
}

#[test]
fn masks_beside_the_images_of_a_class_are_left_out() {
    let folder = (0..12).fold(Folder::new(), |folder, i| {
        let class = AB[i as usize % 2];
        folder.image(format!("{class}/images/{i}.png"), i).image(format!("{class}/masks/{i}.png"), 100 + i)
    });
    let data = folder.opened();
    assert_eq!(data.train.len() + data.val.len(), 12);
    let notes = data.notes.join(" ");
    assert_says(&notes, "2 files or folders beside folders of images hold masks, and were left out");
    assert!(!notes.contains("no classes of their own") && !notes.contains("taken for the classes"), "{notes}");
    // A class may be called so.
    assert_eq!(Folder::new().split(".", &["masks", "faces"], 4).opened().classes, ["faces", "masks"]);
}

#[test]
fn masks_beside_their_images_are_named_as_a_list_names_them() {
    let folder = Folder::new().split(".", &AB, 4).image("a/0_mask.png", 99);
    assert_says(&folder.opened().notes.join(" "), "1 images are called like masks of others | \"a/0_mask.png\"");
}
