//! Groups, labels in a table and chosen classes are the same in every command: a run records them, and all that is done
//! with the run reads the data as its training read them.

use std::fs;

use serde_json::Value;

use crate::support::{Finished, Place};

/// A place whose data are class folders without splits: 24 images of each class, four of each patient, named
/// `pPATIENT-NUMBER.png`.
fn patients() -> Place {
    let place = Place::with_images(1, 1);
    fs::remove_dir_all(place.path("data")).unwrap();
    for (class, name) in crate::support::CLASSES.into_iter().enumerate() {
        for number in 0..24 {
            place.write_image(&format!("data/{name}/p{class}{}-{number}.png", number / 4), class as u32, number);
        }
    }
    place
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

fn environment(place: &Place, run: &str) -> Value {
    json(&place.bytes(run, "environment.json"))
}

const GROUPS: [&str; 2] = ["--group-by", r"p(\d+)-"];

#[test]
fn a_run_knows_its_groups_from_training_to_comparison() {
    let place = patients();
    let trained = place.train("run", &[&["--epochs", "2"], &GROUPS[..]].concat()).succeed();
    assert!(trained.stderr().contains("groups   2 in val"), "{}", trained.stderr());
    let data = environment(&place, "run")["data"].clone();
    assert_eq!(
        (&data["group_by"], &data["group_leaks"], &data["val_groups"]),
        (&GROUPS[1].into(), &0.into(), &2.into())
    );
    let images = String::from_utf8(place.bytes("run", "images.csv")).unwrap();
    assert!(images.starts_with("split,id,name,label,leak,half,near_leak,group\n"), "{images}");
    assert!(
        images.lines().skip(1).all(|line| line.split(',').nth(7).is_some_and(|group| !group.is_empty())),
        "{images}"
    );

    // Measuring the run again reads its groups again, and its error is that of the record.
    let again = json(&place.mindgap(&["gap", "run", "--which", "last", "--json", "--threads", "1"]).succeed().0.stdout);
    let done = json(&place.bytes("run", "done.json"));
    assert_eq!((&again["val_groups"], &again["group_leaks"]), (&2.into(), &0.into()));
    let [error, recorded] = [&again["gap_loss_se"], &done["last"]["gap_loss_se"]].map(|error| error.as_f64().unwrap());
    assert!((error - recorded).abs() < 1e-9 * recorded, "{error} is not {recorded}");
    let evaluated = json(&place.mindgap(&["evaluate", "run", "--json", "--threads", "1"]).succeed().0.stdout);
    assert_eq!((&evaluated["groups"], &evaluated["group_leaks"], &evaluated["n"]), (&2.into(), &0.into(), &8.into()));

    // It is resumed with them, and with no others.
    let resume = |more: &[&str]| {
        let words = ["train", "--out", "run", "--resume", "--threads", "1", "--device", "cpu", "--epochs", "3"];
        place.mindgap(&[&words, more].concat())
    };
    resume(&["--group-by", r"p(\d+)-\d"]).succeed();
    resume(&["--group-by", r"p(\d+-\d)", "--epochs", "4"]).refuse(&["was trained on other data"]);

    place.train("other", &[&["--epochs", "3", "--seed", "1"], &GROUPS[..]].concat()).succeed();
    let compared = place.mindgap(&["compare", "--runs", "run", "other", "--group-by", "run", "--json"]).succeed();
    assert_eq!(json(&compared.0.stdout)["image_groups"], 2);
    let brief = place.mindgap(&["compare", "--runs", "run", "other", "--group-by", "run"]).succeed().stdout();
    assert!(brief.contains("The val images belong to 2 groups"), "{brief}");
}

#[test]
fn a_plan_repeats_what_was_chosen_of_the_data() {
    let place = Place::with_images(1, 1);
    fs::remove_dir_all(place.path("data")).unwrap();
    let mut table = "image;emotion;usage\n".to_owned();
    for number in 0..48u32 {
        place.write_image(&format!("data/{number:02}.png"), number % 3, number);
        let label = ["happy", "sad", "glad"][number as usize % 3];
        table += &format!("{number:02};{label};{}\n", if number < 36 { "Training" } else { "PublicTest" });
    }
    fs::write(place.path("labels.csv"), table).unwrap();
    fs::write(place.path("fixed.csv"), "name,label\n00.png,sad\n").unwrap();
    let chosen =
        ["--labels", "labels.csv", "--relabel", "fixed.csv", "--merge", "glad=happy", "--classes", "sad,happy"];
    let net = ["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--model", "resnet8", "--epochs", "1"];
    let words = ["plan", "--data", "data", "--presets", "seed,smoothing", "--seeds", "1", "--out", "cmp"];
    place.mindgap(&[&words[..], &net, &chosen].concat()).succeed();
    let line = fs::read_to_string(place.path("cmp/plan.jsonl")).unwrap();
    let planned = json(line.lines().next().unwrap().as_bytes())["data"].clone();
    assert_eq!(planned["labels"], place.path("labels.csv").to_str().unwrap());
    assert_eq!((&planned["merge"][0], &planned["chosen_classes"][1]), (&"glad=happy".into(), &"happy".into()));
    for index in ["0", "1"] {
        place.mindgap(&["run", "--plan", "cmp/plan.jsonl", "--index", index, "--threads", "1"]).succeed();
    }
    let data = environment(&place, "cmp/seed-seed0")["data"].clone();
    assert_eq!(
        (&data["classes"], &data["train"], &data["val"]),
        (&serde_json::json!(["sad", "happy"]), &36.into(), &12.into())
    );
    place.mindgap(&["compare", "--plan", "cmp/plan.jsonl"]).succeed();

    // Data that name the original classes are measured by the run's own merges.
    place.write_image("more/happy/1.png", 0, 100);
    place.write_image("more/glad/2.png", 2, 101);
    place.write_image("more/sad/3.png", 1, 102);
    let words = ["evaluate", "cmp/seed-seed0", "--data", "more", "--split", "test", "--json", "--threads", "1"];
    let found = json(&place.mindgap(&words).succeed().0.stdout);
    assert_eq!((&found["n"], &found["classes"][1]["support"]), (&3.into(), &2.into()));
    place.write_image("more/bored/4.png", 1, 103);
    place.mindgap(&words).refuse(&["bored", "--classes"]);
    place.mindgap(&[&words[..], &["--classes", "glad,happy,sad"]].concat()).succeed();
}

#[test]
fn inspect_names_the_groups_that_the_splits_cut_through() {
    let place = Place::with_images(8, 4);
    let inspect = |more: &[&str]| -> Finished { place.mindgap(&[&["inspect", "data"], more].concat()).succeed() };
    // The last digit of the number: 0 to 3 are in train and val.
    let by = ["--group-by", r"/\w+/\d+(\d)\."];
    let text = inspect(&by).stdout();
    assert!(
        text.contains("Groups      12 of 12 val images are of groups in train (4 of 8)\n    0: 3 train, 3 val\n"),
        "{text}"
    );
    assert!(text.contains("The splits cut through 4 groups, so that val is no test of new ones."), "{text}");
    let is_free = |line: &str| line.starts_with("note: ") || line.starts_with("  mindgap ");
    assert!(text.lines().all(|line| is_free(line) || line.chars().count() <= 80), "{text}");
    let found = json(&inspect(&[&by[..], &["--json"]].concat()).0.stdout);
    assert_eq!(
        (&found["group_leaks"]["val"], &found["group_leaks"]["cut"][3]["images"]["train"]),
        (&12.into(), &3.into())
    );
    let whole = inspect(&["--group-by", r"\w+/\w+/\d+"]).stdout();
    assert!(whole.contains("Groups      36, none in train and also in val or test\n"), "{whole}");
    assert!(!inspect(&[]).stdout().contains("Groups") && inspect(&["--json"]).stdout().find("group_leaks").is_none());
    inspect(&[&by[..], &["--html", "audit.html"]].concat());
    let page = fs::read_to_string(place.path("audit.html")).unwrap();
    assert!(page.contains("Groups cut by the splits") && page.contains("group 3"));
    place.mindgap(&["inspect", "data", "--group-by", "("]).refuse(&["--group-by"]);
    place
        .mindgap(&["train", "--data", "data", "--groups", "a.csv", "--group-by", "a"])
        .refuse(&["cannot be used with"]);
}

#[test]
fn a_run_learns_what_a_table_of_votes_says() {
    let place = Place::with_images(24, 12);
    let classes = crate::support::CLASSES;
    // Each image of class i has all its votes for class (i + by) % 3.
    let votes = |by: usize| {
        let mut table = format!("name,{}\n", classes.join(","));
        for (class, name) in classes.into_iter().enumerate() {
            for file in fs::read_dir(place.path("data/train").join(name)).unwrap() {
                let file = file.unwrap().file_name().into_string().unwrap();
                let votes = [0, 1, 2].map(|of| if of == (class + by) % 3 { "7" } else { "0" });
                table += &format!("train/{name}/{file},{}\n", votes.join(","));
            }
        }
        fs::write(place.path("votes.csv"), table).unwrap();
    };
    let number = |run: &str, key: &str| place.epochs(run).last().unwrap()[key].as_f64().unwrap();
    let soft = ["--epochs", "4", "--soft-labels", "votes.csv"];
    place.train("hard", &["--epochs", "4"]).succeed();
    votes(0);
    let trained = place.train("same", &soft).succeed();
    assert!(trained.stderr().contains("72 of 72 training images have soft labels"), "{}", trained.stderr());
    assert!(environment(&place, "same")["data"]["soft_labels"].as_str().unwrap().ends_with("votes.csv"));
    for key in ["batch_loss", "val_loss"] {
        let (hard, same) = (number("hard", key), number("same", key));
        assert!((hard - same).abs() < 0.02 * hard, "{key}: {hard} and {same}");
    }
    // Mixed images mix the votes.
    place.train("mixed", &[&soft[..], &["--mixup", "0.4"]].concat()).succeed();
    assert_ne!(number("mixed", "batch_loss"), number("same", "batch_loss"));

    // The network learns the votes, and is measured by the labels.
    votes(1);
    place.train("same", &[&soft[..], &["--epochs", "5", "--resume"]].concat()).refuse(&["fingerprint"]);
    place.train("swapped", &soft).succeed();
    assert!(number("swapped", "val_loss") > number("same", "val_loss") + 0.3, "the votes were not learned");
}
