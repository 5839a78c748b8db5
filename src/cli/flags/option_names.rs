//! Words the library's messages for the command line: options of `mindgap::data` become flags.
//!
//! The library names an option as the field of `data::Options` that sets it, in backticks and perhaps with a value:
//! `` `options.skip_bad` ``, `` `options.selection.folders.val = my photos` ``. A user of the command reads `--skip-bad`,
//! `--val-dir 'my photos'`.

use mindgap::run::shell_word;

/// Names of the library that are not options, and what a user of the command calls them.
const OTHERS: [(&str, &str); 5] = [
    ("`source`", "--data"),
    ("`Run::resume`", "--resume"),
    ("`Variant::calibrated`", "--calibrated"),
    ("`Variant::half`", "--half"),
    ("`ToExclude::to_text`", "`mindgap inspect DATA --write-exclude FILE`"),
];

/// `message` with flags in the place of the library's options.
pub fn with_flags(message: &str) -> String {
    let mut words = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("`options.") {
        let Some((option, after)) = after.split_once('`') else { break };
        words += before;
        words += &flag(option);
        rest = after;
    }
    words += rest;
    OTHERS.iter().fold(words, |words, (name, called)| words.replace(name, called))
}

/// The flag that sets `option`, which is the name of a field, or its name and value.
fn flag(option: &str) -> String {
    let (field, value) = option.split_once(" = ").map_or((option, None), |(field, value)| (field, Some(value)));
    let field = field.strip_prefix("selection.").unwrap_or(field);
    let name = match field.strip_prefix("folders.") {
        Some(split) => format!("{split}-dir"),
        None => field.replace('_', "-"),
    };
    value.map_or_else(|| format!("--{name}"), |value| format!("--{name} {}", shell_word(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_flags_with_quoted_values() {
        let message =
            "For the split, add `options.selection.folders.val = my photos`; leave it out (`options.skip_bad`).";
        assert_eq!(with_flags(message), "For the split, add --val-dir 'my photos'; leave it out (--skip-bad).");
        let folder = "open that folder (`source`), or write a new list (`ToExclude::to_text`)";
        let expected = "open that folder (--data), or write a new list (`mindgap inspect DATA --write-exclude FILE`)";
        assert_eq!(with_flags(folder), expected);
        for unchanged in ["", "`lr` = 0.1", "a ` b", "`options.open"] {
            assert_eq!(with_flags(unchanged), unchanged);
        }
    }
}
