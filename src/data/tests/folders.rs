//! Folders are read like in torchvision, and what torchvision skips silently is noted or refused.

use super::*;

#[test]
fn images_come_in_torchvisions_order() {
    let files =
        ["a/2.png", "a/10.png", "a/B.PNG", "a/b/x.png", "a/b/c/y.png", "a/b-c/w.png", "a/é.jpg", "a/b.png", "z/q.webp"];
    let folder = Folder::new().split("val", &["a", "z"], 1);
    let folder = files.iter().zip(0..).fold(folder, |folder, (path, i)| folder.image(format!("train/{path}"), i));
    let data = folder.opened();
    assert_eq!(data.classes, ["a", "z"]);
    // [path for path, _ in torchvision.datasets.ImageFolder(…).samples] for the same files, torchvision 0.28.
    let expected =
        ["a/10.png", "a/2.png", "a/B.PNG", "a/b.png", "a/é.jpg", "a/b/x.png", "a/b-c/w.png", "a/b/c/y.png", "z/q.webp"];
    assert_eq!(names(&data.train), expected.map(|path| format!("{:?}", folder.path().join("train").join(path))));
    assert_eq!(data.train.labels, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(data.train.ids, (0..9).collect::<Vec<_>>());
}

#[test]
fn without_val_a_tenth_of_every_class_validates_with_a_note() {
    for folder in [Folder::new().split("train", &AB, 20), Folder::new().split(".", &AB, 20)] {
        let data = folder.opened();
        assert_eq!(data.train.class_counts(2), [18, 18]);
        assert_eq!(data.val.class_counts(2), [2, 2]);
        let mut ids = [data.train.ids.clone(), data.val.ids.clone()].concat();
        ids.sort_unstable();
        assert_eq!(ids, (0..40).collect::<Vec<_>>(), "ids index the one listing that both splits share");
        assert!(data.notes[0].starts_with("There is no val split: 4 of the 40 training images"), "{:?}", data.notes);
        let other = folder.open(&Options { data_seed: 1, ..Options::default() }).unwrap();
        assert_ne!(data.val.ids, other.val.ids);
    }
}

#[test]
fn an_unusable_folder_is_refused_by_name() {
    for (folder, expected) in [
        (Folder::new(), "holds no class folders"),
        (Folder::new().image("1.png", 0), "holds no class folders"),
        (Folder::new().file("fer2013.csv", ""), "fer2013.csv\"); one of labels is named by `options.selection.labels`"),
        (Folder::new().image("train/1.png", 0), "train\" holds no class folders"),
        (Folder::new().split("val", &AB, 1), "no train folder"),
        (least().split("val", &["c"], 1), "val holds classes that train lacks: \"c\""),
        (
            Folder::new().split("train", &AB, 2).split("val", &["images"], 1),
            "If that folder holds images of all classes, sort them",
        ),
        (Folder::new().split("train", &["a"], 3).split("val", &["a"], 1), "one class only (\"a\")"),
        (least().file("train/c/readme.txt", ""), "hold no image"),
        (least().file("train/c/readme.txt", ""), "train/c\"\nFill or remove them."),
        (Folder::new().split("train", &AB, 2).file("val/a/z.txt", ""), "val\" holds no image in its class folders"),
    ] {
        let refusal = folder.refusal();
        assert!(refusal.contains(expected), "{expected}: {refusal}");
        assert!(refusal.contains(&*folder.path().to_string_lossy()), "{refusal}");
    }
    let missing = open("/no/such/folder", &Options::default(), &NoProgress).err().unwrap();
    assert!(format!("{missing:#}").contains("\"/no/such/folder\" cannot be used: there is no such folder or file"));
    let zip = Folder::new().file("data.zip", "");
    let zip = open(zip.path().join("data.zip").to_str().unwrap(), &Options::default(), &NoProgress).err().unwrap();
    assert!(format!("{zip:#}").contains("neither a folder nor a .csv file"));
}

#[test]
fn everything_left_out_is_noted() {
    let data = least()
        .file("train/a/notes.txt", "")
        .file("train/readme.md", "")
        .file("train/a/.DS_Store", "")
        .image("train/a/._0.png", 0)
        .image("train/.ipynb_checkpoints/0.png", 0)
        .image("extra/a/0.png", 0)
        .file("labels.csv", "")
        .opened();
    assert_eq!(data.train.len(), 4);
    let notes = data.notes.join("\n");
    for (count, names) in [("2 files", ["notes.txt", "readme.md"]), ("2 files", ["extra", "labels.csv"])] {
        assert!(notes.contains(count) && names.iter().all(|name| notes.contains(name)), "{notes}");
    }
    assert!(notes.contains("3 files or folders hidden") && notes.contains(".ipynb_checkpoints"), "{notes}");
}

#[test]
#[cfg(unix)]
fn odd_names_are_read_and_escaped() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let long = format!("{}.png", "x".repeat(251));
    let odd = [
        b"new\nline.png",
        "😀.png".as_bytes(),
        b"a b.png",
        b"<script>.png",
        b"x..png",
        long.as_bytes(),
        b"\xFF\xFE.png",
    ];
    let at = |name: &[u8]| Path::new("train/a").join(OsStr::from_bytes(name));
    let folder = odd.iter().zip(10..).fold(least(), |folder, (name, i)| folder.image(at(name), i));
    let data = folder.opened();
    assert_eq!(data.train.len(), 4 + odd.len());
    let names = names(&data.train).concat();
    for name in ["new\\nline.png", "😀.png", "\\xFF\\xFE.png"] {
        assert!(names.contains(name), "{names}");
    }
    let class = least().image(Path::new("train").join(OsStr::from_bytes(b"c\xFF")).join("0.png"), 0);
    assert!(class.refusal().contains("is not UTF-8; rename it"));
}

#[test]
#[cfg(unix)]
fn links_are_followed_and_loops_reported() {
    use std::os::unix::fs::symlink;
    let elsewhere = Folder::new().image("more/1.png", 50).image("one.png", 51);
    let folder = least();
    symlink(elsewhere.path().join("more"), folder.path().join("train/a/more")).unwrap();
    symlink(elsewhere.path().join("one.png"), folder.path().join("train/b/one.png")).unwrap();
    symlink(elsewhere.path().join("more"), folder.path().join("train/c")).unwrap();
    let data = folder.opened();
    assert_eq!(data.classes, ["a", "b", "c"]);
    assert_eq!(data.train.class_counts(3), [3, 3, 1]);

    symlink("nowhere.png", folder.path().join("train/a/lost.png")).unwrap();
    let refusal = folder.refusal();
    assert!(refusal.contains("lost.png\": the link leads nowhere"), "{refusal}");

    symlink(".", folder.path().join("train/b/up")).unwrap();
    let refusal = folder.refusal();
    assert!(refusal.contains("train/b/up\" leads back to"), "{refusal}");
}
