//! Predictions are those that evaluation makes, in the order of the files, and no file stops the others.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{ffi::OsStrExt, fs::symlink},
    process::Stdio,
    sync::OnceLock,
};

use crate::support::{Finished, Place};
use serde_json::Value;

/// One short run for all tests here; each works beside it under names of its own.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| Place::with_run(8, 4, "run", &["--epochs", "3"]))
}

fn predict(words: &[&str]) -> Finished {
    place().mindgap(&[&["predict", "run", "--threads", "1"], words].concat())
}

fn lines(finished: &Finished) -> Vec<Value> {
    finished.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_image_of_val_gets_the_probabilities_of_its_evaluation() {
    // Larger than the network's images, in colour, and held sideways: all of the preparation takes part.
    let place = place();
    let photo = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/images/sideways.png")).unwrap();
    for name in ["bright", "dark", "even"] {
        for split in ["train", "val"] {
            fs::create_dir_all(place.path(format!("other/{split}/{name}"))).unwrap();
            let from = format!("data/{split}/{name}/{}.png", if split == "val" { "1001" } else { "0001" });
            fs::copy(place.path(from), place.path(format!("other/{split}/{name}/one.png"))).unwrap();
        }
    }
    fs::write(place.path("other/val/dark/photo.png"), photo).unwrap();
    place.mindgap(&["evaluate", "run", "--data", "other", "--predictions", "table.csv"]).succeed();
    let mut table = csv::Reader::from_path(place.path("table.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let found = lines(&predict(&["--json", "other/val"]).succeed());
    assert_eq!((rows.len(), found.len()), (4, 4));
    for (row, line) in rows.iter().zip(&found) {
        assert_eq!(line["path"].as_str().unwrap(), format!("other/{}", &row[1]));
        assert_eq!(line["class"].as_str().unwrap(), &row[3]);
        for (column, class) in ["bright", "dark", "even"].into_iter().enumerate() {
            let expected: f64 = row[6 + column].parse().unwrap();
            let top = line["top"].as_array().unwrap().iter().find(|top| top["class"] == class).unwrap();
            assert!((top["probability"].as_f64().unwrap() - expected).abs() < 1e-6, "{row:?} {line}");
        }
    }
}

#[test]
fn a_bad_image_is_named_and_the_others_are_predicted() {
    let place = place();
    fs::write(place.path("words.png"), "no image").unwrap();
    let files = ["data/val/dark/1000.png", "words.png", "absent.png", "data/val/even/1000.png"];
    let finished = predict(&[&["--json"], &files[..]].concat());
    assert_eq!(finished.code(), 2);
    let told = finished.stderr();
    assert!(told.contains("words.png: the content is not JPEG") && told.contains("absent.png: "), "{told}");
    assert!(told.contains("2 of 4 files have no prediction"), "{told}");
    let found = lines(&finished);
    let paths: Vec<&str> = found.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(paths, files);
    for line in &found {
        assert_ne!(line["class"].is_null(), line["error"].is_null(), "{line}");
    }
    let table = predict(&files).stdout();
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[test]
fn a_folder_is_walked_in_order_and_a_circle_of_links_ends() {
    let place = place();
    for (path, class) in [("walk/b/2.png", 0), ("walk/a/1.png", 1), ("walk/b/c/3.png", 2)] {
        place.write_image(path, class, 1);
    }
    fs::write(place.path("walk/notes.txt"), "").unwrap();
    symlink("..", place.path("walk/b/circle")).unwrap();
    let finished = predict(&["walk"]).succeed();
    let paths: Vec<String> =
        finished.stdout().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    assert_eq!(paths, ["walk/a/1.png", "walk/b/2.png", "walk/b/c/3.png"]);
    assert!(finished.stderr().contains("2 files or folders"), "{}", finished.stderr());
    fs::create_dir(place.path("empty")).unwrap();
    predict(&["empty"]).refuse(&["there is no image"]);
}

#[test]
fn names_of_any_bytes_come_through_stdin_and_stay_in_their_line() {
    let place = place();
    let strange = OsStr::from_bytes(b"line\nbreak \xff.png");
    fs::copy(place.path("data/val/dark/1000.png"), place.path(strange)).unwrap();
    let ask = |words: &[&str]| {
        let words = [&["predict", "run", "-", "--null"], words].concat();
        let mut child =
            place.command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let list = [strange.as_bytes(), b"\0\0data/val/even/1001.png"].concat();
        child.stdin.take().unwrap().write_all(&list).unwrap();
        Finished(child.wait_with_output().unwrap()).succeed()
    };
    let table = ask(&[]).stdout();
    assert!(table.starts_with("line\\x0abreak \\xff.png\t") && table.lines().count() == 2, "{table}");
    let found = lines(&ask(&["--json"]));
    assert_eq!(found[0]["path_base64"], "bGluZQpicmVhayD/LnBuZw==");
    assert_eq!((&found[1]["path"], &found[1]["path_base64"]), (&"data/val/even/1001.png".into(), &Value::Null));
}

#[test]
fn answers_come_while_paths_still_do_and_a_closed_pipe_ends_quietly() {
    let place = place();
    let words = ["predict", "run", "-", "--batch-size", "2"];
    let mut command = place.command(&words);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut paths = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for name in ["1000", "1001"] {
        writeln!(paths, "data/val/dark/{name}.png").unwrap();
    }
    // The stream of paths stays open.
    assert!(answers.next().unwrap().unwrap().starts_with("data/val/dark/1000.png\t"));
    drop(answers);
    for _ in 0..20 {
        // Once it has ended there is nobody to hear.
        let _ = writeln!(paths, "data/val/dark/1000.png");
    }
    drop(paths);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}

#[test]
fn flags_change_how_it_is_asked_and_told() {
    let one = "data/val/even/1000.png";
    let columns = |words: &[&str]| {
        let text = predict(&[&[one], words].concat()).succeed().stdout();
        text.trim_end().split('\t').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!((columns(&[]).len(), columns(&["--top-k", "2"]).len(), columns(&["--top-k", "9"]).len()), (3, 5, 7));
    let plain = columns(&["--top-k", "3"]);
    assert_ne!(columns(&["--top-k", "3", "--calibrated"]), plain);
    assert_ne!(columns(&["--top-k", "3", "--tta", "flip"]), plain);
    predict(&[one, "--tta", "mirror"]).refuse(&["none, flip, ten-crop"]);
    predict(&[one, "--img-size", "32"]).refuse(&["--img-size", "takes 16"]);
}

#[test]
fn every_form_of_the_model_sees_the_same() {
    let place = place();
    place.mindgap(&["export", "run", "--out", "model.pt"]).succeed();
    let whole = predict(&["data/val"]).succeed().stdout();
    for file in ["model.pt", "run/model.safetensors"] {
        let found = place.mindgap(&["predict", file, "data/val"]).succeed().stdout();
        let classes = |text: &str| text.lines().map(|line| line.rsplit_once('\t').unwrap().0.to_owned()).collect();
        let (found, whole): (Vec<String>, Vec<String>) = (classes(&found), classes(&whole));
        assert_eq!(found, whole, "{file}");
    }
}

#[test]
fn cam_writes_a_picture_of_each_image_and_replaces_nothing_unasked() {
    let place = place();
    fs::write(place.path("torn.png"), "no image").unwrap();
    // One stem in two folders, and a bad file between them.
    let files = ["data/val/dark/1000.png", "torn.png", "data/val/even/1000.png"];
    let ask = |more: &[&str]| predict(&[&files[..], &["--cam", "cam", "--json"], more].concat());
    let finished = ask(&[]);
    assert_eq!(finished.code(), 2);
    let found = lines(&finished);
    let names: Vec<&str> = found.iter().filter_map(|line| line["cam"].as_str()).collect();
    assert_eq!(names, ["cam/000001-1000.png", "cam/000003-1000.png"]);
    for name in names {
        let picture = image::open(place.path(name)).unwrap();
        assert_eq!((picture.width(), picture.height()), (224, 224));
    }
    ask(&[]).refuse(&["--cam cam", "--force"]);
    assert_eq!(ask(&["--force"]).code(), 2);
    // What else is said is the same with and without pictures.
    let plain = lines(&predict(&[&files[..], &["--json"]].concat()));
    assert_eq!(plain[0]["top"], found[0]["top"]);
    place.mindgap(&["export", "run", "--out", "cam.pt"]).succeed();
    place.mindgap(&["predict", "cam.pt", files[0], "--cam", "other"]).refuse(&["--cam", "TorchScript"]);
}
