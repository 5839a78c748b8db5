//! Runs are brought to the same images, and what cannot be paired is named.

use super::{
    CommonImages, FinishedRun, Job, PairedBy, RunFigures, ValImages,
    pairing::{common_images, pair},
};
use crate::run::Measured;

/// A run over images called `names` with their labels; the loss of an image is the number in its name.
fn run(place: &str, fingerprint: Option<&str>, images: &[(&str, i64)], classes: &[&str]) -> FinishedRun {
    let losses = images.iter().map(|(name, _)| name[1..].parse().unwrap()).collect();
    FinishedRun {
        folds: Vec::new(),
        job: Job { preset: place.into(), seed: 0, fold: None },
        place: Some(place.into()),
        recipe: None,
        environment: None,
        figures: RunFigures::default(),
        val: Measured { losses, correct: vec![true; images.len()], groups: None },
        images: ValImages {
            fingerprint: fingerprint.map(str::to_owned),
            ids: (0..images.len() as i64).collect(),
            names: Some(images.iter().map(|(name, _)| (*name).to_owned()).collect()),
            labels: images.iter().map(|(_, label)| *label).collect(),
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            ..ValImages::default()
        },
    }
}

const CATS: &[&str] = &["cat", "dog"];

fn refusal(runs: &mut [FinishedRun]) -> String {
    format!("{:#}", pair(runs).unwrap_err())
}

#[test]
fn images_in_another_order_are_found_by_name_and_classes_in_another_order_too() {
    let mut runs = [
        run("a", Some("00"), &[("i1", 0), ("i2", 1), ("i3", 1)], CATS),
        run("b", Some("py-00"), &[("i3", 0), ("i1", 1), ("i2", 0)], &["dog", "cat"]),
        run("c", None, &[("i2", 1), ("i3", 1), ("i1", 0)], &["0", "1"]),
    ];
    assert_eq!(pair(&mut runs).unwrap(), PairedBy::Name);
    for run in &runs {
        assert_eq!(run.val.losses, [1.0, 2.0, 3.0]);
    }
    assert_eq!((&runs[1].images.labels, &runs[1].images.ids), (&vec![1, 0, 0], &vec![1, 2, 0]));
}

#[test]
fn classes_that_are_numbers_are_matched_by_name_in_whatever_order_their_columns_stand() {
    let numbers = || run("a", None, &[("i1", 0), ("i2", 1)], &["0", "1"]);
    let mut runs = [numbers(), run("b", None, &[("i1", 1), ("i2", 0)], &["1", "0"])];
    assert!(pair(&mut runs).is_ok());
    let message = refusal(&mut [numbers(), run("b", None, &[("i1", 0), ("i2", 1)], &["1", "0"])]);
    assert!(message.contains("is of class \"1\" in b, and of class \"0\" in a"), "{message}");
}

#[test]
fn names_without_an_image_in_common_are_told_apart_by_their_folder() {
    let message = refusal(&mut [run("a", None, &[("i1", 0)], CATS), run("b", None, &[("i2", 0)], CATS)]);
    assert!(message.contains("No image has one name in all: write the names relative to one folder"), "{message}");
}

#[test]
fn images_of_data_with_one_fingerprint_are_paired_by_sample_id() {
    let mut runs = [run("a", Some("00"), &[("i1", 0)], CATS), run("b", Some("00"), &[("i9", 0)], CATS)];
    assert_eq!(pair(&mut runs).unwrap(), PairedBy::SampleId);
}

#[test]
fn images_that_other_files_renumbered_are_paired_by_name() {
    let mut runs =
        [run("a", Some("00"), &[("i1", 0), ("i2", 0)], CATS), run("b", Some("00"), &[("i2", 0), ("i1", 0)], CATS)];
    assert_eq!(pair(&mut runs).unwrap(), PairedBy::Name);
    assert_eq!(runs[1].val.losses, [1.0, 2.0]);
}

#[test]
fn folds_of_the_same_images_must_be_the_same_folds() {
    let of_folds = |place, folds: [u32; 2]| {
        let mut run = run(place, Some(place), &[("i1", 0), ("i2", 1)], CATS);
        run.images.folds = Some(folds.into());
        run.folds = vec![RunFigures::default(); 2];
        run
    };
    assert!(pair(&mut [of_folds("a", [0, 1]), of_folds("b", [0, 1])]).is_ok());
    let message = refusal(&mut [of_folds("a", [0, 1]), of_folds("b", [1, 0])]);
    assert!(message.contains("the image i1 is in fold 1 of b, and in fold 0 of a"), "{message}");
}

#[test]
fn what_cannot_be_paired_is_named() {
    let a = || run("a", None, &[("i1", 0), ("i2", 1)], CATS);
    let message = refusal(&mut [a(), run("b", None, &[("i2", 1), ("i3", 0), ("i4", 0)], CATS)]);
    assert!(message.contains("a lacks 2 of 4: i3, i4\n") && message.contains("b lacks 1 of 4: i1\n"), "{message}");
    let message = refusal(&mut [a(), run("b", None, &[("i2", 0), ("i1", 0)], CATS)]);
    assert!(message.contains("\"i2\" is of class \"cat\" in b, and of class \"dog\" in a"), "{message}");
    let message = refusal(&mut [a(), run("b", None, &[("i2", 1), ("i1", 0)], &["cat", "cow"])]);
    assert!(message.contains("b knows a class \"cow\""), "{message}");
    let message = refusal(&mut [a(), run("b", None, &[("i2", 1), ("i1", 0)], &["cat", "cow", "dog"])]);
    assert!(message.contains("b knows 3 classes, and a 2"), "{message}");
    let mut old = run("b", Some("00"), &[("i1", 0), ("i2", 1)], CATS);
    old.images.names = None;
    assert!(refusal(&mut [a(), old]).contains("b has no images.csv"));
}

#[test]
fn common_images_are_those_that_all_have() {
    let runs = [
        run("a", None, &[("i1", 0), ("i2", 1), ("i3", 0)], CATS),
        run("b", None, &[("i2", 1), ("i3", 0), ("i4", 0)], CATS),
    ];
    let common: CommonImages = common_images(&runs).unwrap();
    assert_eq!((common.keys.len(), common.others(runs.iter().map(|run| &run.images))), (2, 2));
    assert_eq!(common.of(&runs[0].images), [false, true, true]);
    assert_eq!(runs[1].images.only(&common.of(&runs[1].images)).labels, [1, 0]);
    let apart = [run("a", None, &[("i1", 0)], CATS), run("b", None, &[("j1", 0)], CATS)];
    let message = common_images(&apart).unwrap_err().to_string();
    assert!(message.contains("the first of a is \"i1\", the first of b is \"j1\""), "{message}");
}
