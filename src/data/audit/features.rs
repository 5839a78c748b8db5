//! What a network makes of the images of an audit, computed by the caller.

use std::collections::HashMap;

use super::SplitName;

/// Features of images: numbers from inside a network, by which further candidates for near-duplicates are found.
#[derive(Clone, Debug, Default)]
pub struct Features {
    length: usize,
    of: HashMap<(SplitName, u32), Vec<f32>>,
}

impl Features {
    /// Without an image, `length` numbers each.
    pub fn new(length: usize) -> Self {
        Self { length, of: HashMap::new() }
    }

    /// Adds the images of `split` with these sample `ids` `[n]`, whose features are the rows of `values` `[n, length]`.
    ///
    /// # Panics
    /// When `values` has another number of rows: that is an error of the program, not of its user.
    pub fn add(&mut self, split: SplitName, ids: &[u32], values: &[f32]) {
        assert_eq!(values.len(), ids.len() * self.length, "each image has {} features", self.length);
        for (&id, row) in ids.iter().zip(values.chunks_exact(self.length)) {
            self.of.insert((split, id), row.to_vec());
        }
    }

    /// The features of sample `id` of `split`, if they were added.
    pub(super) fn get(&self, split: SplitName, id: u32) -> Option<&[f32]> {
        self.of.get(&(split, id)).map(|row| &row[..])
    }
}
