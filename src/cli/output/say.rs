//! Messages to the user on stderr. A closed stderr must not end a training run.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes a line to stderr. Errors of a closed or full stderr are ignored.
pub fn say(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a line to stderr for each of `notes`.
pub fn say_notes(notes: impl IntoIterator<Item = impl Display>) {
    for note in notes {
        say(format_args!("note: {note}"));
    }
}

/// A name with U+FFFD in place of control characters, which would move the cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The name in at most `most` characters.
pub fn cut(name: &str, most: usize) -> String {
    let name = plain(name);
    if name.chars().count() <= most {
        return name;
    }
    name.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A number of things, such as `1 image` and `2 images`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
