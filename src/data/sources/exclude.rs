//! Lists of samples to exclude ([`Selection::exclude`](crate::data::Selection::exclude)): such samples are treated as
//! absent.
//!
//! A list is a text file with one sample per line: the path of an image below the data's folder, `line 17` of a table,
//! `train face 17` of the generated faces. Empty lines and lines that begin with `#` are ignored. A name may contain any
//! bytes: `\xNN` encodes a byte that a line cannot contain, and the backslash itself.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    listing::{Listing, Samples},
    source::line_key,
    unreadable::{self, BadFile},
};
use crate::{data::selection::Selection, durable};

/// What some editors write before UTF-8 text.
pub const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The samples of a list, by their keys ([`Source::key`](super::source::Source::key)). The default list is empty.
#[derive(Debug, Default)]
pub struct Exclusions {
    /// The option that names the list.
    option: &'static str,
    file: PathBuf,
    /// Each key, with whether the data contain it.
    keys: BTreeMap<Vec<u8>, bool>,
}

impl Exclusions {
    /// The list that `selection` names for all splits; empty without one.
    /// Fails like [`read`](Self::read).
    pub fn of(selection: &Selection) -> Result<Self> {
        selection.exclude.as_ref().map_or_else(|| Ok(Self::default()), |file| Self::read("exclude", file))
    }

    /// Reads the list in `file`, which the option called `option` names.
    /// Fails if the file cannot be read, or a line has a backslash that does not begin `\xNN`.
    pub fn read(option: &'static str, file: &Path) -> Result<Self> {
        let text = durable::read_text(file).with_context(|| format!("{}: it cannot be read", named(option, file)))?;
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        let mut keys = BTreeMap::new();
        for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let key = unescape(line).with_context(|| {
                format!(
                    "{}, line {number}: a backslash is written \\x5c, and other bytes \\xNN; folders are separated by /",
                    named(option, file)
                )
            })?;
            keys.insert(key, false);
        }
        Ok(Self { option, file: file.to_owned(), keys })
    }

    /// Whether sample `key` is excluded. Records that the data contain it.
    pub fn take(&mut self, key: &[u8]) -> bool {
        self.keys.get_mut(key).is_some_and(|found| {
            *found = true;
            true
        })
    }

    /// Whether the list names sample `key`.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    /// Whether the sample `name`, which `listing` does not hold, was left out on purpose: by this list, or as a row that
    /// cannot be read.
    pub fn explain(&self, name: &str, listing: &Listing) -> bool {
        let name = name.as_bytes();
        let is_bad =
            |file: &BadFile| file.line.map_or_else(|| file.name == escape(name), |line| line_key(line) == name);
        self.contains(name) || listing.bad.iter().any(is_bad)
    }

    /// Removes the listed samples from `listing`; `root` is the folder of the data.
    /// Fails if the list names samples that the data do not contain.
    pub fn apply(mut self, listing: &mut Listing, root: &Path) -> Result<()> {
        if self.keys.is_empty() {
            return Ok(());
        }
        for (_, split) in listing.splits_mut() {
            *split = self.without_excluded(split, root);
        }
        self.check_all_found("the data")?;
        listing.notes.push(format!("{} samples were left out ({}).", self.keys.len(), named(self.option, &self.file)));
        Ok(())
    }

    /// Removes the listed samples from the train split of `listing`, whose splits are settled; those that the fraction in use
    /// leaves out are gone already. `root` is the folder of the data. Where val `is_fold`, what it holds is no mistake: another fold trains on it.
    /// Fails if the list names samples that train does not contain.
    pub fn apply_to_train(mut self, listing: &mut Listing, root: &Path, is_fold: bool) -> Result<()> {
        if let Some(unused) = &listing.unused {
            self.without_excluded(unused, root);
        }
        if let Some(val) = listing.val.as_ref().filter(|_| is_fold) {
            self.without_excluded(val, root);
        }
        let before = listing.train.ids.len();
        listing.train = self.without_excluded(&listing.train, root);
        self.check_all_found("train")?;
        let left_out = before - listing.train.ids.len();
        listing.notes.push(format!("{left_out} training images were left out ({}).", named(self.option, &self.file)));
        Ok(())
    }

    fn check_all_found(&self, place: &str) -> Result<()> {
        let unknown: Vec<_> = self.keys.iter().filter(|(_, found)| !**found).map(|(key, _)| escape(key)).collect();
        ensure!(
            unknown.is_empty(),
            "{}: {} of its {} lines match no sample of {place}:\n{}\nRemove them, or write a new list (`ToExclude::to_text`).",
            named(self.option, &self.file),
            unknown.len(),
            self.keys.len(),
            unreadable::lines(unknown.iter())
        );
        Ok(())
    }

    fn without_excluded(&mut self, split: &Samples, root: &Path) -> Samples {
        let positions = 0..split.ids.len() as u32;
        let stays = |position: &u32| !self.take(&split.source.key(split.ids[*position as usize], root));
        split.select(&positions.filter(stays).collect::<Vec<_>>())
    }
}

/// The option with its value, as messages name it.
fn named(option: &str, file: &Path) -> String {
    format!("`options.selection.{option} = {}`", file.display())
}

/// Writes a key as one line of text.
pub fn escape(key: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let mut line = String::new();
    for chunk in key.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            let begins_a_comment = c == '#' && line.is_empty();
            if c == '\\' || c.is_control() || begins_a_comment { line += &hex(bytes) } else { line.push(c) }
        }
        line += &hex(chunk.invalid());
    }
    line
}

/// Reads the key from a line; None if a backslash does not begin `\xNN`.
pub fn unescape(line: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::new();
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            key.push(byte);
            continue;
        }
        let [b'x', digits @ ..] = after else { return None };
        let (digits, after) = digits.split_at_checked(2)?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        key.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn printable_keys_are_not_escaped() {
        for key in ["train/a b/Übung #1.png", "line 17"] {
            assert_eq!(escape(key.as_bytes()), key);
        }
        assert_eq!(escape(b"#1\\\n\xff.png"), r"\x231\x5c\x0a\xff.png");
        for damaged in [r"a\", r"a\n", r"a\x1", r"a\x+1", r"a\xg0"] {
            assert_eq!(unescape(damaged.as_bytes()), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn any_key_is_read_back_from_its_line(key in prop::collection::vec(any::<u8>(), 1..30)) {
            let line = escape(&key);
            prop_assert!(!line.starts_with('#') && !line.contains(['\n', '\r']));
            prop_assert_eq!(unescape(line.as_bytes()), Some(key));
        }
    }
}
