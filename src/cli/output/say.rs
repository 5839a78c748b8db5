//! Messages to the user on stderr. A closed stderr must not end a training run.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a line to stderr. Errors of a closed or full stderr are ignored.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A name with U+FFFD in place of control characters, which would move the cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
