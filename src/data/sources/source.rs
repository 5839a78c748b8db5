//! Where the pictures of one split come from, one by one and again on demand.

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

/// All pictures of a split's full listing; a sample id is an index in it.
pub enum Source {
    /// Image files, decoded whenever they are asked for.
    Files {
        /// The file of each sample.
        paths: Arc<[PathBuf]>,
        /// The range of 16-bit values; none where it is not known, and then the high byte stays.
        range: Option<Range>,
    },
    /// Square grey images in memory.
    Grey {
        /// Pixels across and down.
        side: u32,
        /// `[n, side, side]`
        pixels: Vec<u8>,
        /// How a message names sample `id`.
        names: Names,
    },
}

/// How a message names a picture that is no file.
pub enum Names {
    /// Lines of a table: its name, and the line of each sample.
    Lines(String, Vec<u64>),
    /// Numbers of a kind: "train face 17".
    Numbers(&'static str),
}

impl Source {
    /// The images in `paths`.
    pub fn files(paths: Vec<PathBuf>) -> Self {
        Self::Files { paths: paths.into(), range: None }
    }

    /// The same pictures with 16-bit values scaled by `range`; None where no files are decoded.
    pub fn in_range(&self, range: Range) -> Option<Self> {
        match self {
            Self::Files { paths, .. } => Some(Self::Files { paths: Arc::clone(paths), range: Some(range) }),
            Self::Grey { .. } => None,
        }
    }

    /// The range by which 16-bit values are scaled.
    pub fn range(&self) -> Range {
        match self {
            Self::Files { range: Some(range), .. } => *range,
            _ => Range::FULL,
        }
    }

    /// Sample `id` for a message: a quoted, escaped path, or a line of a table.
    pub fn name(&self, id: u32) -> String {
        match self {
            Self::Files { paths, .. } => format!("{:?}", paths[id as usize]),
            Self::Grey { names: Names::Lines(table, lines), .. } => format!("{table}, line {}", lines[id as usize]),
            Self::Grey { names: Names::Numbers(kind), .. } => format!("{kind} {id}"),
        }
    }

    /// Sample `id` in a list of samples: its path below `root`, `line 17`, or `train face 17`.
    pub fn key(&self, id: u32, root: &Path) -> Vec<u8> {
        match self {
            Self::Files { paths, .. } => {
                let path = &paths[id as usize];
                path.strip_prefix(root).unwrap_or(path).as_os_str().as_encoded_bytes().to_owned()
            }
            Self::Grey { names: Names::Lines(_, lines), .. } => line_key(lines[id as usize]),
            Self::Grey { names: Names::Numbers(kind), .. } => format!("{kind} {id}").into_bytes(),
        }
    }

    /// Size and colour of sample `id`, from its header alone.
    pub fn header(&self, id: u32) -> Result<Header> {
        match self {
            Self::Files { paths, .. } => decode::header(&paths[id as usize]),
            Self::Grey { side, .. } => Ok(Header { shorter_side: *side, grey: true }),
        }
    }

    /// Sample `id` in `channels` (1 or 3) at its own size. The error does not name the sample.
    pub fn picture(&self, id: u32, channels: u32) -> Result<DecodedImage> {
        match self {
            Self::Files { paths, .. } => decode::file(&paths[id as usize], channels, self.range()),
            Self::Grey { side, pixels, .. } => Ok(grey(*side, pixels, id).into_channels(channels)),
        }
    }

    /// Sample `id` for people to look at: where the range of the set's 16-bit values is not known, by its own.
    pub fn shown(&self, id: u32) -> Result<DecodedImage> {
        let stored = self.stored(id)?;
        let own = stored.sixteen_bit.filter(|_| matches!(self, Self::Files { range: None, .. }));
        match own.and_then(|values| self.in_range(values.range()?)) {
            Some(source) => Ok(source.stored(id)?.picture),
            None => Ok(stored.picture),
        }
    }

    /// Sample `id` as it is stored. The error does not name the sample.
    pub fn stored(&self, id: u32) -> Result<StoredImage> {
        match self {
            Self::Files { paths, .. } => decode::stored(&paths[id as usize], self.range()),
            Self::Grey { side, pixels, .. } => {
                Ok(StoredImage { picture: grey(*side, pixels, id), is_turned: false, sixteen_bit: None })
            }
        }
    }
}

fn grey(side: u32, pixels: &[u8], id: u32) -> DecodedImage {
    let area = (side * side) as usize;
    let samples = pixels[id as usize * area..][..area].to_vec();
    DecodedImage { width: side, height: side, channels: 1, pixels: samples }
}

/// The row on `line` of a table in a list of samples.
pub fn line_key(line: u64) -> Vec<u8> {
    format!("line {line}").into_bytes()
}
