//! The first stage: what is wrong with the data, and what is trained on.

use std::{collections::HashSet, path::PathBuf, time::Instant};

use anyhow::{Context, Result, ensure};

use super::session::Session;
use crate::cli::{
    commands::seal,
    flags::{data::Bar, option_names::with_flags, weights},
    output::say::say,
};
use mindgap::{
    compare::PlannedData,
    data::{Audit, Dataset},
    durable,
    recipe::Recipe,
    search::{CloseRecord, Look, Network, Trained, fitting_batch, networks},
    stats::counted,
    train::complete_recipe,
};

/// Val images below which the data are divided into folds: half of them judge, and a difference of 0.1 nats with a spread of 0.7
/// needs some 200.
const FEW_VAL: usize = 400;
/// Groups in a half of val below which they are, too: where images have groups, errors come from how much these differ.
const FEW_GROUPS: usize = 4;
/// The number of folds.
const FOLDS: u32 = 5;

/// The groups of the images in that half of val that has fewer; None where the images have no groups.
fn groups_of_half(data: &Dataset, data_seed: u64) -> Option<usize> {
    let groups = data.val.groups.as_ref()?;
    let in_first_half = data.val_halves(data_seed);
    let count = |first: bool| {
        let of_half = groups.iter().zip(&in_first_half).filter(|(_, half)| **half == first);
        of_half.map(|(group, _)| group).collect::<HashSet<_>>().len()
    };
    Some(count(true).min(count(false)))
}

impl Session {
    /// Examines the data, lists what is left out of training, seals the test set, and completes the reference's recipe. Returns the
    /// data, those of the first fold where there are folds.
    /// Fails on a bad flag or data set.
    pub fn look(&mut self) -> Result<Dataset> {
        if self.record.reference.is_some() {
            return self.check_data();
        }
        let recipe = self.recipe_asked()?;
        // A process before this one may have been killed here.
        (self.record.look, self.record.data) = (None, Vec::new());
        self.tell("Look: duplicates, leaks, conflicting labels, blank images …");
        let audit = Audit::of(&self.args.subject, &self.args.data.audit_options(&recipe), None, 0, &Bar::default())?;
        let mut look = Look { notes: audit.notes.iter().map(|note| with_flags(note)).collect(), ..Look::default() };
        let asked = self.record.folds_asked;
        let may_be_whole = asked.is_none() && audit.images.val >= FEW_VAL;
        let whole = if may_be_whole { Some(self.open_without(&audit, &mut look, &recipe)?) } else { None };
        // A val that is drawn is smaller without what is left out.
        let images = whole.as_ref().map_or(audit.images.val, |data| data.val.len());
        let groups = whole.as_ref().and_then(|data| groups_of_half(data, recipe.data_seed));
        let why_folds = match groups {
            _ if asked.is_some() => None,
            _ if images < FEW_VAL => Some(format!("{images} val images")),
            Some(groups) if groups < FEW_GROUPS => Some(format!("the {} in a half of val", counted(groups, "group"))),
            _ => None,
        };
        let data = match whole.filter(|_| why_folds.is_none()) {
            Some(data) => data,
            None => {
                let groups = audit.group_leaks.as_ref().map_or(FOLDS, |found| found.groups as u32);
                look.folds = asked.or(Some(FOLDS.min(groups).max(2)));
                self.open_in_folds(&mut look, &recipe)?
            }
        };
        self.seal(&data)?;
        let recipe = complete_recipe(recipe, &data);
        let recipe = if self.record.is_own { recipe } else { self.scaled(recipe, &data) };
        recipe.validate()?;
        self.record.reference = Some(Trained::new(self.record.reference_name.clone(), recipe, Vec::new()));
        self.say_look(&audit, why_folds.as_deref());
        self.save()?;
        Ok(data)
    }

    /// The data, those of the first fold where there are folds.
    /// Fails where they are not those that the search began with.
    pub fn check_data(&self) -> Result<Dataset> {
        let recipe = self.on_fold(&self.recipe_asked()?, 0);
        let data = self.args.data.open_without_near_leaks(&self.args.subject, &recipe, true)?;
        let before = self.record.data.first().context("the data are known by now")?;
        ensure!(
            data.fingerprint == before.fingerprint,
            "the images in {} are not those that the search in {} began with ({} training images then, {} now): put them back, or choose \
             another --out",
            self.args.subject,
            self.args.out.display(),
            before.train,
            data.train.len()
        );
        Ok(data)
    }

    /// The recipe that was asked for, with its pretrained weights fetched.
    fn recipe_asked(&self) -> Result<Recipe> {
        let mut recipe = self.record.asked.clone().context("the recipe was resolved when the search was opened")?;
        weights::fetch(&mut recipe)?;
        Ok(recipe)
    }

    /// The data in folds, without what the audit of train and val together finds: equal images in two folds are a leak, wherever they lie.
    fn open_in_folds(&mut self, look: &mut Look, recipe: &Recipe) -> Result<Dataset> {
        self.record.look = Some(look.clone());
        self.args.data = self.args.data.reading(self.record.selection.clone());
        let options = self.args.data.audit_options(&self.on_fold(recipe, 0));
        let audit = Audit::of(&self.args.subject, &options, None, 0, &Bar::default())?;
        self.open_without(&audit, look, recipe)
    }

    /// The data without what `audit` leaves out.
    fn open_without(&mut self, audit: &Audit, look: &mut Look, recipe: &Recipe) -> Result<Dataset> {
        self.leave_out(audit, look)?;
        self.record.look = Some(look.clone());
        self.record.data.clear();
        let opened = self.open_all(recipe);
        if look.left_out.is_empty() {
            return opened;
        }
        opened.with_context(|| {
            format!(
                "without what the audit leaves out of training, which is listed in {}",
                self.exclude_list().display()
            )
        })
    }

    fn exclude_list(&self) -> PathBuf {
        self.args.out.join(CloseRecord::EXCLUDE_LIST)
    }

    /// `recipe` with the fold that validates, where there are folds.
    fn on_fold(&self, recipe: &Recipe, fold: u32) -> Recipe {
        let folds = self.fold_count();
        Recipe { folds, fold: folds.map(|_| fold), ..recipe.clone() }
    }

    /// Writes the list of samples to leave out, below what the user's own list names.
    fn leave_out(&mut self, audit: &Audit, look: &mut Look) -> Result<()> {
        look.left_out = audit.to_exclude.counts();
        if audit.to_exclude.count() == 0 {
            return Ok(());
        }
        let path = self.exclude_list();
        let mut selection = self.args.data.selection();
        let own = selection.exclude.as_deref();
        durable::write(&path, &audit.to_exclude.to_text_with(&self.args.subject, "mindgap close", own)?)?;
        selection.exclude = Some(path);
        self.args.data = self.args.data.reading(selection);
        Ok(())
    }

    /// Opens the data, once for each fold, and notes them as a plan does. Returns the first.
    fn open_all(&mut self, recipe: &Recipe) -> Result<Dataset> {
        let folds = self.fold_count().unwrap_or(1);
        let mut first = None;
        for fold in 0..folds {
            let recipe = self.on_fold(recipe, fold);
            let begun = Instant::now();
            let data = self.args.data.open_without_near_leaks(&self.args.subject, &recipe, true)?;
            self.record.open_seconds = begun.elapsed().as_secs_f64();
            ensure!(
                data.val.len() >= 2,
                "fold {fold} of {folds} has one image, which cannot be halved: give fewer --folds"
            );
            self.record.data.push(self.args.data.planned(&data)?);
            first.get_or_insert(data);
        }
        first.context("there is one fold or more")
    }

    /// Seals the test set, so that its only look is the last one.
    fn seal(&mut self, data: &Dataset) -> Result<()> {
        let (Some(_), Some(look)) = (&data.test, &mut self.record.look) else { return Ok(()) };
        match seal::seal_or_find(&self.args.subject, data) {
            Ok(ledger) => look.sealed = Some(ledger.display().to_string()),
            Err(error) => look.notes.push(format!("The test set could not be sealed and is not measured: {error:#}")),
        }
        Ok(())
    }

    /// The reference recipe with a stem that fits the size of the images and a batch that fits their number, unless flags choose
    /// them.
    fn scaled(&self, mut recipe: Recipe, data: &Dataset) -> Recipe {
        let is_set = |key: &str| self.record.keys_set.iter().any(|set| set == key);
        if self.args.subject == "faces" {
            return recipe;
        }
        let batch_size = fitting_batch(data.train.len());
        if batch_size < recipe.batch_size {
            // Linear in the batch (Goyal et al. 2017).
            recipe.lr *= f64::from(batch_size) / f64::from(recipe.batch_size);
            recipe.batch_size = batch_size;
        }
        if ["model", "width", "stem", "stem_stride"].into_iter().any(is_set) {
            return recipe;
        }
        let stem_stride = networks(data.size, &recipe)[0].stem_stride;
        Network { stem_stride, ..Network::of(&recipe) }.in_recipe(&recipe)
    }

    /// Says what was found. `why_folds` is what would be too few without folds.
    fn say_look(&self, audit: &Audit, why_folds: Option<&str>) {
        let Some(look) = &self.record.look else { return };
        let count = |split: &PlannedData| format!("{} training and {} val images", split.train, split.val);
        let data = self.record.data.first().map(count).unwrap_or_default();
        say(format_args!("  {data} in {} classes", audit.classes.len()));
        if look.left_out.is_empty() {
            say("  nothing is left out of training");
        }
        for (reason, count) in &look.left_out {
            say(format_args!("  left out of training: {count} {reason}"));
        }
        if let Some(folds) = look.folds {
            let why = why_folds.map_or(String::new(), |few| format!(": {few} would be too few to judge by"));
            say(format_args!("  {folds} folds, each image validated once{why}"));
        }
        if let Some(ledger) = &look.sealed {
            say(format_args!("  the test set is sealed ({ledger}) and is measured once, at the end"));
        }
        for note in &look.notes {
            say(format_args!("  note: {note}"));
        }
    }
}
