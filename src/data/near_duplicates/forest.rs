//! Nearest neighbours among many vectors without comparing every pair: a forest of random projection trees.
//!
//! Each tree halves the vectors again and again by a plane between two of them, drawn at random, until few are left in a
//! leaf (Dasgupta and Freund 2008, "Random projection trees and low dimensional manifolds"; the draw of the plane is that
//! of Spotify's Annoy). Close vectors share a leaf in most trees, and only vectors that share one are compared: the cost
//! grows like n log n. Trees are drawn by [`Stream`], so that the result is a function of the vectors alone.

use rayon::prelude::*;

use super::descriptor::dot;
use crate::random::{Purpose, Stream};

/// Number of trees. More trees miss fewer neighbours.
const TREES: u32 = 24;
/// Largest number of vectors in a leaf.
const LEAF: usize = 64;

/// Vectors of length 1, in rows.
pub struct Vectors {
    /// Length of a row.
    pub length: usize,
    /// `[n, length]`
    pub values: Vec<f32>,
}

impl Vectors {
    fn row(&self, index: u32) -> &[f32] {
        &self.values[index as usize * self.length..][..self.length]
    }

    fn count(&self) -> usize {
        self.values.len() / self.length
    }
}

/// Finds the neighbours of every `step`th of `vectors`: at most `most` whose cosine is at least `least`, the closest first.
/// Neighbours are approximate: a few are missed.
pub fn neighbours(vectors: &Vectors, step: usize, most: usize, least: f32) -> Vec<Vec<u32>> {
    let trees: Vec<Tree> = (0..TREES).into_par_iter().map(|number| Tree::grow(vectors, number)).collect();
    let queries: Vec<u32> = (0..vectors.count() as u32).step_by(step).collect();
    let of = |&query: &u32| {
        let mut others: Vec<u32> = trees.iter().flat_map(|tree| tree.leaf(query)).copied().collect();
        others.sort_unstable();
        others.dedup();
        let own = vectors.row(query);
        let mut close: Vec<(f32, u32)> = others
            .into_iter()
            .filter(|&other| other != query)
            .map(|other| (dot(own, vectors.row(other)), other))
            .filter(|(cosine, _)| *cosine >= least)
            .collect();
        close.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        close.into_iter().take(most).map(|(_, other)| other).collect()
    };
    queries.par_iter().map(of).collect()
}

struct Tree {
    /// Numbers of the vectors, leaf after leaf.
    order: Vec<u32>,
    /// Where each leaf begins in `order`, and the end of the last.
    begins: Vec<u32>,
    /// The leaf of each vector.
    leaves: Vec<u32>,
}

impl Tree {
    fn grow(vectors: &Vectors, number: u32) -> Self {
        let mut order: Vec<u32> = (0..vectors.count() as u32).collect();
        let mut tree = Self { order: Vec::new(), begins: vec![0], leaves: vec![0; vectors.count()] };
        tree.divide(vectors, &mut order, number, 1);
        Self { order, ..tree }
    }

    /// Divides `part` of the order, which is node `node` of tree `number` in the numbering of a binary heap.
    fn divide(&mut self, vectors: &Vectors, part: &mut [u32], number: u32, node: u32) {
        if part.len() <= LEAF {
            let leaf = self.begins.len() as u32 - 1;
            part.iter().for_each(|&vector| self.leaves[vector as usize] = leaf);
            self.begins.push(self.begins[leaf as usize] + part.len() as u32);
            return;
        }
        let mut draws = Stream::new(0, Purpose::NearDuplicates, number, node);
        let [a, b] = [0; 2].map(|_| vectors.row(part[draws.below(part.len() as u32) as usize]));
        let across: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let mut projected: Vec<(f32, u32)> =
            part.iter().map(|&vector| (dot(&across, vectors.row(vector)), vector)).collect();
        let middle = part.len() / 2;
        projected.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        part.iter_mut().zip(&projected).for_each(|(place, (_, vector))| *place = *vector);
        drop(projected);
        let (low, high) = part.split_at_mut(middle);
        self.divide(vectors, low, number, 2 * node);
        self.divide(vectors, high, number, 2 * node + 1);
    }

    /// The vectors in the leaf of `vector`.
    fn leaf(&self, vector: u32) -> &[u32] {
        let leaf = self.leaves[vector as usize] as usize;
        &self.order[self.begins[leaf] as usize..self.begins[leaf + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_every_close_neighbour_is_found() {
        let (n, length) = (3000u32, 20);
        let mut values: Vec<f32> = Vec::new();
        for number in 0..n {
            let mut draws = Stream::new(1, Purpose::NearDuplicates, 0, number);
            // Each odd vector lies beside the one before.
            let mut row: Vec<f32> = match number % 2 {
                0 => (0..length).map(|_| draws.normal() as f32).collect(),
                _ => values[values.len() - length..].iter().map(|value| value + 0.1 * draws.normal() as f32).collect(),
            };
            let size = dot(&row, &row).sqrt();
            row.iter_mut().for_each(|value| *value /= size);
            values.extend(row);
        }
        let vectors = Vectors { length, values };
        let found = neighbours(&vectors, 1, 3, 0.5);
        let missed = (0..n).filter(|&number| found[number as usize].first() != Some(&(number ^ 1))).count();
        assert!(missed < n as usize / 100, "{missed}");
        assert!(found.iter().all(|close| close.len() <= 3));
        assert_eq!(neighbours(&vectors, 3, 3, 0.5)[7], found[21]);
    }
}
