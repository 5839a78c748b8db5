//! Files from the Hugging Face hub, in the cache that Python's `huggingface_hub` shares.
//!
//! A file is taken from the cache where it is there, and fetched where it is not; its checksum is verified either way. The
//! environment variables are Python's: `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_ENDPOINT`, `HF_TOKEN`,
//! `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`, and `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE`.
//!
//! The crate hf-hub is not used. Version 1.0 brings 224 crates with an asynchronous runtime. Version 0.5 brings 54,
//! verifies no checksum before a file counts as complete, has no timeouts, so that a silent server holds it forever,
//! appends to a partial file although the server sends it from its beginning, and knows neither `HF_HUB_OFFLINE` nor
//! `HF_HUB_CACHE` nor `HF_TOKEN`. What is needed of the protocol is one HEAD and one GET, in `client.rs`.

mod cache;
mod checksum;
mod client;
mod download;
mod settings;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub use cache::{Cache, is_commit};
use client::{Client, Head};
use settings::Settings;

use crate::{data::ReadProgress, recipe::HubName};

/// The file that holds the weights in a repository of timm's.
pub const WEIGHTS: &str = "model.safetensors";
/// The file that says which network they are of.
pub const CONFIG: &str = "config.json";

/// The hub as the environment variables describe it.
pub struct Hub {
    settings: Settings,
    cache: Cache,
}

/// A file of a repository, in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// The commit that the file is of, 40 hex digits.
    pub commit: String,
    /// Why the file of an older commit may have been taken: the hub could not be reached.
    pub note: Option<String>,
}

impl Hub {
    /// The hub that the environment variables name.
    ///
    /// # Errors
    /// A variable has a value of another form, or there is no home folder for the cache.
    pub fn from_env() -> Result<Self> {
        Ok(Self { settings: Settings::from_env()?, cache: Cache::from_env()? })
    }

    /// The file called `file` of the repository `name`, from the cache or fetched into it. At a commit that is in the
    /// cache the hub is not asked.
    ///
    /// # Errors
    /// There is no such repository, revision or file; it is gated; the hub cannot be reached or `HF_HUB_OFFLINE` is set,
    /// and the file is not in the cache; the cache cannot be written; the file has another checksum than the hub
    /// states.
    pub fn file(&self, name: &HubName, file: &str, progress: &dyn ReadProgress) -> Result<HubFile> {
        self.find_or_fetch(name, file, progress).with_context(|| format!("{file} of {name} cannot be had"))
    }

    fn find_or_fetch(&self, name: &HubName, file: &str, progress: &dyn ReadProgress) -> Result<HubFile> {
        let repo = self.cache.repo(&name.repo);
        let revision = name.revision.as_deref().unwrap_or("main");
        let is_pinned = is_commit(revision);
        let cached = repo.commit(revision).and_then(|commit| Some((repo.find(&commit, file)?, commit)));
        if let Some((path, commit)) = &cached
            && (is_pinned || self.settings.offline)
        {
            checksum::verify_cached(path)?;
            return Ok(HubFile { path: path.clone(), commit: commit.clone(), note: None });
        }
        let client = Client::new(&self.settings);
        let url = client.url(&name.repo, revision, file);
        let weights = client.url(&name.repo, revision, WEIGHTS);
        if self.settings.offline {
            bail!(
                "HF_HUB_OFFLINE is set and it is not in the cache {}; {}",
                repo.folder().display(),
                by_hand(name, &weights)
            );
        }
        let found = match client.head(&url, name)? {
            Head::Found(found) => found,
            Head::Unreachable(reason) => {
                let Some((path, commit)) = cached else {
                    bail!(
                        "{} cannot be reached ({reason}), and it is not in the cache {}; check the network, HTTPS_PROXY and \
                         HF_ENDPOINT; {}",
                        self.settings.endpoint,
                        repo.folder().display(),
                        by_hand(name, &weights)
                    );
                };
                checksum::verify_cached(&path)?;
                let note = format!(
                    "{} cannot be reached ({reason}): the cached commit {commit} is used",
                    self.settings.endpoint
                );
                return Ok(HubFile { path, commit, note: Some(note) });
            }
        };
        let path = match repo.find(&found.commit, file) {
            Some(path) => {
                checksum::verify_cached(&path)?;
                // The cache may be readable only. The reference matters to later calls without a network alone.
                let _ = repo.write_reference(revision, &found.commit);
                path
            }
            None => download::into_cache(&client, &repo, &found, file, progress)
                .and_then(|path| repo.write_reference(revision, &found.commit).map(|()| path))?,
        };
        Ok(HubFile { path, commit: found.commit, note: None })
    }
}

/// How to get files into the cache, or past it by the `url` of the weights.
fn by_hand(name: &HubName, url: &str) -> String {
    let revision = name.revision.iter().map(|revision| format!(" --revision {revision}")).collect::<String>();
    format!(
        "on a machine with a network, `hf download {}{revision} {CONFIG} {WEIGHTS}` fills the cache that HF_HOME names, or \
         download {url} and give its path",
        name.repo
    )
}
