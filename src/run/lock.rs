//! `run.lock`: two runs never write into one folder.
//!
//! The kernel holds the lock (`flock`) and releases it when the holding process ends, however it ends. The text in the
//! file only names the holder for people; it stays behind when the holder is killed.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::environment::now;

/// Time between two attempts to take a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(20);

/// The process that holds a run folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub host: String,
    /// When the lock was taken, UTC.
    pub started: String,
    /// The command line.
    pub command: String,
}

impl Owner {
    fn this_process() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "an unknown host".into());
        let command: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        Self { pid: std::process::id(), host: host.trim().into(), started: now(), command: command.join(" ") }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "process {} on {} since {} ({})", self.pid, self.host, self.started, self.command)
    }
}

/// The error of a lock that another process holds.
#[derive(Debug)]
pub struct Locked {
    /// The file of the lock.
    pub path: PathBuf,
    /// The holder, where the file names one.
    pub owner: Option<Owner>,
}

impl Locked {
    /// The holder in words.
    pub fn holder(&self) -> String {
        self.owner.as_ref().map_or("another process".into(), Owner::to_string)
    }
}

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (path, holder) = (self.path.display(), self.holder());
        write!(f, "{path} is locked by {holder}: wait for that run to end, or choose another folder")
    }
}

impl std::error::Error for Locked {}

/// The right to write into a run folder, held until dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock in the file at `path`, which is created if absent.
    ///
    /// # Errors
    /// [`Locked`] when another process holds it; the file cannot be created, or the file system has no locks.
    pub fn take(path: &Path) -> Result<Lock> {
        let failure = || format!("cannot lock {}", path.display());
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).with_context(failure)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Locked { path: path.to_owned(), owner: signature(&mut file) }.into());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(failure),
        }
        let mut lock = Lock(file);
        lock.sign().with_context(failure)?;
        Ok(lock)
    }

    /// Takes the lock in the file at `path` as [`take`](Self::take) does, and waits for it as long as `patience` lasts.
    ///
    /// # Errors
    /// The errors of [`take`](Self::take); [`Locked`] where the lock is still held at the end.
    pub fn take_within(path: &Path, patience: Duration) -> Result<Lock> {
        let begun = Instant::now();
        loop {
            match Self::take(path) {
                Err(error) if error.is::<Locked>() && begun.elapsed() < patience => thread::sleep(PAUSE),
                taken => return taken,
            }
        }
    }

    /// The holder of the lock in the file at `path`, where the file names one; None where it names a process of this host
    /// that has ended. Takes no lock.
    pub fn holder(path: &Path) -> Option<Owner> {
        let owner = signature(&mut File::open(path).ok()?)?;
        let is_here = owner.host == Owner::this_process().host;
        let is_alive = Path::new("/proc").join(owner.pid.to_string()).exists();
        (!is_here || is_alive).then_some(owner)
    }

    /// Writes the owner into the locked file itself: a file renamed over it would not be locked.
    fn sign(&mut self) -> Result<()> {
        let owner = serde_json::to_string(&Owner::this_process())?;
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(owner.as_bytes())?;
        Ok(self.0.sync_all()?)
    }
}

/// The owner that the file names; None when it is empty, half written by a process that has just taken the lock, or holds
/// other text.
fn signature(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An empty file says that the holder ended in order. The file is not deleted: a process that has just opened it
        // would lock a file that no other process sees. Closing it alone would leave the lock to a process that is being started and has
        // a copy of the open file until its program is loaded.
        let _ = self.0.set_len(0);
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
        sync::Barrier,
    };

    use super::*;

    #[test]
    fn the_holder_is_named_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        assert_eq!(Lock::holder(&path), None);
        let lock = Lock::take(&path).unwrap();
        assert_eq!(Lock::holder(&path).unwrap().pid, std::process::id());
        drop(lock);
        assert_eq!(Lock::holder(&path), None);
        let dead = Owner { pid: u32::MAX, ..Owner::this_process() };
        std::fs::write(&path, serde_json::to_string(&dead).unwrap()).unwrap();
        assert_eq!(Lock::holder(&path), None);
    }

    /// Names the file that the holder of [`kill_holder_of`] locks.
    const HOLD: &str = "MINDGAP_TEST_HOLD";

    /// Not a test of its own: the process that another test starts and kills while it holds a lock.
    #[test]
    fn holder() {
        if let Some(path) = std::env::var_os(HOLD) {
            let _lock = Lock::take(Path::new(&path)).unwrap();
            println!("\nheld");
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
    }

    #[test]
    fn the_lock_of_a_killed_process_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["run::lock::tests::holder", "--exact", "--nocapture"])
            .env(HOLD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut heard = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(heard.any(|line| line.unwrap() == "held"));
        let message = format!("{:#}", Lock::take(&path).unwrap_err());
        let Owner { host, started, .. } = Owner::this_process();
        let expected = format!("run.lock is locked by process {} on {host} since {}", child.id(), &started[..10]);
        assert!(message.contains(&expected), "{message}");

        child.kill().unwrap();
        child.wait().unwrap();
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_lock_is_waited_for_and_refused_after_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.lock");
        let lock = Lock::take(&path).unwrap();
        let refused = Lock::take_within(&path, Duration::from_millis(50)).unwrap_err();
        assert_eq!(refused.downcast_ref::<Locked>().unwrap().path, path);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| Lock::take_within(&path, Duration::from_secs(60)).is_ok());
            drop(lock);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn of_eight_at_once_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.lock");
        for _ in 0..20 {
            let start = Barrier::new(8);
            let locks: Vec<_> = std::thread::scope(|scope| {
                let attempt = || {
                    start.wait();
                    Lock::take(&path)
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(locks.iter().filter(|lock| lock.is_ok()).count(), 1);
        }
    }
}
