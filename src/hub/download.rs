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

/// Fetches the file `found`, called `name`, unless another process has done so meanwhile, and returns its path.
/// Fails if the cache cannot be written, the transfer fails again and again, or the bytes have another checksum; such bytes are
/// deleted.
pub(super) fn into_cache(
    client: &Client,
    repo: &RepoCache,
    found: &Found,
    name: &str,
    progress: &dyn ReadProgress,
) -> Result<PathBuf> {
    repo.create(&found.commit)?;
    let _lock = repo.lock(&found.etag)?;
    let blob = repo.blob(&found.etag);
    if !blob.exists() {
        let path = repo.partial(&found.etag);
        let file = File::options().create(true).read(true).write(true).truncate(false).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        let mut transfer = Transfer { client, found, name, progress, path, file };
        let is_resumed = transfer.length()? > 0;
        transfer.fetch()?;
        let mut verified = checksum::verify(&transfer.path, &found.etag);
        if verified.is_err() && is_resumed {
            // What an earlier process left may have been damaged.
            transfer.keep(0)?;
            transfer.fetch()?;
            verified = checksum::verify(&transfer.path, &found.etag);
        }
        if let Err(error) = verified {
            let _ = fs::remove_file(&transfer.path);
            return Err(error.context("the file that arrived is not kept"));
        }
        fs::rename(&transfer.path, &blob).with_context(|| format!("{} cannot be written", blob.display()))?;
    }
    repo.link(&found.etag, &found.commit, name)
}

/// A file that is being fetched.
struct Transfer<'a> {
    client: &'a Client<'a>,
    found: &'a Found,
    name: &'a str,
    progress: &'a dyn ReadProgress,
    path: PathBuf,
    /// Holds the bytes that have arrived.
    file: File,
}

impl Transfer<'_> {
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
    fn fetch(&mut self) -> Result<()> {
        if self.length()? > self.found.size {
            self.keep(0)?;
        }
        self.progress.begin(self.name, self.found.size);
        self.progress.advance(self.length()?);
        let fetched = self.fetch_with_retries();
        self.progress.end();
        fetched?;
        self.file.sync_all().with_context(|| self.cannot("written"))
    }

    fn fetch_with_retries(&mut self) -> Result<()> {
        let mut failures = 0;
        while self.length()? < self.found.size {
            let before = self.length()?;
            let Some(error) = self.fetch_once()? else { continue };
            let kept = self.length()?;
            failures = if kept > before { 1 } else { failures + 1 };
            if failures == TRIES {
                return Err(error.context(format!(
                    "the transfer failed {TRIES} times in a row after {kept} of {} bytes; they are kept, and the next start \
                     resumes there",
                    self.found.size
                )));
            }
            thread::sleep(Client::pause(failures));
        }
        Ok(())
    }

    /// One request, from the end of what is there until the transfer ends or breaks. Returns why it broke; another try may
    /// bring the rest.
    /// Fails if the file cannot be written.
    fn fetch_once(&mut self) -> Result<Option<Error>> {
        let have = self.length()?;
        let bytes = match self.client.get(&self.found.url, have) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Some(error)),
        };
        if bytes.start > have {
            return Ok(Some(anyhow!("the server sends bytes from {} on, not from {have}", bytes.start)));
        }
        let size = self.found.size;
        if bytes.start < have {
            // A server that knows no ranges sends the file from its beginning.
            self.progress.begin(self.name, size);
            self.progress.advance(bytes.start);
        }
        self.keep(bytes.start)?;
        let mut reader = bytes.reader.take(size - bytes.start);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Some(anyhow!(error).context("the transfer broke off"))),
            };
            if read == 0 {
                break;
            }
            self.file.write_all(&buffer[..read]).with_context(|| self.cannot("written"))?;
            self.progress.advance(read as u64);
        }
        let have = self.length()?;
        Ok((have < size).then(|| anyhow!("the server ended the transfer after {have} of {size} bytes")))
    }
}
