//! Hashes of decoded pixels, which find duplicates and identify a data set.

use std::collections::HashMap;

use xxhash_rust::xxh3::Xxh3;

use super::decoded_image::DecodedImage;
use crate::data::splits::split_name::SplitName;

/// Hashes width, height, channels and pixels with xxh3 (128 bits). Files that decode to the same image have equal hashes,
/// whatever their names, formats and metadata. The hash does not resist forgery.
pub fn pixels(image: &DecodedImage) -> u128 {
    let mut hash = Xxh3::new();
    for number in [image.width, image.height, image.channels] {
        hash.update(&number.to_le_bytes());
    }
    hash.update(&image.pixels);
    hash.digest128()
}

/// Computes the fingerprint of a data set, 32 hex digits: a hash of its classes and, split by split, of the labels and pixel
/// hashes in order. File names and paths have no influence. `splits` gives the labels and pixel hashes of each split.
pub fn fingerprint<Images: ExactSizeIterator<Item = (u32, u128)>>(
    classes: &[String],
    splits: impl IntoIterator<Item = (SplitName, Images)>,
) -> String {
    let mut hash = Xxh3::new();
    text(&mut hash, "mindgap data 1");
    number(&mut hash, classes.len());
    classes.iter().for_each(|class| text(&mut hash, class));
    for (name, images) in splits {
        text(&mut hash, &name.to_string());
        number(&mut hash, images.len());
        for (label, pixels) in images {
            hash.update(&label.to_le_bytes());
            hash.update(&pixels.to_le_bytes());
        }
    }
    format!("{:032x}", hash.digest128())
}

/// The fingerprint of a data set whose images have groups: a hash of `fingerprint` and of the group of each image in order.
/// Which number a group has makes no difference, only which images share one.
pub fn with_groups(fingerprint: &str, groups: impl IntoIterator<Item = u32>) -> String {
    let mut hash = Xxh3::new();
    text(&mut hash, "mindgap groups 1");
    text(&mut hash, fingerprint);
    let mut numbers: HashMap<u32, usize> = HashMap::new();
    for group in groups {
        let next = numbers.len();
        number(&mut hash, *numbers.entry(group).or_insert(next));
    }
    format!("{:032x}", hash.digest128())
}

/// The fingerprint of a data set whose training images have soft labels: a hash of `fingerprint` and of the probabilities of each image in
/// order, if it has any.
pub fn with_soft_labels<'a>(fingerprint: &str, rows: impl IntoIterator<Item = Option<&'a [f32]>>) -> String {
    let mut hash = Xxh3::new();
    text(&mut hash, "mindgap soft labels 1");
    text(&mut hash, fingerprint);
    for row in rows {
        number(&mut hash, row.map_or(0, <[f32]>::len));
        row.into_iter().flatten().for_each(|probability| hash.update(&probability.to_le_bytes()));
    }
    format!("{:032x}", hash.digest128())
}

/// The hash of the sample ids of several splits, 32 hex digits.
pub fn sample_ids<'a>(splits: impl IntoIterator<Item = &'a [u32]>) -> String {
    let mut hash = Xxh3::new();
    text(&mut hash, "mindgap sample ids 1");
    for ids in splits {
        number(&mut hash, ids.len());
        ids.iter().for_each(|id| hash.update(&id.to_le_bytes()));
    }
    format!("{:032x}", hash.digest128())
}

fn number(hash: &mut Xxh3, number: usize) {
    hash.update(&(number as u64).to_le_bytes());
}

/// Hashes the length before the text, so that two different lists of names never give the same bytes.
fn text(hash: &mut Xxh3, text: &str) {
    number(hash, text.len());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_of_another_shape_have_another_hash() {
        let image = |width, height, channels| DecodedImage { width, height, channels, pixels: vec![7; 12] };
        let hashes = [image(2, 6, 1), image(6, 2, 1), image(2, 2, 3)].map(|image| pixels(&image));
        assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
        assert_eq!(hashes[0], pixels(&image(2, 6, 1)));
    }

    #[test]
    fn the_fingerprint_sees_soft_labels() {
        let of = |rows: [Option<&[f32]>; 2]| with_soft_labels("00ff", rows);
        let first = of([Some(&[0.5, 0.5]), None]);
        assert_eq!(first, of([Some(&[0.5, 0.5]), None]));
        for other in [of([None, Some(&[0.5, 0.5])]), of([Some(&[0.25, 0.75]), None]), of([None, None]), "00ff".into()] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn sample_ids_are_those_of_each_split() {
        let of = |train: &[u32], val: &[u32]| sample_ids([train, val]);
        let first = of(&[0, 1], &[0]);
        assert_eq!((first.len(), &first), (32, &of(&[0, 1], &[0])));
        assert!(first != of(&[0, 2], &[0]) && first != of(&[0], &[1, 0]));
    }

    #[test]
    fn the_fingerprint_sees_classes_order_labels_pixels_and_splits() {
        let of = |classes: [&str; 2], split, images: &[(u32, u128)]| {
            fingerprint(&classes.map(str::to_owned), [(split, images.iter().copied())])
        };
        let first = of(["a", "b"], SplitName::Train, &[(0, 5), (1, 6)]);
        assert_eq!(first, of(["a", "b"], SplitName::Train, &[(0, 5), (1, 6)]));
        assert_eq!(first.len(), 32);
        for other in [
            of(["ab", ""], SplitName::Train, &[(0, 5), (1, 6)]),
            of(["a", "b"], SplitName::Val, &[(0, 5), (1, 6)]),
            of(["a", "b"], SplitName::Train, &[(1, 5), (0, 6)]),
            of(["a", "b"], SplitName::Train, &[(0, 6), (1, 5)]),
            of(["a", "b"], SplitName::Train, &[(0, 5)]),
        ] {
            assert_ne!(first, other);
        }
    }
}
