//! Sets how libtorch's threads wait for one another, by a restart of the program.

use std::{env, os::unix::process::CommandExt, process::Command};

/// Rounds that a thread spins at a barrier before it sleeps. They last longer than the pause between two operators,
/// during which all threads but one wait. libgomp's default of 300,000 lasts milliseconds; on a busy machine a spinning
/// thread then keeps the core from the thread for which it waits.
const ROUNDS: &str = "20000";

/// Executes the program again, under the same process id and with the same arguments, in an environment in which
/// waiting threads soon sleep (`GOMP_SPINCOUNT`). It must be executed again because libgomp reads its environment when
/// it is loaded, before `main`. Call this before anything else. Nothing happens if `GOMP_SPINCOUNT` or
/// `OMP_WAIT_POLICY` is already set, by the user or by the first execution, or if the program cannot be executed again.
///
/// Measured in alternation on two cores: one epoch of the demo beside three busy processes took 21.1 and 17.1 s with
/// the default, 11.4 and 12.6 s with 2,000 rounds; four epochs on an idle machine took 8.8 and 8.8 s with endless
/// spinning, 9.0 and 8.9 s with 2,000 rounds. On faster cores, with AVX-512, 20,000 rounds gave 1.04 times the images
/// per second of 2,000 (5 pairs, 0.92 to 1.05), and beside three busy processes as many (156 and 160; 85 with 300,000).
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
