//! Files from anywhere: mutations of good ones are read or refused, and never end in a panic.
//!
//! `scripts/fuzz` runs each target for ten minutes (`FUZZ_SECONDS`), `scripts/test` for a second. `FUZZ_SEED` repeats a
//! session. What was once found lies in `tests/fuzz/TARGET/` and is tried first, every time.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use image::{DynamicImage, GrayImage, ImageFormat};
use mindgap::{
    compare::{Comparison, ModelKind, ModelOptions},
    data, durable,
    export::Classifier,
    gap,
    model::{Architecture, Description, ResNet, weights},
    recipe::{Layers, Recipe, resolve},
    train::Checkpoint,
};
use tempfile::TempDir;

/// xorshift64*, a source of mutations.
struct Draws(u64);

impl Draws {
    fn new() -> Self {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        let seed = std::env::var("FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
        println!("FUZZ_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let begin = self.below(length);
        begin..(begin + 1 + self.below(16)).min(length)
    }

    /// A few changes of `bytes`: bits, numbers, pieces taken out, doubled or put in from `words`, the end cut off.
    fn mutate(&mut self, bytes: &[u8], words: &[&str]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.below(6) {
            let length = bytes.len();
            if length == 0 {
                break;
            }
            match self.below(8) {
                0 | 1 => bytes[self.below(length)] ^= 1 << self.below(8),
                2 => bytes[self.below(length)] = [0, 255, 127, b'\n', b'"', b',', b'9', b'-'][self.below(8)],
                3 => drop(bytes.drain(self.range(length))),
                4 => {
                    let piece = bytes[self.range(length)].to_vec();
                    let at = self.below(length);
                    bytes.splice(at..at, piece);
                }
                5 => bytes.truncate(self.below(length)),
                _ => {
                    let word = words[self.below(words.len())].bytes();
                    let at = self.range(length);
                    bytes.splice(at, word);
                }
            }
        }
        bytes
    }
}

/// Mutates `seeds` and gives each to `read` until the time is over; a panic of `read` keeps the input and fails.
fn fuzz(target: &str, seeds: &[Vec<u8>], words: &[&str], read: impl Fn(&[u8])) {
    let time = std::env::var("FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(target);
    let survives = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| read(input))).is_ok();
    for entry in fs::read_dir(&kept).into_iter().flatten() {
        let path = entry.unwrap().path();
        assert!(survives(&fs::read(&path).unwrap()), "{} again ends in a panic", path.display());
    }
    for seed in seeds {
        assert!(survives(seed), "a good file ends in a panic");
    }
    let (mut draws, begun, mut tries) = (Draws::new(), Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs_f64(time) {
        let seed = &seeds[draws.below(seeds.len())];
        let input = draws.mutate(seed, words);
        tries += 1;
        if !survives(&input) {
            fs::create_dir_all(&kept).unwrap();
            let path = kept.join(format!("{:016x}", xxhash(&input)));
            fs::write(&path, &input).unwrap();
            panic!("a panic after {tries} tries; the input is kept as {}", path.display());
        }
    }
    println!("{target}: {tries} mutations in {time} s");
}

fn xxhash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// A place for one file, in memory where the machine has such a folder.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn written(place: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = place.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

const NUMBERS: [&str; 12] =
    ["-1", "0", "1e999", "nan", "inf", "99999999999999999999", "4294967296", "1.5", "", "true", "[]", "\u{fffd}"];

#[test]
fn tables_of_pixels() {
    let pixels = |value: u32| vec![value.to_string(); 16].join(" ");
    let mut table = String::from("emotion,pixels,Usage\n");
    for row in 0..12 {
        let usage = ["Training", "Training", "PublicTest", "PrivateTest"][row % 4];
        table += &format!("{},{},{usage}\n", row / 2 % 3, pixels(10 * row as u32));
    }
    let place = place();
    let words = [&NUMBERS[..], &["Training", "PublicTest", "emotion", "\r\n", "\u{feff}", "256"]].concat();
    for skip_bad in [false, true] {
        let options = data::Options { skip_bad, ..data::Options::default() };
        fuzz("table", &[table.clone().into_bytes()], &words, |bytes| {
            let path = written(&place, "fer.csv", bytes);
            let _ = data::open(&path.to_string_lossy(), &options, &data::NoProgress);
        });
    }
}

#[test]
fn tables_and_lists_about_images() {
    let place = place();
    let image = GrayImage::from_fn(8, 8, |x, y| image::Luma([(x * 20 + y) as u8]));
    for number in 0..8 {
        for class in ["a", "b"] {
            let path = place.path().join(format!("photos/{class}/{number}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            image.save(path).unwrap();
        }
    }
    let table = |heading: &str, value: &dyn Fn(usize) -> String| {
        let rows = (0..8).flat_map(|number| ["a", "b"].map(|class| format!("{class}/{number}.png{}\n", value(number))));
        (heading.to_owned() + &rows.collect::<String>()).into_bytes()
    };
    let split = |number| ["train", "train", "train", "val"][number % 4];
    let labels = [
        table("file,label\n", &|number| format!(",{}", ["cat", "dog"][number % 2])),
        table("file;label;split;group\n", &|number| format!(";{};{};{}", number % 3, split(number), number / 2)),
    ];
    let groups = [table("name,group\n", &|number| format!(",video {}", number / 2))];
    let relabel = [table("name,label\n", &|number| format!(",{}", ["b", "a"][number / 2 % 2]))];
    let exclude = [b"# to leave out\na/1.png\nb/3.png\n".to_vec()];
    type Select = fn(PathBuf) -> data::Selection;
    let readers: [(&str, &[Vec<u8>], Select); 4] = [
        ("labels", &labels, |path| data::Selection { labels: Some(path), ..Default::default() }),
        ("groups", &groups, |path| data::Selection { groups: Some(path), ..Default::default() }),
        ("relabel", &relabel, |path| data::Selection { relabel: Some(path), ..Default::default() }),
        ("exclude", &exclude, |path| data::Selection { exclude: Some(path), ..Default::default() }),
    ];
    let words =
        [&NUMBERS[..], &["file", "label", "group", "val", "\r\n", "\u{feff}", "\"", ";", "../", "b/3.png"]].concat();
    let photos = place.path().join("photos");
    for (target, seeds, select) in readers {
        let open = |bytes: &[u8]| {
            let selection = select(written(&place, "table.csv", bytes));
            let options = data::Options { selection, near_leaks: false, ..data::Options::default() };
            data::open(&photos.to_string_lossy(), &options, &data::NoProgress)
        };
        for seed in seeds {
            open(seed).unwrap_or_else(|error| panic!("a good file of {target} is refused: {error:#}"));
        }
        fuzz(target, seeds, &words, |bytes| drop(open(bytes)));
    }
}

#[test]
fn tables_of_predictions() {
    let good = "name,label,cat,dog\na.png,cat,0.8,0.2\nb.png,dog,0.4,0.6\nc.png,dog,0.5,0.5\n";
    let pandas = ",path,target,p_cat,p_dog\n0,a.png,0,2.5,-1e-3\n1,b.png,1.0,0.4,0.6\n2,\"c.png\",1,0,0\n";
    let seeds = [good.to_owned(), pandas.to_owned(), good.replace(',', ";")].map(String::into_bytes);
    let place = place();
    let first = written(&place, "good.csv", good.as_bytes());
    let words = [&NUMBERS[..], &["name", "label", "cat", "\r\n", "\u{feff}", "\"", ";", "\t"]].concat();
    for common in [false, true] {
        let options = ModelOptions { common, ..ModelOptions::default() };
        fuzz("predictions", &seeds, &words, |bytes| {
            let tables = [first.clone(), written(&place, "other.csv", bytes)];
            if let Ok(comparison) = Comparison::of_models(&tables, ModelKind::Predictions, &options, Vec::new()) {
                let _ = (comparison.to_markdown(), comparison.to_brief());
            }
        });
    }
}

#[test]
fn logs_of_other_trainers() {
    let lines: String = (1..20)
        .map(|epoch| {
            format!(
                "Epoch: {epoch}/50.. Training Loss: {:.3}.. Validation Loss: {:.3}.. Training Accuracy: {:.3}.. \
                 Validation Accuracy: {:.3}\n",
                2.0 / f64::from(epoch),
                1.0 + 1.0 / f64::from(epoch),
                60 + epoch,
                50
            )
        })
        .collect();
    let timm = "epoch,train_loss,eval_loss,eval_top1,lr\n0,1.9,1.8,30.0,0.1\n1,1.5,1.6,40,0.1\n2,1.1,1.5,41,0.01\n";
    let lightning = "epoch,step,train_loss,val_loss,val_acc\n0,10,1.9,,\n0,20,,1.8,0.3\n1,30,1.2,,\n1,40,,1.4,0.5\n";
    let keras = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.3,1.9,0.28,1.8\n1,0.4,1.5,0.3,1.6\n";
    let tutorial = "Epoch 0/3\n----------\ntrain Loss: 1.9 Acc: 0.3\nval Loss: 1.8 Acc: 0.31\n\nEpoch 1/3\n----------\n\
                    train Loss: 1.5 Acc: 0.4\nval Loss: 1.7 Acc: 0.38\nBest val Acc: 0.38\n";
    let bar = "Epoch 0: 100%|##| 9/9 [00:01<00:00, 9.9it/s, train_loss=2.0, val_loss=1.9]\rEpoch 1: 100%|##| 9/9 \
               [00:01<00:00, train_loss=1.5, val_loss=nan]\n";
    let fastai =
        "epoch     train_loss  valid_loss  accuracy  time    \n0         1.9       1.8       0.31     00:12     \n";
    let card =
        "| Training Loss | Epoch | Step | Validation Loss |\n|:--:|:--:|:--:|:--:|\n| No log | 0.5 | 50 | 1.8 |\n";
    let state = r#"{"epoch": 2.0, "log_history": [{"epoch": 0.5, "loss": 1.9, "step": 50}, {"epoch": 1.0, "eval_loss": 1.8,
                   "step": 100}, {"epoch": 1.0, "train_loss": NaN, "step": 100}]}"#;
    let history = r#"{"loss": [1.9, 1.5, NaN], "val_loss": [1.8, 1.7, Infinity], "accuracy": [0.3, 0.4, 0.5]}"#;
    let json_lines =
        "{\"mode\": \"train\", \"epoch\": 1, \"loss\": 1.9}\n{\"mode\": \"val\", \"epoch\": 1, \"loss\": 1.8}\n";
    let lists = "train_losses = [1.9, 1.5]\nval_losses = [1.8, nan]\n";
    let wandb = "\"Step\",\"a-1 - train_loss\",\"a-1 - val_loss\",\"b-2 - train_loss\",\"b-2 - val_loss\"\n\"0\",\"1\",\"2\",\"3\",\"4\"\n";
    let mlflow = "run_id,key,value,step,timestamp\na,train_loss,1.9,0,1\na,val_loss,1.8,0,1\n";
    let texts = [
        lines.as_str(),
        timm,
        lightning,
        keras,
        tutorial,
        bar,
        fastai,
        card,
        state,
        history,
        json_lines,
        lists,
        wandb,
        mlflow,
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    seeds.push([&[0xFF, 0xFE][..], &lines.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()].concat());
    let place = place();
    let keys = [
        "Epoch: ",
        "/50",
        ".. ",
        "Validation Loss: ",
        "val_loss",
        "lr",
        "\"",
        "Fold 2",
        "{",
        "}",
        "[",
        ",",
        "\r",
        "|",
        "epoch",
    ];
    let words = [&NUMBERS[..], &keys].concat();
    fuzz("log", &seeds, &words, |bytes| {
        if let Ok(case) = gap::log::read(&[written(&place, "log", bytes)], &gap::log::LogOptions::default()) {
            let diagnosis = gap::diagnose(&case);
            let _ = (diagnosis.to_text(), serde_json::to_string(&diagnosis).unwrap());
        }
    });
}

/// TensorBoard's event files, whole and with records whose checksum is right whatever they hold.
#[test]
fn event_files_of_other_trainers() {
    let place = place();
    // Event { step: 1, summary: { value: { tag: "val/loss", simple_value: 0.5 } } }
    let event = [&[0x10, 1, 0x2a, 17, 0x0a, 15, 0x0a, 8][..], b"val/loss", &[0x15, 0, 0, 0, 0x3f]].concat();
    let masked = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes();
    let record = |event: &[u8]| {
        let length = (event.len() as u64).to_le_bytes();
        [&length[..], &masked(&length), event, &masked(event)].concat()
    };
    let read = |bytes: &[u8]| {
        let path = written(&place, "events.out.tfevents.1", bytes);
        let _ = gap::log::read(&[path], &gap::log::LogOptions::default());
    };
    let words = [&NUMBERS[..], &["loss", "train", "\n", "\u{8}", "*"]].concat();
    fuzz("events", &[record(&event), [record(&event), record(&event)].concat()], &words, read);
    fuzz("events", std::slice::from_ref(&event), &words, |event| read(&record(event)));
}

#[test]
fn recipe_files() {
    let resolved = Recipe::default().to_toml();
    let short =
        "extends = \"closed\"\nlr = 0.1\nepochs = 12\nsched = \"cosine\"\nwarmup_epochs = 2\n[multiply]\nwidth = 2\n";
    let seeds = [resolved.into_bytes(), short.as_bytes().to_vec()];
    let keys =
        ["phases", "[[phases]]", "= ", "extends", "mixup", "zoom = [1, 2]", "\"\"\"", "resnet18", "curve", "{", "}"];
    let words = [&NUMBERS[..], &keys].concat();
    let place = place();
    fuzz("recipe", &seeds, &words, |bytes| {
        let layers = Layers::default().file(&written(&place, "recipe.toml", bytes));
        if let Ok(recipe) = layers.and_then(|layers| resolve(&layers)) {
            // Whatever is accepted can be written down and read again.
            let again: Recipe = toml::from_str(&recipe.to_toml()).unwrap();
            assert_eq!(again, recipe);
            let _ = Architecture::new(&recipe, 1, 7).map(|architecture| architecture.cost(48));
        }
    });
}

/// A description and the weights of a very small network.
fn network() -> durable::Archive {
    let recipe = Recipe { model: "resnet8".into(), width: Some(2), stem_stride: 2, ..Recipe::default() };
    let description = Description {
        classes: vec!["a".into(), "b".into()],
        channels: 1,
        size: 8,
        mean: vec![0.5],
        std: vec![0.25],
        temperature: Some(1.5),
        epoch: 3,
        recipe: recipe.to_toml(),
    };
    let network = ResNet::new(&description.architecture().unwrap(), 0, tch::Device::Cpu);
    let arrays = network.parameters.all().iter().map(|parameter| weights::to_array(&parameter.name, &parameter.tensor));
    durable::Archive { metadata: description.metadata(), arrays: arrays.collect::<Result<_, _>>().unwrap() }
}

#[test]
fn model_files_and_checkpoints() {
    let bytes = network().to_bytes().unwrap();
    let place = place();
    let words =
        [&NUMBERS[..], &["F32", "I64", "\"shape\":[", "data_offsets", "classes", "__metadata__", "[1,1,1,1]"]].concat();
    fuzz("safetensors", &[bytes], &words, |bytes| {
        let path = written(&place, "x.safetensors", bytes);
        let _ = (Classifier::read(&path, tch::Device::Cpu), Checkpoint::load(&path));
    });
}

/// What a checksum would have caught: an archive that is whole and says something else.
#[test]
fn archives_with_a_right_checksum_and_wrong_contents() {
    let good = network();
    let text: Vec<u8> = serde_json::to_vec(&good.metadata).unwrap();
    let place = place();
    let words =
        [&NUMBERS[..], &["resnet110", "width = 99999999", "img_size", "\\n", "\\\"", "phases = []", "3"]].concat();
    fuzz("metadata", &[text], &words, |bytes| {
        let Ok(metadata) = serde_json::from_slice(bytes) else { return };
        let mut archive = durable::Archive { metadata, arrays: good.arrays.clone() };
        if bytes.len() % 3 == 0 {
            archive.arrays.remove(bytes.len() % archive.arrays.len());
        }
        let path = place.path().join("x.safetensors");
        if archive.save(&path).is_ok() {
            let _ = (Classifier::read(&path, tch::Device::Cpu), Checkpoint::load(&path));
        }
    });
}

#[test]
fn images() {
    let grey = DynamicImage::ImageLuma8(GrayImage::from_fn(12, 9, |x, y| image::Luma([(x * 20 + y) as u8])));
    let colour = DynamicImage::ImageRgb8(grey.to_rgb8());
    let formats =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP, ImageFormat::Pnm];
    let encoded = |image: &DynamicImage, format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let seeds: Vec<Vec<u8>> =
        formats.iter().flat_map(|&format| [encoded(&grey, format), encoded(&colour, format)]).collect();
    let place = place();
    for path in ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png"] {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        grey.save(path).unwrap();
    }
    let options = data::Options { skip_bad: true, ..data::Options::default() };
    fuzz("image", &seeds, &["\u{ff}\u{d8}", "IHDR", "IDAT", "\0\0\0\0", "Exif", "RIFF", "P6 ", "99999999 "], |bytes| {
        written(&place, "train/a/2.jpg", bytes);
        let opened = data::open(&place.path().to_string_lossy(), &options, &data::NoProgress);
        // A broken image costs that image alone, and is counted.
        let opened = opened.expect("the other images are whole");
        assert_eq!(opened.train.len() + opened.bad_files.len(), 3);
    });
}
