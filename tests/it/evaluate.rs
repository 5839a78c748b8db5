//! An evaluation repeats the run's own figures, matches classes by name, and says what it cannot use.

use std::fs;

use crate::support::{CLASSES, Place};
use serde_json::Value;

fn place_with_run() -> Place {
    Place::with_run(8, 4, "run", &["--epochs", "3"])
}

fn evaluate(place: &Place, words: &[&str]) -> Value {
    let finished = place.mindgap(&[&["evaluate", "--json", "--threads", "1"], words].concat()).succeed();
    serde_json::from_str(&finished.stdout()).unwrap()
}

fn done(place: &Place) -> Value {
    serde_json::from_slice(&place.bytes("run", "done.json")).unwrap()
}

fn close(a: &Value, b: &Value) {
    let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn the_figures_on_val_are_the_runs_own() {
    let place = place_with_run();
    let done = done(&place);
    let last = evaluate(&place, &["run", "--which", "last"]);
    close(&last["loss"], &done["last"]["val_loss"]);
    close(&last["top1"], &done["last"]["val_acc"]);
    close(&last["ece"], &done["calibration_error"]);
    close(&last["temperature"], &done["temperature"]);
    let best = evaluate(&place, &["run"]);
    close(&best["loss"], &done["best"]["val_loss"]);
    close(&best["top1"], &done["best"]["val_acc"]);
    assert_eq!((&best["split"], &best["n"], &best["top5"]), (&"val".into(), &12.into(), &Value::Null));
}

#[test]
fn a_val_that_was_drawn_is_drawn_again() {
    let place = Place::with_images(20, 1);
    fs::remove_dir_all(place.path("data/val")).unwrap();
    let more = ["--epochs", "1", "--data-seed", "5", "--train-fraction", "0.5", "--tta", "flip"];
    place.train("run", &more).succeed();
    let found = evaluate(&place, &["run", "--which", "last", "--tta", "flip"]);
    close(&found["loss"], &done(&place)["last"]["val_loss"]);
    assert_eq!(found["n"], 6);
    // Views stand beside the plain figures and are those of the run's end.
    close(&found["tta"]["loss"], &done(&place)["tta"]["val_loss"]);
    assert_eq!(found["tta"]["views"], "flip");
    // The list of samples is the run's too: nothing is said of other data.
    let told = place.mindgap(&["evaluate", "run"]).succeed().stderr();
    assert!(!told.contains("these are not the images"), "{told}");
}

#[test]
fn every_form_of_the_model_gives_the_same_figures() {
    let place = place_with_run();
    let whole = evaluate(&place, &["run"]);
    place.mindgap(&["export", "run", "--out", "model.pt"]).succeed();
    for file in ["run/model.safetensors", "model.pt"] {
        let found = evaluate(&place, &[file, "--data", "data"]);
        let (a, b) = (found["loss"].as_f64().unwrap(), whole["loss"].as_f64().unwrap());
        assert!((a - b).abs() < 1e-5, "{file}: {a} is not {b}");
        assert_eq!(found["confusion"], whole["confusion"], "{file}");
        place.mindgap(&["evaluate", file]).refuse(&["--data"]);
        place.mindgap(&["evaluate", file, "--data", "data", "--img-size", "32"]).refuse(&["--img-size", "takes 16"]);
    }
}

#[test]
fn classes_are_matched_by_name() {
    let place = place_with_run();
    let whole = evaluate(&place, &["run"]);
    // Without one class, and with the others in another order of folders.
    for split in ["train", "val"] {
        fs::create_dir_all(place.path(format!("two/{split}"))).unwrap();
        for class in ["bright", "even"] {
            let to = place.path(format!("two/{split}/{class}"));
            fs::create_dir(&to).unwrap();
            for file in fs::read_dir(place.path(format!("data/{split}/{class}"))).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
    }
    let finished = place.mindgap(&["evaluate", "run", "--data", "two", "--json"]).succeed();
    assert!(finished.stderr().contains("these are not the images of the run's training"), "{}", finished.stderr());
    let two: Value = serde_json::from_str(&finished.stdout()).unwrap();
    let names: Vec<_> = two["classes"].as_array().unwrap().iter().map(|class| class["name"].clone()).collect();
    let mut sorted = CLASSES;
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    for (class, name) in sorted.into_iter().enumerate() {
        let support = if name == "dark" { 0 } else { 4 };
        assert_eq!(two["classes"][class]["support"], support);
        if name != "dark" {
            assert_eq!(two["confusion"][class], whole["confusion"][class], "{name}");
        }
    }
    fs::rename(place.path("two/train/even"), place.path("two/train/strange")).unwrap();
    fs::rename(place.path("two/val/even"), place.path("two/val/strange")).unwrap();
    place.mindgap(&["evaluate", "run", "--data", "two"]).refuse(&["does not know", "strange", "even"]);
}

#[test]
fn leaks_are_counted_and_left_out_beside_the_whole() {
    let place = place_with_run();
    fs::copy(place.path("data/train/even/0003.png"), place.path("data/val/even/leak.png")).unwrap();
    let found = evaluate(&place, &["run"]);
    assert_eq!((&found["n"], &found["without_leaks"]["n"]), (&13.into(), &12.into()));
    close(&found["without_leaks"]["loss"], &done(&place)["best"]["val_loss"]);
    let text = place.mindgap(&["evaluate", "run"]).succeed().stdout();
    assert!(text.contains("1 of the images also appear in train"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn leaks_are_not_known_beside_a_train_that_is_not_the_models() {
    let place = place_with_run();
    let copy = |from: &str, to: &str| {
        for (class, name) in CLASSES.into_iter().enumerate() {
            for number in 0..3 {
                let number = if from == "train" { number } else { 5000 + number };
                place.write_image(&format!("{to}/{name}/{number:04}.png"), class as u32, number);
            }
        }
    };
    // Other images to train on, and a test of those that the run was trained on.
    copy("new", "other/train");
    copy("train", "other/test");
    for model in ["run", "run/model.safetensors"] {
        let found = evaluate(&place, &[model, "--data", "other", "--split", "test"]);
        assert_eq!((&found["n"], &found["leaks"]), (&9.into(), &Value::Null), "{model}");
        let text = place.mindgap(&["evaluate", model, "--data", "other", "--split", "test"]).succeed().stdout();
        assert!(text.contains("Leaks        not known: these are not the data of the run's training"), "{text}");
        // Nor is a val drawn from them.
        place.mindgap(&["evaluate", model, "--data", "other"]).refuse(&["no val split", "--test-dir"]);
        let train = ["--split", "test", "--test-dir", "train"];
        assert_eq!(evaluate(&place, &[&[model, "--data", "other"], &train[..]].concat())["n"], 9);
    }
    // The images of the training elsewhere, beside another test: the same train.
    fs::rename(place.path("data"), place.path("moved")).unwrap();
    copy("train", "moved/test");
    for model in ["run", "run/model.safetensors"] {
        assert_eq!(evaluate(&place, &[model, "--data", "moved", "--split", "test"])["leaks"], 9, "{model}");
    }
}

#[test]
fn test_is_read_only_where_it_is_asked_for() {
    let place = place_with_run();
    place.mindgap(&["evaluate", "run", "--split", "test"]).refuse(&["has no test split"]);
    for (class, name) in CLASSES.into_iter().enumerate() {
        place.write_image(&format!("data/test/{name}/1.png"), class as u32, 5000);
    }
    assert_eq!(evaluate(&place, &["run", "--split", "test"])["n"], 3);
    assert_eq!(evaluate(&place, &["run", "--split", "train"])["n"], 24);
}

#[test]
fn a_split_is_measured_without_train() {
    let place = place_with_run();
    for (class, name) in CLASSES.into_iter().enumerate() {
        for number in 0..3 {
            for folder in ["data/test", "splits/test", "splits/val", "classes", "around/classes"] {
                place.write_image(&format!("{folder}/{name}/{number}.png"), class as u32, 5000 + number);
            }
        }
    }
    place.write_image("around/more/0.png", 0, 7000);
    let whole = evaluate(&place, &["run", "--split", "test"]);
    assert_eq!((&whole["n"], &whole["leaks"]), (&9.into(), &0.into()));
    for words in [
        &["--data", "splits", "--split", "test"][..],
        &["--data", "splits", "--split", "val"],
        &["--data", "splits"],
        &["--data", "classes", "--split", "test"],
        &["--data", "data/test", "--split", "test"],
        &["--data", "classes", "--split", "test", "--test-dir", "."],
        &["--data", "classes", "--val-dir", "."],
        &["--data", "splits", "--split", "test", "--test-dir", "val"],
        &["--data", "around", "--split", "test", "--test-dir", "classes"],
        &["--data", "around", "--val-dir", "classes"],
        &["--data", "classes", "--val-dir", "../splits/val", "--test-dir", "../splits/test", "--split", "test"],
    ] {
        let found = evaluate(&place, &[&["run"], words].concat());
        assert_eq!((&found["n"], &found["confusion"]), (&9.into(), &whole["confusion"]), "{words:?}");
        close(&found["loss"], &whole["loss"]);
        assert!(found["leaks"].is_null() && found["without_leaks"].is_null(), "{words:?}");
    }
    let words = ["evaluate", "run/model.safetensors", "--data", "splits", "--split", "test"];
    let told = place.mindgap(&words).succeed();
    assert!(told.stdout().contains("Leaks        not known: there is no train split"), "{}", told.stdout());
    assert!(told.stderr().contains("no train split beside these images"), "{}", told.stderr());

    // Of classes alone that nothing was trained on, no val is drawn, and no train is left.
    for split in ["val", "train"] {
        let words = ["evaluate", "run", "--data", "classes", "--split", split];
        place.mindgap(&words).refuse(&["no val split", "--split test"]);
    }
    fs::remove_dir_all(place.path("splits/val")).unwrap();
    place.mindgap(&["evaluate", "run", "--data", "splits"]).refuse(&["no val split", "no train folder"]);
    place.mindgap(&["evaluate", "run", "--data", "splits", "--split", "train"]).refuse(&["no train folder"]);
    place.mindgap(&["train", "--data", "splits"]).refuse(&["no train folder"]);
    // One class is enough where nothing is trained.
    fs::remove_dir_all(place.path("classes/even")).unwrap();
    fs::remove_dir_all(place.path("classes/dark")).unwrap();
    assert_eq!(evaluate(&place, &["run", "--data", "classes", "--split", "test"])["n"], 3);
}

#[test]
fn a_table_of_test_rows_is_measured_without_the_others() {
    let place = Place::with_images(0, 0);
    let row = |label: u32, first: u32, usage: &str| {
        let pixels: Vec<String> = (0..64).map(|i| ((first * 37 + i * i * 11 + label * 90) % 256).to_string()).collect();
        format!("{label},{},{usage}\n", pixels.join(" "))
    };
    let rows = |usage: &str, n: u32| (0..n).map(|i| row(i % 3, i + 7 * n, usage)).collect::<String>();
    let header = "emotion,pixels,Usage\n";
    let (train, val, test) = (rows("Training", 24), rows("PublicTest", 9), rows("PrivateTest", 6));
    fs::write(place.path("all.csv"), [header, &train, &val, &test].concat()).unwrap();
    fs::write(place.path("test.csv"), [header, &test].concat()).unwrap();
    let words =
        ["train", "--data", "all.csv", "--model", "resnet8", "--width", "4", "--epochs", "1", "--batch-size", "8"];
    place.mindgap(&[&words[..], &["--threads", "1", "--out", "run"]].concat()).succeed();
    let whole = evaluate(&place, &["run", "--split", "test"]);
    let alone = evaluate(&place, &["run", "--data", "test.csv", "--split", "test"]);
    assert_eq!((&alone["n"], &alone["confusion"]), (&6.into(), &whole["confusion"]));
    assert!(alone["leaks"].is_null() && whole["leaks"] == 0);
    place.mindgap(&["evaluate", "run", "--data", "test.csv"]).refuse(&["no row of val"]);
}

#[test]
fn a_run_finds_the_folders_of_its_splits_again() {
    let place = place_with_run();
    fs::create_dir(place.path("odd")).unwrap();
    fs::rename(place.path("data/train"), place.path("odd/first")).unwrap();
    fs::rename(place.path("data/val"), place.path("second")).unwrap();
    let dirs = ["--train-dir", "first", "--val-dir", "second"];
    place.mindgap(&[&["inspect", "odd"], &dirs[..]].concat()).succeed();
    let train = |out: &str, more: &[&str]| {
        let net = ["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--threads", "1", "--out", out];
        place.mindgap(&[&["train"], &net[..], more].concat())
    };
    train("named", &[&["--data", "odd", "--epochs", "3"], &dirs[..]].concat()).succeed();
    let environment: Value = serde_json::from_slice(&place.bytes("named", "environment.json")).unwrap();
    let second = fs::canonicalize(place.path("second")).unwrap();
    assert_eq!(environment["folders"]["train"], "first");
    assert_eq!(fs::canonicalize(environment["folders"]["val"].as_str().unwrap()).unwrap(), second);
    // The same images in the same order: the same run.
    assert_eq!(place.epochs("named"), place.epochs("run"));
    assert_eq!(evaluate(&place, &["named"])["loss"], {
        let done: Value = serde_json::from_slice(&place.bytes("named", "done.json")).unwrap();
        done["best"]["val_loss"].clone()
    });
    train("named", &["--resume", "--epochs", "4"]).succeed();
    assert_eq!(place.epochs("named").len(), 4);
    place.mindgap(&["train", "--data", "odd", "--val-dir", "gone"]).refuse(&["--val-dir gone"]);
    place.mindgap(&["train", "--val-dir", "second"]).refuse(&["--val-dir", "faces"]);
}

#[test]
fn a_test_split_that_cannot_be_measured_says_why() {
    let place = place_with_run();
    place.write_image("data/test/0.png", 0, 9000);
    let note = place.mindgap(&["evaluate", "run"]).succeed().stderr();
    assert!(note.contains("The test split is left out"), "{note}");
    place.mindgap(&["evaluate", "run", "--split", "test"]).refuse(&["cannot be measured", "no class folders"]);
    place.train("other", &["--epochs", "1"]).succeed();
}

#[test]
fn the_table_of_predictions_has_a_row_for_each_image() {
    let place = place_with_run();
    // Commas and quotes in a name are quoted; a line break is written as --exclude writes it.
    fs::rename(place.path("data/val/dark/1000.png"), place.path("data/val/dark/a,\"b\n.png")).unwrap();
    let words = ["run", "--predictions", "table.csv"];
    let found = evaluate(&place, &words);
    let mut table = csv::Reader::from_path(place.path("table.csv")).unwrap();
    let columns: Vec<&str> = table.headers().unwrap().iter().collect();
    let expected = ["id", "path", "label", "predicted", "probability", "loss", "p_bright", "p_dark", "p_even"];
    assert_eq!(columns, expected);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().any(|row| &row[1] == "val/dark/a,\"b\\x0a.png" && &row[2] == "dark"));
    let mean = rows.iter().map(|row| row[5].parse::<f64>().unwrap()).sum::<f64>() / 12.0;
    assert!((mean - found["loss"].as_f64().unwrap()).abs() < 1e-6);
    let right = rows.iter().filter(|row| row[2] == row[3]).count();
    close(&(right as f64 / 0.12).into(), &found["top1"]);
    for row in &rows {
        let sum: f64 = (6..9).map(|column| row[column].parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
    }
    let again = [&["evaluate"], &words[..]].concat();
    place.mindgap(&again).refuse(&["table.csv", "--force"]);
    place.mindgap(&[&again[..], &["--force"]].concat()).succeed();
}
