//! Runs a model file in a separate process: for files that are read back after an export, and for TorchScript, which is
//! a program and can do anything that a program can within its limits of memory and time.
//!
//! The process reads requests from stdin and writes answers to stdout, each a message of protocol buffers after its length
//! in bytes (u64, little-endian). The first answer comes without a request and has the description.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use prost::Message;
use rustix::{
    process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit},
    stdio::dup2_stdout,
};
use tch::{Device, Kind, Tensor};

use super::{Classifier, FileFormat, Graph, Model, Script};
use crate::{augment::Normalize, model::Description, torch};

/// The longest message that is accepted \[bytes\].
const LONGEST: u64 = 1 << 32;
/// The largest number of classes that a model may have.
const CLASSES_AT_MOST: i64 = 1 << 16;

/// uint8 images.
#[derive(Clone, PartialEq, Message)]
struct Request {
    /// n, c, h, w.
    #[prost(int64, repeated, tag = "1")]
    shape: Vec<i64>,
    #[prost(bytes = "vec", tag = "2")]
    pixels: Vec<u8>,
}

/// A message from the process of a hosted model.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    /// Why there is no other answer.
    #[prost(string, optional, tag = "1")]
    error: Option<String>,
    /// The description as JSON, where the file has one.
    #[prost(string, optional, tag = "2")]
    description: Option<String>,
    /// The logits' n and classes.
    #[prost(int64, repeated, tag = "3")]
    shape: Vec<i64>,
    #[prost(float, repeated, tag = "4")]
    logits: Vec<f32>,
}

/// The limits of a hosted model.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Address space, including that of libtorch's libraries \[bytes\]; `None` is no limit.
    pub memory: Option<u64>,
    /// Time for reading the file, and time for each batch.
    pub time: Duration,
}

/// What a model expects of its input: `(x − mean) / std` for each channel, for pixels `x` scaled to 0–1.
#[derive(Clone, Debug, PartialEq)]
pub struct InputNormalisation {
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The standard deviation of each channel, above 0.
    pub std: Vec<f32>,
}

/// A model in a separate process, which ends when this value is dropped.
#[derive(Debug)]
pub struct Hosted {
    child: Child,
    /// The process's stdin and its answers; the lock admits one request at a time.
    pipes: Mutex<(ChildStdin, mpsc::Receiver<Result<Answer>>)>,
    description: Option<Description>,
    limits: Limits,
}

impl Hosted {
    /// Starts `command`, which must run [`serve`], and waits until it has read its file.
    ///
    /// # Errors
    /// The process cannot be started, takes too long, dies, or cannot use the file.
    pub fn start(mut command: Command, limits: Limits) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // SAFETY: prctl and setrlimit are async-signal-safe system calls, allowed between fork and exec.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                if limits.memory.is_some() {
                    setrlimit(Resource::As, Rlimit { current: limits.memory, maximum: limits.memory })?;
                }
                Ok(())
            });
        }
        let mut child = command.spawn().context("the process that runs the model cannot be started")?;
        let input = child.stdin.take().context("the process has an input")?;
        let mut output = child.stdout.take().context("the process has an output")?;
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            loop {
                let answer = read(&mut output);
                let ended = answer.is_err();
                if sender.send(answer).is_err() || ended {
                    break;
                }
            }
        });
        let mut hosted = Self { child, pipes: Mutex::new((input, answers)), description: None, limits };
        let first = hosted.pipes.lock().map_err(|_| anyhow!("the pipe is broken"))?.1.recv_timeout(limits.time);
        let Answer { description, shape, .. } = hosted.answer(first)?;
        ensure!(shape.is_empty(), "the process that runs the model sent no description");
        hosted.description = description.map(|json| Description::from_json(&json)).transpose()?;
        Ok(hosted)
    }

    /// The answer that was received; an error says why there is none.
    fn answer(&self, received: Result<Result<Answer>, mpsc::RecvTimeoutError>) -> Result<Answer> {
        match received {
            Ok(Ok(Answer { error: Some(text), .. })) => bail!("{text}"),
            Ok(Ok(answer)) => Ok(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("the model did not answer within {} s", self.limits.time.as_secs_f64())
            }
            Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                let memory = self.limits.memory.map_or(String::new(), |bytes| {
                    format!("; it may have needed more than its {} MiB of address space", bytes >> 20)
                });
                bail!("the process that ran the model died{memory}")
            }
        }
    }
}

impl Model for Hosted {
    fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor> {
        let images = images.to_device(Device::Cpu).contiguous();
        let shape = images.size();
        ensure!(images.kind() == Kind::Uint8 && shape.len() == 4, "images are uint8 [n, c, h, w]");
        let mut pixels = vec![0; images.numel()];
        images.f_copy_data_u8(&mut pixels, images.numel())?;
        let request = Request { shape, pixels };
        let received = {
            let mut pipes = self.pipes.lock().map_err(|_| anyhow!("the pipe to the model is broken"))?;
            // Errors are ignored here: if the process has died, the missing answer shows it.
            let _ = write(&mut pipes.0, &request);
            pipes.1.recv_timeout(self.limits.time)
        };
        let Answer { shape, logits, .. } = self.answer(received)?;
        let [n, classes] = shape[..] else { bail!("the process that runs the model sent something other than logits") };
        let images = request.shape[0];
        ensure!(n == images, "the model gave {n} rows of logits for {images} images");
        ensure!(
            (0..=CLASSES_AT_MOST).contains(&classes),
            "logits of {classes} classes; {CLASSES_AT_MOST} are the limit"
        );
        Ok(Tensor::from_slice(&logits).f_view([n, classes])?)
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read<M: Message + Default>(from: &mut impl Read) -> Result<M> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    ensure!(length <= LONGEST, "a message of {length} bytes");
    let mut message = Vec::new();
    // Memory is taken as the bytes come, whatever length was announced.
    let read = from.take(length).read_to_end(&mut message)?;
    ensure!(read as u64 == length, "the message was cut short");
    Ok(M::decode(message.as_slice())?)
}

fn write(to: &mut impl Write, message: &impl Message) -> io::Result<()> {
    to.write_all(&(message.encoded_len() as u64).to_le_bytes())?;
    to.write_all(&message.encode_to_vec())?;
    to.flush()
}

/// Reads the model file at `path` onto `device` and answers the requests on stdin on stdout, until stdin ends. What the
/// model prints goes to stderr. A model without a description gets images normalised by `normalisation`, if there is one.
///
/// # Errors
/// The pipes are broken. Errors of the file or of the images are sent as answers, not returned.
pub fn serve(path: &Path, device: Device, normalisation: Option<&InputNormalisation>) -> Result<()> {
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    dup2_stdout(io::stderr())?;
    let failed = |error: anyhow::Error| Answer { error: Some(format!("{error:#}")), ..Answer::default() };
    let model = match open(path, device) {
        Ok(model) => model,
        Err(error) => return Ok(write(&mut output, &failed(error))?),
    };
    let description = model.description().map(Description::to_json);
    let normalisation = normalisation.filter(|_| description.is_none());
    let normalise = normalisation.map(|InputNormalisation { mean, std }| Normalize::new(mean, std, device));
    write(&mut output, &Answer { description, ..Answer::default() })?;
    let mut input = io::stdin().lock();
    while let Ok(request) = read(&mut input) {
        write(&mut output, &logits(model.as_ref(), normalise.as_ref(), device, &request).unwrap_or_else(failed))?;
    }
    Ok(())
}

/// Reads a model file in this process, in the format of its extension, by default as TorchScript. [`Hosted`] keeps what a file
/// from elsewhere may do away from this process.
///
/// # Errors
/// The file cannot be read, or holds no model.
pub fn open(path: &Path, device: Device) -> Result<Box<dyn Model>> {
    match FileFormat::of(path) {
        Some(FileFormat::Safetensors) => Ok(Box::new(Classifier::read(path, device)?)),
        Some(FileFormat::Onnx) => Ok(Box::new(Graph::read(path, device)?)),
        Some(FileFormat::Torchscript) | None => Ok(Box::new(Script::read(path, device)?)),
    }
}

/// The model's logits on the images of a request, normalised where it does not do that itself.
fn logits(model: &dyn Model, normalise: Option<&Normalize>, device: Device, request: &Request) -> Result<Answer> {
    let mut images = Tensor::from_slice(&request.pixels).f_view(request.shape.as_slice())?;
    if let Some(normalise) = normalise {
        images = torch::catch(|| Ok(normalise.forward(&images.to_device(device))))?;
    }
    let logits = model.logits(&images)?.to_device(Device::Cpu).contiguous();
    let shape = logits.size();
    ensure!(shape.len() == 2, "the model gives a tensor of shape {shape:?} instead of logits [n, classes]");
    Ok(Answer { shape, logits: logits.reshape([-1]).try_into()?, ..Answer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_back_and_damaged_ones_refused() {
        let answer = Answer { shape: vec![1, 2], logits: vec![-2.5, f32::MIN], ..Answer::default() };
        let error = Answer { error: Some("no ☃".into()), ..Answer::default() };
        let mut bytes = Vec::new();
        write(&mut bytes, &answer).unwrap();
        write(&mut bytes, &error).unwrap();
        let mut pipe = bytes.as_slice();
        assert_eq!(read::<Answer>(&mut pipe).unwrap(), answer);
        assert_eq!(read::<Answer>(&mut pipe).unwrap(), error);
        for damaged in [&[0xff; 8][..], &[0, 0, 0, 0, 1, 0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], &[]] {
            assert!(read::<Answer>(&mut &damaged[..]).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn a_process_that_hangs_or_dies_is_an_error() {
        let limits = Limits { memory: None, time: Duration::from_millis(200) };
        let mut sleeper = Command::new("sleep");
        sleeper.arg("60");
        let error = Hosted::start(sleeper, limits).unwrap_err().to_string();
        assert!(error.contains("did not answer within 0.2 s"), "{error}");
        let ample = Limits { memory: None, time: Duration::from_secs(600) };
        let error = Hosted::start(Command::new("true"), ample).unwrap_err().to_string();
        assert!(error.contains("died"), "{error}");
    }
}
