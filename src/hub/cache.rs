//! The cache on disk, laid out as Python's `huggingface_hub` lays it out:
//!
//! ```text
//! models--timm--resnet18.a1_in1k/
//!     blobs/CHECKSUM                             the files, under the checksum that the hub states
//!     refs/main                                  the commit of a branch or tag when it was last asked for
//!     snapshots/COMMIT/model.safetensors         a link to the blob
//! .locks/models--timm--resnet18.a1_in1k/CHECKSUM.lock
//! ```

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::settings::{expanded, home, set};
use crate::{durable, recipe::HubName};

/// The cache of all repositories.
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in the folder that `HF_HUB_CACHE` names, else in `hub` below `HF_HOME`.
    ///
    /// # Errors
    /// There is no home folder, and no variable names another.
    pub fn from_env() -> Result<Self> {
        let named = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).map(expanded);
        let folder = named.or_else(|| Some(home()?.join("hub")));
        let folder = folder.context("there is no home folder for the cache of the hub: set HF_HOME")?;
        Ok(Self { folder: std::path::absolute(folder)? })
    }

    /// The file called `file` of `name`, as the cache has it; the hub is not asked.
    pub fn find(&self, name: &HubName, file: &str) -> Option<PathBuf> {
        self.repo(&name.repo).find(&self.commit(name)?, file)
    }

    /// The commit that the revision of `name` was when it was last asked for.
    pub fn commit(&self, name: &HubName) -> Option<String> {
        self.repo(&name.repo).commit(name.revision.as_deref().unwrap_or("main"))
    }

    pub(super) fn repo(&self, repo: &str) -> RepoCache {
        let name = format!("models--{}", repo.replace('/', "--"));
        RepoCache { folder: self.folder.join(&name), locks: self.folder.join(".locks").join(name) }
    }
}

/// The part of the cache that belongs to one repository.
pub(super) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The commit of `revision`: itself, or what the reference of a branch or tag says.
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// The file called `file` at `commit`, where the cache has it.
    pub fn find(&self, commit: &str, file: &str) -> Option<PathBuf> {
        Some(self.snapshot(commit).join(file)).filter(|path| path.is_file())
    }

    fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The complete file with this checksum.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// The file with this checksum while it is being fetched. Python's partial files have other names.
    pub fn partial(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.mindgap.incomplete"))
    }

    /// Makes the folders for `commit`.
    /// Fails if they cannot be written to.
    pub fn create(&self, commit: &str) -> Result<()> {
        let snapshot = self.snapshot(commit);
        for folder in [&self.folder.join("blobs"), &snapshot, &self.locks] {
            fs::create_dir_all(folder)
                .with_context(|| format!("the cache cannot be written: {}", folder.display()))
                .context("HF_HUB_CACHE names another folder for it")?;
        }
        Ok(())
    }

    /// Waits until no other process, Python's included, fetches the file with this checksum, and holds the lock as long
    /// as the returned file is open. `None` on file systems without locks; the checksum then keeps damage out.
    /// Fails if the lock file cannot be written.
    pub fn lock(&self, etag: &str) -> Result<Option<File>> {
        let path = self.locks.join(format!("{etag}.lock"));
        let place = || format!("the cache cannot be locked: {}", path.display());
        let file = File::options().create(true).append(true).open(&path).with_context(place)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => file.lock().map(|()| Some(file)).with_context(place),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).with_context(place),
        }
    }

    /// Gives the blob the name `file` at `commit`, and returns its path.
    /// Fails if the cache cannot be written.
    pub fn link(&self, etag: &str, commit: &str, file: &str) -> Result<PathBuf> {
        let path = self.snapshot(commit).join(file);
        let place = || format!("the cache cannot be written: {}", path.display());
        match symlink(Path::new("../../blobs").join(etag), &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // A file system without links: the file itself gets the name, as in Python.
            Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
                fs::rename(self.blob(etag), &path)
            }
            linked => linked,
        }
        .with_context(place)?;
        Ok(path)
    }

    /// Records that `revision` is `commit`.
    /// Fails if the cache cannot be written.
    pub fn write_reference(&self, revision: &str, commit: &str) -> Result<()> {
        if self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        fs::create_dir_all(durable::folder_of(&path))?;
        durable::write(&path, commit.as_bytes())
    }
}

/// Whether a revision is a whole commit.
pub fn is_commit(revision: &str) -> bool {
    is_hex(revision, 40)
}

/// Whether `text` is `digits` hex digits in lower case.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
