//! The image files below a folder, one after the other while it is read.

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

/// A file that was found, and what is wrong with it if it cannot be read.
#[derive(Debug)]
pub struct ImageFile {
    /// Its path.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub trouble: Option<Error>,
}

impl ImageFile {
    /// A file of which nothing bad is known.
    pub fn file(path: PathBuf) -> Self {
        Self { path, trouble: None }
    }

    /// The path as one line of text: bytes that cannot stand in a line are written `\xNN`, as in a list for
    /// `--exclude`.
    pub fn line(&self) -> String {
        exclude::escape(self.path.as_os_str().as_encoded_bytes())
    }
}

/// The image files below `folder` at any depth, told by their extensions as a data set's are, in sorted order; links are
/// followed. Hidden files and folders, files of other extensions, and links back to a folder that holds them are passed
/// over and counted in `passed_over`. A folder that cannot be read comes as a file in trouble.
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
                // A link that leads nowhere counts by its name, and is found unreadable when it is decoded.
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
    fn images_come_sorted_and_a_link_in_a_circle_does_not_hang() {
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
        // The notes, two hidden names, the circle, and the dangling link that is no image by its name.
        assert_eq!(passed_over.load(Ordering::Relaxed), 5);
    }
}
