//! The cache of decoded images is used by later starts, and never for files that have changed.

use std::fs::{File, FileTimes};

use super::*;

/// 2 × 8 training and 2 × 2 validation images, enough for the cache.
fn worthwhile() -> Folder {
    Folder::new().split("train", &AB, 8).split("val", &AB, 2).padded()
}

fn keeping_in(cache: &Path) -> Options {
    Options { decoded_folder: Some(cache.to_owned()), ..Options::default() }
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    fs::read_dir(cache).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn assert_equal(one: &Dataset, other: &Dataset) {
    assert_eq!((one.size, one.channels, &one.mean, &one.std), (other.size, other.channels, &other.mean, &other.std));
    assert_eq!(one.fingerprint, other.fingerprint);
    for (one, other) in [(&one.train, &other.train), (&one.val, &other.val)] {
        assert_eq!((&one.ids, &one.labels, &one.hashes), (&other.ids, &other.labels, &other.hashes));
        assert_eq!(all_pixels(one), all_pixels(other));
    }
}

#[test]
fn a_cached_entry_is_used() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    folder.open(&keeping_in(cache.path())).unwrap();
    // If the second start decoded the images, it would not find this hash.
    let entry = &entries(cache.path())[0];
    let mut archive = crate::durable::Archive::load(entry).unwrap();
    let hashes = archive.arrays.iter_mut().find(|array| array.name == "0.hashes").unwrap();
    hashes.bytes[..16].fill(7);
    archive.save(entry).unwrap();
    assert_eq!(folder.open(&keeping_in(cache.path())).unwrap().train.hashes[0], u128::from_le_bytes([7; 16]));
}

#[test]
fn a_changed_file_is_detected_even_with_its_old_time_and_size() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    let first = folder.open(&keeping_in(cache.path())).unwrap();
    let paths = folder.files();
    let (one, other) = (&paths[0], &paths[1]);
    let modified = one.metadata().unwrap().modified().unwrap();
    let mut bytes = fs::read(other).unwrap();
    bytes.resize(one.metadata().unwrap().len() as usize, 0);
    fs::write(one, bytes).unwrap();
    File::options().write(true).open(one).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
    let second = folder.open(&keeping_in(cache.path())).unwrap();
    assert_ne!(first.fingerprint, second.fingerprint);
    assert_equal(&second, &folder.opened());
}

#[test]
fn a_second_start_gives_the_same_data_and_other_options_and_samples_have_their_own_entries() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    let options = keeping_in(cache.path());
    let all = [
        options.clone(),
        Options { img_size: Some(4), ..options.clone() },
        Options { in_chans: Some(3), ..options.clone() },
        Options { train_fraction: 0.9, ..options.clone() },
        // Train is decoded for each batch.
        Options { cache_limit: 600, ..options.clone() },
    ];
    for (number, options) in all.iter().enumerate() {
        let first = folder.open(options).unwrap();
        assert_eq!((entries(cache.path()).len(), first.train.is_streamed()), (number + 1, number == 4));
        assert_equal(&first, &folder.open(&Options { decoded_folder: None, ..options.clone() }).unwrap());
        assert_equal(&first, &folder.open(options).unwrap());
    }
}

#[test]
fn a_damaged_entry_is_replaced() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    let first = folder.open(&keeping_in(cache.path())).unwrap();
    let entry = &entries(cache.path())[0];
    let whole = fs::read(entry).unwrap();
    for damage in [&whole[..whole.len() / 2], b"", b"nonsense"] {
        fs::write(entry, damage).unwrap();
        assert_equal(&first, &folder.open(&keeping_in(cache.path())).unwrap());
        assert_eq!(fs::read(entry).unwrap(), whole);
    }
}

#[test]
fn the_entries_used_longest_ago_are_deleted_first() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    let open = |img_size, decoded_limit| {
        folder.open(&Options { img_size: Some(img_size), decoded_limit, ..keeping_in(cache.path()) }).unwrap()
    };
    open(20, 1 << 30);
    let first = entries(cache.path());
    let limit = 2 * first[0].metadata().unwrap().len();
    let mut all = Vec::new();
    for size in [19, 18] {
        assert_eq!(open(size, limit).size, size);
        all = entries(cache.path());
        let total: u64 = all.iter().map(|entry| entry.metadata().unwrap().len()).sum();
        assert!(total <= limit && all.len() == 2, "{total} bytes in {all:?}, {limit} are allowed");
    }
    assert!(!all.contains(&first[0]), "{all:?}");
    // An entry above the limit is not saved, and no other entry is deleted for it.
    open(17, 1000);
    assert_eq!(entries(cache.path()), all);
}

#[test]
fn an_unwritable_folder_is_noted_and_does_not_stop_the_start() {
    let (folder, cache) = (worthwhile(), tempfile::tempdir().unwrap());
    let blocked = cache.path().join("file");
    fs::write(&blocked, "in the way").unwrap();
    let data = folder.open(&keeping_in(&blocked.join("below"))).unwrap();
    assert!(data.notes.iter().any(|note| note.contains("not kept for the next start")), "{:?}", data.notes);
}

#[test]
fn small_data_sets_and_those_with_broken_images_are_not_cached() {
    let cache = tempfile::tempdir().unwrap();
    least().open(&keeping_in(cache.path())).unwrap();
    let broken = worthwhile().file("train/a/broken.png", "no picture");
    broken.open(&Options { skip_bad: true, ..keeping_in(cache.path()) }).unwrap();
    assert!(entries(cache.path()).is_empty());
}
