//! Thumbnails of val images for reports, as PNG files.

use std::{io::Cursor, sync::Arc};

use anyhow::{Context, Result, ensure};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::data::{
    decoding::{decoded_image::DecodedImage, resize},
    list_splits::listed,
    options::Options,
    sources::{listing::Samples, source::Source},
    splits::split::Split,
};

/// The images of one split, found by their sample ids.
#[derive(Clone)]
pub struct Gallery {
    source: Arc<Source>,
    ids: Vec<u32>,
    labels: Vec<u32>,
}

impl Gallery {
    /// Lists the val images of `source` as `options` say, images that cannot be read included; no image is read yet. Where
    /// val is a fold, those of all folds are listed.
    ///
    /// # Errors
    /// The source or a list is missing or wrongly laid out.
    pub fn of_val(source: &str, options: &Options) -> Result<Self> {
        let options = Options { skip_bad: true, ..options.clone() };
        let listing = listed(source, &options)?;
        let Samples { source, mut ids, mut labels, .. } = listing.val.context("val holds no image")?;
        if options.fold.is_some() {
            // The other folds train here, and have the same source.
            ids.extend(&listing.train.ids);
            labels.extend(&listing.train.labels);
        }
        Ok(Self { source, ids, labels })
    }

    /// Checks that the samples `ids` still have these `labels`.
    ///
    /// # Errors
    /// A label differs or an id is missing: the source has changed since the ids were recorded.
    pub fn check(&self, ids: &[i64], labels: &[i64]) -> Result<()> {
        let here: std::collections::HashMap<i64, i64> =
            self.ids.iter().map(|&id| i64::from(id)).zip(self.labels.iter().map(|&label| i64::from(label))).collect();
        let same = ids.iter().zip(labels).all(|(id, label)| here.get(id) == Some(label));
        ensure!(same, "the images are no longer those that were measured");
        Ok(())
    }

    /// Names sample `id` for the user: its path, or the line of its table.
    ///
    /// # Errors
    /// There is no such sample.
    pub fn name(&self, id: i64) -> Result<String> {
        Ok(self.source.name(self.known(id)?))
    }

    /// Encodes sample `id` as a PNG file in `channels` (1 or 3) with a longer side of at most `side` pixels.
    ///
    /// # Errors
    /// There is no such sample, or its file can no longer be read.
    pub fn thumbnail(&self, id: i64, channels: u32, side: u32) -> Result<Vec<u8>> {
        let image = self.source.shown(self.known(id)?)?.into_channels(channels);
        png(&resize::shrink(image, side)?)
    }

    fn known(&self, id: i64) -> Result<u32> {
        let found = u32::try_from(id).ok().filter(|id| self.ids.contains(id));
        found.with_context(|| format!("there is no val image {id}"))
    }
}

impl Split {
    /// The gallery of this split.
    pub fn gallery(&self) -> Gallery {
        Gallery { source: Arc::clone(&self.source), ids: self.ids.clone(), labels: self.labels.clone() }
    }
}

/// Encodes an image as a PNG file.
pub fn png(image: &DecodedImage) -> Result<Vec<u8>> {
    let colour = if image.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Cursor::new(Vec::new());
    PngEncoder::new(&mut file).write_image(&image.pixels, image.width, image.height, colour)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_val_image_becomes_a_small_png() {
        let gallery = Gallery::of_val("faces", &Options::default()).unwrap();
        let file = gallery.thumbnail(3, 1, 24).unwrap();
        let image = image::load_from_memory(&file).unwrap();
        assert_eq!((image.width(), image.height()), (24, 24));
        assert_eq!(gallery.name(3).unwrap(), "val face 3");
        assert!(gallery.thumbnail(-1, 1, 24).is_err() && gallery.name(1 << 40).is_err());
        // A smaller image is not enlarged.
        let small = image::load_from_memory(&gallery.thumbnail(3, 1, 500).unwrap()).unwrap();
        assert_eq!(small.width(), 48);
    }

    #[test]
    fn a_source_that_has_changed_is_noticed() {
        let gallery = Gallery::of_val("faces", &Options::default()).unwrap();
        let label = i64::from(gallery.labels[5]);
        assert!(gallery.check(&[5], &[label]).is_ok());
        assert!(gallery.check(&[5], &[label + 1]).is_err());
        assert!(gallery.check(&[100_000], &[label]).is_err());
    }
}
