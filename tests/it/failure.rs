//! What goes wrong after training has begun ends with exit code 3, and with the last good state on disk.
//!
//! CUDA running out of memory is not provoked here, as that takes a GPU. libtorch throws the exception that it throws for
//! the host's memory, which is provoked.

use std::{fs, os::unix::process::CommandExt};

use crate::support::{Place, numbers, train_words};
use mindgap::durable::Archive;

#[test]
fn a_non_finite_loss_stops_the_run_and_spares_the_checkpoint() {
    let place = Place::with_images(40, 5);
    // One epoch at a rate so small that it stays finite, then one at a rate at which nothing can.
    fs::write(
        place.path("jump.toml"),
        "epochs = 2\nlr = 1e30\n[[schedule]]\nkind = \"constant\"\nepochs = 1\nfactor = 1e-32\n\
         [[schedule]]\nkind = \"constant\"\nepochs = 1\nfactor = 1\n",
    )
    .unwrap();
    for (run, more) in [("taught", &["--model-ema", "--kd-average"][..]), ("run", &[])] {
        let end = place.train(run, &[&["--recipe", "jump.toml"], more].concat());
        assert_eq!(end.code(), 3, "{}", end.stderr());
        let text = end.stderr();
        // The first step of that rate is finite; what it leads to is not. Each batch has eight images.
        let found = [
            "is not finite in epoch 2, update 2,",
            "learning rate 1000000000000000000000000000000",
            "a smaller lr",
            "the output of ",
        ];
        assert_eq!(text.matches(".png").count(), 8, "{text}");
        for word in found {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
    }
    // What is on disk is the state after epoch 1.
    assert_eq!(place.epochs("run").len(), 1);
    let state = Archive::load(&place.path("run/last.safetensors")).unwrap();
    assert_eq!(numbers(&state)["position"]["epochs"], 1);
    assert!(!place.path("run/done.json").exists());
}

#[test]
fn weights_that_are_no_numbers_are_never_kept_inside_an_epoch() {
    let place = Place::with_images(40, 5);
    let end = place.train("run", &["--epochs", "2", "--lr", "1e30", "--checkpoint-every", "1"]);
    assert_eq!(end.code(), 3, "{}", end.stderr());
    assert!(end.stderr().contains("is not finite in epoch 1"), "{}", end.stderr());
    for state in ["last.safetensors", "previous.safetensors"] {
        let Ok(state) = Archive::load(&place.path("run").join(state)) else { continue };
        for array in state.arrays.iter().filter(|array| array.dtype == safetensors::Dtype::F32) {
            let (values, _) = array.bytes.as_chunks();
            assert!(values.iter().all(|&bytes| f32::from_le_bytes(bytes).is_finite()), "{}", array.name);
        }
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_a_failure_that_names_the_file() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "1"]);
    // A folder where the file belongs: the rename cannot succeed, as on a broken disk.
    fs::remove_file(place.path("run/done.json")).unwrap();
    fs::remove_file(place.path("run/predictions.safetensors")).unwrap();
    fs::create_dir_all(place.path("run/predictions.safetensors/in-the-way")).unwrap();
    fs::remove_file(place.path("run/epochs.jsonl")).unwrap();
    for state in ["last.safetensors", "previous.safetensors"] {
        let _ = fs::remove_file(place.path("run").join(state));
    }
    let end = place.train("run", &["--epochs", "1", "--resume"]);
    assert_eq!(end.code(), 3, "{}", end.stderr());
    assert!(end.stderr().contains("predictions.safetensors"), "{}", end.stderr());
}

/// A disk that takes no file above a few kilobytes: records fit, checkpoints do not.
#[test]
fn a_full_disk_is_a_failure_with_path_and_sizes_and_the_run_resumes_later() {
    let place = Place::with_images(12, 5);
    let words = train_words("run", &["--epochs", "3"]);
    place.train("run", &["--epochs", "1"]).succeed();
    let before = place.bytes("run", "last.safetensors");
    let mut command = place.command(&[&words[..], &["--resume"]].concat());
    // SAFETY: between fork and exec, plain system calls on plain numbers.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let limit = libc::rlimit { rlim_cur: 20_000, rlim_max: 20_000 };
            libc::setrlimit(libc::RLIMIT_FSIZE, &limit);
            Ok(())
        });
    }
    let end = command.output().unwrap();
    let text = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(3), "{text}");
    assert!(text.contains("best.safetensors") || text.contains("last.safetensors"), "{text}");
    assert!(text.contains("bytes wanted"), "{text}");
    assert!(place.bytes("run", "last.safetensors") == before, "the checkpoint before has changed");
    place.mindgap(&[&words[..], &["--resume"]].concat()).succeed();
    assert_eq!(place.epochs("run").len(), 3);
}

#[test]
fn too_little_memory_is_a_failure_that_advises_a_smaller_batch() {
    let place = Place::with_images(12, 5);
    let words = ["train", "--data=faces", "--model=resnet18", "--stem=small", "--stem-stride=1", "--batch-size=1024"];
    let mut command =
        place.command(&[&words[..], &["--threads=1", "--device=cpu", "--epochs=1", "--out=run"]].concat());
    // SAFETY: between fork and exec, a plain system call on plain numbers.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 1500 << 20, rlim_max: 1500 << 20 };
            libc::setrlimit(libc::RLIMIT_AS, &limit);
            Ok(())
        });
    }
    let end = command.output().unwrap();
    let text = String::from_utf8_lossy(&end.stderr).into_owned();
    assert_eq!(end.status.code(), Some(3), "{text}");
    assert!(text.contains("smaller --batch-size") && text.contains("--grad-accum-steps"), "{text}");
}

#[test]
fn a_device_is_never_replaced_by_a_file() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "1"]);
    // Inside the place, so that a program that errs does no harm.
    let pipe = std::ffi::CString::new(place.path("pipe.pt").to_str().unwrap()).unwrap();
    // SAFETY: a C string and a mode.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    place.mindgap(&["export", "run", "--out", "pipe.pt", "--force"]).refuse(&["pipe.pt", "not a regular file"]);
    place.mindgap(&["report", "run", "--out", "pipe.pt"]).refuse(&["pipe.pt", "no regular file"]);
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_run() {
    let place = Place::with_images(12, 5);
    let mut child = place
        .command(&train_words("run", &["--epochs", "3"]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.epochs("run").len(), 3);
    assert!(fs::exists(place.path("run/done.json")).unwrap());
}
