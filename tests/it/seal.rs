//! Evaluations on a sealed test set are counted, whatever the model, the copy of the data and the number of processes.

use std::{fs, process::Command};

use crate::support::{CLASSES, Finished, Place};
use serde_json::Value;

/// Data with a test split of 30 images, a run of three epochs on them and one of one epoch.
fn place() -> Place {
    let place = Place::with_run(8, 4, "run", &["--epochs", "3"]);
    for (class, name) in CLASSES.into_iter().enumerate() {
        for number in 0..10 {
            place.write_image(&format!("data/test/{name}/{number}.png"), class as u32, 5000 + number);
        }
    }
    place.train("short", &["--epochs", "1", "--seed", "1"]).succeed();
    place
}

/// `mindgap` with `words`, with witnesses in the folder `state` of the place.
fn command(place: &Place, words: &[&str]) -> Command {
    let mut command = place.command(words);
    command.env("XDG_STATE_HOME", place.path("state"));
    command
}

fn mindgap(place: &Place, words: &[&str]) -> Finished {
    Finished(command(place, words).output().unwrap())
}

const TEST: [&str; 4] = ["--split", "test", "--threads", "1"];

fn evaluate(place: &Place, words: &[&str]) -> Value {
    let finished = mindgap(place, &[&["evaluate"], words, &TEST, &["--json"]].concat()).succeed();
    serde_json::from_str(&finished.stdout()).unwrap()
}

fn ledger(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("data.seal/ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn show(place: &Place) -> Value {
    serde_json::from_str(&mindgap(place, &["seal", "data", "--show", "--json"]).succeed().stdout()).unwrap()
}

#[test]
fn every_evaluation_on_sealed_data_is_counted_and_the_best_corrected() {
    let place = place();
    // Nothing is counted before.
    assert!(evaluate(&place, &["run"]).get("seal").is_none());
    let sealed = mindgap(&place, &["seal", "data"]).succeed().stdout();
    assert!(sealed.contains("30 test images of 3 classes") && sealed.contains("Not measured yet"), "{sealed}");
    mindgap(&place, &["seal", "data"]).refuse(&["was sealed before", "0 looks"]);

    let first = evaluate(&place, &["run"]);
    let seal = &first["seal"];
    assert_eq!((&seal["look"], &seal["looks"], &seal["best_of"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!((&seal["top1"]["best"], &seal["top1"]["optimism"]), (&first["top1"], &0.0.into()));
    let second = evaluate(&place, &["short"]);
    let third = evaluate(&place, &["short", "--tta", "flip"]);
    // The model of look 2 and, by averaged views, a third one.
    let seal = &third["seal"];
    assert_eq!((&seal["look"], &seal["first_look"]), (&3.into(), &2.into()));
    assert_eq!((&seal["looks"], &seal["best_of"]), (&4.into(), &3.into()));
    let best = |figure: &str| seal[figure]["best"].as_f64().unwrap();
    let figures = [&first, &second, &third["tta"]];
    let of = |figure: &str| figures.iter().map(|found| found[figure].as_f64().unwrap()).collect::<Vec<_>>();
    assert_eq!(best("top1"), of("top1").into_iter().fold(0.0, f64::max));
    assert!((best("loss") - of("loss").into_iter().fold(f64::INFINITY, f64::min)).abs() < 1e-9);
    for (figure, sign) in [("top1", -1.0), ("loss", 1.0)] {
        let [best, optimism, corrected] =
            ["best", "optimism", "corrected"].map(|key| seal[figure][key].as_f64().unwrap());
        assert!((best + sign * optimism - corrected).abs() < 1e-9, "{seal}");
    }
    // An exported model is the run's, and val is no test.
    let exported = evaluate(&place, &["run/model.safetensors", "--data", "data"]);
    assert_eq!((&exported["seal"]["first_look"], &exported["seal"]["best_of"]), (&1.into(), &3.into()));
    mindgap(&place, &["evaluate", "run"]).succeed();
    let text = mindgap(&place, &[&["evaluate", "short"], &TEST[..]].concat()).succeed().stdout();
    assert!(text.contains("Sealed test  sixth look at this test set, at the model of look 2\n"), "{text}");
    assert!(
        text.contains("best of 3: top-1 ")
            && text.contains("; corrected ")
            && text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );

    let lines = ledger(&place);
    assert_eq!(lines.len(), 7);
    for pair in lines.windows(2) {
        assert_eq!(pair[1]["previous"], pair[0]["hash"]);
    }
    assert_eq!((&lines[1]["model"], &lines[1]["weights"]), (&"run".into(), &"run, best epoch".into()));
    assert_eq!(lines[1]["recipe"], lines[5]["recipe"]);
    assert_ne!(lines[1]["recipe"], lines[2]["recipe"]);
    assert_eq!((&lines[4]["views"], &lines[1]["n"]), (&"flip".into(), &30.into()));
    let shown = show(&place);
    assert_eq!(shown["all_looks"].as_array().unwrap().len(), 6);
    assert_eq!((&shown["standing"]["top1"], &shown["id"]), (&seal["top1"], &lines[0]["id"]));
    let text = mindgap(&place, &["seal", "data", "--show"]).succeed().stdout();
    assert!(text.contains("6 looks; best of 3 models") && text.contains("= look 2"), "{text}");

    // The page of the run says it.
    mindgap(&place, &["report", "run"]).succeed();
    let page = String::from_utf8(place.bytes("run", "report.html")).unwrap();
    assert!(page.contains("sealed test") && page.contains("6 looks at it; best of 3 models"), "{page}");
}

#[test]
fn two_at_once_lose_no_line() {
    let place = place();
    mindgap(&place, &["seal", "data"]).succeed();
    for round in 1..=4 {
        let children = ["run", "short", "run"].map(|run| {
            command(&place, &[&["evaluate", run, "--json"], &TEST[..]].concat())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        });
        let mut looks = Vec::new();
        for child in children {
            let found = Finished(child.wait_with_output().unwrap()).succeed().stdout();
            looks.push(serde_json::from_str::<Value>(&found).unwrap()["seal"]["look"].as_u64().unwrap());
        }
        looks.sort_unstable();
        assert_eq!(looks, [3 * round - 2, 3 * round - 1, 3 * round]);
    }
    let shown = show(&place);
    assert_eq!((&shown["standing"]["looks"], &shown["standing"]["best_of"]), (&12.into(), &2.into()));
}

#[test]
fn a_ledger_that_was_cut_edited_or_replaced_is_refused_and_a_half_written_line_removed() {
    let place = place();
    let words = [&["evaluate", "run"], &TEST[..]].concat();
    let path = place.path("data.seal/ledger.jsonl");
    mindgap(&place, &["seal", "data"]).succeed();
    evaluate(&place, &["short"]);
    let older = fs::read_to_string(&path).unwrap();
    evaluate(&place, &["run"]);
    let whole = fs::read_to_string(&path).unwrap();

    fs::write(&path, &older).unwrap();
    mindgap(&place, &words).refuse(&["was cut, or replaced by an older copy", "2 lines", "docs/seal.md"]);
    mindgap(&place, &["seal", "data", "--show"]).refuse(&["was cut"]);
    // Without the user's witness, the run knows that it was measured.
    fs::rename(place.path("state"), place.path("state-2")).unwrap();
    mindgap(&place, &words).refuse(&["was cut", "run/looks.json"]);
    fs::rename(place.path("state-2"), place.path("state")).unwrap();
    fs::write(&path, whole.replace("\"test_acc\":", "\"test_acc\":1")).unwrap();
    mindgap(&place, &words).refuse(&["line 2 of", "was changed after it was written"]);
    // Nothing was appended meanwhile.
    fs::write(&path, &whole).unwrap();
    assert_eq!(show(&place)["standing"]["looks"], 2);

    fs::write(&path, whole.clone() + "{\"number\":4,\"kind\":\"lo").unwrap();
    let shown = mindgap(&place, &["seal", "data", "--show"]).succeed().stderr();
    assert!(shown.contains("last line of") && shown.contains("is incomplete"), "{shown}");
    let note = mindgap(&place, &words).succeed().stderr();
    assert!(note.contains("a process was killed while it wrote it; it is removed"), "{note}");
    let repaired = fs::read_to_string(&path).unwrap();
    assert!(repaired.starts_with(&whole) && repaired.lines().count() == 4, "{repaired}");
}

#[test]
fn copies_of_sealed_data_count_in_one_ledger_and_other_data_do_not_fit_it() {
    let place = place();
    mindgap(&place, &["seal", "data"]).succeed();
    // The test images alone, under other names.
    for name in CLASSES {
        fs::create_dir_all(place.path(format!("copy/{name}"))).unwrap();
        for number in 0..10 {
            let to = place.path(format!("copy/{name}/image-{}.png", 9 - number));
            fs::copy(place.path(format!("data/test/{name}/{number}.png")), to).unwrap();
        }
    }
    let finished = mindgap(&place, &[&["evaluate", "run", "--data", "copy"], &TEST[..]].concat()).succeed();
    assert!(finished.stderr().contains("These images are a sealed test set, whose ledger is"), "{}", finished.stderr());
    assert!(finished.stdout().contains("first look at this test set"), "{}", finished.stdout());
    let again = evaluate(&place, &["run"]);
    assert_eq!((&again["seal"]["look"], &again["seal"]["first_look"]), (&2.into(), &1.into()));

    // A model that takes colour sees the same test set.
    place.train("colour", &["--epochs", "1", "--in-chans", "3"]).succeed();
    assert_eq!(evaluate(&place, &["colour"])["seal"]["best_of"], 2);

    // The ledger of one data set beside another.
    fs::create_dir(place.path("copy.seal")).unwrap();
    fs::copy(place.path("data.seal/ledger.jsonl"), place.path("copy.seal/ledger.jsonl")).unwrap();
    mindgap(&place, &[&["evaluate", "run", "--data", "copy"], &TEST[..]].concat())
        .refuse(&["is a copy of", "delete one of them"]);
    fs::remove_file(place.path("copy/even/image-0.png")).unwrap();
    fs::rename(place.path("state"), place.path("state-2")).unwrap();
    let words = [&["evaluate", "run/model.safetensors", "--data", "copy"], &TEST[..]].concat();
    mindgap(&place, &words).refuse(&["is not about these images: 30 of the classes", "and these are 29"]);
    fs::rename(place.path("state-2"), place.path("state")).unwrap();

    // A ledger that is gone is missed; moved with its data it is found again.
    fs::rename(place.path("data.seal"), place.path("away")).unwrap();
    fs::remove_dir_all(place.path("copy.seal")).unwrap();
    mindgap(&place, &[&["evaluate", "run"], &TEST[..]].concat()).refuse(&["its ledger", "is gone", "3 looks"]);
    mindgap(&place, &["seal", "data"]).refuse(&["was sealed before", "3 looks", "delete both"]);
    fs::rename(place.path("data"), place.path("moved")).unwrap();
    fs::rename(place.path("away"), place.path("moved.seal")).unwrap();
    let moved = evaluate(&place, &["short", "--data", "moved"]);
    assert_eq!((&moved["seal"]["look"], &moved["seal"]["best_of"]), (&4.into(), &3.into()));
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let place = Place::with_images(4, 2);
    mindgap(&place, &["seal", "data"]).refuse(&["has no test split", "--test-dir"]);
    mindgap(&place, &["seal", "data", "--show"]).refuse(&["is not sealed"]);
    mindgap(&place, &["seal", "faces"]).refuse(&["generated faces"]);
    mindgap(&place, &["seal", "gone"]).refuse(&["there are no data \"gone\""]);
    mindgap(&place, &["seal", "data", "--data", "data"]).refuse(&["without --data"]);
    assert!(!place.path("data.seal").exists());
}
