//! The ledger of a sealed test set: found before the model is measured, extended before a figure is shown.

use std::path::PathBuf;

use anyhow::Result;

use super::{args::Args, sealed_figures::SealedFigures, subject::Subject};
use crate::cli::output::say::say_notes;
use mindgap::{
    data::{Split, SplitName},
    durable::{sha256, sha256_of_file},
    export::Model,
    recipe::Tta,
    run::Measured,
    seal::{Ledger, LookedModel, Results, Standing, TestImages, Witnesses, find, may_be_sealed},
};

/// A sealed test set that is about to be measured.
pub struct SealedTest {
    folder: PathBuf,
    images: TestImages,
    witnesses: Witnesses,
    /// SHA-256 of the file with the weights, as it was before they were used.
    model_hash: String,
}

impl SealedTest {
    /// The seal of `split`; None where another split than test is measured, or the test set is not sealed.
    /// Fails if the ledger fails a check.
    pub fn find(args: &Args, subject: &Subject, split: &Split) -> Result<Option<Self>> {
        if args.split != SplitName::Test {
            return Ok(None);
        }
        let mut witnesses = Witnesses::of_user();
        if args.model.path.is_dir() {
            witnesses = witnesses.and_of_run(&args.model.path);
        }
        if !may_be_sealed(&subject.source, &witnesses) {
            return Ok(None);
        }
        let class_of = |&label: &u32| subject.classes[subject.class_of[label as usize] as usize].as_str();
        let classes: Vec<&str> = split.labels.iter().map(class_of).collect();
        let images = TestImages::new(&split.original_hashes()?, &classes);
        let Some(found) = find(&subject.source, &images, &witnesses)? else { return Ok(None) };
        say_notes(&found.note);
        let model_hash = sha256_of_file(&args.model.weights_file()?)?;
        Ok(Some(Self { folder: found.folder, images, witnesses, model_hash }))
    }

    /// Appends one look per kind of views that were `measured` with `model`, and reads the ledger.
    /// Fails if the ledger fails a check or cannot be extended, or the results of an earlier look are damaged.
    pub fn record(&self, args: &Args, model: &dyn Model, measured: &[(Tta, Measured)]) -> Result<SealedFigures> {
        let recipe = model.description().map(|about| about.recipe()).transpose()?;
        let recipe = recipe.map(|recipe| serde_json::to_vec(&recipe)).transpose()?;
        let mut looks = Vec::new();
        for (views, measured) in measured {
            let model = LookedModel {
                model: args.model.path.display().to_string(),
                weights: args.model.weights_kind().to_owned(),
                model_hash: self.model_hash.clone(),
                recipe: recipe.as_deref().map(sha256),
                views: views.to_string(),
            };
            looks.push((model, Results::new(measured, &self.images)));
        }
        let (ledger, notes) = Ledger::record(&self.folder, &self.images, &self.witnesses, looks)?;
        say_notes(notes);
        let look = ledger.looks.len() + 1 - measured.len();
        Ok(SealedFigures {
            ledger: ledger.path().display().to_string(),
            id: ledger.sealed.id.clone(),
            look,
            first_look: ledger.first_look(look),
            standing: Standing::of(&ledger)?,
        })
    }
}
