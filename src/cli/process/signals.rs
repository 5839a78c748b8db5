//! SIGINT, SIGTERM and SIGHUP stop training after the current update; a second one ends the program at once.

use std::sync::{Arc, atomic::AtomicBool};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// A flag that the first signal sets. A signal that was ignored at the start stays ignored, so that `nohup` and the `&` of
/// a script, which ignores SIGINT, keep their meaning.
/// Fails if a signal handler cannot be set.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)) {
        // The order matters: the first handler ends the program where an earlier signal has set the flag.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .with_context(|| format!("no handler can be set for signal {signal}"))?;
    }
    Ok(stop)
}

fn is_ignored(signal: i32) -> bool {
    // SAFETY: with a null new action, sigaction only writes the present one into `now`, which is a plain C struct.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}
