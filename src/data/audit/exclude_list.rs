//! Lists the samples to leave out of training: broken, blank, contradictory, duplicate, leaked and nearly leaked ones.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

use super::{SplitName, duplicates, examine::ExaminedImage, near::Near};
use crate::{data::sources::exclude::BYTE_ORDER_MARK, durable};

/// First line of every list.
const MARK: &str = "# Samples to leave out, listed by mindgap inspect";

/// The samples to leave out of training. Each is listed once, under the first reason that applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToExclude {
    reasons: Vec<(&'static str, Vec<String>)>,
}

impl ToExclude {
    /// Chooses the samples to leave out among `images`. `groups` are the images' groups of equal pixels, `near` their
    /// near-duplicates, `broken` the keys of unreadable files, and `key` gives the key of an image's number.
    ///
    /// Val and test lose broken files only: of a leak, exact or near, the training image is left out. A val split drawn
    /// from train (`is_val_drawn`) will be drawn again from the remaining images, so its images are treated as training
    /// images: of near-duplicates among them all but the first are left out.
    pub(super) fn of(
        images: &[ExaminedImage],
        groups: &[Vec<u32>],
        near: &Near,
        is_val_drawn: bool,
        broken: Vec<String>,
        key: impl Fn(u32) -> String,
    ) -> Self {
        let is_candidate = |number: &u32| match images[*number as usize].split {
            SplitName::Train => true,
            SplitName::Val => is_val_drawn,
            SplitName::Test => false,
        };
        let (mut conflicting, mut leaking, mut surplus) = (Vec::new(), Vec::new(), Vec::new());
        for group in groups {
            let (candidates, measured): (Vec<u32>, Vec<u32>) = group.iter().partition(|number| is_candidate(number));
            if duplicates::disagree(images, &candidates) {
                conflicting.extend(candidates);
            } else if !measured.is_empty() {
                leaking.extend(candidates);
            } else {
                surplus.extend(&candidates[1..]);
            }
        }
        let mut near_leaking = Vec::new();
        let equal_to: HashMap<u32, &Vec<u32>> = groups.iter().map(|group| (group[0], group)).collect();
        for pair in &near.pairs {
            let [a, b] =
                [pair.a, pair.b].map(|number| equal_to.get(&number).map_or(vec![number], |group| group.to_vec()));
            let is_measured = |members: &[u32]| !members.iter().all(is_candidate);
            let left_out = match (is_measured(&a), is_measured(&b)) {
                (false, false) if is_val_drawn => b,
                (false, false) => continue,
                (is_a_measured, is_b_measured) => {
                    let of_a = a.into_iter().filter(|_| is_b_measured);
                    of_a.chain(b.into_iter().filter(|_| is_a_measured)).collect()
                }
            };
            near_leaking.extend(left_out.into_iter().filter(|number| is_candidate(number)));
        }
        let blank = (0..images.len() as u32)
            .filter(|number| is_candidate(number) && images[*number as usize].properties.is_blank);
        let mut reasons = vec![("broken", broken)];
        let mut taken = BTreeSet::new();
        for (reason, mut numbers) in [
            ("blank", blank.collect::<Vec<u32>>()),
            ("conflicting labels", conflicting),
            ("also in val or test", leaking),
            ("surplus duplicates", surplus),
            (
                if is_val_drawn { "near-duplicates of another image" } else { "near-duplicates of val or test" },
                near_leaking,
            ),
        ] {
            numbers.sort_unstable();
            numbers.retain(|&number| taken.insert(number));
            reasons.push((reason, numbers.into_iter().map(&key).collect()));
        }
        Self { reasons }
    }

    /// A list of the samples `names`, as images.csv and audits name them, under one `reason`.
    pub fn listed(reason: &'static str, names: Vec<String>) -> Self {
        Self { reasons: vec![(reason, names)] }
    }

    /// Adds the samples of `other` that are not listed yet, under its reasons.
    pub fn add(&mut self, other: Self) {
        let known: BTreeSet<String> = self.reasons.iter().flat_map(|(_, keys)| keys).cloned().collect();
        for (reason, mut keys) in other.reasons {
            keys.retain(|key| !known.contains(key));
            self.reasons.push((reason, keys));
        }
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.reasons.iter().map(|(_, keys)| keys.len()).sum()
    }

    /// The number of samples for each reason that applies to any.
    pub fn counts(&self) -> Vec<(String, usize)> {
        let counts = self.reasons.iter().map(|(reason, keys)| ((*reason).to_owned(), keys.len()));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// The text of a list file that [`Selection::exclude`](crate::data::Selection::exclude) reads. Its header names the data
    /// `source` and the command that uses the list.
    pub fn to_text(&self, source: &str, command: &str) -> String {
        let mut text = format!(
            "{MARK}\n# Data: {}\n# Used by: {command}\n\
             # One sample a line; \\xNN stands for a byte. Delete the lines of samples that should stay.\n",
            source.escape_debug()
        );
        for (reason, keys) in self.reasons.iter().filter(|(_, keys)| !keys.is_empty()) {
            text += &format!("\n# {reason}: {}\n", keys.len());
            keys.iter().for_each(|key| text += &format!("{key}\n"));
        }
        text
    }

    /// The text of [`to_text`](Self::to_text), followed by the lines of the list in the file `own`, if there is one.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn to_text_with(&self, source: &str, command: &str, own: Option<&Path>) -> Result<Vec<u8>> {
        let mut text = self.to_text(source, command).into_bytes();
        if let Some(own) = own {
            let lines = durable::read_text(own).with_context(|| format!("cannot read {}", own.display()))?;
            text.extend(format!("\n# From {}\n", own.display().to_string().escape_debug()).bytes());
            text.extend(lines.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&lines));
        }
        Ok(text)
    }

    /// The samples that the list `text` names under `reason`; all where it was not written by [`ToExclude::to_text`].
    pub fn read<'a>(text: &'a str, reason: &str) -> Vec<&'a str> {
        let mut is_wanted = !Self::is_list(text.as_bytes());
        let all_reasons = is_wanted;
        let mut names = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                is_wanted = all_reasons || comment.trim_start().starts_with(&format!("{reason}: "));
            } else if is_wanted {
                names.push(line);
            }
        }
        names
    }

    /// Whether `text` is a list that [`ToExclude::to_text`] wrote. Callers check it before they overwrite a file.
    pub fn is_list(text: &[u8]) -> bool {
        text.starts_with(MARK.as_bytes())
    }
}

/// An object with the number of samples for each reason.
impl Serialize for ToExclude {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.reasons.iter().map(|(reason, keys)| (reason, keys.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_list_holds_the_lines_of_the_one_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own.txt");
        std::fs::write(&own, "\u{feff}a/1.png\na/2.png\n").unwrap();
        let list = ToExclude::listed("blank", vec!["a/3.png".into()]);
        let text = String::from_utf8(list.to_text_with("data", "mindgap train", Some(&own)).unwrap()).unwrap();
        assert!(ToExclude::is_list(text.as_bytes()) && !text.contains('\u{feff}'), "{text}");
        let names: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(names, ["a/3.png", "a/1.png", "a/2.png"]);
    }
}
