//! The ledger of a test set: beside the data, or where a witness knows it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::{Ledger, TestImages, Witnesses};

/// A ledger that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The folder of the seal.
    pub folder: PathBuf,
    /// What the user should know about where it was found.
    pub note: Option<String>,
}

/// The folder of the seal of the data at `source`: `photos.seal` beside `photos`, `fer2013.csv.seal` beside `fer2013.csv`.
/// None for generated data and for a path that does not exist.
pub fn beside(source: &str) -> Option<PathBuf> {
    if source == "faces" {
        return None;
    }
    let path = fs::canonicalize(source).ok()?;
    let mut name = path.file_name()?.to_owned();
    name.push(".seal");
    Some(path.with_file_name(name))
}

/// Whether the test split of the data at `source` may be sealed: there is a ledger beside the data, or a witness of any. Asked
/// first, since recognising the images takes decoding them.
pub fn may_be_sealed(source: &str, witnesses: &Witnesses) -> bool {
    beside(source).is_some_and(|folder| folder.join(Ledger::FILE).exists()) || witnesses.are_any()
}

/// The seal of `images`, the test split of the data at `source`, after every check. None where the test
/// set is not sealed, as far as the folder beside the data and the `witnesses` know.
///
/// A copy of sealed data, in another place or form, is recognised by its images and counts in the ledger of the original.
///
/// # Errors
/// The ledger or one of its files fails a check, it is about other images, or it is not where its witness knows it.
pub fn find(source: &str, images: &TestImages, witnesses: &Witnesses) -> Result<Option<Found>> {
    let own = beside(source).filter(|folder| folder.join(Ledger::FILE).exists());
    let found = match own {
        Some(folder) => Found { folder, note: None },
        None => {
            let Some((file, known)) = witnesses.of(&images.fingerprint)?.into_iter().next() else { return Ok(None) };
            let ledger = Path::new(&known.ledger);
            ensure!(
                ledger.exists(),
                "this test set is sealed, with {}, but its ledger {} is gone: put it back, or into a folder NAME.seal beside the \
                 data NAME; to give its looks up, delete {} too",
                known.looks(),
                ledger.display(),
                file.display()
            );
            let note = format!("These images are a sealed test set, whose ledger is {}.", ledger.display());
            Found { folder: ledger.parent().unwrap_or(ledger).to_owned(), note: Some(note) }
        }
    };
    let ledger = Ledger::open_witnessed(&found.folder, witnesses)?;
    ledger.check_images(images)?;
    ledger.check_files()?;
    Ok(Some(found))
}
