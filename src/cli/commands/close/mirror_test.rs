//! The test whether candidates may mirror images, on the reference's own network.

use std::path::Path;

use anyhow::{Context, Result};

use super::session::Session;
use crate::cli::flags::{
    input::InputFlags,
    model_data::ModelData,
    model_file::{self, Which},
};
use mindgap::{
    augment::Normalize,
    data::Dataset,
    model::Mode,
    run::Outputs,
    search::Mirroring,
    train::{evaluate, evaluate_by},
};

/// Val images of each run that are measured at most: enough to tell a class of digits from one of faces.
const MOST_IMAGES: usize = 2_000;

impl Session {
    /// Measures whether the reference's network recognises mirrored images of the half of val that selects, and takes mirroring out of
    /// the search where it does not. A reference that was trained on mirrored images can say nothing about it.
    /// What cannot be measured is noted and changes nothing.
    pub fn test_mirroring(&mut self) -> Result<()> {
        let recipe = &self.record.reference.as_ref().context("the reference is known")?.recipe;
        if recipe.hflip > 0.0 || self.record.mirroring.is_some() {
            return Ok(());
        }
        match self.mirroring() {
            Ok(mirroring) => {
                self.tell(format_args!("  {}", mirroring.sentence()));
                if !mirroring.keeps_classes() {
                    self.record.note(mirroring.sentence());
                }
                self.record.mirroring = Some(mirroring);
            }
            Err(error) => self.record.note(format!("It was not measured whether images may be mirrored: {error:#}")),
        }
        Ok(())
    }

    /// Whether candidates may mirror images, as far as that is known.
    pub fn may_mirror(&self) -> bool {
        self.record.mirroring.as_ref().is_none_or(Mirroring::keeps_classes)
    }

    fn mirroring(&self) -> Result<Mirroring> {
        let mut classes = Vec::new();
        let mut counts: Vec<[usize; 2]> = Vec::new();
        for folder in self.reference_folders(self.record.seed)? {
            let (data, [plain, mirrored]) = self.outputs(&folder)?;
            counts.resize(data.classes.len(), [0; 2]);
            count_recognised(&plain, &mirrored, &mut counts);
            classes = data.classes;
        }
        Ok(Mirroring::of(&classes, &counts))
    }

    /// The data of the run in `folder`, and the outputs of its network on val images as they are and mirrored.
    fn outputs(&self, folder: &Path) -> Result<(Dataset, [Outputs; 2])> {
        let device = self.args.compute.prepare(None, None)?;
        let classifier = model_file::of_run(folder, Which::Last, device)?;
        let input = InputFlags::default().of(&classifier)?;
        let wanted =
            ModelData::of(folder, &classifier, &input, &self.args.data, "the data of the reference are known")?;
        let data = wanted.open_without_near_leaks()?;
        let halves = data.val_halves(wanted.recipe.data_seed);
        let selecting = (0..).zip(&halves).filter(|(_, is_first)| **is_first).map(|(position, _)| position);
        let positions: Vec<u32> = spread(selecting.collect(), MOST_IMAGES);

        let about = &classifier.description;
        let normalize = Normalize::new(&about.mean, &about.std, device);
        let network = &classifier.network;
        let plain = evaluate(network, &normalize, &data.val, &positions)?;
        let mirrored = evaluate_by(&data.val, &positions, device, |images| {
            Ok(network.forward(&normalize.forward(&images.flip([3])), Mode::Eval))
        })?;
        Ok((data, [plain, mirrored]))
    }
}

/// At most `most` of `positions`, from all over the list, which is sorted by class.
fn spread(positions: Vec<u32>, most: usize) -> Vec<u32> {
    let step = positions.len().div_ceil(most).max(1);
    positions.into_iter().step_by(step).collect()
}

/// Adds to `counts`, for each class, how many images `plain` recognises, and how many of these `mirrored` does.
fn count_recognised(plain: &Outputs, mirrored: &Outputs, counts: &mut [[usize; 2]]) {
    let hits = [plain, mirrored].map(|outputs| outputs.measured().correct);
    for (image, label) in plain.labels.iter().enumerate() {
        if hits[0][image] {
            let [recognised, still] = &mut counts[*label as usize];
            *recognised += 1;
            *still += usize::from(hits[1][image]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_from_all_over_the_list_are_measured() {
        assert_eq!(spread((0..10).collect(), 4), [0, 3, 6, 9]);
        assert_eq!(spread((0..3).collect(), 4), [0, 1, 2]);
        assert!(spread(Vec::new(), 4).is_empty());
    }

    #[test]
    fn only_recognised_images_count() {
        let outputs = |logits: &[f32]| Outputs { logits: logits.to_vec(), labels: vec![0, 1, 1], ids: vec![0, 1, 2] };
        let plain = outputs(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        let mirrored = outputs(&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        let mut counts = [[0; 2]; 2];
        count_recognised(&plain, &mirrored, &mut counts);
        assert_eq!(counts, [[1, 0], [1, 1]]);
    }
}
