//! Which classes are taken for which.

use super::Group;

/// How often images of each true class were given each class, summed over the runs of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// `[true class][given class]`
    pub counts: Vec<Vec<usize>>,
    /// Images of which no class could be read, since a logit is NaN.
    pub unread: usize,
}

/// A class taken for another.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The true class.
    pub truth: usize,
    /// What it was taken for.
    pub given: usize,
    /// How often.
    pub count: usize,
    /// As a share of the true class's images \[%\].
    pub percent: f64,
}

impl Confusion {
    /// Over the shown runs of `group`, which know so many `classes`; none where no run has been measured.
    pub fn of(group: &Group, classes: usize) -> Option<Self> {
        let mut confusion = Self { counts: vec![vec![0; classes]; classes], unread: 0 };
        let measured: Vec<_> = group.shown().into_iter().filter_map(|run| run.val.as_ref()).collect();
        for answers in &measured {
            for (&label, given) in answers.labels.iter().zip(&answers.predicted) {
                match given {
                    Some(given) => confusion.counts[label as usize][*given] += 1,
                    None => confusion.unread += 1,
                }
            }
        }
        (!measured.is_empty()).then_some(confusion)
    }

    /// The share of class `truth` that was given class `given` \[%\]; 0 for a class without images.
    pub fn percent(&self, truth: usize, given: usize) -> f64 {
        let all: usize = self.counts[truth].iter().sum();
        if all == 0 { 0.0 } else { 100.0 * self.counts[truth][given] as f64 / all as f64 }
    }

    /// The `most` pairs of different classes that were confused most often.
    pub fn pairs(&self, most: usize) -> Vec<Pair> {
        let classes = self.counts.len();
        let cells = (0..classes).flat_map(|truth| (0..classes).map(move |given| (truth, given)));
        let wrong = cells.filter(|&(truth, given)| truth != given && self.counts[truth][given] > 0);
        let mut pairs: Vec<Pair> = wrong
            .map(|(truth, given)| Pair {
                truth,
                given,
                count: self.counts[truth][given],
                percent: self.percent(truth, given),
            })
            .collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        pairs.truncate(most);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_by_their_count() {
        let confusion = Confusion { counts: vec![vec![5, 3, 2], vec![0, 0, 0], vec![4, 0, 6]], unread: 0 };
        let pairs = confusion.pairs(2);
        assert_eq!((pairs[0].truth, pairs[0].given, pairs[0].count, pairs[0].percent), (2, 0, 4, 40.0));
        assert_eq!((pairs[1].truth, pairs[1].given, pairs[1].count), (0, 1, 3));
        assert_eq!((confusion.pairs(10).len(), confusion.percent(1, 0)), (3, 0.0));
    }
}
