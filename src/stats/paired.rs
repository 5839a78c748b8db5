//! The paired t-test: does the mean of paired differences differ from zero?

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{mean, standard_error, student_quantile};

/// The result of a paired t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedT {
    /// Mean of the differences.
    pub mean: f64,
    /// 95 % interval of the mean.
    pub interval: [f64; 2],
    /// Two-sided p-value for a mean of zero.
    pub p: f64,
}

/// The paired t-test of `differences`, one for each pair. None where a difference is not finite, and below three pairs,
/// since two agree by chance too easily.
///
/// Differences that are all equal have an interval of width 0; p is then 0, or 1 where all are zero.
pub fn paired_t(differences: &[f64]) -> Option<PairedT> {
    corrected_t(differences, 0.0)
}

/// The paired t-test of `differences` between two recipes, one for each fold and seed of a cross-validation. The training
/// sets of the folds overlap, so that the variance of the mean is s² (1/n + `test_over_train`), not s²/n, where
/// `test_over_train` is the number of val images for each training image: 1/(K − 1) with K folds (Nadeau and Bengio,
/// Inference for the generalization error, Machine Learning 52, 2003; for repeated folds Bouckaert and Frank 2004).
/// None as for [`paired_t`].
pub fn corrected_t(differences: &[f64], test_over_train: f64) -> Option<PairedT> {
    if differences.len() < 3 || differences.iter().any(|difference| !difference.is_finite()) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, differences.len() as f64 - 1.0).ok()?;
    let mean = mean(differences);
    let correction = (1.0 + differences.len() as f64 * test_over_train).sqrt();
    let error = correction * standard_error(differences);
    if error == 0.0 {
        return Some(PairedT { mean, interval: [mean; 2], p: if mean == 0.0 { 1.0 } else { 0.0 } });
    }
    let reach = student_quantile(0.975, differences.len() as f64 - 1.0) * error;
    Some(PairedT { mean, interval: [mean - reach, mean + reach], p: 2.0 * student.cdf(-(mean / error).abs()) })
}

/// The p-value of a mean of `margin` or more in size: small where the mean is shown to lie between −`margin` and `margin`. It is
/// the larger p-value of two one-sided paired t-tests (Schuirmann 1987). None as for [`paired_t`].
pub fn equivalence_p(differences: &[f64], margin: f64) -> Option<f64> {
    let test = paired_t(differences)?;
    let error = standard_error(differences);
    let distance = margin - test.mean.abs();
    if error == 0.0 {
        return Some(if distance > 0.0 { 0.0 } else { 1.0 });
    }
    let student = StudentsT::new(0.0, 1.0, differences.len() as f64 - 1.0).ok()?;
    Some(student.cdf(-distance / error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        random::{Purpose, Stream},
        stats::golden::{assert_close, golden},
    };

    #[test]
    fn mean_interval_and_p_are_scipys() {
        let golden = golden();
        for n in [3, 4, 10] {
            let t = paired_t(&golden.numbers(&format!("paired_{n}"))).unwrap();
            assert_close(t.mean, golden.number(&format!("paired_{n}_mean")), 1e-12);
            assert_close(t.interval[0], golden.number(&format!("paired_{n}_low")), 1e-8);
            assert_close(t.interval[1], golden.number(&format!("paired_{n}_high")), 1e-8);
            assert_close(t.p, golden.number(&format!("paired_{n}_p")), 1e-8);
        }
    }

    #[test]
    fn the_correction_widens_the_error_as_in_the_formula() {
        let differences = [-0.03, 0.01, -0.05, -0.02, -0.04];
        let plain = paired_t(&differences).unwrap();
        let corrected = corrected_t(&differences, 0.25).unwrap();
        let half = |test: &PairedT| (test.interval[1] - test.interval[0]) / 2.0;
        // √((1/5 + 1/4) / (1/5)) = 1.5.
        assert_close(half(&corrected), 1.5 * half(&plain), 1e-12);
        assert!(corrected.mean == plain.mean && corrected.p > plain.p);
    }

    /// Images of two classes, whose first feature differs between them and whose other features are noise, and the class
    /// of each, −1 or 1.
    fn images(n: usize, features: usize, draws: &mut Stream) -> (Vec<Vec<f64>>, Vec<f64>) {
        let classes: Vec<f64> = (0..n).map(|image| if image % 2 == 0 { -1.0 } else { 1.0 }).collect();
        let image = |class: &f64| {
            let mut values: Vec<f64> = (0..features).map(|_| draws.normal()).collect();
            values[0] += 0.6 * class;
            values
        };
        (classes.iter().map(image).collect(), classes)
    }

    /// The mean difference in log loss on the images of `fold` between two linear classifiers, the direction between the
    /// class means of the training images with some noise of the seed: of one feature, and of all.
    fn difference(images: &[Vec<f64>], classes: &[f64], fold: usize, folds: usize, draws: &mut Stream) -> f64 {
        let train: Vec<usize> = (0..images.len()).filter(|image| image % folds != fold).collect();
        let mut losses = [0.0; 2];
        let val: Vec<usize> = (0..images.len()).filter(|image| image % folds == fold).collect();
        for (loss, features) in losses.iter_mut().zip([1, images[0].len()]) {
            let mut weight = |feature: usize| {
                let values: Vec<f64> = train.iter().map(|&image| images[image][feature] * classes[image]).collect();
                mean(&values) + 0.1 * draws.normal()
            };
            let direction: Vec<f64> = (0..features).map(&mut weight).collect();
            for &image in &val {
                let margin: f64 = direction.iter().zip(&images[image]).map(|(weight, value)| weight * value).sum();
                *loss += (-2.0 * margin * classes[image]).exp().ln_1p() / val.len() as f64;
            }
        }
        losses[0] - losses[1]
    }

    /// The differences of 1,000 cross-validations, each on data of its own.
    fn cross_validations(folds: usize, seeds: usize, n: usize, features: usize) -> Vec<Vec<f64>> {
        let one = |data: u64| {
            let mut draws = Stream::new(data, Purpose::Resample, 2, (folds * seeds) as u32);
            let (images, classes) = images(n, features, &mut draws);
            (0..folds * seeds).map(|run| difference(&images, &classes, run % folds, folds, &mut draws)).collect()
        };
        (0..1000).map(one).collect()
    }

    #[test]
    fn over_folds_the_corrected_interval_holds_the_truth_and_the_plain_one_does_not() {
        for (folds, seeds, n, features) in [(5, 1, 60, 20), (5, 3, 60, 20), (5, 3, 40, 40), (10, 3, 60, 40)] {
            let all = cross_validations(folds, seeds, n, features);
            // Each cross-validation estimates the difference of networks trained on so many images without bias.
            let truth = mean(&all.iter().map(|differences| mean(differences)).collect::<Vec<f64>>());
            let hits = |test_over_train: f64| {
                let holds = |differences: &&Vec<f64>| {
                    let [low, high] = corrected_t(differences, test_over_train).unwrap().interval;
                    low <= truth && truth <= high
                };
                all.iter().filter(holds).count()
            };
            let (plain, corrected) = (hits(0.0), hits(1.0 / (folds as f64 - 1.0)));
            println!("{folds} folds of {seeds} seeds, {n} images: {plain} plain, {corrected} corrected of 1000");
            // 950 expected; four standard deviations are 28. The correction is a rule of thumb, and rather too wide.
            assert!(corrected >= 922, "{folds} folds of {seeds} seeds: {corrected} of 1000");
            assert!(seeds == 1 || plain < 900, "{folds} folds of {seeds} seeds: {plain} of 1000");
        }
    }

    #[test]
    fn two_pairs_nan_and_differences_without_spread() {
        assert_eq!(paired_t(&[]), None);
        assert_eq!(paired_t(&[-0.1, -0.2]), None);
        assert_eq!(paired_t(&[-0.1, -0.2, f64::NAN]), None);
        assert_eq!(paired_t(&[0.0; 3]).map(|t| t.p), Some(1.0));
        assert_eq!(paired_t(&[0.5; 3]), Some(PairedT { mean: 0.5, interval: [0.5; 2], p: 0.0 }));
    }

    #[test]
    fn equivalence_is_statsmodels_two_one_sided_tests() {
        // ttost_paired(numpy.array(differences), numpy.zeros(5), -margin, margin)[0] of statsmodels 0.15.0.
        let differences = [0.02, -0.01, 0.015, -0.005, 0.01];
        assert_close(equivalence_p(&differences, 0.03).unwrap(), 0.007150021698560996, 1e-8);
        assert_close(equivalence_p(&differences, 0.01).unwrap(), 0.26376032258491117, 1e-8);
        assert_close(equivalence_p(&differences, 0.004).unwrap(), 0.6264547744967706, 1e-8);
        assert_eq!(equivalence_p(&[0.01; 4], 0.02), Some(0.0));
        assert_eq!(equivalence_p(&[0.03; 4], 0.02), Some(1.0));
        assert_eq!(equivalence_p(&[0.01; 2], 0.02), None);
    }
}
