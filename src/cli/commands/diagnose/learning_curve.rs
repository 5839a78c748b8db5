//! `mindgap diagnose --learning-curve`: the run again on fewer of its images.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::cli::{
    flags::compute::Compute,
    output::say::say,
    process::{child, signals},
};
use mindgap::{
    durable,
    gap::{self, Finding, SHARES, SubsetLosses},
    recipe::{Layers, Recipe, resolve},
    run::RunFolder,
};

/// Trains what is missing of the five sizes, each in a process of its own, and says what they promise of more images;
/// None when it was stopped. Every size takes as many updates as the run itself, so that fewer images are not less
/// training. The runs are kept in `RUN/learning-curve`.
///
/// # Errors
/// The run is not finished, or one of the others fails.
pub fn learning_curve(folder: &Path, compute: &Compute) -> Result<Option<Finding>> {
    let run = RunFolder::open(folder)?;
    if run.done()?.is_none() {
        bail!(
            "{} is not finished: go on with `mindgap train --resume --out {}` first",
            folder.display(),
            folder.display()
        );
    }
    let recipe = resolve(&Layers::default().file(&run.file(RunFolder::RECIPE))?)?;
    let environment = run.environment()?;
    let source = environment.data.path.as_ref().unwrap_or(&environment.data.source);
    let smallest = (environment.data.train as f64 * SHARES.iter().fold(1.0, |least, &share| share.min(least))) as usize;
    ensure!(
        smallest >= recipe.batch_size as usize,
        "--learning-curve trains on a tenth of the images too, and {smallest} of {} do not fill one batch of {}: it takes a run on \
         {} images or more, or of a smaller batch",
        environment.data.train,
        recipe.batch_size,
        10 * recipe.batch_size
    );
    let mut words = vec!["train".to_owned(), format!("--data={source}")];
    words.extend(environment.data.exclude.iter().map(|list| format!("--exclude={list}")));
    let folders =
        [("train", &environment.folders.train), ("val", &environment.folders.val), ("test", &environment.folders.test)];
    let flag = |(split, folder): (&str, &Option<std::path::PathBuf>)| {
        Some(format!("--{split}-dir={}", folder.as_ref()?.display()))
    };
    words.extend(folders.into_iter().filter_map(flag));
    words.extend(compute.words(compute.threads_of_each(1)));
    let stop = signals::stop_flag()?;
    let place = folder.join("learning-curve");
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make the folder {}", place.display()))?;
    let mut sizes = Vec::new();
    for share in SHARES {
        if share == 1.0 {
            sizes.push(size(folder)?);
            continue;
        }
        let name = format!("{:.0}-percent", 100.0 * share);
        let [file, log] = ["toml", "log"].map(|kind| place.join(format!("{name}.{kind}")));
        let out = place.join(&name);
        let smaller = scaled(&recipe, share)?;
        durable::write(&file, smaller.to_toml().as_bytes())?;
        say(format_args!("Training on {:.0} % of the images, {} epochs …", 100.0 * share, smaller.epochs));
        let own = [format!("--recipe={}", file.display()), format!("--out={}", out.display()), "--resume".to_owned()];
        if !child::train(&[&words[..], &own].concat(), &log, &stop, |_| {})
            .with_context(|| format!("the run in {} failed", out.display()))?
        {
            return Ok(None);
        }
        sizes.push(size(&out)?);
    }
    Ok(gap::more_data(&sizes))
}

/// The recipe on a share of its images, with as many updates.
fn scaled(recipe: &Recipe, share: f64) -> Result<Recipe> {
    let mut smaller = Recipe { train_fraction: recipe.train_fraction * share, ..recipe.clone() };
    let epochs = (f64::from(recipe.epochs) / share).round();
    smaller.schedule.iter_mut().for_each(|phase| phase.epochs *= epochs / f64::from(recipe.epochs));
    smaller.epochs = epochs as u32;
    smaller.complete()
}

/// What a finished run says.
fn size(folder: &Path) -> Result<SubsetLosses> {
    let run = RunFolder::open(folder)?;
    let predictions = run.predictions()?;
    let images = run.environment()?.data.train;
    let probe_loss = predictions.best_probe.measured().mean_loss();
    Ok(SubsetLosses { images, val: predictions.best_val.measured().losses, probe_loss })
}
