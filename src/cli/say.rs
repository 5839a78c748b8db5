//! Words to the user on stderr. A reader that has gone away must not end a training run.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a line to stderr; a closed or full stderr is not heard of.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
