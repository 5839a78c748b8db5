//! What a command writes: results on stdout, messages on stderr, files that may be overwritten.

pub mod overwrite;
pub mod print;
pub mod say;
