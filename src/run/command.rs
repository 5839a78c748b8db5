//! Command lines that can be pasted into a shell.

use std::path::PathBuf;

use crate::data::Selection;

/// A word as a user types it in a shell: in quotes where it needs them.
pub fn shell_word(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./=:,@%+-".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// The flags that name data: `--data SOURCE`, and those of `selection`.
pub fn data_flags(source: &str, selection: &Selection) -> String {
    format!("--data {}", source_and_flags(source, selection))
}

/// `source` as a word of a command, and the flags of `selection`.
pub fn source_and_flags(source: &str, selection: &Selection) -> String {
    let mut words = shell_word(source);
    for (flag, value) in selection_flags(selection) {
        words += &format!(" {flag} {}", shell_word(&value));
    }
    words
}

/// The flag that asks `mindgap inspect` for wrong labels beside the flags of `selection`: `--labels`, where that does not name a table.
pub fn wrong_labels_flag(selection: &Selection) -> &'static str {
    if selection.labels.is_some() { "--wrong-labels" } else { "--labels" }
}

/// The flags of the command line that make `selection`, each with its value.
pub fn selection_flags(selection: &Selection) -> Vec<(&'static str, String)> {
    let Selection {
        exclude,
        exclude_train,
        folders,
        groups,
        group_by,
        labels,
        label_column,
        relabel,
        soft_labels,
        merge,
        classes,
    } = selection;
    let file = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let mut flags = vec![
        ("--exclude", file(exclude)),
        ("--exclude-train", file(exclude_train)),
        ("--train-dir", file(&folders.train)),
        ("--val-dir", file(&folders.val)),
        ("--test-dir", file(&folders.test)),
        ("--groups", file(groups)),
        ("--group-by", group_by.clone()),
        ("--labels", file(labels)),
        ("--label-column", label_column.clone()),
        ("--relabel", file(relabel)),
        ("--soft-labels", file(soft_labels)),
        ("--classes", (!classes.is_empty()).then(|| classes.join(","))),
    ];
    flags.extend(merge.iter().map(|merge| ("--merge", Some(merge.to_string()))));
    flags.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
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
    fn data_flags_name_what_is_read_of_the_data() {
        let mut selection = Selection::default();
        assert_eq!(data_flags("my photos", &selection), "--data 'my photos'");
        selection.exclude = Some("a b.txt".into());
        selection.folders.val = Some("validation".into());
        assert_eq!(data_flags("photos", &selection), "--data photos --exclude 'a b.txt' --val-dir validation");
        let selection = Selection {
            group_by: Some("^[0-9]+".into()),
            merge: ["a=c", "b=c"].map(|merge| merge.parse().unwrap()).to_vec(),
            classes: vec!["c".into(), "d".into()],
            ..Selection::default()
        };
        let flags = data_flags("photos", &selection);
        assert_eq!(flags, "--data photos --group-by '^[0-9]+' --classes c,d --merge a=c --merge b=c");
    }

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["/opt/bin/mindgap", "train", "--data", "my photos", "--out=it's", ""].map(str::to_owned);
        assert_eq!(shell_line(&words), r"mindgap train --data 'my photos' '--out=it'\''s' ''");
    }
}
