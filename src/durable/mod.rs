//! Files that are whole or absent: every file that matters is written here.
//!
//! - [`write()`] replaces a file in one step, [`rotate`] does so and keeps the one before;
//! - [`Archive`] is a safetensors file with a checksum over the whole of it;
//! - [`append_line`] and [`read_json_lines`] keep a log that bears a torn last line.
//!
//! The room knows bytes, not their meaning.

mod archive;
mod file;
mod lines;
mod read;

pub use archive::{Archive, Array};
pub use file::{TEMPORARY_PREFIX, check_writable, folder_of, remove_leftovers, rotate, write, write_checked};
pub use lines::{JsonLines, append_line, read_json_lines};
pub use read::read_text;
