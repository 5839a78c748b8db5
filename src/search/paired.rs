//! The difference of two recipes on the same images.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::score::PerImage;
use crate::{run::nan, stats};

/// The mean of a paired difference over images. Below 0 the first recipe is lower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// The mean.
    #[serde(deserialize_with = "nan::number")]
    pub mean: f64,
    /// Its standard error over images or groups, of these trained networks.
    #[serde(deserialize_with = "nan::number")]
    pub se: f64,
    /// Lower end of the 95 % interval, by Student's t with a degree of freedom for each image or group but one.
    #[serde(deserialize_with = "nan::number")]
    pub low: f64,
    /// Upper end of the 95 % interval.
    #[serde(deserialize_with = "nan::number")]
    pub high: f64,
}

impl PairedDifference {
    /// The difference in val loss \[nats\].
    ///
    /// # Errors
    /// They were measured on different images.
    pub fn of_loss(a: &PerImage, b: &PerImage) -> Result<Self> {
        Self::between(a, b, &a.losses, &b.losses, 1.0)
    }

    /// The difference in accuracy \[percentage points\].
    ///
    /// # Errors
    /// They were measured on different images.
    pub fn of_accuracy(a: &PerImage, b: &PerImage) -> Result<Self> {
        Self::between(a, b, &a.hits, &b.hits, 100.0)
    }

    /// The difference in the gap \[nats\]; the probe's images are paired too.
    ///
    /// # Errors
    /// They were measured on different images.
    pub fn of_gap(a: &PerImage, b: &PerImage) -> Result<Self> {
        let val = Self::of_loss(a, b)?;
        let (of_a, of_b) = (&a.probe_losses, &b.probe_losses);
        ensure!(of_a.len() == of_b.len(), "two recipes were measured on different probes");
        let differences: Vec<f64> = of_a.iter().zip(of_b).map(|(a, b)| a - b).collect();
        let probe_error = stats::error_of_mean(&differences, a.probe_groups.as_deref());
        let se = stats::hypotenuse(val.se, probe_error);
        Ok(Self::new(val.mean - stats::mean(&differences), se, a.freedom_of_gap()))
    }

    fn new(mean: f64, se: f64, freedom: f64) -> Self {
        let reach = stats::student_quantile(0.975, freedom) * se;
        Self { mean, se, low: mean - reach, high: mean + reach }
    }

    fn between(a: &PerImage, b: &PerImage, of_a: &[f64], of_b: &[f64], unit: f64) -> Result<Self> {
        ensure!(a.names == b.names, "two recipes were measured on different images");
        let differences: Vec<f64> = of_a.iter().zip(of_b).map(|(a, b)| unit * (a - b)).collect();
        Ok(Self::new(stats::mean(&differences), stats::error_of_mean(&differences, a.groups.as_deref()), a.freedom()))
    }

    /// Whether the first recipe is lower by more than chance explains.
    pub fn is_below(&self) -> bool {
        self.high < 0.0
    }

    /// Whether the first recipe is higher by more than chance explains.
    pub fn is_above(&self) -> bool {
        self.low > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::score::tests::per_image;

    fn images(losses: &[f64]) -> PerImage {
        per_image(losses, &[])
    }

    #[test]
    fn what_all_images_share_cancels() {
        let a = images(&[1.0, 5.0, 0.1, 2.0]);
        let b = images(&[1.2, 5.3, 0.3, 2.3]);
        let found = PairedDifference::of_loss(&a, &b).unwrap();
        assert!((found.mean + 0.25).abs() < 1e-12 && found.is_below() && !found.is_above());
        assert_eq!(PairedDifference::of_accuracy(&a, &b).unwrap().mean, 0.0);
        assert!(PairedDifference::of_loss(&a, &images(&[1.0])).is_err());
    }

    #[test]
    fn few_groups_make_a_wide_interval() {
        let mut a = images(&[0.1, 0.4, 0.2, 0.9, 0.3]);
        a.groups = Some(vec![0, 0, 1, 1, 2]);
        let b = images(&[0.2, 0.3, 0.5, 0.9, 0.1]);
        let found = PairedDifference::of_loss(&a, &b).unwrap();
        // Three groups leave two degrees of freedom.
        assert!((found.high - found.mean - 4.302_653 * found.se).abs() < 1e-5, "{found:?}");
    }
}
