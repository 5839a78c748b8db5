//! The near-duplicates of an audit, over all splits.

use super::{Features, SplitName, examine::ExaminedImage};
use crate::data::{
    near_duplicates::{self, Found, Pair, Searched},
    read_progress::ReadProgress,
};

/// Near-duplicates among all images. Images are named by their numbers.
pub struct Near {
    /// The pairs, first those across two splits, then by residual. Of equal images only the first is in a pair.
    pub pairs: Vec<Pair>,
    /// For each image, whether it is a near leak: a near-duplicate, but no equal image, of it is in train.
    pub leaks: Vec<bool>,
    /// Images that resemble many others without being copies of them.
    look_alikes: usize,
}

impl Near {
    /// Searches all of `images`, in which train comes first; `features` add candidates.
    pub fn among(images: &[ExaminedImage], features: Option<&Features>, progress: &dyn ReadProgress) -> Self {
        let mut searched = Vec::new();
        for ExaminedImage { split, id, properties, .. } in images {
            searched.push(Searched {
                hash: properties.hash,
                thumbnail: properties.thumbnail.as_ref(),
                features: features.and_then(|features| features.get(*split, *id)),
            });
        }
        let Found { mut pairs, look_alikes } = near_duplicates::find(&searched, progress);
        let hashes: Vec<u128> = images.iter().map(|image| image.properties.hash).collect();
        let train = images.iter().filter(|image| image.split == SplitName::Train).count();
        let leaks = near_duplicates::near_leaks(&hashes, train, &pairs);
        let is_within = |pair: &Pair| images[pair.a as usize].split == images[pair.b as usize].split;
        pairs.sort_by(|a, b| is_within(a).cmp(&is_within(b)).then(a.residual.total_cmp(&b.residual)));
        Self { pairs, leaks, look_alikes }
    }

    /// What is said of look-alikes, if there are any.
    pub fn note(&self) -> Option<String> {
        (self.look_alikes > 0).then(|| {
            format!(
                "{} images show things so simple that many of them resemble one another: they do not count as near-duplicates.",
                self.look_alikes
            )
        })
    }

    /// Number of near leaks in `split`.
    pub fn leaks_of(&self, images: &[ExaminedImage], split: SplitName) -> usize {
        images.iter().zip(&self.leaks).filter(|(image, is_leak)| image.split == split && **is_leak).count()
    }
}
