//! What the end-to-end tests share: small image folders, the program, and what it leaves behind.
#![allow(dead_code)] // each test file uses its own part

pub mod hub_server;
pub mod interposed;
pub mod listener;
pub mod mount;
pub mod process;
pub mod recorded;
mod trained;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use image::GrayImage;
use mindgap::{
    data::{self, Dataset, NoProgress, Options},
    durable::Archive,
    random::{Purpose, Stream},
};
use serde_json::Value;
use tempfile::TempDir;

/// Three classes that a small network can tell apart: how bright the upper half is against the lower.
pub const CLASSES: [&str; 3] = ["bright", "even", "dark"];

/// Flags of a network that trains in a moment.
pub const TINY: &[&str] =
    &["--model", "resnet8", "--width", "4", "--stem-stride", "2", "--batch-size", "8", "--threads", "1"];

/// A temporary place with an image folder `data` in it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// `train` and `val` images of 16 × 16 pixels in each class.
    pub fn with_images(train: u32, val: u32) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (split, first, count) in [("train", 0, train), ("val", 1000, val)] {
            for (class, name) in CLASSES.into_iter().enumerate() {
                for number in first..first + count {
                    place.write_image(&format!("data/{split}/{name}/{number:04}.png"), class as u32, number);
                }
            }
        }
        place
    }

    /// `train` and `val` images in each class, and a finished short run on them in `out`, with more flags. Equal ones are
    /// trained once in this process and copied.
    pub fn with_run(train: u32, val: u32, out: &str, more: &[&str]) -> Self {
        let key = format!("{train} {val} {out} {more:?}");
        let trained = trained::get(key, || {
            let place = Self::with_images(train, val);
            place.train(out, more).succeed();
            place
        });
        let place = Self { folder: tempfile::tempdir().unwrap() };
        copy_folder(&trained.path(""), &place.path(""));
        // The run knows where its data are.
        let environment = fs::read_to_string(place.path(out).join("environment.json")).unwrap();
        let [from, to] = [&*trained, &place].map(|place| place.path("data").to_str().unwrap().to_owned());
        assert!(environment.contains(&from));
        fs::write(place.path(out).join("environment.json"), environment.replace(&from, &to)).unwrap();
        place
    }

    /// Those images, opened.
    pub fn dataset(&self) -> Dataset {
        data::open(self.path("data").to_str().unwrap(), &Options::default(), &NoProgress).unwrap()
    }

    /// One image of `class`; `number` decides its noise.
    pub fn write_image(&self, path: &str, class: u32, number: u32) {
        // No two images are near-duplicates.
        let mut draws = Stream::new(0, Purpose::Faces, class, number);
        let image = GrayImage::from_fn(16, 16, |_, y| {
            let noise = draws.below(97);
            let light = if y < 8 { 40 * class } else { 80 - 40 * class };
            image::Luma([(60 + light + noise) as u8])
        });
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(path).unwrap();
    }

    /// A path inside the place.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    /// `mindgap` with `words`, run inside the place.
    pub fn mindgap(&self, words: &[&str]) -> Finished {
        Finished(self.command(words).output().unwrap())
    }

    /// The same, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mindgap"));
        command.args(words).current_dir(self.folder.path()).env_remove("RUST_BACKTRACE");
        command
    }

    /// A short training run on `data` into `out`, with more flags.
    pub fn train(&self, out: &str, more: &[&str]) -> Finished {
        self.mindgap(&train_words(out, more))
    }

    /// Every line of `epochs.jsonl` of run `out`, without its times.
    pub fn epochs(&self, out: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(out).join("epochs.jsonl")).unwrap();
        text.lines().map(|line| without_times(serde_json::from_str(line).unwrap())).collect()
    }

    /// The bytes of a file of run `out`.
    pub fn bytes(&self, out: &str, file: &str) -> Vec<u8> {
        fs::read(self.path(out).join(file)).unwrap()
    }
}

/// The numbers of the training state in a checkpoint.
pub fn numbers(checkpoint: &Archive) -> Value {
    serde_json::from_str(&checkpoint.metadata["state"]).unwrap()
}

/// Copies the files and folders in `from` into the folder `to`.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copy = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(path, copy).unwrap();
        }
    }
}

/// The words of a short training run.
pub fn train_words<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let net = ["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--threads", "1", "--device", "cpu"];
    let mut words = vec!["train", "--data", "data", "--out", out];
    words.extend(net);
    words.extend(more);
    words
}

fn without_times(mut record: Value) -> Value {
    let fields = record.as_object_mut().unwrap();
    for field in ["seconds", "train_images_per_s"] {
        fields.remove(field).unwrap();
    }
    record
}

/// A program that has ended.
pub struct Finished(pub Output);

impl Finished {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The program ended well.
    pub fn succeed(self) -> Self {
        assert_eq!(self.code(), 0, "{}{}", self.stdout(), self.stderr());
        self
    }

    /// The program refused, with all of `words` in its message.
    pub fn refuse(self, words: &[&str]) -> Self {
        let text = self.stderr();
        assert_eq!(self.code(), 2, "{text}");
        for word in words {
            assert!(text.contains(word), "`{word}` is not in: {text}");
        }
        assert!(!text.contains("panicked"), "{text}");
        self
    }
}
