//! The names of splits, and the split that the name of a folder means.

use std::fmt;

use serde::Serialize;

/// The name of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SplitName {
    /// The images that were trained on
    Train,
    /// The images that were validated on
    Val,
    /// The images that no training, choice or stop uses
    Test,
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        })
    }
}

/// Names that always mean a split, in upper or lower case.
const PLAIN: [&str; 5] = ["train", "val", "validation", "valid", "test"];

/// Words that mean a split inside a longer name, or alone.
const WORDS: [(SplitName, &[&str]); 3] = [
    (SplitName::Train, &["train", "training"]),
    (SplitName::Val, &["val", "valid", "validation", "dev"]),
    (SplitName::Test, &["test", "testing"]),
];

/// Words without meaning, beside the word of a split or alone.
const FILLERS: [&str; 34] = [
    "all", "clean", "cleaned", "cropped", "data", "dataset", "datasets", "dir", "files", "final", "folder", "full",
    "image", "images", "img", "imgs", "jpeg", "jpg", "new", "original", "photos", "pictures", "png", "raw", "resized",
    "samples", "seg", "set", "sets", "small", "split", "splits", "the", "x",
];

/// Words that may mean a split. They appear in suggestions only; the user decides.
const HINTS: [(SplitName, &[&str]); 3] = [
    (SplitName::Train, &["tr", "trn", "development"]),
    (SplitName::Val, &["va", "vl", "vld", "eval", "evaluation"]),
    (SplitName::Test, &["te", "ts", "tst", "holdout"]),
];

/// The split of the first word in `table` that `fits`.
fn lookup(table: &[(SplitName, &[&str])], fits: impl Fn(&str) -> bool) -> Option<SplitName> {
    table.iter().find(|(_, words)| words.iter().any(|word| fits(word))).map(|&(split, _)| split)
}

/// The split that the name of a folder means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitInName {
    /// The split.
    pub split: SplitName,
    /// Whether the name is one of the plain names of splits.
    pub is_plain: bool,
    /// The other words of the name, without meaningless ones: `asl alphabet` of `asl_alphabet_train`.
    pub rest: Vec<String>,
}

/// Finds the split that `name` means: `train`, `Testing`, `training_set`, `seg_test`, `val2017`. None if no word means a
/// split, or more than one.
pub fn split_in_name(name: &str) -> Option<SplitInName> {
    let lower = name.to_lowercase();
    if PLAIN.contains(&&*lower) {
        let split = lookup(&WORDS, |word| word == lower)?;
        return Some(SplitInName { split, is_plain: true, rest: Vec::new() });
    }
    let mut found = None;
    let mut rest = Vec::new();
    for word in words(name) {
        match split_of(&word) {
            Some(_) if found.is_some() => return None,
            Some(split) => found = Some(split),
            // `a. Training Set`: a letter alone numbers the folders.
            None if FILLERS.contains(&&*word) || word.chars().count() == 1 => {}
            None => rest.push(word),
        }
    }
    Some(SplitInName { split: found?, is_plain: false, rest })
}

/// The words of `name` without meaningless ones: `rps` of `rps_images`.
pub fn meaning(name: &str) -> Vec<String> {
    words(name).into_iter().filter(|word| !FILLERS.contains(&&**word)).collect()
}

/// The split that `name` means or may mean: `imagesTr`, `vld`, `evaluation`.
pub fn possible_split(name: &str) -> Option<SplitName> {
    let hinted = || match &meaning(name)[..] {
        [only] => lookup(&HINTS, |word| word == only),
        _ => None,
    };
    split_in_name(name).map(|found| found.split).or_else(hinted)
}

/// The split whose word ends `name`: `dogstrain`, but also `strain`.
pub fn split_at_end(name: &str) -> Option<SplitName> {
    let lower = name.to_lowercase();
    lookup(&WORDS, |word| lower.ends_with(word))
}

/// Whether `name` is a fold of a cross-validation: `fold_1`, `split0`.
pub fn is_fold(name: &str) -> bool {
    let words = words(name);
    let ends = words.last().is_some_and(|word| ["fold", "kfold", "split", "cv"].contains(&&**word));
    ends && words.len() <= 2 && name.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether `name` says nothing about the contents of the folder: `images`, `Data`, `2017`.
pub fn is_filler(name: &str) -> bool {
    words(name).iter().all(|word| FILLERS.contains(&&**word))
}

/// The split that one word means, with or without a meaningless word joined to it: `trainset`.
fn split_of(word: &str) -> Option<SplitName> {
    let joined = |part: Option<&str>| part.is_some_and(|part| part.is_empty() || FILLERS.contains(&part));
    lookup(&WORDS, |known| joined(word.strip_prefix(known)) || joined(word.strip_suffix(known)))
}

/// Splits a name into its runs of letters, in lower case; `TrainSet` has two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_alphabetic() {
            let begins = !before.is_alphabetic() || (before.is_lowercase() && c.is_uppercase());
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_their_split() {
        use SplitName::{Test, Train, Val};
        for (split, names) in [
            (
                Train,
                "train TRAIN Training training_set training-data TrainSet trainset seg_train train2017 Train_images",
            ),
            (Val, "val Valid validation VALIDATION val_set valset validation_data dev_set images_val"),
            (Test, "test Testing test_set TestData testset seg_test test1 Test_Images"),
        ] {
            for name in names.split(' ') {
                let found = split_in_name(name).unwrap_or_else(|| panic!("{name}"));
                assert_eq!((found.split, &*found.rest), (split, &[][..]), "{name}");
            }
        }
        assert_eq!(split_in_name("asl_alphabet_train").unwrap().rest, ["asl", "alphabet"]);
        assert!(split_in_name("b. Testing Set").unwrap().rest.is_empty());
        assert!(split_in_name("Valid").unwrap().is_plain && !split_in_name("Testing").unwrap().is_plain);
    }

    #[test]
    fn names_that_may_mean_a_split_or_a_fold_are_known() {
        for (split, names) in [
            (SplitName::Train, "imagesTr trn Tr development training"),
            (SplitName::Val, "Va vld evaluation val_set"),
            (SplitName::Test, "imagesTs TE holdout flowers_test"),
        ] {
            assert!(names.split(' ').all(|name| possible_split(name) == Some(split)), "{names}");
        }
        assert!(["tree", "2019", "trunk", "red tr"].iter().all(|name| possible_split(name).is_none()));
        assert!(["fold1", "Fold_2", "k-fold-3", "split0", "cv4"].iter().all(|name| is_fold(name)));
        assert!(["fold", "manifold1", "1", "part1", "folder1"].iter().all(|name| !is_fold(name)));
        assert_eq!((split_at_end("dogsTrain"), split_at_end("trains")), (Some(SplitName::Train), None));
        assert_eq!(meaning("rps images 2"), ["rps"]);
    }

    #[test]
    fn names_of_classes_mean_no_split() {
        for name in ["trains", "trainer", "contest", "invalid", "valley", "train_test", "trainval", "attest", "cat", ""]
        {
            assert_eq!(split_in_name(name), None, "{name}");
        }
        assert_eq!(split_in_name("test_tube").unwrap().rest, ["tube"]);
        assert!(is_filler("images") && is_filler("Data_2") && !is_filler("cat images"));
    }
}
