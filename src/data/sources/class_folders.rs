//! Folders among class folders that may not be classes: a copy of all classes, a split, or parts that each hold every
//! class.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use super::{
    folder_contents::{holds_image, inner_class_names, visible},
    layout_messages::option,
    masks,
    split_finder::Layout,
    unreadable::quoted,
};
use crate::data::splits::split_name::{SplitName, is_fold, possible_split, split_at_end, split_in_name};

/// The class folders of train, and what decides how they are read.
struct ClassFolders<'a> {
    /// The folder of the data.
    top: &'a Path,
    /// The folder that contains the class folders.
    root: &'a Path,
    /// Whether the user named `root`; nothing in it is then refused.
    is_named: bool,
    /// Whether there are other splits beside `root`.
    has_splits: bool,
}

/// Most folders inside a class folder that a note names; more are those of patients, days or cameras.
const FEW_INSIDE: usize = 12;

/// A folder that contains images.
struct Class {
    path: PathBuf,
    name: String,
    /// Names of the folders with images in it, or in a folder that is the only one around them; none if an image lies beside them.
    inner: Vec<String>,
}

/// Finds the copies among train's class folders, which `layout` then keeps apart, and notes folders that may not be classes.
/// `top` is the folder of the data; with `is_named` the user named the folder of train.
/// Fails if a folder cannot be read, or folders that the user did not name are as likely splits as classes.
pub fn check(top: &Path, layout: &mut Layout, is_named: bool) -> Result<()> {
    let Some(root) = layout.train.as_deref() else { return Ok(()) };
    let (mut folders, _) = visible(root)?;
    folders.retain(|folder| !layout.apart.contains(folder) && holds_image(folder));
    let mut classes = Vec::new();
    for path in folders {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut inner = inner_class_names(&path, usize::MAX)?;
        masks::retain_images(&mut inner);
        classes.push(Class { inner, name, path });
    }
    let (copies, classes) = without_copies(classes);
    if !copies.is_empty() {
        let beside = quoted(classes.iter().map(|class| &class.name));
        let names = quoted(copies.iter().map(|copy| &copy.name));
        let hold = if copies.len() == 1 { "holds" } else { "hold" };
        layout.notes.push(format!(
            "{names} {hold} the class folders beside once more, {beside}, and count as no classes: left out."
        ));
    }
    layout.apart.extend(copies.into_iter().map(|copy| copy.path));
    let folders = ClassFolders { top, root, is_named, has_splits: layout.val.is_some() || layout.test.is_some() };
    folders.check_no_masks(&classes)?;
    layout.notes.extend(folders.splits_inside(&classes)?);
    match folders.same_inside(&classes)? {
        Some(note) => layout.notes.push(note),
        None => layout.notes.extend(other_inside(&classes)),
    }
    Ok(())
}

impl ClassFolders<'_> {
    /// Refuses images and their masks, as data sets for segmentation have them, in the place of classes.
    fn check_no_masks(&self, classes: &[Class]) -> Result<()> {
        ensure!(
            !masks::are_folders(classes.iter().map(|class| class.name.as_str())),
            "{} in {:?} look like images and their masks, which are no classes: give each class a folder of its images, or name a table \
             of labels (`options.selection.labels`)",
            quoted(classes.iter().map(|class| &class.name)),
            self.root
        );
        Ok(())
    }

    /// Refuses folders named like splits that contain the classes beside them, or classes of one another. Notes them where
    /// the user named the folder.
    fn splits_inside(&self, classes: &[Class]) -> Result<Option<String>> {
        let split_of =
            |class: &Class| split_in_name(&class.name).filter(|hint| hint.rest.is_empty()).map(|hint| hint.split);
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
            return Ok(Some(format!(
                "{names} hold class folders and are read as classes (`options.selection.folders.val` and \
                 `options.selection.folders.test` name splits)."
            )));
        }
        let root_is_train = option(self.top, SplitName::Train, self.root);
        let mut options: Vec<String> =
            found.iter().map(|(class, split)| option(self.top, *split, &class.path)).collect();
        if found.iter().all(|(_, split)| *split != SplitName::Train) {
            options.insert(0, root_is_train.clone());
        }
        bail!(
            "{:?} holds {names} with class folders inside: splits of it, or classes. For splits, add {}; for classes, add \
             {root_is_train}",
            self.root,
            options.join(" ")
        )
    }

    /// Notes that the class folders contain folders of the same names, two or more, which may be the actual classes; some may
    /// lack one of them. Refuses class folders that are also named like folds or splits.
    fn same_inside(&self, classes: &[Class]) -> Result<Option<String>> {
        let [first, second, ..] = classes else { return Ok(None) };
        let shared = names_of_several(classes);
        if shared.len() < 2 || classes.iter().any(|class| class.inner.iter().all(|name| !shared.contains(name))) {
            return Ok(None);
        }
        let outer = quoted(classes.iter().map(|class| &class.name));
        let inner = quoted(shared.iter());
        let are_alike = classes.iter().all(|class| class.inner == first.inner);
        let hold = if are_alike { "each hold the folders" } else { "hold folders of the same names," };
        let is_split = classes.iter().any(|class| split_in_name(&class.name).is_some())
            || classes.iter().all(|class| possible_split(&class.name).is_some() || is_fold(&class.name));
        let remedy = match self.options_by_hints(classes) {
            Some(options) => format!("name the splits ({options})"),
            None => format!(
                "name what to train on ({}) and, where it holds other images, what to validate on ({})",
                option(self.top, SplitName::Train, &first.path),
                option(self.top, SplitName::Val, &second.path)
            ),
        };
        if is_split && !self.is_named {
            bail!(
                "{outer} in {:?} {hold} {inner}, and are named like splits or folds. If {inner} are the \
                 classes, {remedy}, or put the images of several together as train/CLASS/IMAGE; if {outer} are, add {}",
                self.root,
                option(self.top, SplitName::Train, self.root)
            );
        }
        let together = "put the images of each together in one folder";
        let remedy = if self.has_splits { together.to_owned() } else { format!("{remedy}, or {together}") };
        Ok(Some(format!("{outer} {hold} {inner}: {outer} are taken for the classes. If {inner} are, {remedy}.")))
    }

    /// The options that name splits by the hints in their names; the only folder without a hint is train. None unless one
    /// folder is train and each is a different split.
    fn options_by_hints(&self, classes: &[Class]) -> Option<String> {
        let hinted = |class: &Class| possible_split(&class.name).or_else(|| split_at_end(&class.name));
        let mut splits: Vec<Option<SplitName>> = classes.iter().map(hinted).collect();
        if let [unmarked] = &mut splits.iter_mut().filter(|split| split.is_none()).collect::<Vec<_>>()[..] {
            **unmarked = Some(SplitName::Train);
        }
        let is_apart = splits.iter().enumerate().all(|(at, split)| split.is_some() && !splits[..at].contains(split));
        if !is_apart || !splits.contains(&Some(SplitName::Train)) {
            return None;
        }
        let named = classes.iter().zip(splits.into_iter().flatten());
        Some(named.map(|(class, split)| option(self.top, split, &class.path)).collect::<Vec<_>>().join(" "))
    }
}

/// Notes that a class folder holds a few folders of its own, which may be the actual classes.
fn other_inside(classes: &[Class]) -> Option<String> {
    let class = classes.iter().find(|class| (2..=FEW_INSIDE).contains(&class.inner.len()))?;
    Some(format!(
        "The folders inside {:?} ({}) are no classes of their own: all images below count as {:?}.",
        class.name,
        quoted(class.inner.iter()),
        class.name
    ))
}

/// The names of the inner folders that two class folders or more contain, sorted.
fn names_of_several(classes: &[Class]) -> Vec<String> {
    let mut holders: BTreeMap<&String, usize> = BTreeMap::new();
    for name in classes.iter().flat_map(|class| &class.inner) {
        *holders.entry(name).or_default() += 1;
    }
    holders.into_iter().filter(|(_, holders)| *holders > 1).map(|(name, _)| name.clone()).collect()
}

/// Separates the folders that contain exactly the other folders, the copies, from the rest. A folder named like a split
/// is never a copy.
fn without_copies(classes: Vec<Class>) -> (Vec<Class>, Vec<Class>) {
    let may_be = |class: &Class| split_in_name(&class.name).is_none_or(|hint| !hint.rest.is_empty());
    let is_copy = |class: &Class| {
        let others = classes.iter().filter(|other| other.inner != class.inner).map(|other| &other.name);
        class.inner.len() >= 2 && may_be(class) && others.eq(&class.inner)
    };
    let copied = classes.iter().find(|class| is_copy(class)).map(|class| class.inner.clone());
    classes.into_iter().partition(|class| may_be(class) && copied.as_ref() == Some(&class.inner))
}
