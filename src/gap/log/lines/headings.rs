//! The lines that begin epochs, told from remarks that mention one: a log names its epochs in one form again and again, and a
//! remark such as `SWA starts at epoch 6` names few.

use std::collections::{BTreeSet, HashMap};

use super::epoch::{self, Named};

/// Epochs that a form has to name before others count as remarks beside it.
const ENOUGH: usize = 3;

/// In which forms the lines of a log name epochs.
#[derive(Debug, Default)]
pub struct Headings {
    /// The epochs that each form names.
    forms: HashMap<String, BTreeSet<u64>>,
    /// The epochs that the form with the most of them names.
    usual: BTreeSet<u64>,
}

impl Headings {
    /// Finds the forms in which `lines` name epochs.
    pub fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut forms: HashMap<String, BTreeSet<u64>> = HashMap::new();
        for line in lines {
            if let Some(named) = epoch::find(line).filter(|named| !named.is_of_another)
                && let Some(epoch) = whole(named.number)
            {
                forms.entry(form(line, &named)).or_default().insert(epoch);
            }
        }
        // Of forms that name as many, the one with the lower epochs: which one does not depend on the order of a map.
        let usual = forms.values().max_by_key(|epochs| (epochs.len(), std::cmp::Reverse(*epochs))).cloned();
        Self { forms, usual: usual.unwrap_or_default() }
    }

    /// Whether `line`, which states no figure, mentions an epoch in passing: its form names less than half as many epochs as the
    /// usual one, and this epoch is headed by that one, or lies beyond its last and the next.
    pub fn is_remark(&self, line: &str, named: &Named) -> bool {
        let (Some(epoch), Some(last)) = (whole(named.number), self.usual.last()) else { return false };
        let of_form = self.forms.get(&form(line, named)).map_or(0, BTreeSet::len);
        let is_rare = self.usual.len() >= ENOUGH && 2 * of_form < self.usual.len();
        is_rare && (self.usual.contains(&epoch) || epoch > last + 1)
    }
}

fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && number >= 0.0).then_some(number as u64)
}

/// What stands before the epoch, with `#` for numbers, and the word behind it.
fn form(line: &str, named: &Named) -> String {
    let mut form = String::new();
    for c in line[..named.place.start].chars() {
        match c {
            c if c.is_ascii_digit() && form.ends_with('#') => {}
            c if c.is_ascii_digit() => form.push('#'),
            c => form.extend(c.to_lowercase()),
        }
    }
    let behind = line[named.place.end..].trim_start_matches(|c: char| !c.is_alphanumeric());
    let word = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    form + "#" + &word.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_told_from_the_lines_that_begin_epochs() {
        let log = "12:00:01 Epoch 1/4\nsaved epoch 1\n12:01:02 Epoch 2/4\n12:02:13 Epoch 3/4\nSWA starts at epoch 4\n\
                   12:03:14 Epoch 4/4\nSWA epoch 5\nSWA epoch 6\nGoal: epoch 100";
        let headings = Headings::of(log.lines());
        let is_remark = |line: &str| headings.is_remark(line, &epoch::find(line).unwrap());
        for line in ["saved epoch 1", "SWA starts at epoch 4", "Goal: epoch 100"] {
            assert!(is_remark(line), "{line}");
        }
        // A form of its own continues where the usual one ends.
        for line in ["12:03:14 Epoch 4/4", "SWA epoch 5", "SWA epoch 6"] {
            assert!(!is_remark(line), "{line}");
        }
        assert!(
            !Headings::of("Epoch 1\nlast: epoch 2".lines())
                .is_remark("last: epoch 2", &epoch::find("epoch 2").unwrap())
        );
    }
}
