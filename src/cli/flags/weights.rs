//! Pretrained weights by name: fetched from the hub before a command needs them.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
};

use anyhow::{Context, Result};
use bytesize::ByteSize;

use crate::cli::{
    flags::data::Bar,
    output::say::{say, say_notes},
};
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
    fetch_all([recipe])
}

/// Fetches what the recipes name, each name once; equal names become the same commit.
/// Fails where [`fetch`] fails.
pub fn fetch_all<'a>(recipes: impl IntoIterator<Item = &'a mut Recipe>) -> Result<()> {
    let mut fetched: BTreeMap<String, (String, Card)> = BTreeMap::new();
    for recipe in recipes {
        let Some(given) = recipe.pretrained.clone() else { continue };
        let Some(name) = HubName::recorded(&given) else { continue };
        if !fetched.contains_key(&given) {
            fetched.insert(given.clone(), fetch_card_and_weights(&name, recipe)?);
        }
        let (pinned, card) = &fetched[&given];
        card.check_fits(recipe).with_context(|| format!("{name} cannot be used"))?;
        recipe.pretrained = Some(pinned.clone());
    }
    Ok(())
}

/// Fetches the weights called `name` and their card, and returns the name at their commit and the card. The weights, which
/// are large, are fetched only if they fit the network of `recipe`.
fn fetch_card_and_weights(name: &HubName, recipe: &Recipe) -> Result<(String, Card)> {
    let hub = Hub::from_env()?;
    let config = hub.file(name, CONFIG, &Transfer::default())?;
    say_notes(&config.note);
    let card = Card::read(&config.path)?.with_context(|| {
        format!(
            "{name}: its {CONFIG} is not timm's, so that its weights have other names than mindgap's: take one of timm's, \
             such as timm/resnet18.a1_in1k or timm/resnet18.tv_in1k"
        )
    });
    let cannot = || format!("{name} cannot be used");
    let card = card.with_context(cannot)?;
    card.check_fits(recipe).with_context(cannot)?;
    let pinned = name.at(&config.commit);
    hub.file(&pinned, WEIGHTS, &Transfer::default())?;
    Ok((pinned.to_string(), card))
}

/// Shows a transfer on stderr: a bar on a terminal, a line otherwise.
struct Transfer(Bar);

impl Default for Transfer {
    fn default() -> Self {
        Self(Bar::new("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left"))
    }
}

impl ReadProgress for Transfer {
    fn begin(&self, what: &str, total: u64) {
        if !io::stderr().is_terminal() {
            say(format_args!("fetching {what}, {}", ByteSize::b(total).display().si()));
        }
        self.0.begin(what, total);
    }

    fn advance(&self, n: u64) {
        self.0.advance(n);
    }

    fn end(&self) {
        self.0.end();
    }
}
