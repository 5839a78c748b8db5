//! The files that the words after MODEL stand for.

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

/// The longest path that Linux takes \[bytes\].
const LONGEST_PATH: u64 = 4096;

/// The files that `words` name, in their order: a file stands for itself, a folder for the images below it, and `-` for
/// the paths on stdin, one a line, or ended by NUL each with `null`. What is no image by its name in a folder is counted
/// in `passed_over`.
pub fn named_by(
    words: &[PathBuf],
    null: bool,
    passed_over: &Arc<AtomicU64>,
) -> impl Iterator<Item = ImageFile> + use<> {
    let (words, passed_over) = (words.to_vec(), Arc::clone(passed_over));
    words
        .into_iter()
        .flat_map(move |word| -> Box<dyn Iterator<Item = ImageFile> + Send> {
            if word.as_os_str() == "-" {
                Box::new(on_stdin(null))
            } else {
                Box::new(std::iter::once(ImageFile::file(word)))
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

/// The paths on stdin. Empty ones are passed over, and so is the carriage return before a line's end; an error ends
/// them, and so does what is too long for a path: a list of paths it is not.
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
                    anyhow!("what stands there is too long for a path, of which one is expected {}", place(null))
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

fn place(null: bool) -> &'static str {
    if null { "before each NUL" } else { "a line" }
}
