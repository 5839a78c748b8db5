//! The files that the words after MODEL stand for.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader},
    mem,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::anyhow;

use crate::data::{Found, images_below};

/// The files that `words` name, in their order: a file stands for itself, a folder for the images below it, and `-` for
/// the paths on stdin, one a line, or ended by NUL each with `null`. What is no image by its name in a folder is counted
/// in `passed_over`.
pub fn named_by(words: &[PathBuf], null: bool, passed_over: &Arc<AtomicU64>) -> impl Iterator<Item = Found> + use<> {
    let (words, passed_over) = (words.to_vec(), Arc::clone(passed_over));
    words
        .into_iter()
        .flat_map(move |word| -> Box<dyn Iterator<Item = Found> + Send> {
            if word.as_os_str() == "-" {
                Box::new(on_stdin(null))
            } else {
                Box::new(std::iter::once(Found::file(word)))
            }
        })
        .flat_map(move |found| -> Box<dyn Iterator<Item = Found> + Send> {
            if found.trouble.is_none() && found.path.is_dir() {
                Box::new(images_below(&found.path, Arc::clone(&passed_over)))
            } else {
                Box::new(std::iter::once(found))
            }
        })
}

/// The paths on stdin. Empty ones are passed over; an error ends them.
fn on_stdin(null: bool) -> impl Iterator<Item = Found> + Send {
    let end = if null { 0 } else { b'\n' };
    let mut ended = false;
    BufReader::new(io::stdin())
        .split(end)
        .take_while(move |path| !mem::replace(&mut ended, path.is_err()))
        .filter(|path| !path.as_ref().is_ok_and(Vec::is_empty))
        .map(|path| match path {
            Ok(bytes) => Found::file(OsString::from_vec(bytes).into()),
            Err(error) => Found { path: "-".into(), trouble: Some(anyhow!(error).context("stdin cannot be read")) },
        })
}
