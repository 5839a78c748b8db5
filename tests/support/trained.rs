//! Places with a run that several tests of a process begin from: each is trained once.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, OnceLock},
};

use super::Place;

type Trained = Arc<OnceLock<Arc<Place>>>;

static TRAINED: LazyLock<Mutex<HashMap<String, Trained>>> = LazyLock::new(|| {
    // SAFETY: a function that takes and gives nothing, and is there until the end.
    unsafe { libc::atexit(remove) };
    Mutex::default()
});

/// The place named `key`, which `train` makes where it is not there yet. Others wait for it meanwhile.
pub fn get(key: String, train: impl FnOnce() -> Place) -> Arc<Place> {
    let place = Arc::clone(TRAINED.lock().unwrap().entry(key).or_default());
    Arc::clone(place.get_or_init(|| Arc::new(train())))
}

/// Removes the places' folders at the end of the process: nothing that is static is dropped.
extern "C" fn remove() {
    if let Ok(mut trained) = TRAINED.lock() {
        trained.clear();
    }
}
