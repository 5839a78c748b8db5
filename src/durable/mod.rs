//! Files that are complete or absent. Every file that matters is written here.
//!
//! - [`write()`] replaces a file atomically; [`rotate`] also keeps the previous file, [`rename`] gives a finished one another name;
//! - [`Archive`] is a safetensors file with a checksum over all bytes;
//! - [`append_line`] and [`read_json_lines`] keep a log that tolerates an incomplete last line;
//! - [`other_format`] names the format of a file that is no table of text; [`csv_line`] and [`uncounted_lines`] find the line of a record of one;
//! - [`sha256`] and [`sha256_of_file`] tell whether bytes were changed.
//!
//! This module handles bytes, not their meaning.

mod archive;
mod csv_line;
mod digest;
mod file;
mod lines;
mod read;

pub use archive::{Archive, Array};
pub use csv_line::{csv_line, uncounted_lines};
pub use digest::{digest_of_file, sha256, sha256_of_file};
pub use file::{
    TEMPORARY_PREFIX, check_writable, folder_of, is_same, remove_leftovers, rename, rotate, write, write_checked,
};
pub use lines::{JsonLines, append_line, read_json_lines};
pub use read::{other_format, read_text};
