//! The difference of one figure between a preset and the baseline, and its form in `compare.json`.

use serde::{Deserialize, Serialize};

use crate::{
    run::nan,
    stats::{self, corrected_t, holm},
};

/// A figure of a preset minus the baseline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "DeltaJson", into = "DeltaJson")]
pub struct Delta {
    /// Mean of the differences over the seeds (and folds) that both have.
    pub mean: f64,
    /// The difference of each of those seeds; of a cross-validation, of each seed and fold.
    pub values: Vec<f64>,
    /// 95 % interval over images: where the mean difference of these trained networks would lie on other images. The
    /// images are resampled in pairs, with all seeds at once.
    pub ci_images: Option<[f64; 2]>,
    /// 95 % interval over seeds: where the mean difference would lie if both recipes were trained with other seeds, by
    /// a paired t-test. Absent below three seeds. Of a cross-validation: over folds and seeds, with the correction for
    /// overlapping training sets ([`crate::stats::corrected_t`]).
    pub ci_seeds: Option<[f64; 2]>,
    /// p-value of that test; for the primary figure alone.
    pub p: Option<f64>,
    /// p-value after Holm's correction over all presets of the comparison.
    pub p_holm: Option<f64>,
}

impl Delta {
    /// Mean and interval over seeds of these differences.
    pub(super) fn over_seeds(values: Vec<f64>) -> Self {
        Self::tested(values, 0.0)
    }

    /// Mean and interval of these differences, one for each seed and each of `folds` folds.
    pub(super) fn over_folds(values: Vec<f64>, folds: usize) -> Self {
        Self::tested(values, 1.0 / (folds as f64 - 1.0))
    }

    fn tested(values: Vec<f64>, test_over_train: f64) -> Self {
        let test = corrected_t(&values, test_over_train);
        let ci_seeds = test.map(|test| test.interval);
        Self { mean: stats::mean(&values), values, ci_images: None, ci_seeds, p: test.map(|test| test.p), p_holm: None }
    }

    /// Corrects the p-values of these differences together, by Holm's method.
    pub(super) fn correct<'a>(deltas: impl Iterator<Item = &'a mut Self>) {
        let tested: Vec<&mut Self> = deltas.filter(|delta| delta.p.is_some()).collect();
        let p: Vec<f64> = tested.iter().filter_map(|delta| delta.p).collect();
        for (delta, corrected) in tested.into_iter().zip(holm(&p)) {
            delta.p_holm = Some(corrected);
        }
    }

    /// The difference of a figure that is not tested: without a p-value.
    pub(super) fn untested(self) -> Self {
        Self { p: None, ..self }
    }
}

/// [`Delta`] in JSON. Both intervals are also written under their names of earlier versions, and read from
/// files that have only those.
#[derive(Clone, Serialize, Deserialize)]
struct DeltaJson {
    #[serde(deserialize_with = "nan::number")]
    mean: f64,
    #[serde(deserialize_with = "nan::list")]
    values: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ci_images: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ci_seeds: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    these_models: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    this_recipe: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p_holm: Option<f64>,
}

impl From<DeltaJson> for Delta {
    fn from(json: DeltaJson) -> Self {
        Self {
            mean: json.mean,
            values: json.values,
            ci_images: json.ci_images.or(json.these_models),
            ci_seeds: json.ci_seeds.or(json.this_recipe),
            p: json.p,
            p_holm: json.p_holm,
        }
    }
}

impl From<Delta> for DeltaJson {
    fn from(delta: Delta) -> Self {
        Self {
            mean: delta.mean,
            values: delta.values,
            ci_images: delta.ci_images,
            ci_seeds: delta.ci_seeds,
            these_models: delta.ci_images,
            this_recipe: delta.ci_seeds,
            p: delta.p,
            p_holm: delta.p_holm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_under_new_and_old_names() {
        let mut delta = Delta::over_seeds(vec![-0.25, -0.5, -0.75]);
        delta.ci_images = Some([-0.75, -0.25]);
        let json = serde_json::to_value(&delta).unwrap();
        assert_eq!(json["ci_images"], serde_json::json!([-0.75, -0.25]));
        assert_eq!((&json["these_models"], &json["this_recipe"]), (&json["ci_images"], &json["ci_seeds"]));
        assert_eq!(serde_json::from_value::<Delta>(json).unwrap(), delta);
    }

    #[test]
    fn files_with_the_old_names_alone_are_read() {
        let old = r#"{"mean":-0.5,"values":[null,-0.5],"these_models":[-0.6,-0.4],"this_recipe":[-0.9,-0.1],"p":0.04}"#;
        let delta: Delta = serde_json::from_str(old).unwrap();
        assert_eq!((delta.ci_images, delta.ci_seeds), (Some([-0.6, -0.4]), Some([-0.9, -0.1])));
        assert!(delta.values[0].is_nan() && delta.p == Some(0.04) && delta.p_holm.is_none());
    }
}
