//! Every number that determines a run.
