//! The number of threads with which libtorch computes.

use std::{collections::BTreeSet, fs, thread};

/// Sets the number of threads of libtorch's operators and returns it: `wanted`, or [`physical_cores`] where it is
/// `None`.
///
/// The bits of a run depend on this number, since sums are split among the threads.
pub fn set_threads(wanted: Option<usize>) -> usize {
    let threads = wanted.unwrap_or_else(physical_cores).clamp(1, i32::MAX as usize);
    tch::set_num_threads(threads as i32);
    threads
}

/// The number of physical cores this process may use, at least 1.
///
/// Two hardware threads of one core count once, since they share the arithmetic units that convolutions keep busy. The
/// affinity mask and the cgroup's CPU quota are respected.
pub fn physical_cores() -> usize {
    // It respects the affinity mask and cgroup quotas, but counts hardware threads.
    let usable = thread::available_parallelism().map_or(1, usize::from);
    match allowed_cores() {
        Some(cores) => cores.clamp(1, usable),
        None => usable,
    }
}

/// The number of cores to which the CPUs of the affinity mask belong; `None` where `/proc` or `/sys` does not show it.
fn allowed_cores() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    // Hardware threads of one core name the same list of siblings, such as "0,64".
    let siblings: Option<BTreeSet<String>> = parse_cpu_list(list)?
        .into_iter()
        .map(|cpu| fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")).ok())
        .collect();
    Some(siblings?.len())
}

/// Reads the kernel's notation for a set of CPUs: `0-3,8` is 0, 1, 2, 3, 8.
fn parse_cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::*;

    #[test]
    fn cpu_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_cpu_list("0\n"), Some(vec![0]));
        assert_eq!(parse_cpu_list("\t0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        for nonsense in ["", "a", "1-", "0,,2", "-3"] {
            assert_eq!(parse_cpu_list(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn cores_never_exceed_what_the_process_may_use() {
        let usable = thread::available_parallelism().unwrap().get();
        assert!((1..=usable).contains(&physical_cores()));
    }

    #[test]
    fn a_process_bound_to_one_cpu_counts_one_core() {
        // The mask belongs to a thread, so a separate thread keeps it from the other tests.
        thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            let mut one = CpuSet::new();
            one.set((0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap());
            sched_setaffinity(None, &one).unwrap();
            assert_eq!(physical_cores(), 1);
        })
        .join()
        .unwrap();
    }
}
