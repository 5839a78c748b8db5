//! Disks that are full or read-only: found before training where they can be, survived where they cannot.

use std::{
    fs::{self, File},
    io::Write,
    process::Stdio,
};

use crate::support::{Place, interposed::Stopping, mount::Mount, numbers, process::wait_until, train_words};
use mindgap::durable::Archive;

const KIB: u64 = 1 << 10;
/// A network whose training state takes 0.6 MB.
const LARGE: [&str; 4] = ["--model", "resnet8", "--width", "16"];

#[test]
fn a_disk_that_fills_up_with_checkpoints_ends_the_run_and_spares_the_last() {
    let place = Place::with_images(12, 5);
    let words = [&["--epochs", "4"] as &[&str], &LARGE].concat();
    fs::create_dir(place.path("small")).unwrap();
    let Some(disk) = Mount::small(&place.path("small"), 2048 * KIB) else { return };
    place.train("whole", &words).succeed();
    let end = place.train("small/run", &words);
    let said = end.stderr();
    assert_eq!(end.code(), 3, "{said}");
    assert!(said.contains("small/run/") && said.contains("bytes wanted") && said.contains("bytes free"), "{said}");
    let kept = Archive::load(&place.path("small/run/last.safetensors")).unwrap();
    assert_ne!(numbers(&kept)["position"]["epochs"], 0);
    let names = fs::read_dir(place.path("small/run")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with(".mindgap-tmp")));

    disk.resize(20 * 1024 * KIB);
    place.train("small/run", &[&words[..], &["--resume"]].concat()).succeed();
    assert_eq!(place.epochs("small/run"), place.epochs("whole"));
    assert!(place.bytes("small/run", "model.safetensors") == place.bytes("whole", "model.safetensors"));
}

#[test]
fn a_disk_without_room_for_a_line_ends_the_run_and_its_records_can_be_read() {
    let place = Place::with_images(12, 5);
    let words = ["--epochs", "20"];
    fs::create_dir(place.path("small")).unwrap();
    let Some(_disk) = Mount::small(&place.path("small"), 4096 * KIB) else { return };
    let mut command = place.command(&train_words("small/run", &words));
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = Stopping::start(command, &["small/run/last.safetensors"], 1);
    run.wait_for_stop();
    // Somebody else's file takes every byte that is, or comes to be, free.
    let mut filler = File::create(place.path("small/filler")).unwrap();
    let mut fill = || while filler.write_all(&[1; 512]).is_ok() {};
    fill();
    run.proceed();
    wait_until("the run has ended", || {
        fill();
        run.has_ended()
    });
    let end = run.finish();
    let said = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(3), "{said}");
    assert!(said.contains("No space left on device") && said.contains("small/run/"), "{said}");
    assert!(!place.epochs("small/run").is_empty());
    place.mindgap(&["diagnose", "small/run"]).succeed();

    // Nothing can be made there now, which is found before any image is read.
    let resume = ["--epochs", "20", "--resume"];
    let end = place.train("small/run", &resume);
    assert_eq!(end.code(), 3, "{}", end.stderr());
    assert!(end.stderr().contains("cannot write to the folder small/run"), "{}", end.stderr());
    drop(filler);
    fs::remove_file(place.path("small/filler")).unwrap();
    place.train("small/run", &resume).succeed();
    place.train("whole", &words).succeed();
    assert_eq!(place.epochs("small/run"), place.epochs("whole"));
}

#[test]
fn an_export_onto_a_full_disk_leaves_no_half_file_and_the_run_as_it_was() {
    let place = Place::with_images(12, 5);
    place.train("run", &[&["--epochs", "1"] as &[&str], &LARGE].concat()).succeed();
    fs::create_dir(place.path("small")).unwrap();
    let Some(_disk) = Mount::small(&place.path("small"), 64 * KIB) else { return };
    for out in ["small/model.pt", "small/model.onnx", "small/model.safetensors"] {
        let end = place.mindgap(&["export", "run", "--out", out]);
        assert_eq!(end.code(), 3, "{}", end.stderr());
        assert!(end.stderr().contains(out) && end.stderr().contains("bytes wanted"), "{}", end.stderr());
        assert_eq!(fs::read_dir(place.path("small")).unwrap().count(), 0, "{out}");
    }
    place.mindgap(&["export", "run", "--out", "model.pt"]).succeed();
}

/// Root may write whatever the permission bits say, but not to a file system that is read-only.
#[test]
fn a_read_only_folder_is_found_before_any_image_is_read() {
    let place = Place::with_images(12, 5);
    fs::write(place.path("data/train/dark/broken.png"), "no image").unwrap();
    fs::create_dir(place.path("shelf")).unwrap();
    let Some(_shelf) = Mount::read_only(&place.path("shelf")) else { return };
    for out in ["shelf", "shelf/run", "shelf/many/folders/run"] {
        let end = place.train(out, &["--epochs", "1"]).refuse(&["shelf", "Read-only file system"]);
        assert!(!end.stderr().contains("broken.png"), "{}", end.stderr());
    }
    let compare = ["compare", "--data", "data", "--presets", "seed,ema", "--out", "shelf/cmp"];
    place.mindgap(&compare).refuse(&["shelf", "Read-only file system"]);
}
