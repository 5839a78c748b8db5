//! The documents point at what is there: files, scripts, headings. No process is started.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Bytes of the README at most: it is read in one sitting, everything else is in docs.
const README_BYTES: usize = 10 * 1024;

/// Folders whose files are named by their path from the project root.
const FOLDERS: [&str; 6] = ["src/", "tests/", "scripts/", "docs/", "examples/", "benches/"];

struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// The lines outside of fenced blocks.
    fn prose(&self) -> Vec<&str> {
        let mut is_fenced = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
            } else if !is_fenced {
                lines.push(line);
            }
        }
        lines
    }

    /// The headings, each its level and the fragment that GitHub gives it.
    fn headings(&self) -> Vec<(usize, String)> {
        let mut headings = Vec::new();
        for line in self.prose() {
            let level = line.chars().take_while(|mark| *mark == '#').count();
            if let Some(heading) = line[level..].strip_prefix(' ')
                && level > 0
            {
                headings.push((level, slug(heading)));
            }
        }
        headings
    }

    /// The targets of all links and images that are no addresses.
    fn links(&self) -> Vec<String> {
        let prose = self.prose().join("\n");
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains("://")).collect()
    }

    /// The paths between backticks, without what follows a space or a colon.
    fn paths(&self) -> Vec<String> {
        let prose = self.prose().join("\n");
        let quoted = prose.split('`').skip(1).step_by(2);
        quoted
            .filter(|text| FOLDERS.iter().any(|folder| text.starts_with(folder)) && !text.contains(['*', '…', '<']))
            .map(|text| text.split([' ', ':', '\n']).next().unwrap_or_default().to_owned())
            .filter(|path| path.chars().all(|c| !c.is_uppercase()))
            .collect()
    }
}

/// GitHub's name of a heading: lower case, hyphens for spaces, no punctuation.
fn slug(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)).to_vec();
    for folder in ["docs", "docs/results"] {
        let docs = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(docs.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    paths.into_iter().map(Page::read).collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut faults = Vec::new();
    for page in pages() {
        for link in page.links() {
            let (file, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.path.clone() } else { page.path.parent().unwrap().join(file) };
            if !target.exists() {
                faults.push(format!("{}: {link} leads nowhere", page.path.display()));
            } else if !fragment.is_empty() {
                let headings = Page::read(target).headings();
                if headings.iter().all(|(_, slug)| slug != fragment) {
                    faults.push(format!("{}: no heading for {link}", page.path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut faults = Vec::new();
    for page in pages() {
        for path in page.paths() {
            if !root().join(&path).exists() {
                faults.push(format!("{}: there is no {path}", page.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_page_of_docs_opens_with_its_contents_and_is_linked_from_the_readme() {
    let readme = Page::read(root().join("README.md")).links();
    let mut faults = Vec::new();
    for page in pages().into_iter().filter(|page| page.path.starts_with(root().join("docs"))) {
        let name = page.path.file_name().unwrap().to_string_lossy().into_owned();
        let is_direct = page.path.parent() == Some(&root().join("docs"));
        if is_direct && !readme.contains(&format!("docs/{name}")) {
            faults.push(format!("README.md does not link to docs/{name}"));
        }
        let links = page.links();
        for (level, slug) in page.headings() {
            // Of the glossary the terms are listed, not the chapters.
            let is_chapter = if name == "glossary.md" { level == 3 } else { level == 2 };
            if is_chapter && !links.contains(&format!("#{slug}")) {
                faults.push(format!("docs/{name}: its contents do not list #{slug}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_readme_is_short() {
    let bytes = Page::read(root().join("README.md")).text.len();
    assert!(bytes <= README_BYTES, "README.md has {bytes} bytes, more than {README_BYTES}");
}
