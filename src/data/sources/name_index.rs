//! Finds samples by the names that a table of the user's gives them: a path below the folder of the data, as in a list of
//! samples to exclude, or a part of it where that is enough: the name of the file, either of them without its extension.

use std::{
    borrow::Cow,
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::{exclude, unreadable};

/// Samples by their names.
#[derive(Default)]
pub struct NameIndex {
    /// The numbers of the samples with a name: by path, by file name, by path without extension, by file name without it.
    forms: [HashMap<Vec<u8>, Vec<u32>>; 4],
    keys: Vec<Vec<u8>>,
}

/// The names in a table that no sample has, or more than one.
#[derive(Default)]
pub struct NotFound {
    unknown: Vec<String>,
    ambiguous: Vec<String>,
}

impl NameIndex {
    /// The index of the samples with these keys ([`Source::key`](super::source::Source::key)), numbered in their order.
    pub fn new(keys: Vec<Vec<u8>>) -> Self {
        let mut index = Self::default();
        for (number, key) in (0..).zip(&keys) {
            let path = Path::new(OsStr::from_bytes(key));
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            let stems = [path.with_extension(""), name.with_extension("")];
            for (form, text) in index.forms.iter_mut().zip([path, &name, &stems[0], &stems[1]]) {
                form.entry(text.as_os_str().as_bytes().to_owned()).or_default().push(number);
            }
        }
        Self { keys, ..index }
    }

    /// Whether a sample, or several, may be called `name`.
    pub fn knows(&self, name: &str) -> bool {
        self.numbers(name).is_some()
    }

    /// Whether one sample alone may be called `name`.
    pub fn knows_one(&self, name: &str) -> bool {
        self.numbers(name).is_some_and(|numbers| numbers.len() == 1)
    }

    /// The number of the sample called `name`; otherwise the name joins `missing`.
    pub fn find(&self, name: &str, missing: &mut NotFound) -> Option<u32> {
        match self.numbers(name).as_deref() {
            Some(&[number]) => return Some(number),
            Some(several) => {
                let meant = several.iter().map(|&number| exclude::escape(&self.keys[number as usize]));
                missing.ambiguous.push(format!("{name}: {}", unreadable::in_line(meant)));
            }
            None => missing.unknown.push(name.strip_prefix("./").unwrap_or(name).to_owned()),
        }
        None
    }

    /// The numbers of the samples that may be called `name`.
    fn numbers(&self, name: &str) -> Option<Cow<'_, [u32]>> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let names = [Some(name.as_bytes().to_owned()), exclude::unescape(name.as_bytes())];
        let mut names = names.into_iter().flatten();
        names.find_map(|name| {
            let found = self.forms.iter().find_map(|form| form.get(&name));
            found.map(|numbers| Cow::Borrowed(numbers.as_slice())).or_else(|| self.ending_in(&name).map(Cow::Owned))
        })
    }

    /// The numbers of the samples whose path, or path without extension, ends in the folders and the file of `name`.
    fn ending_in(&self, name: &[u8]) -> Option<Vec<u32>> {
        let file = &name[name.iter().rposition(|&byte| byte == b'/')? + 1..];
        let [_, by_file, _, by_stem] = &self.forms;
        let is_end = |key: &[u8]| key.strip_suffix(name).is_some_and(|before| before.ends_with(b"/"));
        let of_file = by_file.get(file).into_iter().flatten().filter(|&&number| is_end(&self.keys[number as usize]));
        let stem_of = |number: u32| Path::new(OsStr::from_bytes(&self.keys[number as usize])).with_extension("");
        let of_stem =
            by_stem.get(file).into_iter().flatten().filter(|&&number| is_end(stem_of(number).as_os_str().as_bytes()));
        let found: Vec<u32> = of_file.chain(of_stem).copied().collect();
        (!found.is_empty()).then_some(found)
    }
}

impl NotFound {
    /// Forgets the unknown names for which `is_left_out` holds.
    pub fn without(mut self, mut is_left_out: impl FnMut(&str) -> bool) -> Self {
        self.unknown.retain(|name| !is_left_out(name));
        self
    }

    /// The names that no sample has.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Checks that all names were found. `option` names the table.
    /// Fails if some were not; the message counts them and names the first ten.
    pub fn check(&self, option: &str) -> Result<()> {
        let Self { unknown, ambiguous } = self;
        let fault = "names may mean several images; write their paths below the folder of the data, or open the folder of those that are \
                     meant alone";
        unreadable::check_none(ambiguous, option, fault)?;
        ensure!(
            unknown.is_empty(),
            "{option}: {} names are those of no image:\n{}\nA name is a path below the folder of the data, `line 17` of a \
             table of pixels, or the name of a file where that is enough.",
            unknown.len(),
            unreadable::lines(unknown.iter())
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_found_by_its_path_or_by_what_is_enough_of_it() {
        let keys = ["train/a/1.png", "train/b/1.png", "val/a/x.y.jpg", "line 17", "train/a/1.jpg"];
        let index = NameIndex::new(keys.map(|key| key.as_bytes().to_owned()).to_vec());
        let mut missing = NotFound::default();
        for (name, number) in [
            ("train/a/1.png", 0),
            ("./train/b/1.png", 1),
            ("x.y.jpg", 2),
            ("x.y", 2),
            ("val/a/x.y", 2),
            ("line 17", 3),
            ("1.jpg", 4),
            ("train/b/1", 1),
            (r"train/a\x2f1.png", 0),
            ("b/1.png", 1),
            ("a/x.y", 2),
        ] {
            assert_eq!(index.find(name, &mut missing), Some(number), "{name}");
        }
        assert!(missing.check("x").is_ok());
        assert_eq!(index.find("gone.png", &mut missing), None);
        assert!(!index.knows("c/1.png") && !index.knows("in/a/1.png") && !index.knows("ain/a/1.png"));
        assert!(
            missing
                .check("`o`")
                .unwrap_err()
                .to_string()
                .starts_with("`o`: 1 names are those of no image:\n  gone.png")
        );
        assert_eq!(index.find("1.png", &mut missing), None);
        let message = missing.without(|_| true).check("`o`").unwrap_err().to_string();
        assert!(message.contains("1.png: train/a/1.png, train/b/1.png"), "{message}");
    }
}
