//! Bad input gets an error that names the file, key or flag, exit code 2, and nothing is written over.

use std::{fs, os::unix::process::CommandExt};

use crate::support::{CLASSES, Place, train_words};

/// `mindgap train --data data --out run` with `more` flags is refused with all of `words`, and leaves no run behind.
fn refused(place: &Place, more: &[&str], words: &[&str]) {
    place.train("run", more).refuse(words);
    assert!(!place.path("run/recipe.toml").exists());
}

#[test]
fn flags_and_recipes() {
    let place = Place::with_images(12, 5);
    refused(&place, &["--lr", "0"], &["lr = 0"]);
    refused(&place, &["--lr", "-1", "--epochs", "0"], &["lr = -1", "epochs = 0"]);
    refused(&place, &["--preset", "sead"], &["sead", "seed"]);
    refused(&place, &["--width", "4294967295"], &["width = 4294967295"]);
    refused(&place, &["--model", "resnet19"], &["resnet19", "resnet18"]);
    refused(&place, &["--batch-size", "500"], &["36 training images", "a batch_size of at most 36"]);
    refused(&place, &["--device", "cuda"], &["cuda"]);
    refused(&place, &["--device", "gpu"], &["gpu", "cuda:N"]);
    if cfg!(not(feature = "distributed")) {
        refused(&place, &["--ranks", "2"], &["--ranks 2", "--features distributed"]);
    }
    fs::write(place.path("my.toml"), "epoch = 3\n").unwrap();
    refused(&place, &["--recipe", "my.toml"], &["my.toml", "epoch", "epochs"]);
    refused(&place, &["--recipe", "none.toml"], &["none.toml"]);
    place.mindgap(&["train", "--resume"]).refuse(&["--out"]);
}

#[test]
fn knobs_out_of_range_or_in_conflict_are_named_together() {
    let place = Place::with_images(12, 5);
    let bad = ["--hflip", "-0.5", "--drop-path", "1.0", "--zoom", "1.1", "0.9", "--color-jitter", "0.1", "-0.2"];
    refused(&place, &bad, &["hflip = -0.5", "drop_path = 1", "zoom = [1.1, 0.9]", "color_jitter = [0.1, -0.2]"]);
    refused(&place, &["--mixup", "0.2", "--class-weights", "balanced"], &["class_weights", "mixup"]);
    refused(&place, &["--teacher", "nowhere.pt"], &["teacher", "nowhere.pt"]);
    refused(&place, &["--teacher", "data/train/even/0000.png"], &["teacher", "no TorchScript file"]);
    refused(&place, &["--sam", "0.05", "--grad-accum-steps", "2"], &["sam = 0.05", "grad_accum_steps"]);
    refused(&place, &["--model-ema", "--swa-start", "3"], &["swa_start", "model_ema"]);
    // What only the data can tell.
    refused(&place, &["--progressive", "16"], &["progressive = 16", "16 pixels"]);
    refused(&place, &["--color-jitter", "0.1", "0.1", "0.1"], &["color_jitter", "grey"]);
    refused(&place, &["--aa", "auto"], &["aa", "trivial"]);
    refused(&place, &["--zoom", "0.9"], &["--zoom"]);
}

#[test]
fn an_output_folder_that_is_not_free() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "1"]);
    let before = place.bytes("run", "last.safetensors");
    place.train("run", &["--epochs", "1"]).refuse(&["run", "another run", "--resume"]);
    assert!(place.bytes("run", "last.safetensors") == before);
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/thesis.tex"), "work").unwrap();
    place.train("full", &[]).refuse(&["full", "thesis.tex"]);
    place.train("full/thesis.tex", &[]).refuse(&["thesis.tex"]);
    assert_eq!(fs::read(place.path("full/thesis.tex")).unwrap(), b"work");
}

#[test]
fn folders_that_are_no_data_set() {
    let place = Place::with_images(12, 5);
    place.mindgap(&["train", "--data", "nowhere"]).refuse(&["nowhere"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.mindgap(&["train", "--data", "empty"]).refuse(&["empty"]);
    place.write_image("data/val/stranger/0.png", 0, 0);
    refused(&place, &[], &["stranger"]);
    fs::remove_dir_all(place.path("data/val/stranger")).unwrap();
    place.write_image("single/train/one/0.png", 0, 0);
    place.mindgap(&["train", "--data", "single"]).refuse(&["single", "class"]);
}

#[test]
fn a_training_set_that_val_contains_has_no_probe() {
    let place = Place::with_images(0, 4);
    for name in CLASSES {
        fs::create_dir_all(place.path("data/train").join(name)).unwrap();
        for image in fs::read_dir(place.path("data/val").join(name)).unwrap() {
            let image = image.unwrap();
            fs::copy(image.path(), place.path("data/train").join(name).join(image.file_name())).unwrap();
        }
    }
    refused(&place, &[], &["every training image also appears in val"]);
}

#[test]
fn images_that_cannot_be_read_are_named_or_left_out_on_request() {
    let place = Place::with_images(12, 5);
    let whole = fs::read(place.path("data/train/dark/0000.png")).unwrap();
    fs::write(place.path("data/train/dark/zero.png"), []).unwrap();
    fs::write(place.path("data/train/dark/truncated.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(place.path("data/val/dark/text.jpg"), "no image").unwrap();
    fs::write(place.path("data/val/dark/bomb.png"), bomb()).unwrap();
    refused(&place, &[], &["zero.png", "truncated.png", "text.jpg", "bomb.png", "--skip-bad"]);
    let end = place.train("run", &["--epochs", "1", "--skip-bad"]).succeed();
    assert!(end.stderr().contains('4'), "{}", end.stderr());
    let environment: serde_json::Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!(environment["data"]["bad_files"], 4);
}

/// A PNG whose header claims 100,000 × 100,000 pixels.
fn bomb() -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(100_000u32.to_be_bytes());
    header.extend(100_000u32.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\r".to_vec();
    file.extend(&header);
    file.extend(crc32(&header).to_be_bytes());
    file
}

/// A text of 4 GiB, packed into 26 MB: bytes of zero as 258 at a time, in deflate's fixed code (RFC 1951, 3.2.6).
fn packed_text() -> Vec<u8> {
    let zero = "00110000".chars();
    let of_258 = "11000101".chars().chain("00000".chars()); // that length, at distance 1
    // The last block, of the fixed code; then one zero, and runs of it. Eight runs fill 13 bytes.
    let bits: Vec<u8> =
        "110".chars().chain(zero).chain(of_258.cycle().take(13 * 16)).map(|bit| bit as u8 & 1).collect();
    let bytes: Vec<u8> = bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let mut packed = vec![0x78, 0x01];
    packed.extend(&bytes[..2]);
    packed.extend(bytes[2..15].repeat((4 << 30) / (8 * 258)));
    packed
}

#[test]
fn a_text_that_unpacks_to_gigabytes_costs_no_memory() {
    let place = Place::with_images(12, 5);
    let whole = fs::read(place.path("data/train/dark/0000.png")).unwrap();
    let end_of_header = 8 + 12 + 13;
    let packed = packed_text();
    for (name, before) in [("zTXt", &b"Comment\0\0"[..]), ("iTXt", b"Comment\0\x01\0\0\0"), ("iCCP", b"profile\0\0")] {
        let named = [name.as_bytes(), before, &packed].concat();
        let length = (named.len() as u32 - 4).to_be_bytes();
        let parts = [&whole[..end_of_header], &length, &named, &crc32(&named).to_be_bytes(), &whole[end_of_header..]];
        fs::write(place.path(format!("data/train/dark/{name}.png")), parts.concat()).unwrap();
    }
    let mut command = place.command(&train_words("run", &["--epochs", "1"]));
    // SAFETY: between fork and exec, a plain system call on plain numbers.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: 2 << 30, rlim_max: 2 << 30 };
            libc::setrlimit(libc::RLIMIT_AS, &limit);
            Ok(())
        });
    }
    let end = command.output().unwrap();
    assert_eq!(end.status.code(), Some(0), "{}", String::from_utf8_lossy(&end.stderr));
    let environment: serde_json::Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    // The same pixels four times: three of them are copies, none is left out.
    assert_eq!((&environment["data"]["train"], &environment["data"]["bad_files"]), (&39.into(), &0.into()));
}

/// The checksum that PNG asks for (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn tables_with_bad_rows_are_refused_by_line() {
    let place = Place::with_images(2, 2);
    let pixels = ["7"; 48 * 48].join(" ");
    let rows = |bad: &str| format!("emotion,pixels,Usage\n0,{pixels},Training\n{bad}\n1,{pixels},PublicTest\n");
    for (bad, word) in [
        (format!("9,{pixels},Training"), "9"),
        ("1,1 2 3,Training".to_owned(), "pixels"),
        (format!("x,{pixels},Training"), "x"),
    ] {
        fs::write(place.path("faces.csv"), rows(&bad)).unwrap();
        place.mindgap(&["train", "--data", "faces.csv"]).refuse(&["faces.csv", "line 3", word]);
    }
}
