//! The run that `mindgap train` is asked for: by its flags and, with `--resume`, by the run that they resume.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::args::Args;
use crate::cli::{
    flags::{recipe::RecipeSource, weights},
    output::say::say,
    ranks::Message,
};
use mindgap::{
    data::{Dataset, Selection},
    recipe::Recipe,
    run::{Done, RunFolder},
    train::Previous,
};

pub struct Request {
    /// The data, as the user or the resumed run names them.
    source: String,
    /// What the user or the resumed run selects of the data.
    selection: Selection,
    /// The recipe, complete except for the values that the data decide.
    pub recipe: Recipe,
    /// The preset that the recipe is based on.
    preset: Option<String>,
    /// The recipe file that was applied to the preset.
    file: Option<PathBuf>,
    /// The run that is resumed, if it was begun before.
    pub previous: Option<Previous>,
}

impl Request {
    /// The run that `args` ask for.
    /// Fails if the recipe is invalid, or differs from that of the run to be resumed.
    pub fn of(args: &Args) -> Result<Self> {
        let previous = match &args.out {
            Some(path) if args.resume => Previous::read(path)?,
            _ => None,
        };
        match previous {
            Some(previous) => Self::to_resume(args, previous),
            None => Self::to_begin(args),
        }
    }

    fn to_begin(args: &Args) -> Result<Self> {
        let source = args.data.source.clone().unwrap_or_else(|| "faces".to_owned());
        let preset = args.source.preset_for(&source);
        Ok(Self {
            recipe: args.source.resolve_with(preset.as_deref())?,
            source,
            selection: args.data.selection(),
            preset,
            file: args.source.recipe.clone(),
            previous: None,
        })
    }

    fn to_resume(args: &Args, previous: Previous) -> Result<Self> {
        let recipe = previous.recipe_to_continue(asked_recipe(&args.source, &previous)?)?;
        let before = &previous.environment;
        Ok(Self {
            source: args.data.source.clone().unwrap_or_else(|| previous.source()),
            selection: args.data.selection().or(&before.selection()),
            // Images are read in the range in which the run read them before.
            recipe: Recipe { range_16bit: recipe.range_16bit.or(Some(previous.range_16bit())), ..recipe },
            preset: args.source.preset.clone(),
            file: args.source.recipe.clone(),
            previous: Some(previous),
        })
    }

    /// Fetches pretrained weights that the recipe names on the hub, where the run needs them.
    /// Fails if they cannot be had, or are of another network.
    pub fn fetch_weights(&mut self) -> Result<()> {
        if self.previous.as_ref().is_none_or(Previous::needs_weights) {
            weights::fetch(&mut self.recipe)?;
        }
        Ok(())
    }

    /// The source of the recipe, in words.
    pub fn recipe_source(&self) -> String {
        match (&self.preset, &self.file) {
            _ if self.previous.is_some() => "of the resumed run".to_owned(),
            (Some(preset), Some(file)) => format!("preset {preset}, changed by {}", file.display()),
            (Some(preset), None) => format!("preset {preset}"),
            (None, Some(file)) => file.display().to_string(),
            (None, None) => "the default, preset seed's".to_owned(),
        }
    }

    /// A name for the run's folder.
    pub fn name(&self) -> String {
        let stem = Path::new(&self.source).file_stem().map_or("data".into(), |stem| stem.to_string_lossy());
        let preset = self.preset.as_deref().unwrap_or(&self.recipe.model);
        format!("{stem}-{preset}")
    }

    /// The command that began the resumed run, word by word; empty for a new one.
    pub fn command_before(&self) -> &[String] {
        self.previous.as_ref().map_or(&[], |previous| &previous.environment.command_line)
    }

    /// The threads of the resumed run, if as many processes train it as before. With these threads its bits stay the same.
    pub fn threads_before(&self, ranks: usize) -> Option<usize> {
        let versions = &self.previous.as_ref()?.environment.versions;
        (versions.ranks.unwrap_or(1) == ranks).then_some(versions.threads)
    }

    /// The message to the other processes of the run.
    pub fn message(&self, threads: Option<usize>, checkpoint_every: Option<u64>) -> Message {
        Message::Train {
            recipe: self.recipe.to_toml(),
            source: self.source.clone(),
            selection: Box::new(self.selection.clone()),
            skipped_before: self.skipped_before(),
            threads,
            checkpoint_every,
        }
    }

    /// Whether the resumed run left bad files out.
    fn skipped_before(&self) -> bool {
        self.previous.as_ref().is_some_and(|previous| previous.environment.data.bad_files > 0)
    }

    /// Opens the data. Fails if they are missing or unreadable, or differ from those of the plan.
    pub fn open_data(&self, args: &Args) -> Result<Dataset> {
        let flags = args.data.reading(self.selection.clone());
        let data = flags.open(&self.source, &self.recipe, self.skipped_before())?;
        if let Some(planned) = &args.planned {
            let found = args.data.planned(&data)?;
            ensure!(
                planned.fingerprint == found.fingerprint,
                "the data are not those of the plan: planned were {planned}, here are {found}; --data names their place on \
                 this machine"
            );
        }
        Ok(data)
    }

    /// The final figures of the run to be resumed, if it is finished, on the same data, and no more epochs are asked for.
    pub fn finished(&self, args: &Args) -> Option<Done> {
        let previous = self.previous.as_ref()?;
        let data = &previous.environment.data;
        let is_as_planned = args.planned.as_ref().is_some_and(|planned| planned.fingerprint == data.fingerprint);
        let is_same_source = args.data.source.as_ref().is_none_or(|source| *source == data.source)
            && is_selection_of(&args.data.selection(), &previous.environment.selection());
        if !(is_as_planned || is_same_source) || previous.recipe.epochs != self.recipe.epochs {
            return None;
        }
        RunFolder::open(args.out.as_ref()?).and_then(|folder| folder.done()).unwrap_or_else(|error| {
            say(format_args!("warning: {error:#}; it is written again"));
            None
        })
    }
}

/// The recipe that the flags ask for when `previous` is resumed. Without a preset or recipe file, the flags override the
/// run's own recipe.
fn asked_recipe(source: &RecipeSource, previous: &Previous) -> Result<Recipe> {
    if source.preset.is_some() || source.recipe.is_some() || source.planned.is_some() {
        return source.resolve();
    }
    let flags = source.flags.without("epochs");
    let own = RecipeSource { recipe: Some(previous.recipe_file()), flags, ..Default::default() }.resolve()?;
    match source.flags.number("epochs") {
        Some(epochs) => Ok(Recipe { epochs: epochs.try_into()?, ..own }),
        None => Ok(own),
    }
}

/// Whether `asked` selects nothing but what the run `recorded`.
fn is_selection_of(asked: &Selection, recorded: &Selection) -> bool {
    asked.with_files(|file| Ok(fs::canonicalize(file)?)).is_ok_and(|asked| asked.or(recorded) == *recorded)
}
