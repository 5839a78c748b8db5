//! Image files below a folder, found one at a time while the folder is read.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Error, anyhow};
use walkdir::WalkDir;

use super::{
    exclude,
    folder_contents::{has_image_extension, is_hidden},
};

/// An image file, with the reason if it cannot be read.
#[derive(Debug)]
pub struct ImageFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Why the file cannot be read; `None` for a readable file and before it is read.
    pub trouble: Option<Error>,
}

impl ImageFile {
    /// A file that was not read yet.
    pub fn file(path: PathBuf) -> Self {
        Self { path, trouble: None }
    }

    /// The path as one line of text: bytes that a line cannot contain are written `\xNN`, as in a list of samples to
    /// exclude.
    pub fn line(&self) -> String {
        exclude::escape(self.path.as_os_str().as_encoded_bytes())
    }
}

/// Finds the image files below `folder` at any depth, in sorted order. Their extensions are those of a data set; links
/// are followed. Hidden files and folders, files with other extensions, and links back to a folder that contains them are
/// skipped and counted in `passed_over`. A folder that cannot be read is returned as a file with `trouble`.
pub fn images_below(folder: &Path, passed_over: Arc<AtomicU64>) -> impl Iterator<Item = ImageFile> + use<> {
    let mut walk = WalkDir::new(folder).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
    let pass_over = move || {
        passed_over.fetch_add(1, Ordering::Relaxed);
    };
    std::iter::from_fn(move || {
        loop {
            match walk.next()? {
                Ok(entry) if is_hidden(entry.path()) => {
                    if entry.file_type().is_dir() {
                        walk.skip_current_dir();
                    }
                    pass_over();
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if has_image_extension(entry.path()) => return Some(ImageFile::file(entry.into_path())),
                Ok(_) => pass_over(),
                Err(error) if error.loop_ancestor().is_some() => pass_over(),
                // A dangling link counts by its name; decoding then reports that it cannot be read.
                Err(error) => match error.path().map(Path::to_owned) {
                    Some(path) if path.is_symlink() && !has_image_extension(&path) => pass_over(),
                    Some(path) if path.is_symlink() => return Some(ImageFile::file(path)),
                    path => {
                        let trouble = anyhow!(error).context("the folder cannot be read");
                        return Some(ImageFile { path: path.unwrap_or_default(), trouble: Some(trouble) });
                    }
                },
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn images_are_sorted_and_a_cyclic_link_does_not_hang() {
        let place = tempfile::tempdir().unwrap();
        for file in ["b/2.JPG", "b/10.png", "a.png", "notes.txt", ".hidden.png", ".cache/x.png", "b/c/z.webp"] {
            let path = place.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        symlink("..", place.path().join("b/circle")).unwrap();
        symlink("nowhere", place.path().join("dangling.png")).unwrap();
        symlink("nowhere", place.path().join("dangling")).unwrap();
        let passed_over = Arc::new(AtomicU64::new(0));
        let found: Vec<ImageFile> = images_below(place.path(), Arc::clone(&passed_over)).collect();
        let names: Vec<_> = found.iter().map(|found| found.path.strip_prefix(place.path()).unwrap()).collect();
        let expected = ["a.png", "b/10.png", "b/2.JPG", "b/c/z.webp", "dangling.png"];
        assert_eq!(names, expected.map(Path::new));
        // notes.txt, two hidden names, the cyclic link, and the dangling link without an image extension.
        assert_eq!(passed_over.load(Ordering::Relaxed), 5);
    }
}
