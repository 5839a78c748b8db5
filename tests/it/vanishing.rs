//! Images that vanish or change while a run trains on them: it waits a little, then ends with everything kept, and
//! resumes once they are back.

use std::{fs, process::Stdio};

use crate::support::{Place, interposed::Stopping, numbers, train_words};
use mindgap::durable::Archive;

/// Every image is decoded again for every batch; a checkpoint is written after each epoch only.
const STREAMED: &[&str] = &["--epochs", "3", "--cache-limit", "1kb", "--workers", "2", "--grad-accum-steps", "2"];

#[test]
fn a_run_that_loses_an_image_keeps_every_update_before_it_and_resumes_once_it_is_back() {
    let place = Place::with_images(40, 5);
    place.train("whole", STREAMED).succeed();
    let mut command = place.command(&train_words("run", &[STREAMED, &["--skip-bad"]].concat()));
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = Stopping::start(command, &["run/last.safetensors"], 1);
    run.wait_for_stop();
    let lost = ["data/train/dark/0003.png", "data/train/even/0007.png"];
    for image in lost {
        fs::rename(place.path(image), place.path(image).with_extension("aside")).unwrap();
    }
    let end = run.finish();
    let said = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(3), "{said}");
    assert!(said.contains("training ended before update") && said.contains("vanished during the run"), "{said}");
    assert!(lost.iter().any(|image| said.contains(image)), "{said}");
    // Not only the epochs: the updates of the unfinished one too.
    let state = Archive::load(&place.path("run/last.safetensors")).unwrap();
    let numbers = numbers(&state);
    let updates = numbers["position"]["updates"].as_u64().unwrap();
    assert!(said.contains(&format!("before update {} of epoch", updates + 1)), "{said}");

    // A set that has shrunk is another set, also where broken images may be left out.
    let resume = [STREAMED, &["--resume", "--skip-bad"]].concat();
    place.train("run", &resume).refuse(&["trained on other data"]);
    for image in lost {
        fs::rename(place.path(image).with_extension("aside"), place.path(image)).unwrap();
    }
    place.train("run", &resume).succeed();
    assert_eq!(place.epochs("run"), place.epochs("whole"));
    assert!(place.bytes("run", "model.safetensors") == place.bytes("whole", "model.safetensors"));
}
