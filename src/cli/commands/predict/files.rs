//! The files that the arguments after MODEL name.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read},
    iter,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use anyhow::anyhow;

use mindgap::data::{ImageFile, images_below};

/// Length of the longest path on Linux \[bytes\].
const LONGEST_PATH: u64 = 4096;

/// Expands `arguments` into files, in order: a file is itself, a folder is all images below it, and `-` is the paths on
/// stdin, one per line, or each ended by NUL with `null`. Files in a folder without an image extension are counted in
/// `passed_over`.
pub fn named_by(
    arguments: &[PathBuf],
    null: bool,
    passed_over: &Arc<AtomicU64>,
) -> impl Iterator<Item = ImageFile> + use<> {
    let (arguments, passed_over) = (arguments.to_vec(), Arc::clone(passed_over));
    arguments
        .into_iter()
        .flat_map(move |argument| -> Box<dyn Iterator<Item = ImageFile> + Send> {
            if argument.as_os_str() == "-" {
                Box::new(on_stdin(null))
            } else {
                Box::new(std::iter::once(ImageFile::file(argument)))
            }
        })
        .flat_map(move |found| -> Box<dyn Iterator<Item = ImageFile> + Send> {
            if found.trouble.is_none() && found.path.is_dir() {
                Box::new(images_below(&found.path, Arc::clone(&passed_over)))
            } else {
                Box::new(std::iter::once(found))
            }
        })
}

/// Reads the paths on stdin. Empty lines and carriage returns before the end of a line are ignored. The list ends at an
/// error, and at a line that is too long for a path: the input is then not a list of paths.
fn on_stdin(null: bool) -> impl Iterator<Item = ImageFile> + Send {
    let end = if null { 0 } else { b'\n' };
    let mut input = BufReader::new(io::stdin());
    let mut ended = false;
    iter::from_fn(move || {
        while !ended {
            let mut path = Vec::new();
            let read = (&mut input).take(LONGEST_PATH + 2).read_until(end, &mut path);
            if path.last() == Some(&end) {
                path.pop();
            }
            if !null && path.last() == Some(&b'\r') {
                path.pop();
            }
            let trouble = match read {
                Ok(0) => return None,
                Ok(_) if path.len() as u64 > LONGEST_PATH => {
                    let place = if null { "before each NUL" } else { "per line" };
                    anyhow!("it holds a text too long for a path; one path is expected {place}")
                }
                Ok(_) if path.is_empty() => continue,
                Ok(_) => return Some(ImageFile::file(OsString::from_vec(path).into())),
                Err(error) => anyhow!(error).context("stdin cannot be read"),
            };
            ended = true;
            return Some(ImageFile { path: "-".into(), trouble: Some(trouble) });
        }
        None
    })
}
