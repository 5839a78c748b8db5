//! The run folder: the contract between training and everything after it.
