//! What a bill is made from: the outputs on val and on training images, and what is known of these images.

use anyhow::{Result, ensure};

use super::item::Cause;
use crate::{
    random::Stream,
    run::Outputs,
    stats::{Logits, error_of_mean, fit_temperature, resample_counts},
};

/// The outputs on one set of n images.
#[derive(Clone, Debug, Default)]
pub struct BillSet {
    /// The outputs on the images as they are.
    pub outputs: Outputs,
    /// The outputs on augmented views of the same images, in the same order, once for each view; empty where none were
    /// measured.
    pub views: Vec<Outputs>,
    /// The probability that the label of each image is wrong \[n\], 0–1; None where wrong labels were not sought.
    pub wrong: Option<Vec<f64>>,
    /// The number of the group of each image \[n\], such as its patient, where the images have groups.
    pub groups: Option<Vec<u32>>,
}

/// What a bill is made from.
#[derive(Clone, Debug, Default)]
pub struct BillEvidence {
    /// Number of classes.
    pub classes: usize,
    /// Val.
    pub val: BillSet,
    /// The training images that were measured, the probe among them.
    pub train: BillSet,
    /// The positions of the probe's images in `train`.
    pub probe: Vec<usize>,
    /// For each image of val, whether it also appears in train, exactly or nearly.
    pub leaks: Vec<bool>,
    /// Whether near leaks are known.
    pub knows_near_leaks: bool,
    /// For each image of val, whether it belongs to the first half of val, for cross-fitting.
    pub in_first_half: Vec<bool>,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// What the views show, such as `the recipe's own augmentation`; where there are none, why.
    pub about_views: String,
    /// How many more training images there are than were measured.
    pub unmeasured: usize,
    /// What a learning curve says about more images, where one was trained.
    pub more_images: Option<String>,
}

impl BillSet {
    /// The probability that the label of `image` is right; 1 where wrong labels were not sought.
    pub(super) fn right(&self, image: usize) -> f64 {
        self.wrong.as_ref().map_or(1.0, |wrong| 1.0 - wrong[image])
    }

    /// How often each image is drawn when as many are drawn with replacement; groups are drawn whole.
    pub(super) fn resample(&self, draws: &mut Stream) -> Vec<f64> {
        let counts = match &self.groups {
            None => resample_counts(self.outputs.labels.len(), draws),
            Some(groups) => {
                let of_group = resample_counts(groups.iter().max().map_or(0, |last| *last as usize + 1), draws);
                groups.iter().map(|&group| of_group[group as usize]).collect()
            }
        };
        counts.into_iter().map(f64::from).collect()
    }

    fn error(&self, losses: &[f64], of: impl Iterator<Item = usize> + Clone) -> f64 {
        let losses: Vec<f64> = of.clone().map(|image| losses[image]).collect();
        let groups = self.groups.as_ref().map(|groups| of.map(|image| groups[image]).collect::<Vec<u32>>());
        error_of_mean(&losses, groups.as_deref())
    }
}

impl BillEvidence {
    /// Checks that the parts fit each other.
    pub(super) fn check(&self) -> Result<()> {
        let (val, train) = (self.val.outputs.labels.len(), self.train.outputs.labels.len());
        ensure!(val > 0, "val holds no image");
        ensure!(!self.probe.is_empty() && self.probe.iter().all(|&image| image < train), "the probe holds no image");
        ensure!(self.leaks.len() == val && self.in_first_half.len() == val, "not every val image is described");
        for (set, images) in [(&self.val, val), (&self.train, train)] {
            let of_views = set.views.iter().all(|view| view.labels.len() == images);
            let of_labels = set.wrong.as_ref().is_none_or(|wrong| wrong.len() == images);
            let of_groups = set.groups.as_ref().is_none_or(|groups| groups.len() == images);
            ensure!(of_views && of_labels && of_groups, "the evidence is of other images than the outputs");
        }
        Ok(())
    }

    /// Whether more training images than the probe were measured.
    pub(super) fn has_more_than_probe(&self) -> bool {
        self.train.outputs.labels.len() > self.probe.len()
    }

    /// Whether `cause` was measured.
    pub(super) fn measures(&self, cause: Cause, losses: &Losses) -> bool {
        match cause {
            Cause::Calibration => losses.temperatures.is_some(),
            Cause::Labels => self.val.wrong.is_some(),
            Cause::Memorisation => !self.val.views.is_empty(),
            _ => true,
        }
    }

    /// The standard errors of the mean losses of val and of the probe.
    pub(super) fn standard_errors(&self, losses: &Losses) -> [f64; 2] {
        let val = self.val.error(&losses.val[0], 0..self.val.outputs.labels.len());
        [val, self.train.error(&losses.train[0], self.probe.iter().copied())]
    }
}

/// The losses of the images of one set \[nats\]: as they are, on views, with a temperature, on views with a temperature.
pub(super) type SetLosses = [Vec<f64>; 4];

/// The losses of both sets.
pub(super) struct Losses {
    pub val: SetLosses,
    pub train: SetLosses,
    /// The temperatures of val and of train as they are, each fitted on the first and on the second half of its set; None where
    /// a half is empty or has logits that are not finite.
    pub temperatures: Option<[[f64; 2]; 2]>,
}

impl Losses {
    /// Losses by plain cross-entropy. Each image has the temperature that was fitted on the half of its set that it is not in;
    /// views have temperatures of their own, since those of images that the network knows by sight would not suit them.
    pub fn of(evidence: &BillEvidence) -> Self {
        let train_images = evidence.train.outputs.labels.len();
        let val = Halves {
            is_first: evidence.in_first_half.clone(),
            is_clean: (0..evidence.leaks.len())
                .map(|image| !evidence.leaks[image] && evidence.val.right(image) >= 0.5)
                .collect(),
        };
        let train = Halves {
            is_first: (0..train_images).map(|image| image % 2 == 0).collect(),
            is_clean: (0..train_images).map(|image| evidence.train.right(image) >= 0.5).collect(),
        };
        let of_val = val.temperatures(&evidence.val.outputs, evidence.classes);
        let of_train = train.temperatures(&evidence.train.outputs, evidence.classes);
        // Without one of them the other would take part in a cause that is not measured.
        let temperatures = of_val.zip(of_train).map(<[_; 2]>::from);
        Self {
            val: set_losses(&evidence.val, evidence.classes, &val, temperatures.is_some()),
            train: set_losses(&evidence.train, evidence.classes, &train, temperatures.is_some()),
            temperatures,
        }
    }
}

/// The halves of a set between which temperatures are cross-fitted.
struct Halves {
    /// Whether each image is in the first half.
    is_first: Vec<bool>,
    /// Whether each image is no leak and has a label that is probably right: leaks and wrong labels have no part in temperatures.
    is_clean: Vec<bool>,
}

impl Halves {
    /// The temperatures fitted on both halves; None where one is no number.
    fn temperatures(&self, outputs: &Outputs, classes: usize) -> Option<[f64; 2]> {
        let fitted = [true, false].map(|half| {
            let part = outputs.only(|image| self.is_first[image] == half && self.is_clean[image]);
            fit_temperature(&Logits::new(&part.logits, &part.labels, classes))
        });
        fitted.iter().all(|temperature| temperature.is_finite()).then_some(fitted)
    }

    /// The temperature of each image: that of the other half; 1 where there is none.
    fn of_images(&self, outputs: &Outputs, classes: usize) -> Vec<f64> {
        let [first, second] = self.temperatures(outputs, classes).unwrap_or([1.0; 2]);
        self.is_first.iter().map(|is_first| if *is_first { second } else { first }).collect()
    }
}

fn set_losses(set: &BillSet, classes: usize, halves: &Halves, has_temperatures: bool) -> SetLosses {
    let plain = [&set.outputs];
    let views: Vec<&Outputs> = if set.views.is_empty() { plain.to_vec() } else { set.views.iter().collect() };
    let once = vec![1.0; halves.is_first.len()];
    let temperatures = |outputs| if has_temperatures { halves.of_images(outputs, classes) } else { once.clone() };
    [
        mean_losses(&plain, classes, &once),
        mean_losses(&views, classes, &once),
        mean_losses(&plain, classes, &temperatures(plain[0])),
        mean_losses(&views, classes, &temperatures(views[0])),
    ]
}

/// The loss of each image under its temperature, averaged over `outputs`, in single precision, as records have it.
fn mean_losses(outputs: &[&Outputs], classes: usize, temperatures: &[f64]) -> Vec<f64> {
    let mut losses = vec![0.0; temperatures.len()];
    for outputs in outputs {
        for (image, loss) in losses.iter_mut().enumerate() {
            let (row, label) = (&outputs.logits[image * classes..][..classes], [outputs.labels[image]]);
            let of_image = Logits::new(row, &label, classes).losses(temperatures[image]);
            *loss += of_image.iter().map(|&loss| f64::from(loss as f32)).sum::<f64>();
        }
    }
    losses.iter_mut().for_each(|loss| *loss /= outputs.len() as f64);
    losses
}
