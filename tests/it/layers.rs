//! The modules form layers: each imports only from itself and from lower layers, the modules of plain numbers hold no
//! tensor, and main.rs only calls the command line.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every module and its layer.
const MODULES: [(&str, u32); 17] = [
    ("torch", 0),
    ("random", 0),
    ("durable", 0),
    ("data", 1),
    ("recipe", 1),
    ("stats", 1),
    ("augment", 2),
    ("model", 2),
    ("run", 2),
    ("train", 3),
    ("compare", 3),
    ("gap", 3),
    ("export", 3),
    ("report", 4),
    ("cli", 5),
    // lib.rs lists the modules and uses none; main.rs calls the topmost one.
    ("lib", 0),
    ("main", 6),
];

/// Modules of plain numbers and text, which can be read, compared and tested without libtorch.
const WITHOUT_TENSORS: [&str; 6] = ["recipe", "stats", "run", "gap", "compare", "report"];

fn layer(module: &str) -> Option<u32> {
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// What is wrong with `source`, a file of `module`.
fn faults(module: &str, source: &str) -> Vec<String> {
    let Some(own) = layer(module) else { return vec![format!("module {module} has no layer: add it to MODULES")] };
    let code = without_comments_and_strings(source);
    let mut faults = Vec::new();
    for other in imported_modules(&code) {
        match layer(&other) {
            _ if other == module => {}
            None => faults.push(format!("{module} imports crate::{other}, which is no module")),
            Some(layer) if layer < own => {}
            Some(layer) => faults.push(format!("{module} (layer {own}) imports {other} (layer {layer})")),
        }
    }
    if WITHOUT_TENSORS.contains(&module) {
        faults.extend(
            ["tch", "torch_sys"]
                .iter()
                .filter(|name| uses_crate(&code, name))
                .map(|name| format!("{module} holds plain numbers and must not use {name}")),
        );
    }
    faults
}

/// Whether `name::` or `use name` occurs in the code; a field or a variable of that name is none of a crate's.
fn uses_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_word_end = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_word = is_word_end(before.chars().next_back()) && is_word_end(after.chars().next());
        is_word && (after.trim_start().starts_with("::") || before.trim_end().ends_with("use"))
    })
}

/// The names that follow `crate::`, and `mindgap::` in main.rs; `crate::{a::B, c}` gives a and c.
fn imported_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for prefix in ["crate::", "mindgap::"] {
        for (at, _) in code.match_indices(prefix) {
            let inside_a_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            if inside_a_word {
                continue;
            }
            let rest = code[at + prefix.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(list) => modules.extend(first_names(list)),
                None => modules.extend(words(rest).next().map(str::to_string)),
            }
        }
    }
    modules
}

/// The first name of each item of a braced list, whose opening brace has been read.
fn first_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 1;
    let mut item = String::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && c == ',' {
            names.extend(words(&item).next().map(str::to_string));
            item.clear();
        } else {
            item.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The code alone: doc comments may name higher layers, and texts may say anything.
fn without_comments_and_strings(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if c == '"' {
            string_length(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            // A character that would open a string.
            rest[1..].find("'").map_or(rest.len(), |end| end + 2)
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// Bytes of the string literal at the start of `rest`, with both quotes.
fn string_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The module of a file below src: its first folder, or its name.
fn module_of(file: &Path) -> String {
    let first = file.components().next().expect("a file below src").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn every_file_imports_from_its_module_and_lower_layers_alone() {
    let files = source_files(&src());
    assert!(files.len() > 10, "only {} source files were found", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path.strip_prefix(src()).unwrap();
            let source = fs::read_to_string(path).unwrap();
            faults(&module_of(file), &source).into_iter().map(|fault| format!("src/{}: {fault}", file.display()))
        })
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn main_only_calls_the_command_line() {
    let lines = fs::read_to_string(src().join("main.rs")).unwrap().lines().count();
    assert!(lines < 80, "main.rs has {lines} lines; what it does belongs into cli");
}

#[test]
fn the_checker_finds_imports_from_the_wrong_layer() {
    for (module, source, fault) in [
        ("data", "use crate::recipe::Recipe;", "data (layer 1) imports recipe (layer 1)"),
        ("train", "fn f() { crate::report::write() }", "train (layer 3) imports report (layer 4)"),
        (
            "run",
            "use crate::{\n    durable,\n    stats::{Mean, model},\n    train::fit,\n};",
            "run (layer 2) imports train",
        ),
        ("torch", "pub(crate) use crate :: cli;\nuse crate::cli::doctor;", "torch (layer 0) imports cli (layer 5)"),
        ("durable", "let quote = '\"'; crate::data::open(); let other = '\"';", "durable (layer 0) imports data"),
        ("random", "use crate::Everything;", "crate::Everything, which is no module"),
        ("attic", "", "module attic has no layer"),
        ("stats", "fn mean(x: &tch::Tensor) {}", "must not use tch"),
        ("recipe", "use tch as libtorch;", "must not use tch"),
        ("gap", "use torch_sys::C_tensor;", "must not use torch_sys"),
    ] {
        let found = faults(module, source);
        assert!(found.len() == 1 && found[0].contains(fault), "{source:?} in {module}: {found:?}");
    }
}

#[test]
fn the_checker_accepts_what_is_right() {
    for (module, source) in [
        ("data", "use crate::{durable, random::{Purpose, Stream}, data::decode};"),
        ("train", "use crate::{\n    model::Net, // crate::report is told by the observer\n    run::EpochRecord,\n};"),
        (
            "recipe",
            "//! Holds no tch; crate::train reads it.\n/* crate::cli */ const HELP: &str = \"crate::report \\\" tch\";",
        ),
        ("run", "struct Versions { tch: String }"),
        ("stats", "let batch = r#\"a \"tch\" text\"#; let dispatch = 1;"),
        ("cli", "use crate::{report, train, torch};"),
        ("main", "use mindgap::cli;"),
        ("lib", "pub mod torch;"),
    ] {
        assert_eq!(faults(module, source), Vec::<String>::new(), "{source:?} in {module}");
    }
}
