//! Puts functions of our own before libc's in a started program, so that faults come at a chosen moment and not by luck.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Compiles `tests/interpose/NAME.c` into a library in `folder`, for `LD_PRELOAD`.
pub fn library(name: &str, folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpose").join(name).with_extension("c");
    let library = folder.join(name).with_extension("so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(command.status().expect("a C compiler comes with the C++ compiler").success());
    library
}
