//! The best of several models on one test set: by how much the choice flatters its figure.

use super::{mean, resample_counts};
use crate::random::Stream;

/// Number of resamples.
const RESAMPLES: usize = 2000;

/// The best of k models on n images, and what the choice among them adds to its figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestOf {
    /// The index of the model with the highest mean score; the first of equally good ones.
    pub best: usize,
    /// The mean score of that model on all images.
    pub score: f64,
    /// By how much `score` exceeds, in expectation, the mean score on new images of a model that is chosen like this one.
    /// 0 for one model; NaN where no resample leaves an image out, as of a single image.
    pub optimism: f64,
}

/// The best of the models whose `scores[model][image]` are given, where higher is better, and the optimism of its mean score.
///
/// In each of 2,000 resamples b the images are drawn with replacement. The drawn ones choose a model m(b), and those that were
/// not drawn, about 37 %, measure it: they are independent of the choice. With s(m, b) the mean score of model m on the
/// images that were not drawn in b, and m* the best model on all images,
///
/// ```text
/// optimism = mean over b of  s(m*, b) − s(m(b), b)
/// ```
///
/// so that `score − optimism` is the mean figure of the chosen models on images that did not choose them (Tsamardinos,
/// Greasidou and Borboudakis, "Bootstrapping the out-of-sample predictions for efficient and accurate cross-validation",
/// Machine Learning 107, 2018). The difference to m* on the images of the same resample cancels the noise of resampling.
///
/// The drawn images hold less information than all of them, and choose a little worse: where the models differ by about as
/// much as the noise, the corrected figure is too low by a fraction of its standard error. Where they are equally good, it
/// is unbiased. The optimism of the plain bootstrap, which measures the chosen model on all images, leaves about 30 % of the
/// bias there: for it the observed differences are true ones.
///
/// `clusters[image]` is the group of each image (patient, video) where images are not independent: whole groups are drawn.
///
/// # Panics
/// When there is no model or no image, or the lengths differ: that is an error of the program, not of its user.
pub fn best_of(scores: &[Vec<f64>], clusters: Option<&[u32]>, draws: &mut Stream) -> BestOf {
    by_resamples(RESAMPLES, scores, clusters, draws)
}

fn by_resamples(resamples: usize, scores: &[Vec<f64>], clusters: Option<&[u32]>, draws: &mut Stream) -> BestOf {
    let images = scores[0].len();
    assert!(
        images > 0 && scores.iter().all(|of_model| of_model.len() == images),
        "a score of each model for each image"
    );
    let means: Vec<f64> = scores.iter().map(|of_model| mean(of_model)).collect();
    let best = highest(&means);
    let optimism = match scores.len() {
        1 => 0.0,
        _ => optimism(resamples, &Units::new(scores, clusters), best, draws),
    };
    BestOf { best, score: means[best], optimism }
}

/// What is drawn: single images, or groups of them.
struct Units {
    models: usize,
    /// Sums of the scores `[unit, model]`, row-major.
    sums: Vec<f64>,
    /// Number of images of each unit.
    images: Vec<f64>,
}

impl Units {
    fn new(scores: &[Vec<f64>], clusters: Option<&[u32]>) -> Self {
        let unit_of: Vec<usize> = match clusters {
            Some(clusters) => {
                let mut groups = clusters.to_vec();
                groups.sort_unstable();
                groups.dedup();
                clusters.iter().map(|group| groups.partition_point(|known| known < group)).collect()
            }
            None => (0..scores[0].len()).collect(),
        };
        let units = unit_of.iter().max().map_or(0, |last| last + 1);
        let models = scores.len();
        let mut sums = vec![0.0; units * models];
        let mut images = vec![0.0; units];
        for (image, &unit) in unit_of.iter().enumerate() {
            images[unit] += 1.0;
            for (model, of_model) in scores.iter().enumerate() {
                sums[unit * models + model] += of_model[image];
            }
        }
        Self { models, sums, images }
    }
}

fn optimism(resamples: usize, units: &Units, best: usize, draws: &mut Stream) -> f64 {
    let count = units.images.len();
    let mut differences = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let times = resample_counts(count, draws);
        let mut drawn = vec![0.0; units.models];
        let mut left_out = vec![0.0; units.models];
        let mut images_drawn = 0.0;
        let mut images_left_out = 0.0;
        for ((&times, &images), sums) in times.iter().zip(&units.images).zip(units.sums.chunks(units.models)) {
            if times == 0 {
                images_left_out += images;
                left_out.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
            } else {
                let times = f64::from(times);
                images_drawn += times * images;
                drawn.iter_mut().zip(sums).for_each(|(all, sum)| *all += times * sum);
            }
        }
        if images_left_out > 0.0 {
            // Means, not sums: groups differ in size, and equal models must stay equal after rounding.
            drawn.iter_mut().for_each(|sum| *sum /= images_drawn);
            let chosen = highest(&drawn);
            differences.push((left_out[best] - left_out[chosen]) / images_left_out);
        }
    }
    if differences.is_empty() { f64::NAN } else { mean(&differences) }
}

/// The index of the highest value, the first of equal ones.
fn highest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;
    use crate::{random::Purpose, stats::standard_error};

    fn draws(index: u32) -> Stream {
        Stream::new(0, Purpose::Optimism, 0, index)
    }

    #[test]
    fn one_model_and_equal_models_are_not_flattered() {
        let scores: Vec<f64> = (0..50).map(|image| f64::from(image % 3)).collect();
        let one = best_of(std::slice::from_ref(&scores), None, &mut draws(0));
        assert_eq!((one.best, one.score, one.optimism), (0, 0.98, 0.0));
        let three = best_of(&[scores.clone(), scores.clone(), scores], None, &mut draws(0));
        assert_eq!((three.best, three.optimism), (0, 0.0));
        assert!(best_of(&[vec![1.0], vec![0.0]], None, &mut draws(0)).optimism.is_nan());
    }

    #[test]
    fn a_model_that_wins_in_every_resample_is_not_flattered() {
        let worse: Vec<f64> = (0..100).map(|image| f64::from(image % 2)).collect();
        let better: Vec<f64> = worse.iter().map(|score| score + 0.1).collect();
        let found = best_of(&[worse, better], None, &mut draws(0));
        assert_eq!((found.best, found.optimism), (1, 0.0));
    }

    #[test]
    fn copies_of_the_images_in_one_group_add_no_certainty() {
        let mut random = draws(1);
        let single: Vec<Vec<f64>> = (0..4).map(|_| (0..60).map(|_| random.uniform()).collect()).collect();
        let copied: Vec<Vec<f64>> = single.iter().map(|row| row.repeat(5)).collect();
        let groups: Vec<u32> = (0..60).collect::<Vec<_>>().repeat(5);
        let alone = best_of(&single, None, &mut draws(2));
        let grouped = best_of(&copied, Some(&groups), &mut draws(2));
        assert!((alone.optimism - grouped.optimism).abs() < 1e-12, "{alone:?} {grouped:?}");
        let ungrouped = best_of(&copied, None, &mut draws(2));
        assert!(ungrouped.optimism < 0.7 * alone.optimism, "{ungrouped:?} {alone:?}");
    }

    /// A figure of models on simulated images, as a function of a standard normal difficulty of each image.
    #[derive(Clone, Copy, Debug)]
    enum Figure {
        Accuracy,
        Loss,
    }

    impl Figure {
        /// The score of a model whose strength is about 0 on an image.
        fn score(self, strength: f64, difficulty: f64) -> f64 {
            match self {
                Self::Accuracy => f64::from(u8::from(difficulty < 0.5 + strength)),
                Self::Loss => -(1.0 - strength) * (0.7 * difficulty).exp(),
            }
        }

        /// The expected score.
        fn truth(self, strength: f64) -> f64 {
            match self {
                Self::Accuracy => Normal::standard().cdf(0.5 + strength),
                Self::Loss => -(1.0 - strength) * (0.7_f64.powi(2) / 2.0).exp(),
            }
        }
    }

    /// Models on test sets of 500 images, where the truth is known.
    struct Simulation {
        figure: Figure,
        models: usize,
        /// The strengths of the models lie evenly between −spread and spread.
        spread: f64,
        /// Correlation of the difficulty of an image for two models.
        correlation: f64,
    }

    const IMAGES: usize = 500;
    const TEST_SETS: u32 = 200;
    /// Fewer than [`RESAMPLES`]: their noise averages out over the test sets.
    const FEW: usize = 100;

    impl Simulation {
        /// Mean error of the best model's score over the test sets, before and after correction, in standard errors of one
        /// model's score.
        fn errors(&self) -> [f64; 2] {
            let strength = |model: usize| self.spread * (2.0 * model as f64 / (self.models - 1) as f64 - 1.0);
            let (shared, own) = (self.correlation.sqrt(), (1.0 - self.correlation).sqrt());
            let [mut uncorrected, mut corrected] = [0.0; 2];
            for set in 0..TEST_SETS {
                let mut random = draws(1000 + set);
                let common: Vec<f64> = (0..IMAGES).map(|_| shared * random.normal()).collect();
                let mut scores = Vec::new();
                for model in 0..self.models {
                    let score = |&common: &f64| self.figure.score(strength(model), common + own * random.normal());
                    scores.push(common.iter().map(score).collect::<Vec<f64>>());
                }
                let found = by_resamples(FEW, &scores, None, &mut random);
                let error = found.score - self.figure.truth(strength(found.best));
                let unit = f64::from(TEST_SETS) * standard_error(&scores[found.best]);
                uncorrected += error / unit;
                corrected += (error - found.optimism) / unit;
            }
            [uncorrected, corrected]
        }
    }

    /// `cargo test --release --lib best_of -- --nocapture` prints the table of docs/seal.md.
    #[test]
    fn the_corrected_figure_is_near_the_truth_in_simulated_test_sets() {
        println!("| figure | models | spread | correlation | best of k | corrected |");
        let mut total = [0.0; 2];
        for (figure, spreads) in [(Figure::Accuracy, [0.0, 0.05, 0.15]), (Figure::Loss, [0.0, 0.03, 0.1])] {
            for correlation in [0.0, 0.5] {
                for (spread, models) in spreads.into_iter().flat_map(|spread| [2, 5, 20].map(|models| (spread, models)))
                {
                    let [uncorrected, corrected] = Simulation { figure, models, spread, correlation }.errors();
                    let of_figure = format!("{figure:?} | {models} | {spread} | {correlation}");
                    println!("| {of_figure} | {uncorrected:+.2} | {corrected:+.2} |");
                    total[0] += uncorrected.abs();
                    total[1] += corrected.abs();
                    // The standard error of a mean over 200 test sets is 0.07.
                    assert!(corrected > -0.6 && corrected < 0.4, "{of_figure}: {corrected}");
                    if spread == 0.0 && models > 2 {
                        assert!(corrected.abs() < 0.35 * uncorrected, "{of_figure}: {corrected}, {uncorrected}");
                    }
                }
            }
        }
        assert!(total[1] < 0.3 * total[0], "{total:?}");
    }
}
