//! `--ranks N`: starts the processes of a run on this machine and waits until all have ended.

use std::{
    env,
    os::{
        fd::{AsRawFd, BorrowedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Stdio},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process},
};

use super::heartbeat;
use crate::cli::{
    ExitStatus,
    process::{child, signals},
};
use mindgap::{torch::distributed::listen, train::Failure};

/// Environment variable that is set for the processes that `--ranks` starts.
pub(super) const LAUNCHED: &str = "MINDGAP_LAUNCHED";
/// Environment variable with the number of the socket on which rank 0 serves the store. The socket is opened here, so that
/// no other program can take the port.
pub(super) const SOCKET: &str = "MINDGAP_STORE_SOCKET";
/// How much longer than their wait for heartbeats the other processes may take to end by themselves once one has failed.
const MARGIN: Duration = Duration::from_secs(10);

/// Runs this command on `ranks` processes, of which each has `timeout` for its heartbeats.
/// Fails if a process was killed, or none can be started.
pub(super) fn run(ranks: usize, timeout: Duration) -> Result<ExitStatus> {
    let grace = heartbeat::longest_wait(timeout) + MARGIN;
    let stop = signals::stop_flag()?;
    let mut children = start(ranks)?;
    let mut asked = false;
    let mut first_failure: Option<(usize, std::process::ExitStatus, Instant)> = None;
    loop {
        let mut running = 0;
        for (rank, child) in children.iter_mut().enumerate() {
            match child.try_wait()? {
                None => running += 1,
                Some(status) if status.success() => {}
                Some(status) => {
                    // A user error on one rank ends the others too, perhaps earlier: it is the cause all the same.
                    let is_cause = match first_failure {
                        None => true,
                        Some((_, earlier, _)) => status.code() == Some(2) && earlier.code() != Some(2),
                    };
                    if is_cause {
                        first_failure = Some((rank, status, Instant::now()));
                    }
                }
            }
        }
        if running == 0 {
            break;
        }
        if stop.load(Ordering::Relaxed) && !asked {
            asked = true;
            signal(&mut children, Signal::TERM)?;
        }
        if first_failure.is_some_and(|(_, _, since)| since.elapsed() > grace) {
            signal(&mut children, Signal::KILL)?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let Some((rank, status, _)) = first_failure else { return Ok(ExitStatus::Done) };
    match (status.code(), status.signal()) {
        (Some(2), _) => Ok(ExitStatus::UserError),
        (Some(75), _) => Ok(ExitStatus::Stopped),
        (Some(_), _) => Ok(ExitStatus::Failure),
        (None, Some(signal)) => bail!(Failure(format!(
            "rank {rank} was killed by signal {signal}; resume from the last checkpoint with --resume"
        ))),
        (None, None) => bail!(Failure(format!("rank {rank} ended with {status}"))),
    }
}

/// Starts the processes, which meet at a store on this machine.
fn start(ranks: usize) -> Result<Vec<Child>> {
    let socket = listen("127.0.0.1", 0)?;
    let port = socket.local_addr()?.port();
    let mut children = Vec::new();
    for rank in 0..ranks {
        let mut command = child::mindgap()?;
        command.args(env::args_os().skip(1)).stdin(Stdio::null());
        command.env(LAUNCHED, "1").env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", port.to_string());
        for (name, number) in [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", ranks), ("LOCAL_WORLD_SIZE", ranks)]
        {
            command.env(name, number.to_string());
        }
        // Variables of another launcher.
        command.env_remove("TORCHELASTIC_USE_AGENT_STORE").env_remove("TORCHELASTIC_RESTART_COUNT").env_remove(SOCKET);
        // c10d warns of every closed connection, with stack frames; mindgap reports the cause in one line.
        if env::var_os("TORCH_CPP_LOG_LEVEL").is_none() {
            command.env("TORCH_CPP_LOG_LEVEL", "ERROR");
        }
        child::set_apart(&mut command, Signal::TERM);
        if rank == 0 {
            let number = socket.as_raw_fd();
            command.env(SOCKET, number.to_string());
            // SAFETY: between fork and exec, fcntl is a plain system call; it lets this child keep the socket.
            unsafe {
                command.pre_exec(move || Ok(fcntl_setfd(BorrowedFd::borrow_raw(number), FdFlags::empty())?));
            }
        } else {
            command.stdout(Stdio::null());
        }
        children.push(command.spawn().with_context(|| format!("rank {rank} cannot be started"))?);
    }
    Ok(children)
}

/// Sends `signal` to the children that are still running.
fn signal(children: &mut [Child], signal: Signal) -> Result<()> {
    for child in children {
        if child.try_wait()?.is_none() {
            // The child has not been waited for, so that its number is still its own. It may have ended already.
            let _ = kill_process(Pid::from_child(child), signal);
        }
    }
    Ok(())
}
