//! The layers of the crate: a file imports only from its own module and from modules in lower layers, modules of plain
//! numbers hold no tensor, main.rs only calls the command line, and no two files import each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Every module and its layer.
const MODULES: [(&str, u32); 21] = [
    ("torch", 0),
    ("random", 0),
    ("durable", 0),
    ("data", 1),
    ("recipe", 1),
    ("stats", 1),
    ("augment", 2),
    ("model", 2),
    ("run", 2),
    ("hub", 2),
    ("train", 3),
    ("compare", 3),
    ("gap", 3),
    ("labels", 3),
    ("seal", 3),
    ("export", 3),
    ("search", 4),
    ("report", 5),
    ("cli", 6),
    // lib.rs lists the modules and uses none; main.rs uses the topmost one.
    ("lib", 0),
    ("main", 7),
];

/// Modules of plain numbers and text, which can be read, compared and tested without libtorch.
const WITHOUT_TENSORS: [&str; 10] =
    ["recipe", "stats", "run", "hub", "gap", "labels", "seal", "compare", "search", "report"];

fn layer(module: &str) -> Option<u32> {
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The faults of `source`, a file of `module`.
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
        for name in ["tch", "torch_sys"] {
            if uses_crate(&code, name) {
                faults.push(format!("{module} holds plain numbers and must not use {name}"));
            }
        }
    }
    faults
}

/// Whether the code has `name::` or `use name`. Fields and variables of that name do not count.
fn uses_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_word_end = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_word = is_word_end(before.chars().next_back()) && is_word_end(after.chars().next());
        is_word && (after.trim_start().starts_with("::") || before.trim_end().ends_with("use"))
    })
}

/// The names that follow `crate::`, and `mindgap::` in main.rs and cli; `crate::{a::B, c}` gives a and c.
fn imported_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for root in ["crate::", "mindgap::"] {
        for (at, _) in code.match_indices(root) {
            if ends_in_a_word(&code[..at]) {
                continue;
            }
            let rest = code[at + root.len()..].trim_start();
            match rest.strip_prefix('{') {
                Some(list) => modules.extend(items(list).iter().filter_map(|item| words(item).next())),
                None => modules.extend(words(rest).next()),
            }
        }
    }
    modules.into_iter().map(str::to_string).collect()
}

fn ends_in_a_word(code: &str) -> bool {
    code.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The items of a braced list whose opening brace has been read.
fn items(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut depth = 1;
    let mut begin = 0;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && c == ',' {
            items.push(&list[begin..at]);
            begin = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    items
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// The code without comments, which may link to higher layers, and without strings.
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
            // A character literal, whose quote does not begin a string.
            rest[1..].find("'").map_or(rest.len(), |end| end + 2)
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

/// The length in bytes of the string literal at the start of `rest`, including both quotes.
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

/// A path in code, such as `crate::data::Split`, as its names.
type Names = Vec<String>;

fn names(path: &str) -> Names {
    path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect()
}

/// Adds the paths in a tree of imports: `a::{b, c::{D, E as F}}` holds a::b, a::c::D and a::c::E.
fn add_paths(tree: &str, prefix: &[String], paths: &mut Vec<Names>) {
    let (begin, list) = tree.split_once('{').map_or((tree, None), |(begin, list)| (begin, Some(list)));
    let path = [prefix, &names(begin.split(" as ").next().unwrap())].concat();
    match list {
        // After the last comma.
        None if begin.trim().is_empty() => {}
        None => paths.push(path),
        Some(list) => items(list).iter().for_each(|item| add_paths(item, &path, paths)),
    }
}

/// The imports of a file: what it re-exports, and what it uses itself.
#[derive(Default)]
struct Imports {
    exported: Vec<Names>,
    used: Vec<Names>,
}

impl Imports {
    fn of(code: &str) -> Self {
        let mut imports = Self::default();
        let mut rest = String::new();
        let mut end = 0;
        for (at, _) in code.match_indices("use ") {
            if at < end || ends_in_a_word(&code[..at]) {
                continue;
            }
            let statement = code[at + 4..].split(';').next().unwrap();
            let is_public = code[..at].rsplit([';', '{', '}', '\n']).next().unwrap().contains("pub");
            let paths = if is_public { &mut imports.exported } else { &mut imports.used };
            add_paths(statement, &[], paths);
            rest.push_str(&code[end..at]);
            end = at + 4 + statement.len();
        }
        rest.push_str(&code[end..]);
        // Paths in the code itself, such as crate::data::open and child::function.
        let is_in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for path in rest.split(|c: char| !is_in_path(c)).map(names).filter(|path| path.len() > 1) {
            imports.used.push(path);
        }
        imports
    }
}

/// The files below src as modules, such as train::optim::clip, with their imports.
struct Crate(BTreeMap<Names, Imports>);

impl Crate {
    /// `path`, written in `module`, from the root of the crate; None for paths into other crates.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Names> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let child = [module, &path[..1]].concat();
        match path[0].as_str() {
            "crate" | "mindgap" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => Some([&module[..module.len().checked_sub(supers)?], &path[supers..]].concat()),
            _ if self.0.contains_key(&child) => Some([module, path].concat()),
            _ => None,
        }
    }

    /// The module that defines what `path`, written in `module`, names. Re-exports are followed.
    fn definer(&self, module: &[String], path: &[String]) -> Option<Names> {
        let mut path = self.absolute(module, path)?;
        // Each round follows one re-export.
        for _ in 0..10 {
            let length = (1..=path.len()).rev().find(|&length| self.0.contains_key(&path[..length]))?;
            let (module, item) = path.split_at(length);
            let Some(name) = item.first() else { return Some(path) };
            let export = self.0[module].exported.iter().find(|export| export.last() == Some(name));
            match export.and_then(|export| self.absolute(module, export)) {
                Some(export) if export != path[..=length] => path = [&export, &item[1..]].concat(),
                _ => return Some(module.to_vec()),
            }
        }
        None
    }

    /// The modules that `module` imports from.
    fn imports(&self, module: &Names) -> BTreeSet<Names> {
        let used = self.0[module].used.iter();
        used.filter_map(|path| self.definer(module, path)).filter(|other| other != module).collect()
    }

    /// The imports that are part of circles, in words.
    fn circles(&self) -> Vec<String> {
        let imports: BTreeMap<&Names, BTreeSet<Names>> =
            self.0.keys().map(|module| (module, self.imports(module))).collect();
        let mut circles = Vec::new();
        for (module, others) in &imports {
            for other in others {
                let mut reached = BTreeSet::from([other]);
                let mut next = vec![other];
                while let Some(file) = next.pop() {
                    next.extend(imports[file].iter().filter(|file| reached.insert(*file)));
                }
                if reached.contains(*module) {
                    circles.push(format!("{} imports from {}", module.join("::"), other.join("::")));
                }
            }
        }
        circles
    }
}

/// A crate of files with these paths below src and these contents; tests in them are left out.
fn crate_of(files: impl IntoIterator<Item = (PathBuf, String)>) -> Crate {
    let mut modules = BTreeMap::new();
    for (file, source) in files {
        let path = file.with_extension("");
        let mut names: Names = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let is_test = names.iter().any(|name| name == "tests" || name.ends_with("_tests"));
        if is_test || ["lib", "main"].contains(&names[0].as_str()) {
            continue;
        }
        if names.last().unwrap() == "mod" {
            names.pop();
        }
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        modules.insert(names, Imports::of(&without_comments_and_strings(code)));
    }
    Crate(modules)
}

#[test]
fn no_two_files_import_each_other_not_even_through_others() {
    let files = source_files(&src());
    let circles = crate_of(
        files.iter().map(|path| (path.strip_prefix(src()).unwrap().to_owned(), fs::read_to_string(path).unwrap())),
    )
    .circles();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn circles_are_found_through_re_exports_and_inline_paths() {
    let circles =
        |files: &[(&str, &str)]| crate_of(files.iter().map(|(path, code)| (path.into(), code.to_string()))).circles();
    let module = ("a/mod.rs", "mod b;\nmod c;\npub use b::{B, Other as Name};\npub use c::C;");
    let found = circles(&[
        module,
        ("a/b.rs", "fn f(c: &super::C) {}"),
        ("a/c.rs", "use crate::a::{self, B};"),
        ("d.rs", "use crate::a::{B,};"),
    ]);
    assert_eq!(found, ["a::b imports from a::c", "a::c imports from a::b"]);
    let found = circles(&[
        module,
        ("a/b.rs", "use super::c::C;"),
        ("a/c.rs", "// use super::B;\nuse std::fs;\n#[cfg(test)]\nmod tests {\n    use crate::a::B;\n}"),
    ]);
    assert_eq!(found, [""; 0]);
    let found =
        circles(&[("a.rs", "use crate::b::f;"), ("b.rs", "use super::c::g;"), ("c.rs", "fn g() { crate::a::h() }")]);
    assert_eq!(found.len(), 3);
    let found = circles(&[("a.rs", "mod b;\nfn f() { b::g(1) }"), ("a/b.rs", "use super::C;")]);
    assert_eq!(found, ["a imports from a::b", "a::b imports from a"]);
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
fn an_import_from_the_same_or_a_higher_layer_is_a_fault() {
    for (module, source, fault) in [
        ("data", "use crate::recipe::Recipe;", "data (layer 1) imports recipe (layer 1)"),
        ("train", "fn f() { crate::report::write() }", "train (layer 3) imports report (layer 5)"),
        (
            "run",
            "use crate::{\n    durable,\n    stats::{Mean, model},\n    train::fit,\n};",
            "run (layer 2) imports train",
        ),
        ("torch", "pub(crate) use crate :: cli;\nuse crate::cli::doctor;", "torch (layer 0) imports cli (layer 6)"),
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
fn an_import_from_a_lower_layer_is_no_fault() {
    for (module, source) in [
        ("data", "use crate::{durable, random::{Purpose, Stream}, data::decode};"),
        ("train", "use crate::{\n    model::Net, // crate::report is an observer\n    run::EpochRecord,\n};"),
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
