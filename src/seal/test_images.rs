//! The images of a test set: their fingerprint, and the order in which a seal stores what belongs to each.

use anyhow::Result;
use safetensors::Dtype;

use crate::durable::{Archive, Array, sha256};

/// The images of a test set, in an order that no file name, folder or table decides: by pixel hash, then by class.
#[derive(Clone, Debug)]
pub struct TestImages {
    /// The position of each image in the split \[n\], in the order of the seal.
    order: Vec<usize>,
    /// Hash of the decoded pixels \[n\].
    hashes: Vec<u128>,
    /// Class \[n\], an index into `classes`.
    labels: Vec<u32>,
    /// The classes that have images, sorted by name.
    pub classes: Vec<String>,
    /// SHA-256 over pixel hash and class name of each image, 64 hex digits. Names and order of the files have no influence.
    pub fingerprint: String,
}

impl TestImages {
    /// The test images with these `hashes` \[n\] of their decoded pixels and these class names \[n\].
    ///
    /// # Panics
    /// When the lengths differ: that is an error of the program, not of its user.
    pub fn new(hashes: &[u128], class_of: &[&str]) -> Self {
        assert_eq!(hashes.len(), class_of.len(), "a class for each image");
        let mut order: Vec<usize> = (0..hashes.len()).collect();
        order.sort_by_key(|&image| (hashes[image], class_of[image]));
        let mut classes: Vec<String> = class_of.iter().map(|&class| class.to_owned()).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut text = Vec::from(*b"mindgap test set 1\n");
        for &image in &order {
            // The length first, so that no class name can be read as another image.
            text.extend(format!("{:032x} {} {}\n", hashes[image], class_of[image].len(), class_of[image]).as_bytes());
        }
        Self {
            hashes: order.iter().map(|&image| hashes[image]).collect(),
            labels: order
                .iter()
                .map(|&image| classes.partition_point(|class| class.as_str() < class_of[image]) as u32)
                .collect(),
            order,
            classes,
            fingerprint: sha256(&text),
        }
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// The `values` of the images, given in the order of the split, in the order of the seal.
    pub fn sorted<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.order.iter().map(|&image| values[image]).collect()
    }

    /// The file of the images: arrays `hashes` u8 \[n, 16\] (big-endian), `labels` u32 \[n\] and, where the images have
    /// groups, `groups` u32 \[n\], given in the order of the split.
    ///
    /// # Errors
    /// Never in practice; the writer's error is passed on.
    pub fn to_bytes(&self, groups: Option<&[u32]>) -> Result<Vec<u8>> {
        let n = self.count();
        let mut arrays = vec![
            Array::of("hashes", Dtype::U8, &[n, 16], self.hashes.iter().map(|hash| hash.to_be_bytes())),
            Array::of("labels", Dtype::U32, &[n], self.labels.iter().map(|label| label.to_le_bytes())),
        ];
        if let Some(groups) = groups {
            let groups = self.sorted(groups);
            arrays.push(Array::of("groups", Dtype::U32, &[n], groups.into_iter().map(u32::to_le_bytes)));
        }
        Archive { metadata: Default::default(), arrays }.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_sees_pixels_and_classes_and_not_the_order() {
        let of = |hashes: &[u128], classes: &[&str]| TestImages::new(hashes, classes).fingerprint;
        let first = of(&[5, 3, 3], &["cat", "dog", "cat"]);
        assert_eq!(first, of(&[3, 3, 5], &["cat", "dog", "cat"]));
        assert_eq!(first.len(), 64);
        for other in [
            of(&[5, 3], &["cat", "dog"]),
            of(&[5, 3, 3], &["cat", "dog", "dog"]),
            of(&[5, 3, 4], &["cat", "dog", "cat"]),
            of(&[5, 3, 3], &["Cat", "dog", "Cat"]),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn values_and_groups_follow_their_images() {
        let images = TestImages::new(&[5, 3, 4], &["b", "c", "a"]);
        assert_eq!(images.sorted(&[50, 30, 40]), [30, 40, 50]);
        assert_eq!((&images.labels, images.classes.join("")), (&vec![2, 0, 1], "abc".to_owned()));
        let archive = Archive::from_any_safetensors(&images.to_bytes(Some(&[7, 8, 9])).unwrap()).unwrap();
        assert_eq!(archive.array("groups").unwrap().bytes, [8, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0]);
        assert!(images.to_bytes(None).unwrap().len() < images.to_bytes(Some(&[7, 8, 9])).unwrap().len());
    }
}
