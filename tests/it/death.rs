//! A run that dies at a chosen moment of writing, again and again, loses nothing: before a write, half-way through it,
//! before and after a rename.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Output, Stdio},
};

use crate::support::{Place, interposed, numbers, train_words};
use mindgap::durable::Archive;

const EPOCHS: [&str; 2] = ["--epochs", "2"];

/// Dies at moment 1, is resumed and dies at moment 1 + `stride`, and so on, until no moment is left; returns the deaths.
fn deaths(stride: usize) -> u32 {
    let place = Place::with_images(12, 5);
    let library = interposed::library("death");
    place.train("whole", &EPOCHS).succeed();
    let words = train_words("torn", &[&EPOCHS as &[&str], &["--resume", "--checkpoint-every", "2"]].concat());
    let die_at = |moment: usize| -> Output {
        let mut command = place.command(&words);
        command.env("LD_PRELOAD", &library).env("DIE_AT", moment.to_string()).stdout(Stdio::null());
        command.output().unwrap()
    };
    let state = |name: &str| place.path("torn").join(name);
    let (mut count, mut newest) = (0, 0);
    for moment in (1..).step_by(stride) {
        let end = die_at(moment);
        if end.status.code() == Some(0) {
            break;
        }
        assert_eq!(end.status.signal(), Some(libc::SIGKILL), "{}", String::from_utf8_lossy(&end.stderr));
        count += 1;
        // Whatever was being written: the last checkpoint is whole, and never older than it was.
        if state("last.safetensors").exists() {
            let last = Archive::load(&state("last.safetensors")).unwrap();
            let updates = numbers(&last)["optimizer_updates"].as_u64().unwrap();
            assert!(updates >= newest, "death {count}: the checkpoint went back from {newest} to {updates}");
            newest = updates;
        } else {
            assert_eq!(newest, 0, "death {count}: the checkpoint is gone");
        }
        for name in ["previous.safetensors", "best.safetensors"].map(state).into_iter().filter(|path| path.exists()) {
            Archive::load(&name).unwrap();
        }
    }
    place.mindgap(&words).succeed();
    assert_eq!(place.epochs("torn"), place.epochs("whole"));
    for file in ["model.safetensors", "last.safetensors", "best.safetensors", "predictions.safetensors"] {
        assert!(place.bytes("torn", file) == place.bytes("whole", file), "{file} differs");
    }
    let names = fs::read_dir(place.path("torn")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".mindgap-tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
    count
}

#[test]
fn a_run_that_dies_inside_its_writes_again_and_again_ends_with_the_same_bytes() {
    // A stride that meets every kind of moment in turn.
    let count = deaths(13);
    assert!(count >= 5, "{count} deaths");
}

#[test]
#[ignore = "takes minutes: scripts/torture"]
fn each_death_a_moment_later_than_the_one_before() {
    let count = deaths(1);
    println!("{count} deaths, each a moment later in its process than the one before");
    assert!(count >= 60, "{count} deaths");
}
