//! Puts functions of our own before libc's in a started program, so that faults and stops come at a chosen point of its
//! work, however loaded the machine is.

use std::{
    mem,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
};

use super::process::{has_ended, send};

/// Compiles `tests/interpose/NAME.c` into a library for `LD_PRELOAD`.
pub fn library(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpose").join(name).with_extension("c");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join(name).with_extension("so");
    // Renamed once it is whole: other tests compile it too, and programs that they have started may have it open.
    let new = tempfile::Builder::new().suffix(".so").tempfile_in(folder).unwrap().into_temp_path();
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&new).arg(source).arg("-ldl");
    assert!(command.status().expect("a C compiler comes with the C++ compiler").success());
    new.persist(&library).unwrap();
    library
}

/// A program that stops itself where it has just replaced a file. Killed when dropped.
pub struct Stopping(Option<Child>);

impl Stopping {
    /// Starts `command`, which stops itself each time that it has replaced one of `files`, `times` times in all. The
    /// paths are absolute, or relative to the folder in which the program works.
    pub fn start(command: &mut Command, files: &[&str], times: u32) -> Self {
        stop_at(command, files, times);
        Self(Some(command.spawn().unwrap()))
    }

    pub fn id(&self) -> i32 {
        self.0.as_ref().unwrap().id() as i32
    }

    /// Waits until the program has stopped itself; false if it has ended instead.
    pub fn has_stopped(&self) -> bool {
        // SAFETY: a plain structure of numbers, which waitid fills in.
        let mut found: libc::siginfo_t = unsafe { mem::zeroed() };
        // WNOWAIT leaves the end of the program to be waited for by its `Child`.
        let options = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT;
        // SAFETY: waits for a child that is ours and has not been waited for.
        assert_eq!(unsafe { libc::waitid(libc::P_PID, self.id() as u32, &mut found, options) }, 0);
        found.si_code == libc::CLD_STOPPED
    }

    /// Waits until the program has stopped itself.
    pub fn wait_for_stop(&self) {
        assert!(self.has_stopped(), "the program has ended before it replaced the file");
    }

    pub fn send(&self, signal: i32) {
        send(self.id(), signal);
    }

    /// Whether the program has ended.
    pub fn has_ended(&self) -> bool {
        has_ended(self.id())
    }

    /// Lets a stopped program work again.
    pub fn proceed(&self) {
        self.send(libc::SIGCONT);
    }

    /// Kills the program where it is.
    pub fn kill(self) {
        drop(self);
    }

    /// Lets the program work again and waits for its end.
    pub fn finish(mut self) -> Output {
        self.proceed();
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Makes `command`, and what it starts in turn, stop where it has replaced one of `files`; each process `times` times.
pub fn stop_at(command: &mut Command, files: &[&str], times: u32) {
    command.env("LD_PRELOAD", library("stop")).env("STOP_AT", files.join(":")).env("STOP_TIMES", times.to_string());
}
