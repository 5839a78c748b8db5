//! Tests of the module on generated data.

mod beside;
mod broken_images;
mod decoded_cache;
mod folders;
mod folds;
mod formats;
mod groups;
mod labels;
mod layouts;
mod loading;
mod pillow;
mod sixteen_bit;
mod tables;

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use tch::{Device, Tensor};
use tempfile::TempDir;

use super::{
    Dataset, NoProgress, Options, Split,
    decoding::{
        decode::{self, Header},
        decoded_image::DecodedImage,
        sixteen_bit::Range,
    },
    open,
};
use crate::random::{Purpose, Stream};

/// The classes of most data sets here.
const AB: [&str; 2] = ["a", "b"];

/// A folder of files that is deleted with the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Adds a file, and the folders on its path.
    fn file(self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Adds a grey 8×8 PNG whose pixels are a function of `number`.
    fn image(self, path: impl AsRef<Path>, number: u32) -> Self {
        self.file(path, encode(&noise(8, 8, number), ImageFormat::Png))
    }

    /// Adds `n` images of each class, `SPLIT/CLASS/NUMBER.png`, different from those of other splits.
    fn split(self, split: &str, classes: &[&str], n: u32) -> Self {
        let first: u32 = split.bytes().map(|byte| u32::from(byte) * 1000).sum();
        let all = classes.iter().enumerate().flat_map(|(class, name)| (0..n).map(move |i| (class as u32, name, i)));
        all.fold(self, |folder, (class, name, i)| {
            folder.image(Path::new(split).join(name).join(format!("{i}.png")), first + 100 * class + i)
        })
    }

    /// Appends zeros to all files, so that they are enough for the cache of decoded images.
    fn padded(self) -> Self {
        for path in self.files() {
            let length = fs::metadata(&path).unwrap().len();
            fs::File::options().write(true).open(path).unwrap().set_len(length + (64 << 10)).unwrap();
        }
        self
    }

    /// All files, sorted.
    fn files(&self) -> Vec<PathBuf> {
        let walk = walkdir::WalkDir::new(self.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self, options: &Options) -> anyhow::Result<Dataset> {
        open(self.path().to_str().unwrap(), options, &NoProgress)
    }

    fn opened(&self) -> Dataset {
        self.open(&Options::default()).unwrap()
    }

    /// The error of opening the folder, with its causes.
    fn refusal(&self) -> String {
        self.refusal_of(&Options::default())
    }

    fn refusal_of(&self, options: &Options) -> String {
        format!("{:#}", self.open(options).err().expect("this data must be refused"))
    }

    /// Checks that the folder is refused with a message that contains all of `words`.
    fn refuses(&self, options: &Options, words: &[&str]) {
        let message = self.refusal_of(options);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

/// Train and val with two classes each.
fn least() -> Folder {
    Folder::new().split("train", &AB, 2).split("val", &AB, 1)
}

/// Decodes `bytes` as a file called `name`: the image in its own channels, and its header.
fn decode(name: &str, bytes: &[u8]) -> anyhow::Result<(DecodedImage, Header)> {
    let folder = Folder::new().file(name, bytes);
    let path = folder.path().join(name);
    Ok((decode::stored(&path, Range::FULL)?.image, decode::header(&path)?))
}

/// Creates a named pipe.
fn make_fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

/// Grey noise, a function of `number`.
fn noise(width: u32, height: u32, number: u32) -> DynamicImage {
    let mut draws = Stream::new(0, Purpose::Faces, 0, number);
    let pixels = (0..width * height).map(|_| draws.below(256) as u8).collect();
    DynamicImage::ImageLuma8(GrayImage::from_raw(width, height, pixels).unwrap())
}

/// Colours that vary over the image, with noise.
fn colours(width: u32, height: u32) -> DynamicImage {
    let mut draws = Stream::new(1, Purpose::Faces, 0, 0);
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5) as u8, (y * 7) as u8, draws.below(200) as u8])
    }))
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let colour = DynamicImage::ImageRgba8(image.to_rgba8());
    // GIF has no grey images.
    if format == ImageFormat::Gif { &colour } else { image }.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn bytes(tensor: &Tensor) -> Vec<u8> {
    Vec::try_from(tensor.flatten(0, -1)).unwrap()
}

/// Images of train, val and test.
fn sizes(data: &Dataset) -> (usize, usize, Option<usize>) {
    (data.train.len(), data.val.len(), data.test.as_ref().map(Split::len))
}

/// All images `[n, c, h, w]` of a split, in its order.
fn all_pixels(split: &Split) -> Vec<u8> {
    let order = (0..split.len() as u32).collect();
    split.batches(order, 3, Device::Cpu).flat_map(|batch| bytes(&batch.unwrap().images)).collect()
}

/// File names of a split, in its order.
fn names(split: &Split) -> Vec<String> {
    (0..split.len() as u32).map(|position| split.name(position)).collect()
}

/// Checks that `text` contains each of `words`, which stand in it behind `options.selection.folders.` where they name an option:
/// `train = x`.
fn assert_says(text: &str, words: &str) {
    let text = text.replace("`options.selection.folders.", "`");
    for word in words.split(" | ") {
        assert!(text.contains(word), "{word} is not in: {text}");
    }
}
