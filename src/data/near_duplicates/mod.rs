//! Near-duplicates: images that show one photograph, re-encoded, cropped, stretched, mirrored, brighter or darker.
//!
//! Each image is kept as a small grey picture (`thumbnail`) and described by a short vector (`descriptor`). Images whose
//! vectors are close, as they are or mirrored, are candidates (`forest`), as are those that a network finds alike. A
//! candidate pair is confirmed if one image can be registered to the other and little is left unexplained
//! (`registration`). Large groups in which few resemble one another are left out (`look_alikes`).
//!
//! The cost grows like n log n. Memory is bounded by about 2 kB an image beside the pairs, of which there are at most
//! [`CANDIDATES`] + [`RELATIVES`] an image.

mod descriptor;
mod forest;
mod graph;
mod leaks;
mod look_alikes;
mod registration;
pub mod thumbnail;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

pub use leaks::near_leaks;
pub use registration::RESIDUAL;

use crate::data::read_progress::ReadProgress;
use forest::Vectors;
use registration::Reference;
use thumbnail::Thumbnail;

/// Smallest cosine between the descriptions of a candidate pair.
const COSINE: f32 = 0.7;
/// Smallest cosine between the features of a candidate pair.
const FEATURE_COSINE: f32 = 0.5;
/// Largest number of candidates of an image that its description finds, and that its features find.
const CANDIDATES: usize = 16;
/// Largest number of candidates of an image that are near-duplicates of its near-duplicates. They complete groups that have
/// more members than an image has candidates.
const RELATIVES: usize = 128;

/// Largest number of times that candidates are sought and tested.
const ROUNDS: usize = 4;

/// Two near-duplicates, by their numbers in the list that was searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub a: u32,
    /// Larger than `a`.
    pub b: u32,
    /// Share of the variance of detail that registration leaves unexplained, 0 to [`RESIDUAL`].
    pub residual: f32,
}

/// Pairs to test: for each first image, the second ones, each as it is (false) or mirrored (true).
type Candidates = BTreeMap<u32, Vec<(u32, bool)>>;

/// An image as the search sees it.
#[derive(Clone, Copy)]
pub struct Searched<'a> {
    /// Hash of the decoded pixels. Of equal images only the first is compared.
    pub hash: u128,
    /// None for an image without detail, which has no near-duplicate.
    pub thumbnail: Option<&'a Thumbnail>,
    /// What a network makes of the image, where there is one: further candidates are those whose features are close. All
    /// images have as many.
    pub features: Option<&'a [f32]>,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The near-duplicate pairs, sorted by their numbers.
    pub pairs: Vec<Pair>,
    /// Images that resemble many others without being copies of them, and are in no pair.
    pub look_alikes: usize,
}

/// Finds the near-duplicates among `images`.
pub fn find(images: &[Searched], progress: &dyn ReadProgress) -> Found {
    let mut known = HashSet::new();
    let thumbnails: Vec<Option<&Thumbnail>> =
        images.iter().map(|image| image.thumbnail.filter(|_| known.insert(image.hash))).collect();
    let mut found = BTreeMap::new();
    let mut candidates = described(&thumbnails);
    for (a, others) in alike_to_a_network(images, &thumbnails) {
        candidates.entry(a).or_default().extend(others);
    }
    for others in candidates.values_mut() {
        others.sort_unstable();
        others.dedup();
    }
    for _ in 0..ROUNDS {
        let before = found.len();
        found.extend(confirm(&thumbnails, &candidates, progress));
        if found.len() == before {
            break;
        }
        candidates = relatives(&found);
    }
    let chained = look_alikes::look_alikes(&thumbnails, &found);
    found.retain(|(a, _), _| !chained.contains(a));
    let pairs = found.into_iter().map(|((a, b), residual)| Pair { a, b, residual }).collect();
    Found { pairs, look_alikes: chained.len() }
}

/// The candidates whose descriptions are close.
fn described(thumbnails: &[Option<&Thumbnail>]) -> Candidates {
    let present: Vec<(u32, &Thumbnail)> =
        (0..).zip(thumbnails).filter_map(|(number, thumbnail)| Some((number, (*thumbnail)?))).collect();
    // Two rows for each image: as it is, and mirrored.
    let rows = |(_, thumbnail): &(u32, &Thumbnail)| {
        [false, true].map(|is_mirrored| descriptor::describe(&thumbnail.values(is_mirrored)))
    };
    let rows: Vec<_> = present.par_iter().map(rows).collect();
    let vectors = Vectors { length: descriptor::LENGTH, values: rows.as_flattened().as_flattened().to_vec() };
    drop(rows);
    let mut candidates = Candidates::new();
    for (own, close) in forest::neighbours(&vectors, 2, CANDIDATES, COSINE).into_iter().enumerate() {
        for row in close {
            let (other, is_mirrored) = (row as usize / 2, row % 2 == 1);
            if other != own {
                let (a, b) = (present[own.min(other)].0, present[own.max(other)].0);
                candidates.entry(a).or_default().push((b, is_mirrored));
            }
        }
    }
    candidates
}

/// The candidates whose features are close, as they are and mirrored. The mean of all features is subtracted first: those of
/// a network that ends in a rectifier are all positive.
fn alike_to_a_network(images: &[Searched], thumbnails: &[Option<&Thumbnail>]) -> Candidates {
    let compared = (0..).zip(images).filter(|(number, _)| thumbnails[*number as usize].is_some());
    let present: Vec<(u32, &[f32])> = compared.filter_map(|(number, image)| Some((number, image.features?))).collect();
    let Some(length) = present.first().map(|(_, features)| features.len()).filter(|&length| length > 0) else {
        return Candidates::new();
    };
    let mut mean = vec![0.0; length];
    for (_, features) in &present {
        mean.iter_mut().zip(*features).for_each(|(mean, value)| *mean += value / present.len() as f32);
    }
    let mut values = Vec::with_capacity(length * present.len());
    for (_, features) in &present {
        let centred: Vec<f32> = features.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
        let size = descriptor::dot(&centred, &centred).sqrt().max(f32::MIN_POSITIVE);
        values.extend(centred.iter().map(|value| value / size));
    }
    let mut candidates = Candidates::new();
    let neighbours = forest::neighbours(&Vectors { length, values }, 1, CANDIDATES, FEATURE_COSINE);
    for (own, close) in neighbours.into_iter().enumerate() {
        for other in close {
            let (a, b) = (present[own.min(other as usize)].0, present[own.max(other as usize)].0);
            candidates.entry(a).or_default().extend([(b, false), (b, true)]);
        }
    }
    candidates
}

/// Tests the candidates: the confirmed pairs with their residuals.
fn confirm(
    thumbnails: &[Option<&Thumbnail>],
    candidates: &Candidates,
    progress: &dyn ReadProgress,
) -> BTreeMap<(u32, u32), f32> {
    progress.begin("Comparing images", candidates.len() as u64);
    let test = |(&a, others): (&u32, &Vec<(u32, bool)>)| {
        let Some(reference) = thumbnails[a as usize].map(Reference::of) else { return Vec::new() };
        let residual = |&(b, is_mirrored): &(u32, bool)| {
            let residual = reference.residual(thumbnails[b as usize]?, is_mirrored);
            (residual <= RESIDUAL).then_some(((a, b), residual))
        };
        let near: Vec<_> = others.iter().filter_map(residual).collect();
        progress.advance(1);
        near
    };
    let confirmed: Vec<_> = candidates.par_iter().flat_map_iter(test).collect();
    progress.end();
    let mut found = BTreeMap::new();
    for (pair, residual) in confirmed {
        let least = found.entry(pair).or_insert(residual);
        *least = residual.min(*least);
    }
    found
}

/// The pairs that have a near-duplicate in common and are not yet `found`.
fn relatives(found: &BTreeMap<(u32, u32), f32>) -> Candidates {
    let near = graph::partners(found);
    let mut candidates = Candidates::new();
    for (&a, own) in &near {
        let mut others: Vec<u32> = own.iter().flat_map(|middle| &near[middle]).copied().collect();
        others.retain(|&b| b > a && !found.contains_key(&(a, b)));
        others.sort_unstable();
        others.dedup();
        others.truncate(RELATIVES);
        if !others.is_empty() {
            candidates.insert(a, others.into_iter().flat_map(|b| [(b, false), (b, true)]).collect());
        }
    }
    candidates
}
