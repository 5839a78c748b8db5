//! Pretrained weights by name: fetched from the hub before a command needs them.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    sync::Mutex,
};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::say::say;
use mindgap::{
    data::ReadProgress,
    hub::{CONFIG, Hub, WEIGHTS},
    model::pretrained::Card,
    recipe::{HubName, Recipe},
};

/// Fetches the weights that `recipe` names on the hub, unless the cache has them, and pins the recipe to their commit, so
/// that it means the same weights wherever it is read.
/// Fails if the hub does not have them, cannot be reached, or has weights of another network.
pub fn fetch(recipe: &mut Recipe) -> Result<()> {
    let Some(name) = recipe.pretrained.as_deref().and_then(HubName::recorded) else { return Ok(()) };
    let hub = Hub::from_env()?;
    let config = hub.file(&name, CONFIG, &Transfer::default())?;
    if let Some(note) = &config.note {
        say(format_args!("note: {note}"));
    }
    let card = Card::read(&config.path)?.with_context(|| {
        format!(
            "{name}: its {CONFIG} is not timm's, so that its weights have other names than mindgap's: take one of timm's, \
             such as timm/resnet18.a1_in1k or timm/resnet18.tv_in1k"
        )
    });
    card.and_then(|card| card.check_fits(&recipe.model)).with_context(|| format!("{name} cannot be used"))?;
    let pinned = name.at(&config.commit);
    hub.file(&pinned, WEIGHTS, &Transfer::default())?;
    recipe.pretrained = Some(pinned.to_string());
    Ok(())
}

/// Fetches what the recipes name; equal names become the same commit.
/// Fails where [`fetch`] fails.
pub fn fetch_all<'a>(recipes: impl IntoIterator<Item = &'a mut Recipe>) -> Result<()> {
    let mut pinned: BTreeMap<String, Option<String>> = BTreeMap::new();
    for recipe in recipes {
        let Some(given) = recipe.pretrained.clone() else { continue };
        if let Some(known) = pinned.get(&given) {
            recipe.pretrained.clone_from(known);
        }
        fetch(recipe)?;
        pinned.insert(given, recipe.pretrained.clone());
    }
    Ok(())
}

/// Shows a transfer on stderr: a bar on a terminal, a line otherwise.
#[derive(Default)]
struct Transfer(Mutex<Option<ProgressBar>>);

impl Transfer {
    fn with(&self, action: impl FnOnce(&mut Option<ProgressBar>)) {
        action(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

impl ReadProgress for Transfer {
    fn begin(&self, what: &str, total: u64) {
        if !io::stderr().is_terminal() {
            say(format_args!("fetching {what}, {}", ByteSize::b(total).display().si()));
            return;
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        self.with(|bar| {
            bar.take().iter().for_each(ProgressBar::finish_and_clear);
            *bar = Some(ProgressBar::new(total).with_style(style).with_message(what.to_owned()));
        });
    }

    fn advance(&self, n: u64) {
        self.with(|bar| bar.iter().for_each(|bar| bar.inc(n)));
    }

    fn end(&self) {
        self.with(|bar| bar.take().iter().for_each(ProgressBar::finish_and_clear));
    }
}
