//! Opens the model that a command names: a run folder, a safetensors file or a TorchScript file.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tch::Device;

use crate::cli::{output::say::say, process::child};
use mindgap::{
    durable,
    export::{Classifier, FileFormat, Hosted, InputNormalisation, Limits, Model},
    run::RunFolder,
    torch,
    train::Checkpoint,
};

/// The epoch of a run whose weights are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// The weights after the epoch of lowest val loss
    #[default]
    Best,
    /// The weights after the last epoch
    Last,
}

/// Flags for the model of a command.
#[derive(Clone, Debug, clap::Args)]
pub struct ModelFlags {
    /// A run folder, a .safetensors file that mindgap wrote, or a TorchScript file (.pt)
    #[arg(value_name = "MODEL")]
    pub path: PathBuf,

    /// For a run folder: the epoch whose weights are taken [default: best]
    #[arg(long, value_name = "EPOCH", help_heading = "Model")]
    which: Option<Which>,

    /// Address space that a TorchScript file, which runs in a separate process, may use; 0: no limit
    #[arg(long, value_name = "MiB", default_value_t = 16384, help_heading = "Model")]
    script_memory: u64,

    /// Seconds that a TorchScript file may take to be read, and to compute each batch
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Model")]
    script_time: u64,
}

impl ModelFlags {
    /// Whether the weights are those of a run's best epoch, which val chose.
    pub fn is_best_of_run(&self) -> bool {
        self.path.is_dir() && self.which.unwrap_or_default() == Which::Best
    }

    /// The file that holds the weights.
    /// Fails where [`of_run`] finds none.
    pub fn weights_file(&self) -> Result<PathBuf> {
        if !self.path.is_dir() {
            return Ok(self.path.clone());
        }
        Ok(checkpoint(&RunFolder::open(&self.path)?, self.which.unwrap_or_default())?.0)
    }

    /// What the weights are.
    pub fn weights_kind(&self) -> &'static str {
        match self.which.unwrap_or_default() {
            Which::Best if self.path.is_dir() => "run, best epoch",
            Which::Last if self.path.is_dir() => "run, last epoch",
            _ if FileFormat::of(&self.path) == Some(FileFormat::Safetensors) => "safetensors",
            _ => "torchscript",
        }
    }

    /// Opens the model on `device`. A TorchScript file that does not state its input gets images normalised by
    /// `normalisation`, if there is one.
    /// Fails if the file or folder does not exist, is no model, or is damaged.
    pub fn open(&self, device: Device, normalisation: Option<&InputNormalisation>) -> Result<Box<dyn Model>> {
        let path = self.path.as_path();
        if path.is_dir() {
            return Ok(Box::new(of_run(path, self.which.unwrap_or_default(), device)?));
        }
        ensure!(
            self.which.is_none(),
            "--which chooses among the epochs of a run folder, and {} is a file",
            path.display()
        );
        ensure!(path.exists(), "there is no model {}", path.display());
        match FileFormat::of(path) {
            Some(FileFormat::Safetensors) => Ok(Box::new(Classifier::read(path, device)?)),
            Some(FileFormat::Torchscript) => Ok(Box::new(self.host(device, normalisation)?)),
            Some(FileFormat::Onnx) | None => bail!(
                "{} cannot be read as a model: give a run folder, a .safetensors file or a TorchScript .pt file",
                path.display()
            ),
        }
    }

    fn host(&self, device: Device, normalisation: Option<&InputNormalisation>) -> Result<Hosted> {
        // No limit on CUDA, whose driver reserves more address space than any machine has memory.
        let memory = (self.script_memory > 0 && !device.is_cuda()).then_some(self.script_memory << 20);
        let limits = Limits { memory, time: Duration::from_secs(self.script_time) };
        say(format_args!(
            "note: {} is TorchScript, a program: it runs in a separate process{}",
            self.path.display(),
            memory.map_or(String::new(), |bytes| format!(" within {} MiB of address space", bytes >> 20))
        ));
        host(&self.path, device, limits, normalisation)
    }
}

/// The model in the file at `path`, run by a separate process. If it does not state its input it gets images normalised by
/// `normalisation`.
/// Fails if the process cannot be started, or cannot use the file; the message names it.
pub fn host(path: &Path, device: Device, limits: Limits, normalisation: Option<&InputNormalisation>) -> Result<Hosted> {
    let mut command = child::mindgap()?;
    let device = if let Device::Cuda(index) = device { format!("cuda:{index}") } else { "cpu".to_owned() };
    command.arg("host").arg("--device").arg(device).arg("--threads").arg(tch::get_num_threads().to_string());
    command.args(torch::is_deterministic().then_some("--deterministic"));
    command.args((!torch::is_tf32()).then_some("--no-tf32"));
    if let Some(InputNormalisation { mean, std }) = normalisation {
        let list = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        command.arg(format!("--mean={}", list(mean))).arg(format!("--std={}", list(std)));
    }
    command.arg("--").arg(path);
    Hosted::start(command, limits).with_context(|| format!("cannot use {}", path.display()))
}

/// The network of a run with the weights after its best or last epoch.
/// Fails if the folder holds no run, the run has not finished an epoch, or a file is damaged.
pub fn of_run(path: &Path, which: Which, device: Device) -> Result<Classifier> {
    let folder = RunFolder::open(path)?;
    if let Some(recorder) = RunFolder::recorder(path) {
        bail!(
            "{} holds a run that another training loop recorded ({}): it has no weights that mindgap can use; measure or \
             export the model file of that loop instead",
            path.display(),
            recorder.framework
        );
    }
    let (_, checkpoint) = checkpoint(&folder, which)?;
    let predictions = folder.predictions()?;
    let val = if which == Which::Best { &predictions.best_val } else { &predictions.last_val };
    let description = checkpoint.description(&folder.environment()?.data, val)?;
    Classifier::new(description, &checkpoint.network()?, device)
        .with_context(|| format!("cannot use {}", path.display()))
}

/// The checkpoint of a run after its best or last epoch, and its file. The last one of a run that was stopped within an epoch is from
/// there, so that the one before it counts.
/// Fails if there is none, or it is damaged.
fn checkpoint(folder: &RunFolder, which: Which) -> Result<(PathBuf, Checkpoint)> {
    let (name, other) = match which {
        Which::Best => (RunFolder::BEST, "last"),
        Which::Last => (RunFolder::LAST, "best"),
    };
    let file = folder.file(name);
    ensure!(
        file.exists(),
        "{} has no {name}: the run has not finished an epoch, or the file was deleted; --which {other} takes the other one",
        folder.path().display()
    );
    let newest = Checkpoint::load(&file)?;
    if newest.is_after_epoch() {
        return Ok((file, newest));
    }
    let file = folder.file(RunFolder::PREVIOUS);
    let before = if file.exists() { Some(Checkpoint::load(&file)?) } else { None };
    let before = before.filter(Checkpoint::is_after_epoch).with_context(|| {
        format!(
            "the run in {} was stopped within an epoch, and its weights after the epoch before are not there any more: \
             `mindgap train --resume --out` continues it; --which best takes the weights after its best epoch",
            folder.path().display()
        )
    })?;
    Ok((file, before))
}

/// Checks that a model can be written to `out`.
/// Fails if there is no such folder, or the file is one that a run needs.
pub fn check_out(out: &Path) -> Result<()> {
    let folder = durable::folder_of(out);
    ensure!(folder.is_dir(), "--out {}: there is no folder {}", out.display(), folder.display());
    let own =
        [RunFolder::BEST, RunFolder::LAST, RunFolder::PREVIOUS, RunFolder::PREDICTIONS, RunFolder::NEXT_PREDICTIONS];
    let is_own = out.file_name().is_some_and(|name| own.iter().any(|own| name == *own));
    ensure!(
        !(is_own && folder.join(RunFolder::RECIPE).exists()),
        "--out {} is a file that the run needs to continue: choose another one",
        out.display()
    );
    Ok(())
}
