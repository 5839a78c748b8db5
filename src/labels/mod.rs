//! Labels that are probably wrong: which images, which classes they suggest instead, and how far to trust the list.
//!
//! Every image is judged by networks that were not trained on it: the runs of a cross-validation, over one seed or more
//! ([`OutOfFold`]). [`SuspectLabels`] ranks the labels by the posterior of [`LabelErrors`](crate::stats::LabelErrors), says what
//! speaks against each and ends the list where its expected F1 is highest. It writes the lists that training takes: labels
//! to replace, samples to leave out. The files of the data set are never changed.

mod lists;
mod out_of_fold;
mod suspects;

pub use out_of_fold::OutOfFold;
pub use suspects::{LabelScore, NearDuplicate, SuspectLabel, SuspectLabels, WrongPair};
