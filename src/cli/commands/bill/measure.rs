//! What a bill needs of the network: its outputs on more training images than the probe, and on augmented views.

use std::{collections::HashSet, path::Path};

use anyhow::{Result, ensure};

use super::{args::Args, recorded::Recorded, suspects::Suspects};
use crate::cli::{
    flags::{
        data::Bar,
        input::InputFlags,
        model_data::ModelData,
        model_file::{self, Which},
    },
    output::say::say,
};
use mindgap::{
    augment::{Augment, Normalize},
    data::{Dataset, ReadProgress, Split},
    export::Classifier,
    gap::{BillEvidence, BillSet},
    random::{Purpose, Stream},
    recipe::Recipe,
    run::{Outputs, RunFolder},
    train::{EvalSets, evaluate, evaluate_view},
};

/// By how much the mean loss of the probe may differ from the recorded one, which another device may have computed \[nats\].
const SAME_LOSS: f64 = 0.01;

/// The evidence with the network's outputs on more training images and on views of all images.
/// Fails if the weights or the data are missing or not those of the run.
pub fn evidence(
    args: &Args,
    folder: &RunFolder,
    recorded: &Recorded,
    suspects: Option<&Suspects>,
) -> Result<BillEvidence> {
    let device = args.compute.prepare(None, None)?;
    let classifier = model_file::of_run(folder.path(), Which::Last, device)?;
    let input = InputFlags::default().of(&classifier)?;
    let missing = "where are the data of the run? Add --data, or --outputs-only for a bill without them";
    let wanted = ModelData::of(folder.path(), &classifier, &input, &args.data, missing)?;
    let data = wanted.open_without_near_leaks()?;
    let fingerprint = folder.environment()?.data.fingerprint;
    ensure!(
        data.fingerprint == fingerprint,
        "{:?} is not what the run was trained on, or was changed since (fingerprint {}, then {fingerprint}): name its data with --data, or \
         add --outputs-only for a bill without them",
        wanted.source,
        data.fingerprint
    );
    let sets = EvalSets::of(&data, wanted.recipe.data_seed);
    let (positions, unmeasured) = chosen(&data, &sets.probe, args.train_images, wanted.recipe.data_seed);
    let (recipe, about_views) = of_views(&wanted.recipe, data.size);
    let network = Network { args, classifier: &classifier, recipe: &recipe };

    let mut outputs = network.plain("training images", &data.train, &positions)?;
    let probe: Vec<usize> = (0..sets.probe.len()).collect();
    replace(&mut outputs, &recorded.predictions.last_probe)?;
    let wrong = suspects.map(|suspects| {
        let root = Path::new(&wanted.source);
        let names: Vec<String> = positions.iter().map(|&position| data.train.key(position, root)).collect();
        suspects.of(names.iter().map(String::as_str))
    });
    let groups = data.train.groups.as_ref();
    let groups = groups.map(|groups| positions.iter().map(|&position| groups[position as usize]).collect());
    let views = network.views("training images", &data.train, &positions)?;
    let on_outputs = recorded.evidence(&about_views);
    Ok(BillEvidence {
        val: BillSet { views: network.views("val", &data.val, &sets.val)?, ..on_outputs.val },
        train: BillSet { outputs, views, wrong, groups },
        probe,
        unmeasured,
        ..on_outputs
    })
}

/// The positions of the probe's images, and after them of others, up to `most` in all: all that do not also appear in val, or a draw of
/// them. Also gives how many are left out by the draw.
fn chosen(data: &Dataset, probe: &[u32], most: usize, data_seed: u64) -> (Vec<u32>, usize) {
    let in_val = data.train_in_val();
    let known: HashSet<u32> = probe.iter().copied().collect();
    let is_other = |position: &u32| !known.contains(position) && !in_val[*position as usize];
    let mut others: Vec<u32> = (0..data.train.len() as u32).filter(is_other).collect();
    let room = most.saturating_sub(probe.len());
    let unmeasured = others.len().saturating_sub(room);
    if unmeasured > 0 {
        Stream::new(data_seed, Purpose::Resample, 0, 6).shuffle(&mut others);
        others.truncate(room);
        others.sort_unstable();
    }
    (probe.iter().copied().chain(others).collect(), unmeasured)
}

/// The recipe that augments the views, and what they show. One that moves no pixels but by mirroring, or none, is given
/// small shifts, since its views would be the images themselves.
fn of_views(recipe: &Recipe, side: u32) -> (Recipe, String) {
    if recipe.moves_pixels() {
        return (recipe.clone(), "augmented by the recipe".to_owned());
    }
    let pixels = (side / 12).max(1);
    let shifted = Recipe { crop_pad: pixels, ..recipe.clone() };
    let reach = if pixels == 1 { "1 pixel".to_owned() } else { format!("{pixels} pixels") };
    (shifted, format!("augmented by the recipe, which moves no pixels, and shifted by up to {reach}"))
}

/// Puts the recorded outputs in the place of the first ones, which are of the same images.
/// Fails if the network does not give these outputs.
fn replace(outputs: &mut Outputs, recorded: &Outputs) -> Result<()> {
    let first = outputs.only(|image| image < recorded.ids.len());
    ensure!(first.ids == recorded.ids, "the probe that is drawn from the data is not the one that the run recorded");
    let [found, expected] = [&first, recorded].map(|outputs| outputs.measured().mean_loss());
    ensure!(
        (found - expected).abs() <= SAME_LOSS || expected.is_nan(),
        "the weights after the last epoch give a probe loss of {found:.4}, and the run recorded {expected:.4}"
    );
    outputs.logits[..recorded.logits.len()].copy_from_slice(&recorded.logits);
    Ok(())
}

/// The network of a run, with a bar for its progress.
struct Network<'a> {
    args: &'a Args,
    classifier: &'a Classifier,
    recipe: &'a Recipe,
}

impl Network<'_> {
    fn normalize(&self) -> Normalize {
        let about = &self.classifier.description;
        Normalize::new(&about.mean, &about.std, self.classifier.network.parameters.device())
    }

    fn plain(&self, name: &str, split: &Split, positions: &[u32]) -> Result<Outputs> {
        say(format_args!("Measuring {} {name} …", positions.len()));
        evaluate(&self.classifier.network, &self.normalize(), split, positions)
    }

    /// The outputs on views that training never showed: those of epochs after its last one.
    fn views(&self, name: &str, split: &Split, positions: &[u32]) -> Result<Vec<Outputs>> {
        let augment = Augment::new(self.recipe, &self.normalize());
        let progress = Bar::default();
        progress.begin(&format!("Views of {name}"), u64::from(self.args.views));
        let mut views = Vec::new();
        for view in 1..=self.args.views {
            let epoch = self.recipe.epochs + view;
            views.push(evaluate_view(&self.classifier.network, &augment, split, positions, epoch)?);
            progress.advance(1);
        }
        progress.end();
        Ok(views)
    }
}
