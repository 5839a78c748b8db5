//! Words to the user on stderr. A reader that has gone away must not end a training run.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a line to stderr; a closed or full stderr is not heard of.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A name without characters that would move the cursor: U+FFFD stands for each.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
