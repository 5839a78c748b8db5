//! How libtorch's threads wait for one another.

use std::{env, os::unix::process::CommandExt, process::Command};

/// Rounds that a thread spins at a barrier before it sleeps: longer than the pauses between two operators, in which all
/// threads but one wait. libgomp's own 300,000 stand for milliseconds, during which a thread on a busy machine keeps the
/// core from the very thread that it waits for.
const ROUNDS: &str = "20000";

/// Lets waiting threads sleep soon. libgomp reads its environment as it is loaded, before `main`; so the program
/// replaces itself once, under the same process id, with the variable set. To be called before anything else is done.
/// Where the user has set either variable himself, or the program cannot be started again, nothing changes.
///
/// Measured on two cores in turn: one epoch of the demo beside three busy processes took 21.1 and 17.1 s without, 11.4
/// and 12.6 s with 2,000 rounds; four epochs on a quiet machine 8.8 and 8.8 s always spinning, 9.0 and 8.9 s with. On
/// faster cores, with AVX-512, 20,000 rounds gave 1.04 times the images a second of 2,000 (5 pairs, 0.92 to 1.05), and as
/// many beside three busy processes (156 and 160; 85 with 300,000).
pub fn restart_with_sleeping_threads() {
    if ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"].iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut words = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    // It returns only where it fails.
    let _ = again.args(words).env("GOMP_SPINCOUNT", ROUNDS).exec();
}
