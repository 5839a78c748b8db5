//! The source of the images of one split, which are read one at a time and again on demand.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;

use crate::data::decoding::{
    decode::{self, Header, StoredImage},
    decoded_image::DecodedImage,
    sixteen_bit::Range,
};

/// All images of a split's full listing; a sample id is an index into it.
pub enum Source {
    /// Image files, decoded each time an image is requested.
    Files {
        /// The file of each sample.
        paths: Arc<[PathBuf]>,
        /// Range of 16-bit values; `None` while it is unknown, where the high byte is used.
        range: Option<Range>,
    },
    /// Square grey images in memory.
    Grey {
        /// Pixels across and down.
        side: u32,
        /// `[n, side, side]`
        pixels: Vec<u8>,
        /// Names of the samples in messages.
        names: Names,
    },
}

/// Names of images that are not files, for messages.
pub enum Names {
    /// The name of a table, and the line of each sample in it.
    Lines(String, Vec<u64>),
    /// Kinds, each with its number of samples, one after the other. A kind and a number name a sample: "train face 17".
    Numbers(Vec<(&'static str, u32)>),
}

impl Names {
    /// The name of sample `id` without the table's.
    fn key(&self, id: u32) -> String {
        match self {
            Self::Lines(_, lines) => format!("line {}", lines[id as usize]),
            Self::Numbers(kinds) => {
                let mut number = id;
                for (kind, count) in kinds {
                    if number < *count {
                        return format!("{kind} {number}");
                    }
                    number -= count;
                }
                format!("sample {id}")
            }
        }
    }

    /// These names, and after them those of `other`; None where one are lines of a table and the others are not.
    fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Lines(table, lines), Self::Lines(_, more)) => {
                Some(Self::Lines(table.clone(), [&lines[..], more].concat()))
            }
            (Self::Numbers(kinds), Self::Numbers(more)) => Some(Self::Numbers([&kinds[..], more].concat())),
            _ => None,
        }
    }
}

impl Source {
    /// A source of the image files `paths`.
    pub fn files(paths: Vec<PathBuf>) -> Self {
        Self::Files { paths: paths.into(), range: None }
    }

    /// The samples of this source, and after them those of `other`; None where the two are of different kinds or sizes.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Files { paths, range }, Self::Files { paths: more, .. }) => {
                Some(Self::Files { paths: paths.iter().chain(more.iter()).cloned().collect(), range: *range })
            }
            (Self::Grey { side, pixels, names }, Self::Grey { side: also, pixels: more, names: others })
                if side == also =>
            {
                Some(Self::Grey { side: *side, pixels: [&pixels[..], more].concat(), names: names.joined(others)? })
            }
            _ => None,
        }
    }

    /// A copy that scales 16-bit values by `range`; None for a source without files.
    pub fn in_range(&self, range: Range) -> Option<Self> {
        match self {
            Self::Files { paths, .. } => Some(Self::Files { paths: Arc::clone(paths), range: Some(range) }),
            Self::Grey { .. } => None,
        }
    }

    /// The range that scales 16-bit values.
    pub fn range(&self) -> Range {
        match self {
            Self::Files { range: Some(range), .. } => *range,
            _ => Range::FULL,
        }
    }

    /// Names sample `id` in a message: a quoted, escaped path, or a line of a table.
    pub fn name(&self, id: u32) -> String {
        match self {
            Self::Files { paths, .. } => format!("{:?}", paths[id as usize]),
            Self::Grey { names, .. } => match names {
                Names::Lines(table, _) => format!("{table}, {}", names.key(id)),
                Names::Numbers(_) => names.key(id),
            },
        }
    }

    /// Names sample `id` in a list of samples: its path below `root`, `line 17`, or `train face 17`.
    pub fn key(&self, id: u32, root: &Path) -> Vec<u8> {
        match self {
            Self::Files { paths, .. } => file_key(&paths[id as usize], root),
            Self::Grey { names, .. } => names.key(id).into_bytes(),
        }
    }

    /// Size and colour of sample `id`, from the header alone.
    pub fn header(&self, id: u32) -> Result<Header> {
        match self {
            Self::Files { paths, .. } => decode::header(&paths[id as usize]),
            Self::Grey { side, .. } => Ok(Header { shorter_side: *side, grey: true }),
        }
    }

    /// Decodes sample `id` into `channels` (1 or 3) at its own size. The error does not name the sample.
    pub fn image(&self, id: u32, channels: u32) -> Result<DecodedImage> {
        match self {
            Self::Files { paths, .. } => decode::file(&paths[id as usize], channels, self.range()),
            Self::Grey { side, pixels, .. } => Ok(grey(*side, pixels, id).into_channels(channels)),
        }
    }

    /// Decodes sample `id` for display. While the range of the data set's 16-bit values is unknown, the image's own range
    /// scales them.
    pub fn shown(&self, id: u32) -> Result<DecodedImage> {
        let stored = self.stored(id)?;
        let own = stored.sixteen_bit.filter(|_| matches!(self, Self::Files { range: None, .. }));
        match own.and_then(|values| self.in_range(values.range()?)) {
            Some(source) => Ok(source.stored(id)?.image),
            None => Ok(stored.image),
        }
    }

    /// Decodes sample `id` in the channels that its file has. The error does not name the sample.
    pub fn stored(&self, id: u32) -> Result<StoredImage> {
        match self {
            Self::Files { paths, .. } => decode::stored(&paths[id as usize], self.range()),
            Self::Grey { side, pixels, .. } => {
                Ok(StoredImage { image: grey(*side, pixels, id), is_turned: false, sixteen_bit: None })
            }
        }
    }
}

fn grey(side: u32, pixels: &[u8], id: u32) -> DecodedImage {
    let area = (side * side) as usize;
    let samples = pixels[id as usize * area..][..area].to_vec();
    DecodedImage { width: side, height: side, channels: 1, pixels: samples }
}

/// Names the file at `path` in a list of samples; `root` is the folder of the data.
pub fn file_key(path: &Path, root: &Path) -> Vec<u8> {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes().to_owned()
}

/// Names the row on `line` of a table in a list of samples.
pub fn line_key(line: u64) -> Vec<u8> {
    format!("line {line}").into_bytes()
}
