//! The networks of several runs, their data, and means of them.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::args::Args;
use crate::cli::flags::{input::InputFlags, model_data::ModelData, model_file};
use mindgap::{
    augment::Normalize,
    data::Dataset,
    export::Classifier,
    model::{Architecture, Description, ResNet},
    recipe::Recipe,
    run::{Measured, Outputs, RunFolder},
    search::PerImage,
    stats::Overconfidence,
    train::{EvalSets, evaluate, soup},
};

/// The entry of the file's metadata that names the runs of the soup.
const MEMBERS: &str = "soup";

pub struct Ingredients {
    pub classifiers: Vec<Classifier>,
    runs: Vec<String>,
    /// The network that becomes the mean.
    soup: Classifier,
    data: Dataset,
    sets: EvalSets,
    names: Vec<String>,
    normalize: Normalize,
}

/// The outputs of a network on val and on the probe.
#[derive(Clone)]
pub struct Images {
    val: Outputs,
    probe: Outputs,
}

impl Ingredients {
    /// Opens the runs and their data.
    /// Fails if a run cannot be read, if its network, classes or data are not those of the first, or if the data are missing or changed.
    pub fn open(args: &Args) -> Result<Self> {
        let device = args.compute.prepare(None, None)?;
        let mut classifiers = Vec::new();
        let mut fingerprints = Vec::new();
        for run in &args.runs {
            classifiers.push(model_file::of_run(run, args.which, device)?);
            let folder = RunFolder::open(run)?;
            ensure!(
                folder.done()?.is_some(),
                "the run in {} is not finished: `mindgap train --resume --out` finishes it",
                run.display()
            );
            fingerprints.push(folder.environment()?.data.fingerprint);
        }
        let (first, others) = classifiers.split_first().context("there is a run")?;
        for ((other, fingerprint), run) in others.iter().zip(&fingerprints[1..]).zip(&args.runs[1..]) {
            let no_soup = || format!("{} and {} make no soup", args.runs[0].display(), run.display());
            check_alike(first, other).with_context(no_soup)?;
            ensure!(*fingerprint == fingerprints[0], "{}: they were trained on different data", no_soup());
        }
        let input = InputFlags::default().of(first)?;
        let missing = "where are the data of the runs? Add --data";
        let wanted = ModelData::of(&args.runs[0], first, &input, &args.data, missing)?;
        let data = wanted.open_without_near_leaks()?;
        ensure!(
            data.fingerprint == fingerprints[0],
            "{:?} is not what the runs were trained on, or was changed since (fingerprint {}, then {}): name their data with --data",
            wanted.source,
            data.fingerprint,
            fingerprints[0]
        );
        let root = Path::new(&wanted.source);
        let about = &first.description;
        Ok(Self {
            soup: model_file::of_run(&args.runs[0], args.which, device)?,
            normalize: Normalize::new(&about.mean, &about.std, device),
            sets: EvalSets::of(&data, wanted.recipe.data_seed),
            names: (0..data.val.len() as u32).map(|position| data.val.key(position, root)).collect(),
            runs: args.runs.iter().map(|run| run.display().to_string()).collect(),
            classifiers,
            data,
        })
    }

    /// The recipes of the runs.
    /// Fails if one cannot be read.
    pub fn recipes(&self) -> Result<Vec<Recipe>> {
        self.classifiers.iter().map(|classifier| classifier.description.recipe()).collect()
    }

    /// What `network` gives on val and on the probe.
    /// Fails if an image cannot be read.
    pub fn measure(&self, network: &ResNet) -> Result<Images> {
        Ok(Images {
            val: evaluate(network, &self.normalize, &self.data.val, &self.sets.val)?,
            probe: evaluate(network, &self.normalize, &self.data.train, &self.sets.probe)?,
        })
    }

    /// What the mean of these networks gives. The soup is that mean afterwards.
    /// Fails if an image cannot be read.
    pub fn mean_of(&self, members: &[usize]) -> Result<Images> {
        let networks: Vec<&ResNet> = members.iter().map(|&member| &self.classifiers[member].network).collect();
        soup::set_to_mean(&self.soup.network, &networks);
        let recipe = self.classifiers[members[0]].description.recipe()?;
        soup::estimate_statistics(&self.soup.network, &recipe, &self.data, &self.normalize)?;
        self.measure(&self.soup.network)
    }

    /// Mean loss on the half of val that chooses \[nats\].
    pub fn choosing_loss(&self, images: &Images) -> f64 {
        let is_choosing = |image: usize| self.sets.in_first_half[image];
        self.measured(images).1.only(is_choosing).mean_loss()
    }

    /// The images of the half of val that chooses nothing, and of the probe.
    pub fn judging(&self, images: &Images) -> PerImage {
        let is_judging = |image: usize| !self.sets.in_first_half[image];
        let (probe, val) = self.measured(images);
        let names = (0..self.names.len()).filter(|image| is_judging(*image)).map(|image| self.names[image].clone());
        PerImage::of(names.collect(), &val.only(is_judging), &probe)
    }

    fn measured(&self, images: &Images) -> (Measured, Measured) {
        self.sets.measured(&images.probe, &images.val)
    }

    /// The file of the soup of `members`, which gives `images`: the description is that of the best run, with a temperature of its own.
    /// Fails if memory runs out.
    pub fn file(&self, members: &[usize], images: &Images) -> Result<Vec<u8>> {
        let Outputs { logits, labels, .. } = &images.val;
        let fitted = Overconfidence::measure(logits, labels, self.data.classes.len(), &self.sets.in_first_half);
        let best = &self.classifiers[members[0]].description;
        let temperature = fitted.temperature.is_finite().then_some(fitted.temperature);
        let description = Description { temperature, ..best.clone() };
        let mut archive = self.soup.to_archive(false)?;
        archive.metadata = description.metadata();
        let runs: Vec<&String> = members.iter().map(|&member| &self.runs[member]).collect();
        archive.metadata.insert(MEMBERS.to_owned(), serde_json::to_string(&runs)?);
        archive.to_bytes()
    }
}

/// What of a network says which tensors it has, and which of them it trained: all but how they begin and what is dropped.
fn tensors(architecture: &Architecture) -> Architecture {
    Architecture { drop: 0.0, drop_path: 0.0, drop_block: 0.0, zero_init_last: false, ..architecture.clone() }
}

/// Checks that two networks have the same tensors and see the same images.
fn check_alike(first: &Classifier, other: &Classifier) -> Result<()> {
    let (a, b) = (&first.description, &other.description);
    ensure!(tensors(&first.architecture) == tensors(&other.architecture), "their networks differ");
    ensure!(a.classes == b.classes, "their classes differ");
    ensure!(
        (a.channels, a.size, &a.mean, &a.std) == (b.channels, b.size, &b.mean, &b.std),
        "their images differ in size, channels or normalisation"
    );
    Ok(())
}
