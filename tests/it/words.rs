//! The project speaks the field's language: no term of its own where machine learning has one, and no phrase that a
//! reader has to work out.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Phrases that nobody else uses, and what to write instead. A phrase is found whole, in any case, across line breaks and
/// comment marks, and as a name in code (`taken_up_again`); a `*` at its end stands for the rest of the word.
const WORDS: [(&str, &str); 92] = [
    ("anew", "again, re-sampled, re-created"),
    ("by heart", "memorised"),
    ("stand in train", "also appear in train"),
    ("stands in train", "also appears in train"),
    ("stand in val", "also appear in val"),
    ("stands in val", "also appears in val"),
    ("stands whole in", "is contained in"),
    ("finite numbers", "non-finite loss, non-finite weights"),
    ("rooms", "modules"),
    ("own room", "own module"),
    ("this room", "this module"),
    ("the room knows", "the module knows"),
    ("what the room", "what the module"),
    ("lower floor*", "lower layers"),
    ("upper floor*", "upper layers"),
    ("wrong floor", "wrong layer"),
    ("same floor", "same layer"),
    ("stand on floors", "are layered"),
    ("floors", "layers"),
    ("the house", "the crate"),
    ("a house of", "a crate of"),
    ("opens the door", "calls the command line"),
    ("the origin", "the reference recipe"),
    ("the origins", "the reference recipe's"),
    ("origin s", "reference recipe's"),
    ("unite", "all_reduce"),
    ("unites", "reduces over the ranks"),
    ("united", "reduced"),
    ("addend*", "loss share, summand"),
    ("overflown", "found_inf"),
    ("moving statistic*", "running statistics"),
    ("moving mean", "running mean"),
    ("moving variance", "running variance"),
    ("gradient by the", "weight gradient, input gradient, gradient with respect to"),
    ("gradients by the", "weight gradients, input gradients, gradients with respect to"),
    ("befall*", "happen to, fail in"),
    ("befell", "happened to"),
    ("company", "process group"),
    ("fate", "status"),
    ("fates", "statuses"),
    ("its kin", "its variants"),
    ("whoever", "any user, any process that"),
    ("mend", "repair, fix"),
    ("mends", "repairs, fixes"),
    ("mended", "repaired, fixed"),
    ("mending", "repair, fix"),
    ("nought", "zero, nothing"),
    ("hither", "here"),
    ("thither", "there"),
    ("upstairs", "in a higher layer"),
    ("as it were", "leave it out"),
    ("optimiser memory", "optimizer state"),
    ("optimizer memory", "optimizer state"),
    ("memory of the optimizer", "optimizer state"),
    ("memory of the optimiser", "optimizer state"),
    ("s memory of each", "state"),
    ("twin", "duplicate, near-duplicate"),
    ("twins", "duplicates, near-duplicates"),
    ("goes on", "continues, resumes"),
    ("go on", "continue, resume"),
    ("went on", "continued, resumed"),
    ("going on from", "resuming from"),
    ("taken up again", "resumed"),
    ("takes up again", "resumes"),
    ("take up again", "resume"),
    ("made again", "repeated, re-created"),
    ("complaint", "validation error"),
    ("complaints", "validation errors"),
    ("lay over", "override"),
    ("lays over", "overrides"),
    ("laid over", "that override, applied to"),
    ("lays its", "applies its"),
    ("is sound", "is valid"),
    ("are sound", "are valid"),
    ("sound file*", "valid files"),
    ("sound image*", "valid images"),
    ("sound network", "working network"),
    ("sign of life", "heartbeat"),
    ("signs of life", "heartbeats"),
    ("hears", "is notified of, receives"),
    ("hear of", "be notified of"),
    ("tells the observer", "notifies the observer"),
    ("is told of each", "is notified of each"),
    ("side of the gap", "probe, val"),
    ("sides of the gap", "probe and val"),
    ("a look", "a check"),
    ("every look", "every check"),
    ("good look", "good check"),
    ("each look", "each check"),
    ("let threads sleep", "restart_with_sleeping_threads"),
    ("oftener", "more often"),
    ("for want of", "without"),
];

#[test]
fn comments_messages_and_documents_use_the_fields_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = String::new();
    for file in ["src", "tests", "examples", "benches", "docs", "scripts", "python/mindgap", "python/tests"]
        .iter()
        .flat_map(|name| files(&root.join(name)))
    {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        if name != "tests/it/words.rs" && !name.ends_with(".txt") {
            report(&name, &fs::read_to_string(&file).unwrap_or_default(), &mut found);
        }
    }
    for name in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        report(name, &fs::read_to_string(root.join(name)).unwrap_or_default(), &mut found);
    }
    // What was released in other words stays.
    let changes = fs::read_to_string(root.join("CHANGELOG.md")).unwrap();
    let newest = changes.find("\n## ").and_then(|begin| Some(begin + 1 + changes[begin + 1..].find("\n## ")?));
    report("CHANGELOG.md", &changes[..newest.unwrap_or(changes.len())], &mut found);
    assert!(found.is_empty(), "{} places to put in the field's words:\n{found}", found.lines().count());
}

#[test]
fn a_phrase_is_found_whole_across_lines_and_in_names() {
    let places = |text: &str| {
        let mut found = String::new();
        report("f.rs", text, &mut found);
        found
    };
    let wrapped = "fn f() {}\n/// Images are learnt by\n/// heart.\n";
    assert_eq!(places(wrapped), "f.rs:2: `by heart`: write memorised\n");
    assert_eq!(places("let once_taken_up_again = 1;"), "f.rs:1: `taken up again`: write resumed\n");
    assert!(places("The run Goes On.").contains("`goes on`"));
    assert!(places("x.addends()").contains("`addend*`"));
    for innocent in ["recommend", "accompany", "x.floor()", "the original", "unit", "newer", "no room left", "among on"]
    {
        assert_eq!(places(innocent), "", "{innocent}");
    }
}

/// Where a phrase means what it says: there the origin is that of coordinates, or where images come from.
const LITERAL: [(&str, &str); 3] = [
    ("src/data/sources/faces/person.rs", "the origin"),
    ("src/data/sources/faces/portrait.rs", "the origin"),
    ("src/data/sources/source.rs", "the origin"),
];

/// All files of people under `path`, in order.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return path.is_file().then(|| path.to_owned()).into_iter().collect();
    }
    let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.iter().flat_map(|entry| files(entry)).collect()
}

/// Adds a line to `found` for each phrase in `text`, that of the file `name`.
fn report(name: &str, text: &str, found: &mut String) {
    let (words, lines) = words_of(text);
    for (phrase, instead) in WORDS {
        let begin = phrase.strip_suffix('*');
        let wanted = format!(" {}{}", begin.unwrap_or(phrase), if begin.is_some() { "" } else { " " });
        if LITERAL.contains(&(name, phrase)) {
            continue;
        }
        for (at, _) in words.match_indices(&wanted) {
            let line = lines.partition_point(|&begin| begin <= at);
            writeln!(found, "{name}:{line}: `{phrase}`: write {instead}").unwrap();
        }
    }
}

/// The words of `text` in lower case with one space around each, and where each line begins among them.
fn words_of(text: &str) -> (String, Vec<usize>) {
    let mut words = String::from(" ");
    let mut lines = Vec::new();
    for line in text.lines() {
        // From the space before its first word.
        lines.push(words.len() - 1);
        for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            words.push_str(&word.to_lowercase());
            words.push(' ');
        }
    }
    (words, lines)
}
