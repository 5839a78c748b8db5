//! A wall clock that jumps changes no figure: it is shown, never reckoned with.

use std::{fs, process::Stdio};

use crate::support::{Place, interposed, train_words};

#[test]
fn a_clock_that_jumps_by_centuries_changes_nothing_but_what_is_called_a_date() {
    let place = Place::with_images(40, 5);
    let clock = interposed::library("clock");
    // Started and resumed while the clock jumps, each time it is read, between 1896 and 2096.
    for words in [&["--epochs", "2"] as &[&str], &["--epochs", "3", "--resume"]] {
        place.train("right", words).succeed();
        let end = place.command(&train_words("jumping", words)).env("LD_PRELOAD", &clock).output().unwrap();
        assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    }
    assert_eq!(place.epochs("jumping"), place.epochs("right"));
    let json = |file| serde_json::from_slice::<serde_json::Value>(&place.bytes("jumping", file)).unwrap();
    let seconds = json("done.json")["seconds"].as_f64().unwrap();
    // A clock that is read gives centuries, forwards or back.
    assert!((0.0..1e6).contains(&seconds), "{seconds}");
    let environment = json("environment.json");
    let dates = [&environment["started"], &environment["resumes"][0]["at"]].map(|date| date.as_str().unwrap());
    assert!(dates.iter().all(|date| date.starts_with("1970-") || date.starts_with("2096-")), "{dates:?}");
}

/// Names are made unique by the folder itself, not by the time: four runs of one moment have four folders.
#[test]
fn runs_that_begin_in_the_same_second_have_folders_of_their_own() {
    let place = Place::with_images(12, 5);
    let words = train_words("", &["--epochs", "1", "--model", "resnet8"]);
    let words: Vec<&str> = words.into_iter().filter(|word| !["--out", ""].contains(word)).collect();
    let start = || place.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut runs: Vec<_> = (0..4).map(|_| start()).collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    let mut names: Vec<_> = fs::read_dir(place.path("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["data-resnet8", "data-resnet8-2", "data-resnet8-3", "data-resnet8-4"]);
}
