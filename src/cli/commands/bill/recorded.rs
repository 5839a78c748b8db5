//! What the folder of a finished run records about its gap.

use mindgap::{
    gap::{BillEvidence, BillSet},
    run::{Done, Images, Predictions},
};

pub struct Recorded {
    pub done: Done,
    pub images: Images,
    pub predictions: Predictions,
}

impl Recorded {
    /// The evidence of the recorded outputs alone; `why` there is no network.
    pub fn evidence(&self, why: &str) -> BillEvidence {
        let Self { images, predictions, .. } = self;
        let [of_val, of_probe] = match images.group_numbers() {
            Some(groups) => groups.map(Some),
            None => [None, None],
        };
        let near_leaks = images.near_leaks.as_deref();
        let leaks = images.leaks.iter().enumerate();
        BillEvidence {
            classes: predictions.classes,
            val: BillSet { outputs: predictions.last_val.clone(), groups: of_val, ..BillSet::default() },
            train: BillSet { outputs: predictions.last_probe.clone(), groups: of_probe, ..BillSet::default() },
            probe: (0..predictions.last_probe.labels.len()).collect(),
            leaks: leaks.map(|(image, leak)| *leak || near_leaks.is_some_and(|leaks| leaks[image])).collect(),
            knows_near_leaks: near_leaks.is_some(),
            in_first_half: images.in_first_half.clone(),
            about_views: why.to_owned(),
            ..BillEvidence::default()
        }
    }
}
