//! The device that a name such as `auto` or `cuda:1` stands for.

use std::{fmt, str::FromStr};

use anyhow::{Context, Result, bail, ensure};
use tch::Device;

use super::cuda;

/// A request for a device. Its text form is `auto`, `cpu`, `cuda` (read as `cuda:0`) or `cuda:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// The first CUDA device if one can be used, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index, from 0, in the driver's order.
    Cuda(usize),
}

impl DeviceRequest {
    /// The device that is requested.
    ///
    /// # Errors
    /// The CUDA device cannot be used; the message says why and what to do. A request for CUDA never falls back to the
    /// CPU.
    pub fn device(self) -> Result<Device> {
        self.choose(cuda::usable_devices)
    }

    /// The device of process `number`, from 0, among those that share this machine: each takes one CUDA device.
    ///
    /// # Errors
    /// A requested CUDA device cannot be used, or there are fewer devices than processes.
    pub fn device_of(self, number: usize) -> Result<Device> {
        // A scheduler may show each process its own device only, which is then number 0.
        let alone = |count: usize| if count == 1 { 0 } else { number };
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto => match cuda::usable_devices() {
                Ok(count) => Self::Cuda(alone(count)).device(),
                Err(_) => Ok(Device::Cpu),
            },
            Self::Cuda(0) => Self::Cuda(alone(cuda::usable_devices().unwrap_or(0))).device(),
            Self::Cuda(index) => {
                bail!("device cuda:{index}: the processes of a run take one CUDA device each; say cuda")
            }
        }
    }

    /// Checks that each of `processes` processes, which are to start on this machine, can have a CUDA device of its own.
    ///
    /// # Errors
    /// There are CUDA devices, but fewer than processes.
    pub fn check_enough(self, processes: usize) -> Result<()> {
        if self == Self::Cpu {
            return Ok(());
        }
        // Why there is none is what each process says itself, or it computes on the CPU.
        check_enough(processes, cuda::driver().map_or(0, |driver| driver.devices.len()))
    }

    /// Implements [`Self::device`]; `cuda_devices` gives the number of CUDA devices, or the reason why there are none.
    fn choose(self, cuda_devices: impl FnOnce() -> Result<usize>) -> Result<Device> {
        let index = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Auto => return Ok(cuda_devices().map_or(Device::Cpu, |_| Device::Cuda(0))),
            Self::Cuda(index) => index,
        };
        let count = match cuda_devices() {
            Ok(count) => count,
            Err(why) => bail!("device {self}: {why:#}, or use device cpu"),
        };
        let there_are = match count {
            1 => "there is one CUDA device, cuda:0".to_string(),
            _ => format!("there are {count} CUDA devices, cuda:0 to cuda:{}", count.saturating_sub(1)),
        };
        ensure!(index < count, "device {self}: {there_are}. Use one of them, or device cpu");
        Ok(Device::Cuda(index))
    }
}

fn check_enough(processes: usize, devices: usize) -> Result<()> {
    let there_are = if devices == 1 { "is one".to_owned() } else { format!("are {devices}") };
    ensure!(
        devices == 0 || processes <= devices,
        "{processes} processes take one CUDA device each, and there {there_are}: start fewer, or use --device cpu"
    );
    Ok(())
}

impl FromStr for DeviceRequest {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            "cuda" => Self::Cuda(0),
            _ => match text.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(index)) => Self::Cuda(index),
                _ => bail!("there is no such device. Use auto, cpu, cuda or cuda:N, where N counts from 0"),
            },
        })
    }
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// The device that `text`, the text form of a [`DeviceRequest`], stands for.
///
/// # Errors
/// The text names no device, or the device cannot be used.
pub fn parse(text: &str) -> Result<Device> {
    text.parse::<DeviceRequest>().with_context(|| format!("device {text}"))?.device()
}

/// The text form of `device`, such as `cpu` or `cuda:0`.
pub fn name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_string(),
        Device::Cuda(index) => format!("cuda:{index}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    /// The device, or the error, for `text` on a machine with `count` CUDA devices; without one there is no driver.
    fn choose(text: &str, count: usize) -> Result<Device, String> {
        let devices = if count > 0 { Ok(count) } else { Err(anyhow!("there is no NVIDIA driver. Install one")) };
        text.parse::<DeviceRequest>().and_then(|request| request.choose(|| devices)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_device_is_what_its_name_says_and_cuda_is_never_replaced_by_the_cpu() {
        for (text, count, expected) in [
            ("cpu", 2, Ok(Device::Cpu)),
            ("auto", 2, Ok(Device::Cuda(0))),
            ("auto", 0, Ok(Device::Cpu)),
            ("cuda", 1, Ok(Device::Cuda(0))),
            ("cuda:1", 2, Ok(Device::Cuda(1))),
            (&name(Device::Cpu), 4, Ok(Device::Cpu)),
            (&name(Device::Cuda(3)), 4, Ok(Device::Cuda(3))),
            ("cuda", 0, Err("device cuda:0: there is no NVIDIA driver. Install one, or use device cpu")),
            ("cuda:0", 0, Err("device cuda:0: there is no NVIDIA driver. Install one, or use device cpu")),
            ("cuda:9", 0, Err("device cuda:9: there is no NVIDIA driver. Install one, or use device cpu")),
            ("cuda:1", 1, Err("device cuda:1: there is one CUDA device, cuda:0. Use one of them, or device cpu")),
            (
                "cuda:9",
                2,
                Err("device cuda:9: there are 2 CUDA devices, cuda:0 to cuda:1. Use one of them, or device cpu"),
            ),
        ] {
            assert_eq!(choose(text, count), expected.map_err(String::from), "{text} of {count}");
        }
    }

    #[test]
    fn processes_need_a_device_each_where_there_are_devices() {
        for (processes, devices) in [(2, 0), (2, 2), (2, 8)] {
            check_enough(processes, devices).unwrap();
        }
        let wrong = |processes, devices| check_enough(processes, devices).unwrap_err().to_string();
        assert!(wrong(2, 1).contains("there is one: start fewer"));
        assert!(wrong(9, 8).contains("there are 8: start fewer"));
    }

    #[test]
    fn cuda_is_not_touched_for_the_cpu() {
        assert_eq!(DeviceRequest::Cpu.choose(|| panic!("CUDA was asked for")).unwrap(), Device::Cpu);
    }

    #[test]
    fn the_error_for_any_other_text_lists_the_values() {
        for text in ["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cuda0", "", "cpu:0"] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.starts_with(&format!("device {text}: ")), "{error}");
            assert!(error.contains("Use auto, cpu, cuda or cuda:N"), "{error}");
        }
    }
}
