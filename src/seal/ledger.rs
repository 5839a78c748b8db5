//! The ledger of a sealed test set: opened with every check, extended under a lock.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use safetensors::Dtype;

use super::{
    candidates::first_look,
    line::{Entry, Line, Look, LookedModel, Sealed, verified_hash},
    results::Results,
    test_images::TestImages,
    witness::{Witness, Witnesses},
};
use crate::{
    durable::{self, Archive, sha256},
    run::{Lock, Locked, now},
};

/// How long a process waits for others that append to the ledger: each needs a moment.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to do with a ledger that fails a check.
const ADVICE: &str =
    "its looks are no longer all known; restore the ledger as it was, or start a new one (docs/seal.md)";

/// A ledger whose lines are chained without a fault.
#[derive(Clone, Debug)]
pub struct Ledger {
    folder: PathBuf,
    /// The first line.
    pub sealed: Sealed,
    /// The looks in order; look i, counted from 0, is on line i + 2.
    pub looks: Vec<Look>,
    /// The hash of each complete line.
    hashes: Vec<String>,
    /// End of the last complete line in the file \[bytes\].
    end: u64,
    /// Whether an incomplete line follows, which a killed process left.
    pub is_torn: bool,
}

impl Ledger {
    /// The ledger in the folder of a seal.
    pub const FILE: &str = "ledger.jsonl";
    /// The images in that folder.
    pub const IMAGES: &str = "images.safetensors";
    /// The lock in that folder.
    const LOCK: &str = "ledger.lock";

    /// Seals `images`, the test split of `source` with these `groups` (in the order of the split, where there are some), in
    /// the new `folder`. Also returns a sentence for each witness that could not be written.
    ///
    /// # Errors
    /// The folder exists or cannot be made; the test set is sealed already, as a witness knows.
    pub fn create(
        folder: &Path,
        source: &str,
        images: &TestImages,
        groups: Option<&[u32]>,
        witnesses: &Witnesses,
    ) -> Result<(Self, Vec<String>)> {
        folder.to_str().with_context(|| format!("the path {folder:?} is not UTF-8, as that of a ledger must be"))?;
        if let Some((file, known)) = witnesses.of(&images.fingerprint)?.into_iter().next() {
            bail!(
                "this test set was sealed before: {} has {}, as {} knows. A second ledger would forget them; to start over all \
                 the same, delete both files",
                known.ledger,
                known.looks(),
                file.display()
            );
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let left = format!("{} is there without a ledger: delete it, and seal again", folder.display());
                ensure!(folder.join(Self::FILE).exists(), left);
                let ledger = Self::open(folder)?;
                bail!("{} is there already, with {}", folder.display(), ledger.witness().looks());
            }
            made => made.with_context(|| format!("cannot make the folder {}", folder.display()))?,
        }
        let file = images.to_bytes(groups)?;
        let sealed = Sealed {
            id: new_id(folder),
            time: now(),
            mindgap: env!("CARGO_PKG_VERSION").to_owned(),
            source: source.to_owned(),
            fingerprint: images.fingerprint.clone(),
            images: images.count(),
            classes: images.classes.clone(),
            has_groups: groups.is_some(),
            images_hash: sha256(&file),
        };
        durable::write(&folder.join(Self::IMAGES), &file)?;
        let line = Line { number: 1, entry: Entry::Seal(sealed), previous: String::new() };
        durable::append_line(&folder.join(Self::FILE), &line.to_text()?.0)?;
        let ledger = Self::open(folder)?;
        let notes = witnesses.keep(&ledger.witness());
        Ok((ledger, notes))
    }

    /// Opens the ledger in `folder` and checks each line and the chain.
    ///
    /// # Errors
    /// There is no ledger, or a line was changed, removed, inserted or moved; the message names file and line.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE);
        ensure!(path.exists(), "there is no ledger {}", path.display());
        let lines = durable::read_json_lines::<Line>(&path).context(ADVICE)?;
        let text = durable::read_text(&path)?;
        let mut begin = 0;
        let mut hashes: Vec<String> = Vec::new();
        let mut entries = Vec::new();
        for (index, (line, &end)) in lines.values.into_iter().zip(&lines.ends).enumerate() {
            let number = index + 1;
            let place = || format!("line {number} of {} cannot be trusted: {ADVICE}", path.display());
            let text = String::from_utf8_lossy(&text[begin..end as usize]);
            let hash = verified_hash(text.trim_end_matches('\n')).with_context(place)?;
            let previous = hashes.last().map_or("", String::as_str);
            if line.number != number || line.previous != previous {
                let fault =
                    format!("it is line {} of another order: a line before it was removed or replaced", line.number);
                return Err(anyhow::Error::msg(fault).context(place()));
            }
            hashes.push(hash);
            entries.push(line.entry);
            begin = end as usize;
        }
        if let Some(torn) = &lines.torn {
            // A write that was cut off ends without a line break; a power cut may leave zeros.
            let is_cut_off = !torn.ends_with('\n') || torn.trim_end().chars().all(|c| c == '\0');
            ensure!(is_cut_off, "line {} of {} cannot be read: {ADVICE}", hashes.len() + 1, path.display());
        }
        let mut entries = entries.into_iter();
        let Some(Entry::Seal(sealed)) = entries.next() else {
            bail!("{} does not begin with a seal: delete its folder and seal the data again", path.display());
        };
        let mut looks = Vec::new();
        for entry in entries {
            let Entry::Look(look) = entry else { bail!("{} holds a second seal: {ADVICE}", path.display()) };
            looks.push(look);
        }
        let is_torn = lines.torn.is_some();
        Ok(Self { folder: folder.to_owned(), sealed, looks, hashes, end: begin as u64, is_torn })
    }

    /// Opens the ledger in `folder` like [`open`](Self::open) and checks that it still holds every line that the `witnesses`
    /// know, and that it is the only one of its test set.
    ///
    /// # Errors
    /// The errors of [`open`](Self::open); the ledger was cut or replaced by an older copy, or there is another one. The
    /// message names the witness.
    pub fn open_witnessed(folder: &Path, witnesses: &Witnesses) -> Result<Self> {
        let known = witnesses.of(&Self::open(folder)?.sealed.fingerprint)?;
        // Read after the witnesses, since another process may extend both at any time, the ledger first.
        let ledger = Self::open(folder)?;
        for (file, witness) in known {
            ledger.check_witness(&witness).with_context(|| format!("the witness {} disagrees", file.display()))?;
        }
        Ok(ledger)
    }

    /// The path of the ledger.
    pub fn path(&self) -> PathBuf {
        self.folder.join(Self::FILE)
    }

    /// The end of the ledger, for [`Witnesses::keep`].
    pub fn witness(&self) -> Witness {
        Witness {
            id: self.sealed.id.clone(),
            fingerprint: self.sealed.fingerprint.clone(),
            ledger: self.path().display().to_string(),
            lines: self.hashes.len(),
            hash: self.hashes.last().cloned().unwrap_or_default(),
        }
    }

    /// Checks that the sealed test set is that of `images`.
    ///
    /// # Errors
    /// It is another; the message says what differs.
    pub fn check_images(&self, images: &TestImages) -> Result<()> {
        let Sealed { fingerprint, images: count, classes, source, .. } = &self.sealed;
        ensure!(
            images.fingerprint == *fingerprint,
            "{} is not about these images: {count} of the classes {classes:?} are sealed, read from {source:?}, and these are {} \
             of {:?}. Read the data with the flags with which they were sealed; where the images were changed, or the ledger was \
             copied from other data, move it away and seal these data",
            self.path().display(),
            images.count(),
            images.classes,
        );
        Ok(())
    }

    /// Checks that the ledger still holds every line that the witness `known` knows.
    pub(super) fn check_witness(&self, known: &Witness) -> Result<()> {
        let own = self.path();
        let here = own.display();
        ensure!(
            known.id == self.sealed.id,
            "{here} is not the ledger of this test set that is known ({}): {ADVICE}",
            known.ledger
        );
        ensure!(
            Path::new(&known.ledger) == own || !Path::new(&known.ledger).exists(),
            "{here} is a copy of {}: two copies would each count only some of the looks; delete one of them, with its folder",
            known.ledger
        );
        ensure!(
            known.lines <= self.hashes.len(),
            "{here} was cut, or replaced by an older copy: it has {} lines, where {} are known; {ADVICE}",
            self.hashes.len(),
            known.lines
        );
        ensure!(
            known.lines == 0 || self.hashes[known.lines - 1] == known.hash,
            "line {} of {here} is not the one that is known: {ADVICE}",
            known.lines
        );
        Ok(())
    }

    /// Appends looks at `images` to the ledger in `folder`, each with its results, under a lock and after all checks. An
    /// incomplete last line is removed first. Returns the extended ledger, and sentences about what was repaired or could not
    /// be kept.
    ///
    /// # Errors
    /// A check fails, another process holds the ledger for a minute, or a file cannot be written. No look is then appended
    /// whose results are not on disk.
    pub fn record(
        folder: &Path,
        images: &TestImages,
        witnesses: &Witnesses,
        looks: Vec<(LookedModel, Results)>,
    ) -> Result<(Self, Vec<String>)> {
        let _lock = Lock::take_within(&folder.join(Self::LOCK), PATIENCE).map_err(|error| {
            match error.downcast_ref::<Locked>() {
                Some(locked) => anyhow::anyhow!("{} is held by {}", locked.path.display(), locked.holder()),
                None => error,
            }
        })?;
        let mut ledger = Self::open_witnessed(folder, witnesses)?;
        ledger.check_images(images)?;
        durable::remove_leftovers(folder)?;
        let mut notes = Vec::new();
        if ledger.is_torn {
            ledger.remove_torn_line()?;
            notes.push(format!(
                "The last line of {} was incomplete, since a process was killed while it wrote it; it is removed.",
                ledger.path().display()
            ));
        }
        for (model, results) in looks {
            ledger.append(model, &results)?;
        }
        notes.append(&mut witnesses.keep(&ledger.witness()));
        Ok((ledger, notes))
    }

    fn remove_torn_line(&mut self) -> Result<()> {
        let failure = || format!("cannot repair {}", self.path().display());
        let file = OpenOptions::new().write(true).open(self.path()).with_context(failure)?;
        file.set_len(self.end).and_then(|()| file.sync_all()).with_context(failure)?;
        self.is_torn = false;
        Ok(())
    }

    fn append(&mut self, model: LookedModel, results: &Results) -> Result<()> {
        let number = self.hashes.len() + 1;
        let bytes = results.to_bytes()?;
        let look = Look {
            time: now(),
            mindgap: env!("CARGO_PKG_VERSION").to_owned(),
            model,
            n: results.losses.len(),
            test_loss: results.loss(),
            test_acc: results.top1(),
            results: format!("{number:04}.safetensors"),
            results_hash: sha256(&bytes),
        };
        durable::write(&self.folder.join(&look.results), &bytes)?;
        let previous = self.hashes.last().cloned().unwrap_or_default();
        let (text, hash) = Line { number, entry: Entry::Look(look.clone()), previous }.to_text()?;
        durable::append_line(&self.path(), &text)?;
        self.end += text.len() as u64 + 1;
        self.hashes.push(hash);
        self.looks.push(look);
        Ok(())
    }

    /// The number, from 1, of the earliest look at the model of look `number`; None where that is this one.
    pub fn first_look(&self, number: usize) -> Option<usize> {
        first_look(&self.looks, number - 1).map(|index| index + 1)
    }

    /// The results of `look`.
    ///
    /// # Errors
    /// The file is gone, or is not the one that the ledger names.
    pub fn results(&self, look: &Look) -> Result<Results> {
        let (path, bytes) = self.file(&look.results, &look.results_hash)?;
        Results::from_bytes(&bytes, self.sealed.images).with_context(|| format!("{} cannot be used", path.display()))
    }

    /// The group of each image, in the order of the seal; None where the images have no groups.
    ///
    /// # Errors
    /// The file of the images is gone, or is not the one that the ledger names.
    pub fn groups(&self) -> Result<Option<Vec<u32>>> {
        let (path, bytes) = self.file(Self::IMAGES, &self.sealed.images_hash)?;
        if !self.sealed.has_groups {
            return Ok(None);
        }
        let archive = Archive::from_any_safetensors(&bytes)?;
        let groups = archive.array("groups").filter(|groups| groups.dtype == Dtype::U32);
        let groups = groups.with_context(|| format!("{} has no groups", path.display()))?;
        let (numbers, _) = groups.bytes.as_chunks();
        ensure!(numbers.len() == self.sealed.images, "{} has another number of groups", path.display());
        Ok(Some(numbers.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()))
    }

    /// Checks that the files of the images and of all looks are those that the ledger names.
    ///
    /// # Errors
    /// One of them is gone or was changed; the message names it.
    pub fn check_files(&self) -> Result<()> {
        self.groups()?;
        for look in &self.looks {
            self.results(look)?;
        }
        Ok(())
    }

    /// A file of the seal, which must have this hash.
    fn file(&self, name: &str, hash: &str) -> Result<(PathBuf, Vec<u8>)> {
        ensure!(!name.contains('/'), "{} names the file {name:?}, which is not in its folder", self.path().display());
        let path = self.folder.join(name);
        let bytes =
            fs::read(&path).with_context(|| format!("cannot read {}: restore it from a copy", path.display()))?;
        ensure!(
            sha256(&bytes) == hash,
            "{} was changed: its hash is not the one that {} names; restore it from a copy",
            path.display(),
            self.path().display()
        );
        Ok((path, bytes))
    }
}

/// A name that no other seal has: a hash of time, process and place.
fn new_id(folder: &Path) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut id = sha256(format!("{} {} {}", since.as_nanos(), std::process::id(), folder.display()).as_bytes());
    id.truncate(32);
    id
}
