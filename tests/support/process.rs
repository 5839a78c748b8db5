//! What `/proc` says of programs that a test, or a program of a test, has started.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// Waits until `is_so`. The limit only ends a test that would hang.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(600), "waited in vain until {what}");
        sleep(Duration::from_millis(5));
    }
}

/// The processes that process `id` has started, from any of its threads, and that have not been waited for.
pub fn children(id: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children: String =
        threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default()).collect();
    children.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Whether process `id` is stopped, as by SIGSTOP.
pub fn is_stopped(id: i32) -> bool {
    status(id, "State:").is_some_and(|state| state.starts_with('T'))
}

/// Whether process `id` has ended, waited for or not.
pub fn has_ended(id: i32) -> bool {
    status(id, "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
}

/// Whether `signal` was sent to process `id` and has not been delivered, as while the process is stopped.
pub fn is_pending(id: i32, signal: i32) -> bool {
    let pending = status(id, "ShdPnd:").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    pending.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Sends `signal` to process `id`, which belongs to the test.
pub fn send(id: i32, signal: i32) {
    // SAFETY: a system call on plain numbers.
    assert_eq!(unsafe { libc::kill(id, signal) }, 0);
}

fn status(id: i32, key: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(key))?.trim().to_owned())
}
