//! The table of recipe keys is complete: a row for every field, a test for every knob, a line of `docs/knobs.md` for every
//! key. That every knob has a card is tested in `cards.rs`.
//!
//! `RENEW=1 cargo test --release --test it keys::` writes `docs/knobs.md` again.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

use mindgap::recipe::{
    Curve, Layers, Recipe, Shorthand,
    keys::{self, Key, KeyRole, Kind, SECTIONS},
    resolve,
};
use serde::Serialize;
use toml::Table;

use crate::knobs::rows;

/// The names of the fields of `value`.
fn fields(value: &impl Serialize) -> Vec<String> {
    serde_json::to_value(value).unwrap().as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_field_of_a_recipe_has_a_row() {
    let mut fields: BTreeSet<String> =
        fields(&Recipe::default()).into_iter().chain(fields(&Shorthand::default())).collect();
    // Phases are written in a file; in a row and on the command line the shorthand stands for them.
    fields.remove("schedule");
    let rows: BTreeSet<String> = keys::all().map(|key| key.name.to_owned()).collect();
    assert_eq!(rows, fields);
    assert_eq!(keys::all().count(), rows.len(), "a key has two rows");
}

#[test]
fn every_example_switches_its_key_on() {
    for key in keys::all() {
        let example: Table = key.example.parse().expect(key.name);
        assert!(example.contains_key(key.name), "{}", key.example);
        let recipe = resolve(&Layers::default().keys(&example).unwrap()).expect(key.name);
        assert!((key.is_read)(&recipe), "{} is not read with {}", key.name, key.example);
        assert_ne!(recipe, Recipe::default().complete().unwrap(), "{} changes nothing", key.example);
        if key.role == KeyRole::Knob {
            let on = recipe.knobs_on();
            assert!(on.iter().any(|on| on.starts_with(&format!("{} ", key.name))), "{}: {on:?}", key.name);
        }
    }
}

#[test]
fn every_knob_is_trained_with() {
    let rows = rows::rows();
    for key in keys::all().filter(|key| key.role != KeyRole::Setting) {
        assert!(
            rows.iter().any(|row| row.on == key.example),
            "no row of tests/support/knobs.rs trains with {}",
            key.name
        );
    }
}

#[test]
fn every_row_says_what_a_reader_needs() {
    for key in keys::all() {
        assert!(!key.help.is_empty() && !key.help.ends_with('.'), "{}", key.name);
        assert_eq!(key.value_names.is_empty(), matches!(key.kind, Kind::Switch), "{}", key.name);
        let has_range = matches!(key.kind, Kind::Number(_) | Kind::Pair(_) | Kind::List(..) | Kind::OneOf(_));
        assert!(!(has_range && key.remedy.is_empty() && key.usual.is_empty()), "{} has no remedy", key.name);
    }
}

#[test]
fn the_document_of_knobs_is_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/knobs.md");
    if std::env::var_os("RENEW").is_some() {
        fs::write(&file, document()).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == document(),
        "docs/knobs.md is not what the table of keys says; RENEW=1 cargo test --release --test it keys:: writes it again"
    );
}

/// `docs/knobs.md`.
fn document() -> String {
    let mut text = "# Recipe keys and flags\n\n\
        Every key of a recipe: what it does, its default, its values, a usual value. In a recipe file the key has underscores\n\
        (`weight_decay = 5e-4`), as a flag hyphens (`--weight-decay 5e-4`); lists such as `[0.9, 1.1]` are two words on the\n\
        command line (`--zoom 0.9 1.1`). A switch takes no value; `--nesterov=false` undoes a preset's. *Knobs* act against\n\
        over-fitting and are off by default; each has a card in the file of `src/` that implements it: when it helps, what it\n\
        costs, where it comes from. The [guide](guide.md) says what to begin with.\n\n\
        This file is made from the table in `src/recipe/keys/`.\n\n"
        .to_owned();
    for section in &SECTIONS {
        let anchor = section.heading.to_lowercase().replace(':', "").replace(' ', "-");
        writeln!(text, "- [{}](#{anchor})", section.heading).unwrap();
    }
    text += "- [In a recipe file only](#in-a-recipe-file-only)\n";
    for section in &SECTIONS {
        writeln!(text, "\n## {}\n\n| flag | what it does | default | values | usual |", section.heading).unwrap();
        text += "|---|---|---|---|---|\n";
        for key in section.keys {
            writeln!(text, "{}", row(key)).unwrap();
        }
    }
    text + &file_only()
}

/// What each kind of phase takes, as lines of a `[[schedule]]` table.
const PHASES: [(&str, &str); 7] = [
    ("constant", "factor = 1.0"),
    ("step", "factor = 1.0; decay = 0.1; every = 10.0"),
    ("step", "factor = 1.0; decay = 0.1; milestones = [10.0, 15.0]"),
    ("cosine", "from = 1.0; to = 0.0"),
    ("one-cycle", "start = 0.04; peak = 1.0; end = 0.0; rise = 0.3"),
    ("cyclic", "low = 0.02; high = 1.0; up = 2.0; down = 2.0; mode = 'exp_range'; gamma = 0.999"),
    ("linear", "from = 0.0; to = 1.0"),
];

/// What a recipe file may hold besides keys that are flags too.
fn file_only() -> String {
    let mut text = "\n## In a recipe file only\n\n| key | what it does |\n|---|---|\n".to_owned();
    text += "| `extends = \"PRESET\"` | The file changes single keys of a preset; without it, of the defaults |\n";
    text += "| `[multiply]` with `epochs`, `width` | Factors that are applied after all keys and flags |\n";
    text += "| `[[schedule]]`, a table for each phase | The learning rate in place of `sched`: `epochs`, the length of the phase \
             (fractions are allowed), `kind`, and the keys of that kind |\n\n";
    text += "Rates in a phase are factors of `lr`, lengths are in epochs. `mode` is `triangular`, `triangular2` or `exp_range`, which \
             alone reads `gamma`.\n\n| `kind` | its keys, an example |\n|---|---|\n";
    for (kind, keys) in PHASES {
        writeln!(text, "| `{kind}` | `{keys}` |").unwrap();
    }
    text += "\n```toml\nextends = \"closed\"\nlr = 0.02\n\n[[schedule]]   # up for two epochs\nepochs = 2\nkind = \"linear\"\nfrom = 0.0\n\
             to = 1.0\n\n[[schedule]]   # and down for eleven\nepochs = 11\nkind = \"cosine\"\nfrom = 1.0\nto = 0.0\n```\n\n\
             `mindgap presets NAME` prints a preset as such a file, and the `recipe.toml` of a run is one.\n";
    text
}

#[test]
fn every_kind_of_phase_has_an_example_that_is_read() {
    for (kind, keys) in PHASES {
        let phase = format!("[[schedule]]\nepochs = 20\nkind = '{kind}'\n{}", keys.replace("; ", "\n"));
        let table: Table = phase.parse().unwrap();
        resolve(&Layers::default().keys(&table).unwrap()).unwrap_or_else(|error| panic!("{kind}: {error:#}"));
    }
    assert!(Curve::KINDS.into_iter().all(|kind| PHASES.iter().any(|(example, _)| *example == kind)));
}

/// The line of `key`.
fn row(key: &Key) -> String {
    let mut flag = format!("`{}", key.flag());
    for name in key.value_names {
        write!(flag, " {name}").unwrap();
    }
    flag += "`";
    for alias in key.aliases {
        write!(flag, " (or `--{alias}`)").unwrap();
    }
    let read = if key.with.is_empty() { String::new() } else { format!("; read with {}", key.with) };
    let can_be_off = key.role != KeyRole::Setting || matches!(key.kind, Kind::Switch);
    let default = key.default_text().unwrap_or_else(|| if can_be_off { "off".to_owned() } else { String::new() });
    let what = format!("{}{read}", key.help);
    format!("| {flag} | {what} | {default} | {} | {} |", values(&key.kind), key.usual).replace("  |", " |")
}

/// The values that a key takes, as a reader sees them.
fn values(kind: &Kind) -> String {
    match kind {
        Kind::Switch | Kind::Path => String::new(),
        Kind::Word(words) => words.join(", "),
        Kind::ClassWeights => "none, balanced, weights such as disgust=3,fear=1.5".to_owned(),
        Kind::Whole(range) if *range.end() == u32::MAX => format!("from {}", range.start()),
        Kind::Whole(range) => format!("{} to {}", range.start(), range.end()),
        Kind::OneOf(numbers) => numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Kind::Seed => "from 0, below 2⁶³".to_owned(),
        Kind::Number(range) => range.to_string(),
        Kind::Pair(range) => format!("both in {range}"),
        Kind::Pair16Bit => "0 to 65535".to_owned(),
        Kind::List(_, range) => format!("each in {range}"),
    }
}
