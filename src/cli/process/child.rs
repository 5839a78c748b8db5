//! Child processes of mindgap. Each run of a comparison has one, so that a crash of it does not affect the others.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};

/// A process that something killed from outside, such as the system where memory runs out: it is no failure of what it did.
#[derive(Debug)]
pub struct Killed(String);

impl fmt::Display for Killed {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Killed {}

/// Runs `mindgap` with these arguments, a command that trains, until it ends or `stop` is set. Its messages go to the file
/// `log`, and `on_epoch` is called with the number of each finished epoch. Returns true when the run is done, false when it
/// was stopped.
/// Fails if the process does; the error holds its last message, and is [`Killed`] where a signal ended it.
pub fn train(words: &[String], log: &Path, stop: &AtomicBool, on_epoch: impl Fn(u32) + Sync) -> Result<bool> {
    let mut command = mindgap()?;
    command.args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(File::create(log).with_context(|| format!("cannot write {}", log.display()))?);
    // If this process is killed, its runs stop too, rather than continue unseen. The signal may come twice, once for each
    // thread of the dying parent; a run then stops without a checkpoint and resumes from its last epoch.
    set_apart(&mut command, Signal::TERM);
    let mut child = command.spawn().context("the training process cannot be started")?;
    let output = child.stdout.take().context("the training process has an output")?;
    let status = thread::scope(|scope| {
        scope.spawn(|| {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.filter_map(|line| epoch_of(&line)).for_each(&on_epoch);
        });
        wait(&mut child, stop)
    })?;
    match status.code() {
        Some(0) => Ok(true),
        Some(75) => Ok(false),
        // Asked to stop before it could handle signals: nothing of it was trained.
        None if status.signal() == Some(Signal::TERM.as_raw()) && stop.load(Ordering::Relaxed) => Ok(false),
        _ => {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            match error_in(&text) {
                Some(error) => bail!("{error}"),
                None if status.signal().is_some() => {
                    Err(Killed(format!("it ended with {status}; see {}", log.display())).into())
                }
                None => bail!("it ended with {status}; see {}", log.display()),
            }
        }
    }
}

/// Runs `mindgap` with these arguments, a command that prints a result, and returns what it printed.
/// Fails if the process does; the error holds its message.
pub fn output(words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<String> {
    let mut command = mindgap()?;
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C must not reach the process: the command that it serves decides when to end.
    set_apart(&mut command, Signal::KILL);
    let output = command.output().context("the process cannot be started")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    match error_in(&String::from_utf8_lossy(&output.stderr)) {
        Some(error) => bail!("{error}"),
        None => bail!("its process ended with {}", output.status),
    }
}

/// A command that starts this program again.
pub fn mindgap() -> Result<Command> {
    Ok(Command::new(std::env::current_exe().context("this program's own file cannot be found")?))
}

/// Gives `command` a process group of its own, so that Ctrl-C does not reach it, and sends it `signal` when this process
/// dies.
pub fn set_apart(command: &mut Command, signal: Signal) {
    command.process_group(0);
    // SAFETY: between fork and exec, prctl is a plain system call on plain numbers.
    unsafe {
        command.pre_exec(move || Ok(set_parent_process_death_signal(Some(signal))?));
    }
}

/// The error in the messages of a `mindgap` process: their last part, of one line or several.
pub fn error_in(said: &str) -> Option<&str> {
    said.split_once("error: ").map(|(_, error)| error.trim_end())
}

/// Waits for `child`, and asks it to stop once `stop` is set.
fn wait(child: &mut Child, stop: &AtomicBool) -> Result<std::process::ExitStatus> {
    let mut asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) && !asked {
            asked = true;
            // The child has not been waited for, so that its number is still its own. It may have ended already.
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The epoch in a line that `mindgap train` prints into a pipe.
fn epoch_of(line: &str) -> Option<u32> {
    line.strip_prefix("Epoch: ")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_read_from_a_progress_line() {
        assert_eq!(epoch_of("Epoch: 12/50.. Training Loss: 1.402.. "), Some(12));
        assert_eq!(epoch_of("After epoch 12: loss"), None);
    }
}
