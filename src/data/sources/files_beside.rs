//! What files beside class folders, or in their place, may be: tables of labels, and images packed in a format that is not read.

use std::path::{Path, PathBuf};

use super::folder_contents::is_csv;
use crate::data::splits::split_name::{SplitName, split_in_name};

/// Endings of files that hold others.
const ARCHIVES: [&str; 8] = ["zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar"];
/// Extensions of files that hold many images, and are not read.
const PACKED: [&str; 14] = [
    "parquet",
    "arrow",
    "npz",
    "npy",
    "mat",
    "pkl",
    "pickle",
    "h5",
    "hdf5",
    "tfrecord",
    "tfrecords",
    "mdb",
    "rec",
    "idx",
];
/// What to do with them.
const WRITE_IMAGES: &str = "write its images to CLASS/IMAGE files, such as PNG";
/// How the names of such files begin or end that have no extension: CIFAR's and MNIST's.
const PACKED_NAMES: [(&str, &str); 3] = [("data_batch", ""), ("test_batch", ""), ("", "-ubyte")];

/// The table among `files` that most likely holds labels, by its extension and its name; None where there is none but those of
/// the images to be tested, and samples of what to submit.
pub fn table_among(files: &[PathBuf]) -> Option<&PathBuf> {
    let tables = files.iter().filter(|file| is_csv(file));
    tables.filter_map(|file| Some((unlikeliness(file)?, file))).min().map(|(_, file)| file)
}

/// 0 for a table whose name speaks of train or labels, 1 for others; None where it speaks of something else.
fn unlikeliness(table: &Path) -> Option<u32> {
    let name = table.file_stem()?.to_string_lossy().to_lowercase();
    let is_of_test = split_in_name(&name).is_some_and(|found| found.split == SplitName::Test);
    let holds_labels = ["train", "label"].iter().any(|word| name.contains(word));
    match name.contains("submission") || is_of_test {
        true => None,
        false => Some(u32::from(!holds_labels)),
    }
}

/// A hint at a file among `files` that holds many images; None where there is none.
pub fn packed_among(files: &[PathBuf]) -> Option<String> {
    let packed = files.iter().filter(|file| is_packed(file)).min()?;
    Some(format!("{packed:?} is of a format that is not read: {WRITE_IMAGES}"))
}

/// What to do with a file that cannot be opened as data; empty where its name does not tell.
pub fn remedy(file: &Path) -> String {
    match file {
        file if has_extension(file, &ARCHIVES) => ": unpack it first".to_owned(),
        file if is_packed(file) => format!(", and its format is not read: {WRITE_IMAGES}"),
        _ => String::new(),
    }
}

fn has_extension(file: &Path, known: &[&str]) -> bool {
    file.extension().is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether the file holds many images, by its name.
fn is_packed(file: &Path) -> bool {
    let Some(name) = file.file_name().map(|name| name.to_string_lossy().to_lowercase()) else { return false };
    has_extension(file, &PACKED)
        || PACKED_NAMES.iter().any(|(begin, end)| name.starts_with(begin) && name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_tables_the_likely_one_is_named() {
        for (files, expected) in [
            ("sample_submission.csv labels.csv", Some("labels.csv")),
            ("test.csv train.csv sampleSubmission.csv", Some("train.csv")),
            ("Testing_set.csv Training_set.csv", Some("Training_set.csv")),
            ("b.csv a.csv readme.txt", Some("a.csv")),
            ("HAM10000_metadata.csv", Some("HAM10000_metadata.csv")),
            ("sampleSubmission.csv test.csv", None),
        ] {
            let files: Vec<PathBuf> = files.split(' ').map(PathBuf::from).collect();
            assert_eq!(table_among(&files).and_then(|file| file.to_str()), expected);
        }
    }

    #[test]
    fn files_that_hold_many_images_are_known() {
        for name in
            ["train-00000-of-00001.parquet", "data_batch_1", "train-images-idx3-ubyte", "x.NPZ", "imagelabels.mat"]
        {
            assert!(packed_among(&[name.into()]).is_some(), "{name}");
        }
        assert!(!is_packed(Path::new("readme.txt")) && !is_packed(Path::new("a.csv")));
    }
}
