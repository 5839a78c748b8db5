//! Every knob's module opens with its card: what it is, when it helps, what it costs, usual values, reference.

use std::{fs, path::Path};

use mindgap::recipe::keys::{self, KeyRole};
use walkdir::WalkDir;

/// Settings that have a card, as every knob and option has.
const SETTINGS: [&str; 4] = ["model", "width", "sync_bn", "epochs"];

/// The lines at the top of each file of `src` that has a card, and its path.
fn cards() -> Vec<(String, Vec<String>)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = WalkDir::new(&src).into_iter().map(Result::unwrap);
    let mut cards = Vec::new();
    for file in files.filter(|file| file.path().extension().is_some_and(|ending| ending == "rs")) {
        let text = fs::read_to_string(file.path()).unwrap();
        let top: Vec<String> = text.lines().take_while(|line| line.starts_with("//!")).map(String::from).collect();
        if top.iter().any(|line| line.starts_with("//! | What | ")) {
            cards.push((file.path().strip_prefix(&src).unwrap().display().to_string(), top));
        }
    }
    cards
}

/// Whether `text` names `flag`, and not only a longer flag that begins with it.
fn names(text: &str, flag: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    text.match_indices(flag).any(|(at, _)| ends(&text[at + flag.len()..]))
}

#[test]
fn every_knob_has_its_card() {
    let cards = cards();
    let keys = keys::all().filter(|key| key.role != KeyRole::Setting || SETTINGS.contains(&key.name));
    for flag in keys.map(keys::Key::flag) {
        let named = cards.iter().any(|(_, card)| card.iter().any(|line| names(line, &flag)));
        assert!(named, "no card in src names {flag}");
    }
}

#[test]
fn every_card_has_its_rows() {
    let cards = cards();
    assert!(cards.len() > 30, "{} cards", cards.len());
    for (file, card) in cards {
        for row in ["What", "When it helps", "Costs", "Usual values", "Reference"] {
            assert!(card.iter().any(|line| line.starts_with(&format!("//! | {row} | "))), "{file} lacks `{row}`");
        }
    }
}
