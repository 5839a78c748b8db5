//! A training run as a whole: from a recipe and data to a trained network, in memory or in a run folder.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Result, ensure};
use tch::Device;

use super::{
    Checkpointer, EvalSets, FitOutcome, Previous, Trainer, checkpointer::finish, data_source, fit, listed_images,
    resume::restore, versions,
};
use crate::{
    data::Dataset,
    durable,
    model::{Architecture, ModelCost},
    recipe::Recipe,
    run::{Done, Environment, EpochRecord, Observer, Resume, RunFolder, Versions, cpu_name, now},
    torch::device,
};

/// A run that has not begun: a recipe, data, and options with their defaults.
///
/// ```no_run
/// use mindgap::{data, recipe::Recipe, train};
///
/// let recipe = Recipe::preset("demo")?.epochs(5);
/// let data = data::open("faces", &data::Options::default(), &data::NoProgress)?;
/// let trained = train::Run::new(recipe, &data)?
///     .folder("runs/demo")
///     .on_epoch(|epoch| println!("epoch {}: gap {:.3}", epoch.epoch, epoch.gap_loss))
///     .fit()?;
/// println!("{} epochs", trained.records.len());
/// # anyhow::Ok(())
/// ```
pub struct Run<'a> {
    recipe: Recipe,
    data: &'a Dataset,
    sets: EvalSets,
    device: Option<Device>,
    folder: Destination,
    resume: bool,
    checkpoint_every: Option<u64>,
    ranks: usize,
    stop: Option<&'a AtomicBool>,
    epochs: Epochs<'a>,
}

/// Where a run writes its files.
enum Destination {
    /// Nowhere.
    Memory,
    Folder(PathBuf),
    /// A new folder with this name or, where it exists, the first free one of `name-2`, `name-3` and so on.
    NewIn(PathBuf, String),
}

impl<'a> Run<'a> {
    /// A run of `recipe` on `data`, on the best device, that writes no files.
    ///
    /// # Errors
    /// The recipe has values out of range or in conflict, a batch has more images than train, or the probe is empty,
    /// because every training image also appears in val.
    pub fn new(recipe: Recipe, data: &'a Dataset) -> Result<Self> {
        let recipe = complete_recipe(recipe, data);
        recipe.validate()?;
        check_batch(&recipe, data.train.len())?;
        let sets = EvalSets::of(data, recipe.data_seed);
        ensure!(
            !sets.probe.is_empty(),
            "the probe is empty: every training image also appears in val, or its group does; the data need training images \
             of their own"
        );
        Ok(Self {
            recipe,
            data,
            sets,
            device: None,
            folder: Destination::Memory,
            resume: false,
            checkpoint_every: None,
            ranks: 1,
            stop: None,
            epochs: Epochs::default(),
        })
    }

    /// Writes recipe, epochs, checkpoints and final figures into the folder `path`, see [`RunFolder`].
    #[must_use]
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Destination::Folder(path.into());
        self
    }

    /// Writes the files of the run into a new folder of `parent`, called `name` or, where that exists, `name-2`, `name-3`
    /// and so on.
    #[must_use]
    pub fn new_folder_in(mut self, parent: impl Into<PathBuf>, name: &str) -> Self {
        self.folder = Destination::NewIn(parent.into(), name.to_owned());
        self
    }

    /// Continues the run in the folder from its last checkpoint, or begins it where there is none. The recipe must be
    /// that of the run, or have more epochs.
    #[must_use]
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Trains on `device`. The default is the first CUDA device, or the CPU where there is none.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// Stops the run between two updates once `flag` is set, and writes a checkpoint.
    #[must_use]
    pub fn stop(mut self, flag: &'a AtomicBool) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Writes a checkpoint not only after each epoch, but also after every `updates` updates inside it.
    #[must_use]
    pub fn checkpoint_every(mut self, updates: Option<u64>) -> Self {
        self.checkpoint_every = updates;
        self
    }

    /// Records that `size` processes train the run together. They join by [`Trainer::join`].
    #[must_use]
    pub fn ranks(mut self, size: usize) -> Self {
        self.ranks = size;
        self
    }

    /// Calls `notify` with the record of each epoch.
    #[must_use]
    pub fn on_epoch(mut self, notify: impl FnMut(&EpochRecord) + 'a) -> Self {
        self.epochs.callbacks.push(Box::new(notify));
        self
    }

    /// Trains until all epochs are done, early stopping is due, or the stop flag is set.
    ///
    /// # Errors
    /// The errors of [`Self::start`] and [`RunInProgress::fit`].
    pub fn fit(self) -> Result<Trained> {
        let mut run = self.start()?;
        match run.fit(&mut ())? {
            FitOutcome::Finished => run.finish(),
            FitOutcome::Stopped => Ok(run.interrupt()),
        }
    }

    /// Creates or restores the network and writes the first files of the folder. Nothing is trained yet.
    ///
    /// # Errors
    /// The folder holds another run or cannot be written, the run in it cannot be resumed with this recipe on these data,
    /// pretrained weights do not fit, or libtorch has no memory for the network.
    pub fn start(mut self) -> Result<RunInProgress<'a>> {
        let mut warnings = Vec::new();
        let device = match self.device {
            Some(device) => device,
            None => device::parse("auto")?,
        };
        let previous = match &self.folder {
            Destination::Folder(path) if self.resume => Previous::read(path)?,
            _ => None,
        };
        let (recipe, mut trainer) = match &previous {
            None => (self.recipe.clone(), Trainer::new(&self.recipe, self.data, device)?),
            Some(previous) => {
                previous.check_data(self.data)?;
                let range_16bit = previous.recipe.range_16bit;
                let recipe = previous.recipe_to_continue(Recipe { range_16bit, ..self.recipe.clone() })?;
                let trainer = previous.trainer(&recipe, self.data, device, &mut warnings)?;
                (recipe, trainer)
            }
        };
        let folder = match &self.folder {
            Destination::Memory => {
                ensure!(!self.resume, "a run that writes no files cannot be resumed: name its folder");
                None
            }
            Destination::Folder(path) => Some(RunFolder::create(path, self.resume)?),
            Destination::NewIn(parent, name) => Some(RunFolder::create_next(parent, name)?),
        };
        if let Some(folder) = &folder {
            if previous.is_some() {
                restore(folder, &mut trainer, self.data, &mut warnings)?;
            }
            self.write_provenance(folder, &recipe, &trainer, previous.as_ref())?;
            self.epochs.records = folder.epochs()?.records;
        }
        Ok(RunInProgress {
            data: self.data,
            sets: self.sets,
            trainer,
            folder,
            warnings,
            checkpoint_every: self.checkpoint_every,
            stop: self.stop,
            epochs: self.epochs,
        })
    }

    /// Writes environment.json, images.csv and recipe.toml.
    fn write_provenance(
        &self,
        folder: &RunFolder,
        recipe: &Recipe,
        trainer: &Trainer,
        previous: Option<&Previous>,
    ) -> Result<()> {
        let command_line: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let ranks = (self.ranks > 1).then_some(self.ranks);
        let versions = Versions { ranks, ..versions(trainer.device()) };
        let environment = match previous {
            Some(previous) => {
                folder.reopen()?;
                let mut environment = previous.environment.clone();
                let after_epoch = trainer.position.epochs;
                let before = previous.recipe.epochs;
                environment.initial_epochs = environment.initial_epochs.or((recipe.epochs > before).then_some(before));
                environment.resumes.push(Resume { at: now(), after_epoch, command_line, versions });
                environment
            }
            None => Environment {
                versions,
                cpu: cpu_name(),
                data: data_source(self.data, &self.sets),
                range_16bit: recipe.range_16bit.filter(|_| self.data.range_16bit.is_some()),
                folders: self.data.selection.folders.settled(Path::new(&self.data.source))?,
                recorder: None,
                pretrained: trainer.pretrained.clone(),
                teacher: trainer.teacher_file().cloned(),
                initial_epochs: None,
                command_line,
                started: now(),
                resumes: Vec::new(),
            },
        };
        folder.write_environment(&environment)?;
        listed_images(self.data, &self.sets).save(&folder.file(RunFolder::IMAGES))?;
        // The recipe comes last, since a folder with a recipe counts as a run.
        durable::write(&folder.file(RunFolder::RECIPE), recipe.to_toml().as_bytes())
    }
}

/// Completes `recipe` by what `data` decide where it leaves it open: size, channels, range of 16-bit values.
pub fn complete_recipe(recipe: Recipe, data: &Dataset) -> Recipe {
    let range_16bit = recipe.range_16bit.or(data.range_16bit);
    Recipe { img_size: Some(data.size), in_chans: Some(data.channels), range_16bit, ..recipe }
}

/// Checks that an epoch of `images` training images holds a whole batch.
///
/// # Errors
/// It holds none.
pub fn check_batch(recipe: &Recipe, images: usize) -> Result<()> {
    ensure!(
        images >= recipe.batch_size as usize,
        "{images} training images do not fill one batch of {}: choose a batch_size of at most {images}",
        recipe.batch_size,
    );
    Ok(())
}

/// A run that has started and not ended.
pub struct RunInProgress<'a> {
    data: &'a Dataset,
    /// The images that are measured after every epoch.
    pub sets: EvalSets,
    /// The trainer, which holds the training state.
    pub trainer: Trainer,
    /// The run's folder, if it has one.
    pub folder: Option<RunFolder>,
    /// Warnings about the files of a resumed run, a sentence each.
    pub warnings: Vec<String>,
    checkpoint_every: Option<u64>,
    stop: Option<&'a AtomicBool>,
    epochs: Epochs<'a>,
}

impl RunInProgress<'_> {
    /// The number of the network's parameters and the multiply-adds of one image.
    ///
    /// # Errors
    /// None is expected: the network exists.
    pub fn cost(&self) -> Result<ModelCost> {
        let architecture = Architecture::new(&self.trainer.recipe, self.data.channels, self.data.classes.len())?;
        Ok(architecture.cost(self.data.size))
    }

    /// The record of each epoch so far, those before a resume included.
    pub fn records(&self) -> &[EpochRecord] {
        &self.epochs.records
    }

    /// Trains until all epochs are done, early stopping is due, or the stop flag is set. `observer` is notified after
    /// the functions of [`Run::on_epoch`].
    ///
    /// # Errors
    /// The errors of [`fit`](super::fit()).
    pub fn fit(&mut self, observer: &mut dyn Observer) -> Result<FitOutcome> {
        let never = AtomicBool::new(false);
        let stop = self.stop.unwrap_or(&never);
        let mut checkpointer = match &self.folder {
            None => None,
            Some(folder) => Some(Checkpointer::new(folder, self.data)?),
        };
        let mut observers = (&mut self.epochs, observer);
        let pause_every = self.checkpoint_every;
        fit(&mut self.trainer, self.data, &self.sets, checkpointer.as_mut(), pause_every, &mut observers, stop)
    }

    /// Ends a run that has done all its epochs: writes `model.safetensors` and `done.json`.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn finish(self) -> Result<Trained> {
        let macs = self.cost()?.multiply_adds;
        let done = match &self.folder {
            None => None,
            Some(folder) => Some(finish(folder, self.data, &self.sets, &self.trainer, macs)?),
        };
        Ok(Trained { outcome: FitOutcome::Finished, done, ..self.interrupt() })
    }

    /// Ends a run that was stopped. It can be resumed if it has a folder.
    pub fn interrupt(self) -> Trained {
        let Self { trainer, folder, epochs, .. } = self;
        Trained { outcome: FitOutcome::Stopped, trainer, records: epochs.records, done: None, folder }
    }
}

/// The result of a run, in memory.
pub struct Trained {
    /// Whether all epochs are done.
    pub outcome: FitOutcome,
    /// The final state.
    pub trainer: Trainer,
    /// The record of each epoch, those before a resume included.
    pub records: Vec<EpochRecord>,
    /// The final figures, where the run is finished and has a folder.
    pub done: Option<Done>,
    /// The run's folder, if it has one.
    pub folder: Option<RunFolder>,
}

/// A function that is called with the record of each epoch.
type EpochCallback<'a> = Box<dyn FnMut(&EpochRecord) + 'a>;

/// Collects the records of the epochs, and calls functions with each.
#[derive(Default)]
struct Epochs<'a> {
    records: Vec<EpochRecord>,
    callbacks: Vec<EpochCallback<'a>>,
}

impl Observer for Epochs<'_> {
    fn epoch_end(&mut self, record: &EpochRecord) -> Result<()> {
        self.records.push(record.clone());
        for notify in &mut self.callbacks {
            notify(record);
        }
        Ok(())
    }
}
