//! What a run records about its data and its machine.

use std::{fs, path::Path};

use tch::Device;

use super::EvalSets;
use crate::{
    data::{Dataset, Selection, Split, SplitFolders},
    run::{DataSource, Images, ListedImage, Versions},
    torch::{self, device},
};

/// What a run records about `data`, of which `sets` are measured.
pub fn data_source(data: &Dataset, sets: &EvalSets) -> DataSource {
    let source = &data.source;
    // JSON holds text only.
    let absolute = |path: &Path| Some(fs::canonicalize(path).ok()?.to_string_lossy().into_owned());
    let selection = data.selection.with_files(|file| Ok(absolute(file).map_or_else(|| file.to_owned(), Into::into)));
    let copies = data.duplicates_in_train();
    DataSource {
        source: source.clone(),
        path: absolute(source.as_ref()).filter(|_| source != "faces"),
        selection: Selection { folders: SplitFolders::default(), ..selection.unwrap_or_default() },
        fingerprint: data.fingerprint.clone(),
        sample_ids: Some(data.sample_ids()),
        train: data.train.len(),
        val: data.val.len(),
        test: data.test.as_ref().map(|test| test.len()),
        probe: sets.probe.len(),
        val_in_train: sets.leak_count(),
        group_leaks: sets.group_leaks,
        val_groups: sets.group_counts().map(|[_, val]| val),
        near_leaks: sets.near_leak_count().filter(|&count| count > 0),
        surplus_duplicates: Some(copies.surplus),
        conflicting_groups: Some(copies.conflicting),
        bad_files: data.bad_files.len(),
        classes: data.classes.clone(),
        channels: Some(data.channels),
        size: Some(data.size),
        mean: data.mean.clone(),
        std: data.std.clone(),
    }
}

/// The images of `sets` in the order in which they are measured.
pub fn listed_images(data: &Dataset, sets: &EvalSets) -> Images {
    Images {
        val: named(&data.val, &sets.val, data),
        probe: named(&data.train, &sets.probe, data),
        leaks: sets.leaks.clone(),
        near_leaks: sets.near_leaks.clone(),
        in_first_half: sets.in_first_half.clone(),
    }
}

fn named(split: &Split, positions: &[u32], data: &Dataset) -> Vec<ListedImage> {
    let root = Path::new(&data.source);
    let mut images = Vec::with_capacity(positions.len());
    for &position in positions {
        images.push(ListedImage {
            id: i64::from(split.ids[position as usize]),
            name: split.key(position, root),
            label: i64::from(split.labels[position as usize]),
            group: split.groups.as_ref().map(|groups| data.groups[groups[position as usize] as usize].clone()),
        });
    }
    images
}

/// The versions, device and threads of this process.
pub fn versions(device: Device) -> Versions {
    Versions {
        mindgap: env!("CARGO_PKG_VERSION").to_owned(),
        tch: Some(torch::TCH_VERSION.to_owned()),
        libtorch: torch::version().to_owned(),
        device: device::name(device),
        threads: tch::get_num_threads() as usize,
        ranks: None,
    }
}
