//! Runs are brought to the same images, and what cannot be paired is named.

use super::{
    FinishedRun, Job, PairedBy, RunFigures, ValImages,
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
            groups: None,
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
fn images_of_which_none_is_common_are_named() {
    let apart = [run("a", None, &[("i1", 0)], CATS), run("b", None, &[("j1", 0)], CATS)];
    let message = common_images(&apart).unwrap_err().to_string();
    assert!(message.contains("the first of a is \"i1\", the first of b is \"j1\""), "{message}");
}
