//! `mindgap doctor`: what mindgap runs on here, whether it can train on it, and the fix for what does not work.

mod machine;
mod step;
mod text;

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use serde::Serialize;
use tch::Device;

use crate::cli::ExitStatus;
use machine::Machine;
use mindgap::{
    data::{self, Options},
    torch::{
        TCH_VERSION, cuda,
        device::{self, DeviceRequest},
        library, set_threads, version,
    },
};
use step::Step;

/// Flags of `mindgap doctor`.
///
/// Exit code 0: the CPU, every CUDA device that libtorch sees, and the device asked for all train. 3: one of them does
/// not. A GPU that libtorch cannot use is reported with its fix, and is a failure only where it was asked for.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The device that must work: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    device: DeviceRequest,

    /// Number of threads to check with (default: physical cores)
    #[arg(long)]
    threads: Option<usize>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// All that was found. `--json` prints it as it stands.
#[derive(Debug, Serialize)]
struct Report {
    mindgap: &'static str,
    tch: &'static str,
    libtorch: Libtorch,
    machine: Machine,
    /// Threads of libtorch's operators.
    threads: usize,
    /// Whether several processes can train one run: cargo feature `distributed`.
    distributed: bool,
    decoded: Option<Decoded>,
    cuda: Cuda,
    devices: Vec<Check>,
    /// What must work and does not, each with its fix.
    failures: Vec<String>,
    /// What could work better, each with its fix.
    advice: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Libtorch {
    /// Of the headers that mindgap was compiled against.
    version: &'static str,
    /// Of the libraries that are loaded, such as `2.13.0+cu130`.
    build: Option<String>,
    folder: PathBuf,
    /// The libraries of libtorch, CUDA and OpenMP that are loaded.
    loaded: Vec<PathBuf>,
}

/// The decoded images that are kept for the next start.
#[derive(Debug, Serialize)]
struct Decoded {
    folder: PathBuf,
    bytes: u64,
    /// Bytes that they may have at most.
    limit: u64,
}

/// What mindgap's authors, who had no GPU, could not run.
const NEVER_RUN: &str = "a training step on CUDA, --amp, TF32 and --deterministic there, NCCL: mindgap was written \
                         without a GPU (docs/gpu.md says how it can be checked on one)";

#[derive(Debug, Serialize)]
struct Cuda {
    /// The file with libtorch's CUDA kernels, where it lies in libtorch's folder.
    kernels: Option<PathBuf>,
    /// The version that libtorch was built for, such as `13.0`.
    needed: Option<String>,
    /// The newest version that the driver serves.
    driver: Option<String>,
    /// The names of the devices that the driver shows.
    gpus: Vec<String>,
    /// Why libtorch cannot compute with CUDA here, and what to do.
    missing: Option<String>,
    /// What has not been run before.
    never_run: &'static str,
}

#[derive(Debug, Serialize)]
struct Check {
    device: String,
    #[serde(flatten)]
    step: Option<Step>,
    error: Option<String>,
}

/// Prints the report on standard output. The end is a failure when something that must work does not; the report says
/// what to do.
///
/// # Errors
///
/// None that a user can cause.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let report = examine(args);
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { text::render(&report) };
    // A reader that closes the pipe early has what it wanted.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(if report.failures.is_empty() { ExitStatus::Done } else { ExitStatus::Failure })
}

fn examine(args: &Args) -> Report {
    let threads = set_threads(args.threads);
    let usable = cuda::usable_devices();
    let asked = args.device.device();

    let mut devices = vec![Device::Cpu];
    devices.extend((0..*usable.as_ref().unwrap_or(&0)).map(Device::Cuda));
    let devices: Vec<Check> = devices.into_iter().map(check).collect();

    let cuda = examine_cuda(usable.err());
    let mut failures: Vec<String> = devices
        .iter()
        .filter_map(|check| Some(format!("{} cannot train: {}", check.device, check.error.as_ref()?)))
        .collect();
    failures.extend(asked.as_ref().err().map(|why| format!("{why:#}.")));

    let mut advice = Vec::new();
    // A machine with a GPU is likely meant to use it; one without needs no advice on drivers.
    if let (Some(missing), false, true) = (&cuda.missing, cuda.gpus.is_empty(), asked.is_ok()) {
        advice.push(format!("The GPU is not used: {missing}."));
    }
    let lib = library::folder();
    let build = library::build(&lib);
    if let Some(build) = build.as_deref().filter(|build| build.split('+').next() != Some(version())) {
        failures.push(format!(
            "mindgap was compiled against libtorch {}, but {build} is loaded from {}. Run scripts/libtorch, unset \
             LD_LIBRARY_PATH, and build again.",
            version(),
            lib.display()
        ));
    }
    Report {
        mindgap: env!("CARGO_PKG_VERSION"),
        tch: TCH_VERSION,
        libtorch: Libtorch { version: version(), build, folder: lib, loaded: computing_libraries() },
        machine: Machine::here(),
        threads,
        distributed: cfg!(feature = "distributed"),
        decoded: data::default_folder().map(|folder| Decoded {
            bytes: data::kept_bytes(&folder),
            limit: Options::default().decoded_limit,
            folder,
        }),
        cuda,
        devices,
        failures,
        advice,
    }
}

fn examine_cuda(missing: Option<anyhow::Error>) -> Cuda {
    let lib = library::folder();
    let driver = cuda::driver().ok();
    let dotted = |(major, minor)| format!("{major}.{minor}");
    Cuda {
        kernels: Some(lib.join("libtorch_cuda.so")).filter(|file| file.exists()),
        needed: library::cuda_version(&lib).map(dotted),
        driver: driver.as_ref().map(|driver| dotted(driver.version)),
        gpus: driver.iter().flat_map(|driver| &driver.devices).map(ToString::to_string).collect(),
        missing: missing.map(|why| format!("{why:#}")),
        never_run: NEVER_RUN,
    }
}

fn check(device: Device) -> Check {
    let (step, error) = match step::train_two_steps(device) {
        Ok(step) => (Some(step), None),
        Err(why) => (None, Some(format!("{why:#}"))),
    };
    Check { device: device::name(device), step, error }
}

/// The loaded libraries that do the computing, and whose mix-ups are worth seeing.
fn computing_libraries() -> Vec<PathBuf> {
    let prefixes = ["libtorch", "libc10", "libcuda", "libcudnn", "libcublas", "libgomp", "libiomp", "libomp", "libmkl"];
    library::loaded()
        .into_iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect()
}
