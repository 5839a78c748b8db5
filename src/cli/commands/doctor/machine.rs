//! Processor, cores and memory of the machine.

use std::{fs, thread};

use serde::Serialize;
use tch::{Device, Kind};

use mindgap::torch::{check_amp, physical_cores};

/// Resources that this process may use.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Name of the processor; `None` if the system does not give it.
    pub processor: Option<String>,
    /// Physical cores that this process may use.
    pub cores: usize,
    /// Hardware threads that this process may use.
    pub hardware_threads: usize,
    /// Whether the processor computes bfloat16 in hardware, so that `--amp` trains wide networks faster.
    pub bfloat16: bool,
    /// Total memory in bytes.
    pub memory: Option<u64>,
    /// Memory in bytes that is free or can be freed.
    pub memory_available: Option<u64>,
}

impl Machine {
    /// Reads the resources from the system. Values that only Linux provides are `None` elsewhere.
    pub fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            processor: field(&cpuinfo, "model name").map(str::to_string),
            cores: physical_cores(),
            hardware_threads: thread::available_parallelism().map_or(1, usize::from),
            bfloat16: check_amp(Device::Cpu, Kind::BFloat16).is_ok(),
            memory: bytes(&meminfo, "MemTotal"),
            memory_available: bytes(&meminfo, "MemAvailable"),
        }
    }
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// The value of a line such as `MemTotal:  24612345 kB`, in bytes.
fn bytes(meminfo: &str, name: &str) -> Option<u64> {
    let kibibytes: u64 = field(meminfo, name)?.strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "model\t\t: 2\nmodel name\t: AMD EPYC: a\nMemTotal:       100 kB\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC: a"));
        assert_eq!(bytes(text, "MemTotal"), Some(102_400));
        assert_eq!(bytes(text, "MemAvailable"), None);
    }
}
