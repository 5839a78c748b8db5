//! Fetches a file into the cache: one process at a time, resumed where an earlier try ended, and verified before it gets
//! its name.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    thread,
};

use anyhow::{Context, Error, Result, anyhow};

use super::{
    cache::RepoCache,
    checksum,
    client::{Client, Found},
};
use crate::data::ReadProgress;

/// Tries in a row that bring no byte, before the transfer fails.
const TRIES: u32 = 5;

/// Fetches the file `found`, called `file`, unless another process has done so meanwhile, and returns its path.
/// Fails if the cache cannot be written, the transfer fails again and again, or the bytes have another checksum; such bytes are
/// deleted.
pub(super) fn into_cache(
    client: &Client,
    repo: &RepoCache,
    found: &Found,
    file: &str,
    progress: &dyn ReadProgress,
) -> Result<PathBuf> {
    repo.create(&found.commit)?;
    let _lock = repo.lock(&found.etag)?;
    let blob = repo.blob(&found.etag);
    if !blob.exists() {
        let mut partial = Partial::open(repo.partial(&found.etag))?;
        let is_resumed = partial.length()? > 0;
        partial.fetch(client, found, file, progress)?;
        let mut verified = checksum::verify(&partial.path, &found.etag);
        if verified.is_err() && is_resumed {
            // What an earlier process left may have been damaged.
            partial.keep(0)?;
            partial.fetch(client, found, file, progress)?;
            verified = checksum::verify(&partial.path, &found.etag);
        }
        if let Err(error) = verified {
            let _ = fs::remove_file(&partial.path);
            return Err(error.context("the file that arrived is not kept"));
        }
        fs::rename(&partial.path, &blob).with_context(|| format!("{} cannot be written", blob.display()))?;
    }
    repo.link(&found.etag, &found.commit, file)
}

/// The bytes of a file that have arrived.
struct Partial {
    path: PathBuf,
    file: File,
}

/// How one request ended.
enum Transfer {
    Complete,
    /// Another try may bring the rest.
    Broken(Error),
}

impl Partial {
    fn open(path: PathBuf) -> Result<Self> {
        let file = File::options().create(true).read(true).write(true).truncate(false).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path, file })
    }

    fn length(&self) -> Result<u64> {
        Ok(self.file.metadata().with_context(|| self.cannot("read"))?.len())
    }

    fn cannot(&self, what: &str) -> String {
        format!("{} cannot be {what}", self.path.display())
    }

    /// Cuts the file to its first `length` bytes, and writes behind them from here on.
    fn keep(&mut self, length: u64) -> Result<()> {
        let kept = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
        kept.map(|_| ()).with_context(|| self.cannot("written"))
    }

    /// Fetches what is missing.
    fn fetch(&mut self, client: &Client, found: &Found, file: &str, progress: &dyn ReadProgress) -> Result<()> {
        if self.length()? > found.size {
            self.keep(0)?;
        }
        progress.begin(file, found.size);
        progress.advance(self.length()?);
        let fetched = self.fetch_with_retries(client, found, file, progress);
        progress.end();
        fetched?;
        self.file.sync_all().with_context(|| self.cannot("written"))
    }

    fn fetch_with_retries(
        &mut self,
        client: &Client,
        found: &Found,
        file: &str,
        progress: &dyn ReadProgress,
    ) -> Result<()> {
        let mut failures = 0;
        while self.length()? < found.size {
            let before = self.length()?;
            let Transfer::Broken(error) = self.fetch_once(client, found, file, progress)? else { continue };
            let kept = self.length()?;
            failures = if kept > before { 1 } else { failures + 1 };
            if failures == TRIES {
                return Err(error.context(format!(
                    "the transfer failed {TRIES} times in a row after {kept} of {} bytes; they are kept, and the next start \
                     resumes there",
                    found.size
                )));
            }
            thread::sleep(Client::pause(failures));
        }
        Ok(())
    }

    /// One request, from the end of what is there until the transfer ends or breaks.
    /// Fails if the file cannot be written.
    fn fetch_once(
        &mut self,
        client: &Client,
        found: &Found,
        file: &str,
        progress: &dyn ReadProgress,
    ) -> Result<Transfer> {
        let have = self.length()?;
        let bytes = match client.get(&found.url, have) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Transfer::Broken(error)),
        };
        if bytes.start > have {
            return Ok(Transfer::Broken(anyhow!("the server sends bytes from {} on, not from {have}", bytes.start)));
        }
        if bytes.start < have {
            // A server that knows no ranges sends the file from its beginning.
            progress.begin(file, found.size);
            progress.advance(bytes.start);
        }
        self.keep(bytes.start)?;
        let mut reader = bytes.reader.take(found.size - bytes.start);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Transfer::Broken(anyhow!(error).context("the transfer broke off"))),
            };
            if read == 0 {
                break;
            }
            self.file.write_all(&buffer[..read]).with_context(|| self.cannot("written"))?;
            progress.advance(read as u64);
        }
        let have = self.length()?;
        if have < found.size {
            return Ok(Transfer::Broken(anyhow!("the server ended the transfer after {have} of {} bytes", found.size)));
        }
        Ok(Transfer::Complete)
    }
}
