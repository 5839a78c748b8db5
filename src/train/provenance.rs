//! What a run records of its data and of what computes it.

use std::{fs, path::Path};

use tch::Device;

use super::Sides;
use crate::{
    data::Dataset,
    run::{DataSource, Versions},
    torch::{self, device},
};

/// The data as the user named them (`source`), opened, with the sides that are measured.
pub fn data_source(source: &str, data: &Dataset, sides: &Sides) -> DataSource {
    let absolute = |path: &Path| Some(fs::canonicalize(path).ok()?.to_string_lossy().into_owned());
    let copies = data.duplicates_in_train();
    DataSource {
        source: source.to_owned(),
        path: absolute(source.as_ref()).filter(|_| source != "faces"),
        exclude: data.exclude.as_deref().and_then(absolute),
        fingerprint: data.fingerprint.clone(),
        train: data.train.len(),
        val: data.val.len(),
        test: data.test.as_ref().map(|test| test.len()),
        probe: sides.probe.len(),
        val_in_train: sides.leak_count(),
        surplus_duplicates: Some(copies.surplus),
        conflicting_groups: Some(copies.conflicting),
        bad_files: data.bad_files.len(),
        classes: data.classes.clone(),
        channels: data.channels,
        size: data.size,
        mean: data.mean.clone(),
        std: data.std.clone(),
    }
}

/// What computes in this process on `device`.
pub fn versions(device: Device) -> Versions {
    Versions {
        mindgap: env!("CARGO_PKG_VERSION").to_owned(),
        tch: torch::TCH_VERSION.to_owned(),
        libtorch: torch::version().to_owned(),
        device: device::name(device),
        threads: tch::get_num_threads() as usize,
        ranks: None,
    }
}
