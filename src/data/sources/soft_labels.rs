//! Soft labels: probabilities of classes in place of one class.

use std::sync::Arc;

/// The number of the row of an image that keeps its label.
const NONE: u32 = u32::MAX;

/// The soft labels of n training images: where people disagree, or are not sure, the probability of each class in place of one
/// class.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftLabels {
    /// The row of each image \[n\]; [`NONE`] for an image that keeps its label.
    rows: Vec<u32>,
    /// Probabilities `[rows, classes]`, row by row.
    probabilities: Arc<Vec<f32>>,
    classes: usize,
}

impl SoftLabels {
    /// Soft labels of `images` images among `classes` classes, none of which has one yet.
    pub fn of_none(images: usize, classes: usize) -> Self {
        Self { rows: vec![NONE; images], probabilities: Arc::default(), classes }
    }

    /// Gives the image at `position` these `probabilities` \[classes\]. False where it has a soft label already.
    pub fn set(&mut self, position: u32, probabilities: &[f32]) -> bool {
        let row = &mut self.rows[position as usize];
        let is_first = *row == NONE;
        if is_first {
            *row = (self.probabilities.len() / self.classes) as u32;
            Arc::make_mut(&mut self.probabilities).extend(probabilities);
        }
        is_first
    }

    /// How many images have a soft label.
    pub fn count(&self) -> usize {
        self.rows.iter().filter(|row| **row != NONE).count()
    }

    /// The probabilities of the classes for the images at `positions`, `[positions, classes]` row by row. `labels` are those of all
    /// images: an image without a soft label has probability 1 for its own.
    pub fn of(&self, positions: &[u32], labels: &[u32]) -> Vec<f32> {
        let mut all = vec![0.0; positions.len() * self.classes];
        for (image, &position) in all.chunks_exact_mut(self.classes).zip(positions) {
            match self.row(position) {
                Some(row) => image.copy_from_slice(row),
                None => image[labels[position as usize] as usize] = 1.0,
            }
        }
        all
    }

    /// The share that each class has of the probabilities of all images, which have these `labels`.
    pub fn class_shares(&self, labels: &[u32]) -> Vec<f64> {
        let images = labels.len();
        let mut shares = vec![0.0; self.classes];
        for position in 0..images as u32 {
            for (share, probability) in shares.iter_mut().zip(self.of(&[position], labels)) {
                *share += f64::from(probability) / images as f64;
            }
        }
        shares
    }

    /// The soft labels of the images at `positions`, in that order.
    pub fn select(&self, positions: &[u32]) -> Self {
        let rows = positions.iter().map(|&position| self.rows[position as usize]).collect();
        Self { rows, ..self.clone() }
    }

    /// The soft label of the image at `position`, if it has one.
    pub fn row(&self, position: u32) -> Option<&[f32]> {
        let row = self.rows[position as usize];
        (row != NONE).then(|| &self.probabilities[row as usize * self.classes..][..self.classes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_votes_keep_their_label() {
        let soft =
            SoftLabels { rows: vec![1, NONE, 0], probabilities: Arc::new(vec![0.25, 0.75, 0.5, 0.5]), classes: 2 };
        let labels = [0, 1, 0];
        assert_eq!(soft.of(&[2, 1, 0], &labels), [0.25, 0.75, 0.0, 1.0, 0.5, 0.5]);
        let shares = soft.class_shares(&labels);
        assert!((shares[0] - 0.25).abs() < 1e-12 && (shares[1] - 0.75).abs() < 1e-12, "{shares:?}");
        assert_eq!(soft.select(&[1, 2]).of(&[0, 1], &[1, 0]), [0.0, 1.0, 0.25, 0.75]);
    }
}
