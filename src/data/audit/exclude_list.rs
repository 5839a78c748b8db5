//! What to leave out of training so that nothing in it is broken, blank, contradictory, doubled or a leak.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::{SplitName, duplicates, examine::ExaminedImage};

/// Stands in the first line of every list.
const MARK: &str = "# Samples to leave out, listed by mindgap inspect";

/// The samples to leave out, each once, under the first reason that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToExclude {
    reasons: Vec<(&'static str, Vec<String>)>,
}

impl ToExclude {
    /// Those of `images`, whose groups of equal pixels are `groups`, by their `key`; `broken` are keys already.
    ///
    /// Val and test stay as they are, but for broken files: of a leak the training image goes. A val that is drawn from
    /// train (`is_val_drawn`) will be drawn anew from what is left, so its images are judged as training images are.
    pub(super) fn of(
        images: &[ExaminedImage],
        groups: &[duplicates::DuplicateGroup],
        is_val_drawn: bool,
        broken: Vec<String>,
        key: impl Fn(u32) -> String,
    ) -> Self {
        let is_pool = |number: &u32| match images[*number as usize].split {
            SplitName::Train => true,
            SplitName::Val => is_val_drawn,
            SplitName::Test => false,
        };
        let (mut conflicting, mut leaking, mut surplus) = (Vec::new(), Vec::new(), Vec::new());
        for group in groups {
            let (pool, measured): (Vec<u32>, Vec<u32>) = group.all().iter().partition(|number| is_pool(number));
            if duplicates::disagree(images, &pool) {
                conflicting.extend(pool);
            } else if !measured.is_empty() {
                leaking.extend(pool);
            } else {
                surplus.extend(&pool[1..]);
            }
        }
        let blank =
            (0..images.len() as u32).filter(|number| is_pool(number) && images[*number as usize].properties.is_blank);
        let mut reasons = vec![("broken", broken)];
        let mut taken = BTreeSet::new();
        for (reason, mut numbers) in [
            ("blank", blank.collect::<Vec<u32>>()),
            ("conflicting labels", conflicting),
            ("also in val or test", leaking),
            ("surplus duplicates", surplus),
        ] {
            numbers.sort_unstable();
            numbers.retain(|&number| taken.insert(number));
            reasons.push((reason, numbers.into_iter().map(&key).collect()));
        }
        Self { reasons }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.reasons.iter().map(|(_, keys)| keys.len()).sum()
    }

    /// The list as `--exclude` reads it, for the data called `source`.
    pub fn to_text(&self, source: &str) -> String {
        let mut text = format!(
            "{MARK}\n# Data: {}\n# Used by: mindgap train --data DATA --exclude THIS_FILE\n\
             # One sample a line; \\xNN stands for a byte. Delete the lines of samples that should stay.\n",
            source.escape_debug()
        );
        for (reason, keys) in self.reasons.iter().filter(|(_, keys)| !keys.is_empty()) {
            text += &format!("\n# {reason}: {}\n", keys.len());
            keys.iter().for_each(|key| text += &format!("{key}\n"));
        }
        text
    }

    /// Whether `text` is such a list, so that another file is never taken for one and overwritten.
    pub fn is_list(text: &[u8]) -> bool {
        text.starts_with(MARK.as_bytes())
    }
}

/// As an object: how many for each reason.
impl Serialize for ToExclude {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.reasons.iter().map(|(reason, keys)| (reason, keys.len())))
    }
}
