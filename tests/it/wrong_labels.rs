//! Wrong labels are found by networks that were not trained on them, and the lists that are written repair training.

use std::fs;

use crate::support::Place;
use serde_json::Value;

const RECIPE: &str = "model = 'resnet8'\nwidth = 8\nbatch_size = 8\nepochs = 16\n";

/// Images of which three training images are labelled wrongly.
fn place() -> Place {
    let place = Place::with_images(14, 4);
    for (path, class, number) in
        [("train/dark/wrong.png", 0, 5001), ("train/bright/wrong.png", 2, 5002), ("val/even/wrong.png", 0, 5003)]
    {
        place.write_image(&format!("data/{path}"), class, number);
    }
    fs::write(place.path("small.toml"), RECIPE).unwrap();
    place
}

#[test]
fn wrong_labels_are_ranked_first_and_can_be_corrected_or_left_out() {
    let place = place();
    let search =
        ["--labels", "--preset", "seed", "--recipe", "small.toml", "--folds", "3", "--threads", "1", "--out", "search"];
    let words = [&["inspect", "data"], &search[..], &["--json", "--write-relabel", "new.csv", "--html", "page.html"]];
    let found: Value = serde_json::from_str(&place.mindgap(&words.concat()).succeed().stdout()).unwrap();
    let suspects = found["suspect_labels"].as_array().unwrap();
    let names: Vec<&str> = suspects.iter().map(|suspect| suspect["name"].as_str().unwrap()).collect();
    for (name, suggested) in
        [("train/dark/wrong.png", "bright"), ("train/bright/wrong.png", "dark"), ("val/even/wrong.png", "bright")]
    {
        let place = names.iter().take(4).position(|found| *found == name);
        let place = place.unwrap_or_else(|| panic!("{name} is not among the first of {names:?}"));
        assert_eq!(suspects[place]["suggested"], suggested, "{name}");
    }
    let numbers = |key: &str| suspects.iter().map(|one| one[key].as_f64().unwrap()).collect::<Vec<f64>>();
    assert!(numbers("score").is_sorted_by(|a, b| a >= b) && numbers("precision").is_sorted_by(|a, b| a >= b));
    assert_eq!((&found["label_errors"]["images"], &found["val_in_train"]), (&57.into(), &0.into()));
    assert!(String::from_utf8(place.bytes("", "page.html")).unwrap().contains("train/dark/wrong.png"));

    // The files are as they were; training takes the table, and the list.
    assert!(place.path("data/train/dark/wrong.png").exists());
    let train = |out: &str, more: &[&str]| {
        let own =
            ["train", "--data", "data", "--recipe", "small.toml", "--epochs", "1", "--threads", "1", "--out", out];
        let end = place.mindgap(&[&own, more].concat()).succeed();
        end.stdout() + &end.stderr()
    };
    let said = train("relabelled", &["--relabel", "new.csv"]);
    let rows = String::from_utf8(place.bytes("", "new.csv")).unwrap().lines().count() - 1;
    let corrected = said.split("Labels were corrected: ").nth(1).unwrap_or_else(|| panic!("{said}"));
    let counts = corrected
        .split(" (")
        .next()
        .unwrap()
        .split(", ")
        .map(|of_split| of_split.split(' ').next().unwrap().parse::<usize>().unwrap_or_else(|_| panic!("{said}")));
    assert!(rows >= 3 && counts.sum::<usize>() == rows, "{rows} rows: {said}");
    // A table that somebody changed is not replaced.
    fs::write(place.path("new.csv"), "name,label,given,score\n").unwrap();
    let search_again = [&["inspect", "data"], &search[..], &["--write-relabel", "new.csv"]].concat();
    place.mindgap(&search_again).refuse(&["new.csv exists with other contents", "--force"]);
    // Finished runs are not repeated, and the list joins what the audit lists.
    let again = [&["inspect", "data"], &search[..], &["--write-exclude", "list.txt"]].concat();
    let text = place.mindgap(&again).succeed().stdout();
    assert!(text.contains("labels are probably wrong") && text.contains("→ dark"), "{text}");
    let list = String::from_utf8(place.bytes("", "list.txt")).unwrap();
    assert!(list.contains("# suspect labels: ") && list.contains("\ntrain/bright/wrong.png\n"), "{list}");
    train("without", &["--exclude", "list.txt"]);
}

#[test]
fn flags_of_the_search_are_refused_without_it_and_labels_may_stand_before_the_data() {
    let place = place();
    place.mindgap(&["inspect", "data", "--folds", "3"]).refuse(&["--folds", "add --labels"]);
    place.mindgap(&["inspect"]).refuse(&["which data"]);
    place.mindgap(&["inspect", "--labels", "data", "--preset", "nonesuch", "--out", "o"]).refuse(&["nonesuch"]);
    fs::write(place.path("mine.csv"), "a,b\n").unwrap();
    place.mindgap(&["inspect", "data", "--labels", "--write-relabel", "mine.csv"]).refuse(&["mine.csv"]);
}
