//! Runs a model file in a separate process: for files that are read back after an export, and for TorchScript, which is
//! a program and can do anything that a program can within its limits of memory and time.
//!
//! The process reads requests from stdin and writes answers to stdout:
//!
//! ```text
//! answer at the start    D, length u32, the description as JSON (length 0: the file has none)
//! request                n, c, h, w as u32, then n·c·h·w bytes of pixels
//! answer                 L, n u32, classes u32, then n·classes float32
//! instead of an answer   E, length u32, text of the error
//! ```
//!
//! All numbers are little-endian.

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
use rustix::{
    process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit},
    stdio::dup2_stdout,
};
use tch::{Device, Kind, Tensor};

use super::{Classifier, FileFormat, Graph, Model, Script};
use crate::model::Description;

/// The longest text that is accepted from a hosted model \[bytes\].
const TEXT_AT_MOST: usize = 16 << 20;
/// The largest number of classes that a model may have.
const CLASSES_AT_MOST: usize = 1 << 16;

/// The limits of a hosted model.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Address space, including that of libtorch's libraries \[bytes\]; `None` is no limit.
    pub memory: Option<u64>,
    /// Time for reading the file, and time for each batch.
    pub time: Duration,
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

/// A message from the process of a hosted model.
#[derive(Debug)]
enum Answer {
    Description(String),
    Logits { n: usize, classes: usize, values: Vec<f32> },
    Error(String),
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
                let answer = Answer::read(&mut output);
                let ended = answer.is_err();
                if sender.send(answer).is_err() || ended {
                    break;
                }
            }
        });
        let mut hosted = Self { child, pipes: Mutex::new((input, answers)), description: None, limits };
        let first = hosted.pipes.lock().map_err(|_| anyhow!("the pipe is broken"))?.1.recv_timeout(limits.time);
        match hosted.answer(first)? {
            Answer::Description(json) if json.is_empty() => {}
            Answer::Description(json) => hosted.description = Some(Description::from_json(&json)?),
            _ => bail!("the process that runs the model sent no description"),
        }
        Ok(hosted)
    }

    /// The answer that was received; an error says why there is none.
    fn answer(&self, received: Result<Result<Answer>, mpsc::RecvTimeoutError>) -> Result<Answer> {
        match received {
            Ok(Ok(Answer::Error(text))) => bail!("{text}"),
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
        let mut request: Vec<u8> = shape.iter().flat_map(|&length| (length as u32).to_le_bytes()).collect();
        request.append(&mut pixels);
        let received = {
            let mut pipes = self.pipes.lock().map_err(|_| anyhow!("the pipe to the model is broken"))?;
            // Errors are ignored here: if the process has died, the missing answer shows it.
            let _ = pipes.0.write_all(&request).and_then(|()| pipes.0.flush());
            pipes.1.recv_timeout(self.limits.time)
        };
        let Answer::Logits { n, classes, values } = self.answer(received)? else {
            bail!("the process that runs the model sent something other than logits");
        };
        ensure!(n == shape[0] as usize, "the model gave {n} rows of logits for {} images", shape[0]);
        Ok(Tensor::from_slice(&values).view([n as i64, classes as i64]))
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn read(from: &mut impl Read) -> Result<Self> {
        let mut tag = [0];
        from.read_exact(&mut tag)?;
        Ok(match tag[0] {
            b'D' => Self::Description(text(from)?),
            b'E' => Self::Error(text(from)?),
            b'L' => {
                let (n, classes) = (number(from)?, number(from)?);
                ensure!(n <= 1 << 20 && classes <= CLASSES_AT_MOST, "logits of shape [{n}, {classes}]");
                let mut bytes = vec![0; n * classes * 4];
                from.read_exact(&mut bytes)?;
                let (values, _) = bytes.as_chunks();
                Self::Logits { n, classes, values: values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect() }
            }
            other => bail!("an answer begins with byte {other}"),
        })
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Description(text) => write_text(to, b'D', text)?,
            Self::Error(text) => write_text(to, b'E', text)?,
            Self::Logits { n, classes, values } => {
                to.write_all(b"L")?;
                to.write_all(&(*n as u32).to_le_bytes())?;
                to.write_all(&(*classes as u32).to_le_bytes())?;
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                to.write_all(&bytes)?;
            }
        }
        to.flush()
    }
}

fn number(from: &mut impl Read) -> Result<usize> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn text(from: &mut impl Read) -> Result<String> {
    let length = number(from)?;
    ensure!(length <= TEXT_AT_MOST, "a text of {length} bytes");
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write_text(to: &mut impl Write, tag: u8, text: &str) -> io::Result<()> {
    to.write_all(&[tag])?;
    to.write_all(&(text.len() as u32).to_le_bytes())?;
    to.write_all(text.as_bytes())
}

/// Reads the model file at `path` onto `device` and answers the requests on stdin on stdout, until stdin ends. What the
/// model prints goes to stderr.
///
/// # Errors
/// The pipes are broken. Errors of the file or of the images are sent as answers, not returned.
pub fn serve(path: &Path, device: Device) -> Result<()> {
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    dup2_stdout(io::stderr())?;
    let model = match open(path, device) {
        Ok(model) => model,
        Err(error) => return Ok(Answer::Error(format!("{error:#}")).write(&mut output)?),
    };
    let json = model.description().map_or(String::new(), Description::to_json);
    Answer::Description(json).write(&mut output)?;
    let mut input = io::stdin().lock();
    loop {
        let Ok(n) = number(&mut input) else { return Ok(()) };
        let shape = [n, number(&mut input)?, number(&mut input)?, number(&mut input)?];
        let mut pixels = vec![0; shape.iter().product()];
        input.read_exact(&mut pixels)?;
        let images = Tensor::from_slice(&pixels).view(shape.map(|length| length as i64));
        let answer = logits(model.as_ref(), &images).unwrap_or_else(|error| Answer::Error(format!("{error:#}")));
        answer.write(&mut output)?;
    }
}

/// Opens the file in the format of its extension, by default as TorchScript.
fn open(path: &Path, device: Device) -> Result<Box<dyn Model>> {
    match FileFormat::of(path) {
        Some(FileFormat::Safetensors) => Ok(Box::new(Classifier::read(path, device)?)),
        Some(FileFormat::Onnx) => Ok(Box::new(Graph::read(path, device)?)),
        Some(FileFormat::Torchscript) | None => Ok(Box::new(Script::read(path, device)?)),
    }
}

/// The model's logits as an answer.
fn logits(model: &dyn Model, images: &Tensor) -> Result<Answer> {
    let logits = model.logits(images)?.to_device(Device::Cpu).contiguous();
    let &[n, classes] = logits.size().as_slice() else {
        bail!("the model gives a tensor of shape {:?} instead of logits [n, classes]", logits.size());
    };
    Ok(Answer::Logits { n: n as usize, classes: classes as usize, values: logits.reshape([-1]).try_into()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_back() {
        let mut bytes = Vec::new();
        Answer::Logits { n: 2, classes: 3, values: vec![1.0, -2.5, 0.0, 3.0, 4.0, f32::MIN] }
            .write(&mut bytes)
            .unwrap();
        Answer::Error("no ☃".into()).write(&mut bytes).unwrap();
        let mut pipe = bytes.as_slice();
        let Answer::Logits { n: 2, classes: 3, values } = Answer::read(&mut pipe).unwrap() else { panic!() };
        assert_eq!(values[5], f32::MIN);
        assert!(matches!(Answer::read(&mut pipe).unwrap(), Answer::Error(text) if text == "no ☃"));
        assert!(Answer::read(&mut pipe).is_err());
    }

    #[test]
    fn an_impossible_length_is_refused_before_memory_is_allocated() {
        for hostile in [&b"D\xff\xff\xff\xff"[..], b"L\xff\xff\xff\xff\xff\xff\xff\xff", b"X"] {
            assert!(Answer::read(&mut &hostile[..]).is_err());
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
