//! Flags that name one file or folder of the data. A flag that is given again replaces what it said before, as is usual; a second
//! list of images would replace the first without a word.

use std::ffi::OsString;

const ONCE: [&str; 9] = [
    "--exclude",
    "--exclude-train",
    "--train-dir",
    "--val-dir",
    "--test-dir",
    "--labels",
    "--relabel",
    "--soft-labels",
    "--groups",
];

/// Whether one of these flags is among `words` twice, with different values; and which.
pub fn repeated(words: &[OsString]) -> Option<&'static str> {
    ONCE.into_iter().find(|flag| {
        let value = |(at, word): (usize, &OsString)| match word.to_str()?.strip_prefix(flag)? {
            "" => words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(OsString::from),
        };
        let mut values = words.iter().enumerate().filter_map(value);
        values.next().is_some_and(|first| values.any(|value| value != first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_file_is_found_and_a_repeated_one_is_not() {
        let of = |line: &str| repeated(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("train --data a --exclude x --lr 1 --exclude y"), Some("--exclude"));
        assert_eq!(of("train --data a --groups=x --groups y"), Some("--groups"));
        assert_eq!(of("train --data a --exclude x --exclude x --lr 1 --lr 2"), None);
        assert_eq!(of("train --data a --exclude x --exclude-train y"), None);
    }
}
