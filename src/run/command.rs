//! Command lines that can be pasted into a shell.

/// A word as a user types it in a shell: in quotes where it needs them.
pub fn shell_word(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./=:,@%+-".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The flags that name data: `--data SOURCE`, and `--exclude` with the list of samples to leave out where there is one.
pub fn data_flags(source: &str, exclude: Option<&str>) -> String {
    let exclude = exclude.map_or(String::new(), |list| format!(" --exclude {}", shell_word(list)));
    format!("--data {}{exclude}", shell_word(source))
}

/// A command line as text, with the program's name instead of its path.
pub fn shell_line(words: &[String]) -> String {
    let mut words = words.iter();
    let program = words.next().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    program.into_iter().chain(words.map(|word| shell_word(word))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_flags_name_the_list_of_samples_to_leave_out() {
        assert_eq!(data_flags("my photos", None), "--data 'my photos'");
        assert_eq!(data_flags("photos", Some("a b.txt")), "--data photos --exclude 'a b.txt'");
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["/opt/bin/mindgap", "train", "--data", "my photos", "--out=it's", ""].map(str::to_owned);
        assert_eq!(shell_line(&words), r"mindgap train --data 'my photos' '--out=it'\''s' ''");
    }
}
