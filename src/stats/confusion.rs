//! The confusion matrix, and the scores of each class. Definitions are scikit-learn's.

/// How often images of each true class were predicted as each class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// `[true class][predicted class]`
    pub counts: Vec<Vec<usize>>,
    /// Images of each true class without a prediction, since a logit is NaN.
    pub unread: Vec<usize>,
}

/// A pair of classes that were confused.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusedPair {
    /// The true class.
    pub truth: usize,
    /// The predicted class.
    pub given: usize,
    /// Number of images.
    pub count: usize,
    /// Share of the true class's images \[%\].
    pub percent: f64,
}

/// How well one class is recognised. A quotient with denominator 0 is 0, as in scikit-learn.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ClassScore {
    /// Share of the images predicted as this class that belong to it, 0–1.
    pub precision: f64,
    /// Share of the images of this class that were predicted as it, 0–1.
    pub recall: f64,
    /// The harmonic mean of precision and recall, 0–1.
    pub f1: f64,
    /// Images of this class.
    pub support: usize,
}

impl Confusion {
    /// Counts the predictions `given` for images whose true classes are `labels`, all in 0..`classes`; a prediction is None
    /// where a logit is NaN.
    pub fn new(classes: usize, labels: &[i64], given: &[Option<usize>]) -> Self {
        let mut confusion = Self { counts: vec![vec![0; classes]; classes], unread: vec![0; classes] };
        confusion.add(labels, given);
        confusion
    }

    /// Counts more images.
    pub fn add(&mut self, labels: &[i64], given: &[Option<usize>]) {
        for (&label, given) in labels.iter().zip(given) {
            match given {
                Some(given) => self.counts[label as usize][*given] += 1,
                None => self.unread[label as usize] += 1,
            }
        }
    }

    /// Share of class `truth` that was predicted as class `given` \[%\]; 0 for a class without images.
    pub fn percent(&self, truth: usize, given: usize) -> f64 {
        100.0 * ratio(self.counts[truth][given], self.counts[truth].iter().sum())
    }

    /// The `most` pairs of different classes that were confused most often.
    pub fn pairs(&self, most: usize) -> Vec<ConfusedPair> {
        let classes = self.counts.len();
        let mut pairs = Vec::new();
        for truth in 0..classes {
            for given in 0..classes {
                let count = self.counts[truth][given];
                if truth != given && count > 0 {
                    pairs.push(ConfusedPair { truth, given, count, percent: self.percent(truth, given) });
                }
            }
        }
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        pairs.truncate(most);
        pairs
    }

    /// Precision, recall and F1 of each class: `precision_recall_fscore_support(labels=range(classes))`.
    pub fn scores(&self) -> Vec<ClassScore> {
        let mut scores = Vec::with_capacity(self.counts.len());
        for class in 0..self.counts.len() {
            let right = self.counts[class][class];
            let support = self.support(class);
            let given = self.given(class);
            scores.push(ClassScore {
                precision: ratio(right, given),
                recall: ratio(right, support),
                f1: ratio(2 * right, support + given),
                support,
            });
        }
        scores
    }

    /// Mean F1 over the classes that have images or were predicted, 0–1: `f1_score(average="macro")`. A class that was
    /// predicted but has no image counts as 0; a class without either does not count.
    pub fn macro_f1(&self) -> f64 {
        self.mean_over(|class| self.support(class) + self.given(class) > 0, |score| score.f1)
    }

    /// The mean recall over the classes that have images, 0–1: `balanced_accuracy_score`.
    pub fn balanced_accuracy(&self) -> f64 {
        self.mean_over(|class| self.support(class) > 0, |score| score.recall)
    }

    fn mean_over(&self, counts: impl Fn(usize) -> bool, figure: impl Fn(&ClassScore) -> f64) -> f64 {
        let scores = self.scores();
        let chosen: Vec<f64> = (0..scores.len()).filter(|&class| counts(class)).map(|c| figure(&scores[c])).collect();
        super::mean(&chosen)
    }

    /// Images of `class`.
    fn support(&self, class: usize) -> usize {
        self.counts[class].iter().sum::<usize>() + self.unread[class]
    }

    /// Images that were given `class`.
    fn given(&self, class: usize) -> usize {
        self.counts.iter().map(|row| row[class]).sum()
    }
}

/// part / whole; 0 of nothing.
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::golden::{assert_all_close, assert_close, golden_of_classes};

    #[test]
    fn pairs_come_by_their_count() {
        let confusion = Confusion { counts: vec![vec![5, 3, 2], vec![0, 0, 0], vec![4, 0, 6]], unread: vec![0; 3] };
        let pairs = confusion.pairs(2);
        assert_eq!((pairs[0].truth, pairs[0].given, pairs[0].count, pairs[0].percent), (2, 0, 4, 40.0));
        assert_eq!((pairs[1].truth, pairs[1].given, pairs[1].count), (0, 1, 3));
        assert_eq!((confusion.pairs(10).len(), confusion.percent(1, 0)), (3, 0.0));
    }

    #[test]
    fn scores_agree_with_scikit_learn() {
        let golden = golden_of_classes();
        // All classes occur; one is never given; one has no image; one occurs on neither side.
        for case in ["all", "never_given", "without_images", "absent"] {
            let numbers = |name: &str| golden.numbers(&format!("{case}_{name}"));
            let labels: Vec<i64> = numbers("labels").into_iter().map(|label| label as i64).collect();
            let given: Vec<_> = numbers("given").into_iter().map(|class| Some(class as usize)).collect();
            let confusion = Confusion::new(golden.classes(), &labels, &given);
            let counts: Vec<f64> = confusion.counts.iter().flatten().map(|&count| count as f64).collect();
            assert_eq!(counts, numbers("confusion"), "{case}");
            let scores = confusion.scores();
            let column = |figure: fn(&ClassScore) -> f64| scores.iter().map(figure).collect::<Vec<f64>>();
            assert_all_close(&column(|score| score.precision), &numbers("precision"), 1e-15);
            assert_all_close(&column(|score| score.recall), &numbers("recall"), 1e-15);
            assert_all_close(&column(|score| score.f1), &numbers("f1"), 1e-15);
            assert_all_close(&column(|score| score.support as f64), &numbers("support"), 0.0);
            assert_close(confusion.macro_f1(), golden.number(&format!("{case}_macro_f1")), 1e-15);
            assert_close(confusion.balanced_accuracy(), golden.number(&format!("{case}_balanced_accuracy")), 1e-15);
        }
    }

    #[test]
    fn an_image_of_which_no_class_can_be_read_is_missed() {
        let confusion = Confusion::new(2, &[0, 0, 1], &[Some(0), None, Some(1)]);
        let scores = confusion.scores();
        assert_eq!((scores[0].recall, scores[0].precision, scores[0].support), (0.5, 1.0, 2));
        assert_eq!(confusion.balanced_accuracy(), 0.75);
    }
}
