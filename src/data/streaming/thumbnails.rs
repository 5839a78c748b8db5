//! Thumbnails of any image of a data set, found by its name, as PNG files.

use std::{collections::HashMap, path::Path, sync::Arc};

use anyhow::{Context, Result};

use super::gallery::png;
use crate::data::{
    decoding::resize,
    list_splits::listed,
    options::Options,
    sources::{exclude, source::Source},
};

/// The images of all splits, by the names that `images.csv` and lists of samples give them.
pub struct Thumbnails {
    images: HashMap<String, (Arc<Source>, u32)>,
}

impl Thumbnails {
    /// Lists the images of `source` as `options` say, images that cannot be read included; no image is read yet.
    ///
    /// # Errors
    /// The source or a list is missing or wrongly laid out.
    pub fn of(source: &str, options: &Options) -> Result<Self> {
        let listing = listed(source, &Options { skip_bad: true, ..options.clone() })?;
        let mut images = HashMap::new();
        for (_, samples) in listing.splits() {
            for &id in &samples.ids {
                let name = exclude::escape(&samples.source.key(id, Path::new(source)));
                images.insert(name, (Arc::clone(&samples.source), id));
            }
        }
        Ok(Self { images })
    }

    /// Encodes the image `name` as a PNG file with a longer side of at most `side` pixels.
    ///
    /// # Errors
    /// There is no such image, or its file can no longer be read.
    pub fn png(&self, name: &str, side: u32) -> Result<Vec<u8>> {
        let (source, id) = self.images.get(name).with_context(|| format!("the data have no image {name}"))?;
        png(&resize::shrink(source.shown(*id)?, side)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_all_splits_are_found_by_name() {
        let thumbnails = Thumbnails::of("faces", &Options::default()).unwrap();
        for name in ["train face 0", "val face 3"] {
            let image = image::load_from_memory(&thumbnails.png(name, 24).unwrap()).unwrap();
            assert_eq!((image.width(), image.height()), (24, 24));
        }
        let message = format!("{:#}", thumbnails.png("val face x", 24).unwrap_err());
        assert!(message.contains("no image val face x"), "{message}");
    }
}
