//! What stands among class folders and is perhaps no class: a copy of them all, a split, or parts that each hold every
//! class.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{
    folder_contents::{class_names, holds_image, visible},
    unreadable,
};
use crate::data::splits::split_name::{SplitName, is_fold, possible_split, split_at_end, split_in_name};

/// Class folders, and what is known of them.
pub struct ClassFolders<'a> {
    /// The folder of the data.
    pub top: &'a Path,
    /// The folder that holds them.
    pub root: &'a Path,
    /// Folders in it that are other splits.
    pub apart: &'a [PathBuf],
    /// Whether the user named `root`, so that nothing in it is refused.
    pub is_named: bool,
    /// Whether other splits stand beside `root`.
    pub has_splits: bool,
}

/// What was found among class folders.
#[derive(Default)]
pub struct NoClasses {
    /// Folders that hold what stands beside them once more.
    pub copies: Vec<PathBuf>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// A folder that holds images.
struct Class {
    path: PathBuf,
    name: String,
    /// Names of the folders with images in it; none where an image stands beside them.
    inner: Vec<String>,
}

impl ClassFolders<'_> {
    /// Copies among the class folders, which are no classes, and notes of what may be none.
    ///
    /// # Errors
    /// A folder cannot be read; or folders that nobody named are as likely splits as classes.
    pub fn sorted_out(&self) -> Result<NoClasses> {
        let (mut folders, _) = visible(self.root)?;
        folders.retain(|folder| !self.apart.contains(folder) && holds_image(folder));
        let class = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            anyhow::Ok(Class { inner: class_names(&path)?, name, path })
        };
        let classes = folders.into_iter().map(class).collect::<Result<Vec<_>>>()?;
        let (copies, classes) = without_copies(classes);
        let mut found = NoClasses::default();
        if !copies.is_empty() {
            let beside = quoted(classes.iter().map(|class| &class.name));
            let names = quoted(copies.iter().map(|copy| &copy.name));
            let hold = if copies.len() == 1 { "holds" } else { "hold" };
            found
                .notes
                .push(format!("{names} {hold} once more the class folders beside, {beside}: left out as a copy."));
        }
        found.copies = copies.into_iter().map(|copy| copy.path).collect();
        found.notes.extend(self.splits_inside(&classes)?);
        found.notes.extend(self.same_inside(&classes)?);
        Ok(found)
    }

    /// Complains of folders named like splits that hold the classes beside them, or those of one another.
    fn splits_inside(&self, classes: &[Class]) -> Result<Option<String>> {
        let split_of =
            |class: &Class| split_in_name(&class.name).filter(|told| told.rest.is_empty()).map(|told| told.split);
        let splits: Vec<(&Class, SplitName)> =
            classes.iter().filter_map(|class| Some((class, split_of(class)?))).collect();
        let repeats = |&&(class, split): &&(&Class, SplitName)| {
            let is_inner = |name: &String| class.inner.contains(name);
            let others = splits.iter().filter(|(_, other)| *other != split);
            classes.iter().any(|beside| is_inner(&beside.name) && beside.name != class.name)
                || others.flat_map(|(other, _)| &other.inner).any(is_inner)
        };
        let found: Vec<&(&Class, SplitName)> = splits.iter().filter(repeats).collect();
        if found.is_empty() {
            return Ok(None);
        }
        let names = quoted(found.iter().map(|(class, _)| &class.name));
        if self.is_named {
            return Ok(Some(format!("{names} hold class folders and are read as classes (--val-dir, --test-dir).")));
        }
        let mut flags: String =
            found.iter().map(|(class, split)| format!(" --{split}-dir {}", self.flag(&class.path))).collect();
        if found.iter().all(|(_, split)| *split != SplitName::Train) {
            flags = format!(" --train-dir {}{flags}", self.flag(self.root));
        }
        bail!(
            "{:?} holds {names} with class folders inside: splits of it, or classes. For splits, add{flags}; for classes, add \
             --train-dir {}",
            self.root,
            self.flag(self.root)
        )
    }

    /// Says that all class folders hold folders of the same names, which may be the classes; refuses them where their own
    /// names are those of folds or splits.
    fn same_inside(&self, classes: &[Class]) -> Result<Option<String>> {
        let [first, second, ..] = classes else { return Ok(None) };
        if first.inner.len() < 2 || classes.iter().any(|class| class.inner != first.inner) {
            return Ok(None);
        }
        let outer = quoted(classes.iter().map(|class| &class.name));
        let inner = quoted(first.inner.iter());
        let is_split = classes.iter().any(|class| split_in_name(&class.name).is_some())
            || classes.iter().all(|class| possible_split(&class.name).is_some() || is_fold(&class.name));
        let remedy = self.flags(classes).map_or_else(
            || {
                let [train, val] = [first, second].map(|class| self.flag(&class.path));
                format!(
                    "name what to train on (--train-dir {train}) and, where it holds other images, what to validate on \
                     (--val-dir {val})"
                )
            },
            |flags| format!("name the splits ({flags})"),
        );
        if is_split && !self.is_named {
            bail!(
                "{outer} in {:?} each hold the folders {inner}, and are named like splits or folds. If {inner} are the \
                 classes, {remedy}, or put the images of several together as train/CLASS/IMAGE; if {outer} are, add \
                 --train-dir {}",
                self.root,
                self.flag(self.root)
            );
        }
        let together = "put the images of each together in one folder";
        let remedy = if self.has_splits { together.to_owned() } else { format!("{remedy}, or {together}") };
        Ok(Some(format!(
            "{outer} each hold the folders {inner}: {outer} are taken for the classes. If {inner} are, {remedy}."
        )))
    }

    /// The flags that name splits by what their names hint at, train being the only one without a hint; none unless one is
    /// train and each another split.
    fn flags(&self, classes: &[Class]) -> Option<String> {
        let hinted = |class: &Class| possible_split(&class.name).or_else(|| split_at_end(&class.name));
        let mut splits: Vec<Option<SplitName>> = classes.iter().map(hinted).collect();
        if let [unmarked] = &mut splits.iter_mut().filter(|split| split.is_none()).collect::<Vec<_>>()[..] {
            **unmarked = Some(SplitName::Train);
        }
        let is_apart = splits.iter().enumerate().all(|(at, split)| split.is_some() && !splits[..at].contains(split));
        let flag = |(class, split): (&Class, SplitName)| format!("--{split}-dir {}", self.flag(&class.path));
        let flags: Vec<String> = classes.iter().zip(splits.iter().copied().flatten()).map(flag).collect();
        (is_apart && splits.contains(&Some(SplitName::Train))).then(|| flags.join(" "))
    }

    /// The folder as a flag takes it.
    fn flag(&self, folder: &Path) -> String {
        as_flag(self.top, folder)
    }
}

/// `folder` as a flag takes it in the data set in `top`, quoted where a shell would split it.
pub fn as_flag(top: &Path, folder: &Path) -> String {
    let within = folder.strip_prefix(top).unwrap_or(folder).display().to_string();
    match &*within {
        "" => ".".to_owned(),
        plain if plain.chars().all(|c| c.is_alphanumeric() || "/._-+=,:@%".contains(c)) => within,
        odd => format!("'{}'", odd.replace('\'', r"'\''")),
    }
}

/// The folders that hold exactly the others, and those others. What is named like a split is no copy.
fn without_copies(classes: Vec<Class>) -> (Vec<Class>, Vec<Class>) {
    let may_be = |class: &Class| split_in_name(&class.name).is_none_or(|told| !told.rest.is_empty());
    let is_copy = |class: &Class| {
        let others = classes.iter().filter(|other| other.inner != class.inner).map(|other| &other.name);
        class.inner.len() >= 2 && may_be(class) && others.eq(&class.inner)
    };
    let copied = classes.iter().find(|class| is_copy(class)).map(|class| class.inner.clone());
    classes.into_iter().partition(|class| may_be(class) && copied.as_ref() == Some(&class.inner))
}

fn quoted<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    unreadable::in_line(names.map(|name| format!("{name:?}")))
}
