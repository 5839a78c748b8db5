//! `mindgap diagnose --learning-curve`: trains a run again on fewer of its images.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use anyhow::{Context, Result, ensure};

use crate::cli::{
    flags::compute::Compute,
    output::say::say,
    process::{child, signals},
};
use mindgap::{
    durable,
    gap::{self, Finding, SHARES},
    recipe::Recipe,
    run::{Environment, RunFolder, selection_flags},
};

/// Trains the run in `folder` on each share of its images that is missing, and extrapolates the losses to more images;
/// None when it was stopped. Every share takes as many updates as the run itself, so that fewer images do not mean less
/// training. The runs are kept in `RUN/learning-curve`.
/// Fails if the run is not finished or has too few images, or if one of the other runs fails.
pub fn learning_curve(folder: &Path, compute: &Compute) -> Result<Option<Finding>> {
    let run = RunFolder::open(folder)?;
    let recipe = run.recipe()?.with_context(|| {
        format!(
            "--learning-curve trains a run again, and the recipe of the run in {} is not recorded: another training loop trained it",
            folder.display()
        )
    })?;
    ensure!(
        run.done()?.is_some(),
        "{0} is not finished: resume it with `mindgap train --resume --out {0}` first",
        folder.display()
    );
    let environment = run.environment()?;
    let train = environment.data.train;
    let least_share = SHARES.iter().copied().fold(1.0, f64::min);
    ensure!(
        recipe.fills_batch(train, least_share),
        "--learning-curve also trains on a tenth of the images, and a tenth of {train} does not fill one batch of {}: it takes a \
         run on {} images or more, or of a smaller batch",
        recipe.batch_size,
        10 * recipe.batch_size
    );
    let mut words = train_words(&environment);
    words.extend(compute.words(Some(compute.threads_of_each(1))));
    let stop = signals::stop_flag()?;
    for share in SHARES.into_iter().filter(|share| *share < 1.0) {
        let out = gap::learning_curve_folder(folder, share);
        let place = durable::folder_of(&out);
        fs::create_dir_all(&place).with_context(|| format!("cannot make the folder {}", place.display()))?;
        if !train_on_share(&recipe, share, &out, &words, &stop)? {
            return Ok(None);
        }
    }
    gap::finished_learning_curve(folder)
}

/// `mindgap train` on the data of the run, read as the run read them.
fn train_words(environment: &Environment) -> Vec<String> {
    let data = &environment.data;
    let mut words = vec!["train".to_owned(), format!("--data={}", data.path.as_ref().unwrap_or(&data.source))];
    words.extend(selection_flags(&environment.selection()).into_iter().map(|(flag, value)| format!("{flag}={value}")));
    words
}

/// Trains on a share of the images in a process of its own, unless `out` holds the finished run; false when it was
/// stopped.
fn train_on_share(recipe: &Recipe, share: f64, out: &Path, words: &[String], stop: &AtomicBool) -> Result<bool> {
    let smaller = recipe.on_share(share)?;
    let file = out.with_extension("toml");
    durable::write(&file, smaller.to_toml().as_bytes())?;
    say(format_args!("Training on {:.0} % of the images, {} epochs …", 100.0 * share, smaller.epochs));
    let mut words = words.to_vec();
    words.push(format!("--recipe={}", file.display()));
    words.push(format!("--out={}", out.display()));
    words.push("--resume".to_owned());
    child::train(&words, &out.with_extension("log"), stop, |_| {})
        .with_context(|| format!("the run in {} failed", out.display()))
}
