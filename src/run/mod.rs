//! The run folder: the contract between training and everything after it.
//!
//! Training notifies an [`Observer`]: [`RunProgress`] shows the run, [`Events`] writes TensorBoard's files. A [`RunFolder`]
//! keeps the records on disk, where they can be read, compared and reported without a tensor.
//!
//! A folder may also hold a *recorded run*: another training loop trained it, and a recorder wrote the same files, except
//! recipe and checkpoints. [`conclude`] computes its final figures.

mod command;
mod conclude;
pub(crate) mod csv_error;
mod done;
mod environment;
mod event_file;
mod events;
mod folder;
#[cfg(test)]
mod folder_tests;
mod images;
mod lock;
pub(crate) mod nan;
mod observer;
mod predictions;
mod progress;
mod record;
mod summary;

pub use command::{data_flags, selection_flags, shell_line, shell_word, source_and_flags, wrong_labels_flag};
pub use conclude::conclude;
pub use done::{Best, Done, RunCost, TtaFigures};
pub use environment::{
    DataSource, Environment, PretrainedFile, Recorder, Resume, TeacherFile, Versions, cpu_name, now,
};
pub use event_file::{Scalar, read_scalars};
pub use events::Events;
pub use folder::{EpochLog, RunFolder};
pub use images::{Images, ListedImage};
pub use lock::{Lock, Locked, Owner};
pub use observer::Observer;
pub use predictions::{Outputs, Predictions};
pub use progress::{RunProgress, epoch_line};
pub use record::{EpochRecord, EpochTraining, Gap, Measured, best_epoch, leaks_of_both_kinds};
