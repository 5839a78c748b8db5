//! `mindgap doctor`: reports the machine and libraries, checks that each device can train, and gives the fix for each fault.

mod machine;
mod report;
mod step;
mod text;

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use tch::Device;

use crate::cli::ExitStatus;
use machine::Machine;
use mindgap::{
    data::{self, Options},
    torch::{
        Installation, TCH_VERSION, cuda,
        device::{self, DeviceRequest},
        library, set_threads, version,
    },
};
use report::{Check, Cuda, Decoded, Libtorch, NEVER_RUN, Report};

/// Exit code 0: the CPU, every CUDA device that libtorch finds, and the device of --device can train. 3: one of them
/// cannot. A GPU that libtorch cannot use is reported with its fix, and is a failure only if --device asks for it.
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

/// Prints the report on standard output. The exit status is a failure if the report lists one.
pub fn run(args: &Args) -> Result<ExitStatus> {
    let report = examine(args);
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { text::render(&report) };
    // A reader may close the pipe early.
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
    // Advice on drivers is useful only on a machine with a GPU.
    if let (Some(missing), false, true) = (&cuda.missing, cuda.gpus.is_empty(), asked.is_ok()) {
        advice.push(format!("The GPU is not used: {missing}."));
    }
    let installation = Installation::here();
    let lib = library::folder();
    let build = library::build(&lib);
    if let Some(build) = build.as_deref().filter(|build| build.split('+').next() != Some(version())) {
        failures.push(format!(
            "mindgap was compiled against libtorch {}, but {build} is loaded from {}. {}.",
            version(),
            lib.display(),
            installation.remedy()
        ));
    }
    Report {
        mindgap: env!("CARGO_PKG_VERSION"),
        tch: TCH_VERSION,
        installation,
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

/// The loaded libraries that compute. A mix of several versions explains many faults.
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
