//! `more-data`: would more images close the gap, or must regularisation?

use super::{Finding, Id, Severity, case::mean};
use crate::{
    random::{Purpose, Stream},
    stats::PowerLaw,
};

/// The shares of the training images that are trained on, evenly apart in logarithm.
pub const SHARES: [f64; 5] = [0.1, 0.18, 0.32, 0.56, 1.0];
/// Resamples of the val images from which the interval is read.
const RESAMPLES: usize = 500;

/// A run on some of the training images.
#[derive(Clone, Debug, PartialEq)]
pub struct SubsetLosses {
    /// Training images.
    pub images: usize,
    /// The losses of the val images after the best epoch, in the same order for all sizes \[nats\].
    pub val: Vec<f32>,
    /// The mean loss of the probe then \[nats\].
    pub probe_loss: f64,
}

/// What the runs on all sizes promise of more images, the whole set last. None where they are not enough, or their val
/// images are not the same.
pub fn more_data(sizes: &[SubsetLosses]) -> Option<Finding> {
    let whole = sizes.last()?;
    let images = whole.val.len();
    if images == 0 || sizes.iter().any(|size| size.val.len() != images) {
        return None;
    }
    let forecast = |chosen: &[usize]| {
        let point = |size: &SubsetLosses| {
            let losses: Vec<f32> = chosen.iter().map(|&image| size.val[image]).collect();
            (size.images as f64, mean(&losses))
        };
        let points: Vec<(f64, f64)> = sizes.iter().map(point).collect();
        let law = PowerLaw::of(&points)?;
        let now = law.at(whole.images as f64);
        Some([2.0, 4.0].map(|times| now - law.at(times * whole.images as f64)))
    };
    let all: Vec<usize> = (0..images).collect();
    let [twice, fourfold] = forecast(&all)?;
    let mut draws = Stream::new(0, Purpose::Resample, 0, 1);
    let resample = |_| {
        let chosen: Vec<usize> = (0..images).map(|_| draws.below(images as u32) as usize).collect();
        forecast(&chosen)
    };
    let gains: Vec<[f64; 2]> = (0..RESAMPLES).filter_map(resample).collect();
    let interval = |which: usize| {
        let mut sorted: Vec<f64> = gains.iter().map(|gain| gain[which]).collect();
        sorted.sort_by(f64::total_cmp);
        [sorted[sorted.len() / 40], sorted[sorted.len() - 1 - sorted.len() / 40]]
    };
    let ([low, high], [low4, high4]) = (interval(0), interval(1));
    let (val, gap) = (mean(&whole.val), mean(&whole.val) - whole.probe_loss);
    let course: Vec<String> = sizes.iter().map(|size| format!("{:.3} with {}", mean(&size.val), size.images)).collect();
    let (title, advice) = if low > 0.25 * gap.max(0.0) && low > 0.01 * val {
        (
            "More images would help",
            "Collect images like those of val; augmentation, their substitute, is worth its time too.",
        )
    } else if high < 0.1 * gap || high < 0.01 * val {
        (
            "More images alone would hardly help",
            "Regularisation, cleaner labels or another network is what is left; see the other findings.",
        )
    } else {
        (
            "More images would help a little",
            "Both ways are open: augmentation and the other knobs first, since they cost no labelling.",
        )
    };
    let finding = Finding::new(Id::MoreData, Severity::Info, title)
        .because(format!(
            "Val loss after the best epoch is {} training images. Extrapolated, twice as many would lower it by {twice:.3} \
             ({low:.3} to {high:.3}), four times as many by {fourfold:.3} ({low4:.3} to {high4:.3}); the gap there is {gap:.3}. \
             (95 % intervals over val images; one run a size, so chance between seeds is not in them.)",
            course.join(", ")
        ))
        .advise(advice)
        .figure("gain_twice", twice)
        .figure("gain_twice_low", low)
        .figure("gain_twice_high", high)
        .figure("gain_fourfold", fourfold)
        .figure("gap", gap);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes whose losses follow a power law, with differences between images that all sizes share.
    fn sizes(floor: f64, scale: f64, probe_loss: f64) -> Vec<SubsetLosses> {
        let size = |share: f64| {
            let images = 1000.0 * share;
            let image = |n: u32| Stream::new(0, Purpose::Init, 0, n).normal() * 0.3;
            let val = (0..400).map(|n| (floor + scale * images.powf(-0.4) + image(n)) as f32).collect();
            SubsetLosses { images: images as usize, val, probe_loss }
        };
        SHARES.map(size).to_vec()
    }

    #[test]
    fn images_help_where_the_curve_still_falls() {
        let finding = more_data(&sizes(0.3, 12.0, 0.4)).unwrap();
        assert_eq!(finding.title, "More images would help");
        let expected = 12.0 * (1000f64.powf(-0.4) - 2000f64.powf(-0.4));
        assert!((finding.figures["gain_twice"] - expected).abs() < 0.01, "{finding:?}");
        assert!(finding.figures["gain_twice_low"] <= expected && expected <= finding.figures["gain_twice_high"] + 0.01);
    }

    #[test]
    fn images_hardly_help_where_it_is_flat() {
        assert_eq!(more_data(&sizes(1.2, 0.01, 0.2)).unwrap().title, "More images alone would hardly help");
    }

    #[test]
    fn runs_on_other_val_images_say_nothing() {
        let mut sizes = sizes(1.0, 1.0, 0.5);
        sizes[0].val.pop();
        assert_eq!(more_data(&sizes), None);
        assert_eq!(more_data(&[]), None);
    }
}
