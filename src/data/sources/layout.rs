//! Which folders hold the splits of a data set: told by flags, by names, and by what the folders hold.
//!
//! A folder whose name tells a split *is* that split if it holds class folders; so a class called `train`, which holds
//! images, stays a class. A folder around the splits, or around the classes of one split, is entered (`archive/train`,
//! `seg_train/seg_train`). What is not clear is refused with what was seen and the flags that settle it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::{
    class_folders::{ClassFolders, NoClasses, as_flag},
    folder_contents::{Content, class_names, folders_alone, has_image_extension, holds_image, visible},
    unreadable,
};
use crate::data::splits::{
    split_folders::{SplitFolders, existing},
    split_name::{SplitInName, SplitName, is_filler, meaning, split_in_name},
};

/// So many folders around the splits, or around one split's classes, are entered at most.
const DEPTH: usize = 3;

/// Where the splits are.
#[derive(Debug, Default)]
pub struct Layout {
    /// The folder of train's class folders.
    pub train: Option<PathBuf>,
    pub val: Option<PathBuf>,
    pub test: Option<PathBuf>,
    /// Folders in train's that are no classes, but other splits or copies of all classes.
    pub apart: Vec<PathBuf>,
    /// Whether there are no splits, and train holds all classes.
    pub is_one_set: bool,
    /// Why there is no train.
    pub lacking: String,
    /// Visible folders and files beside the splits.
    pub beside: Vec<PathBuf>,
    /// What the user should know about how the folders were understood.
    pub notes: Vec<String>,
}

/// Finds the splits of the data in `root`. Train may be missing.
///
/// # Errors
/// A folder cannot be read, a folder that the user names is not there, names and contents are not clear.
pub fn find(root: &Path, chosen: &SplitFolders) -> Result<Layout> {
    let mut layout = splits(root, chosen)?;
    if let Some(train) = &layout.train {
        let folders = ClassFolders {
            top: root,
            root: train,
            apart: &layout.apart,
            is_named: chosen.train.is_some(),
            has_splits: layout.val.is_some() || layout.test.is_some(),
        };
        let NoClasses { copies, notes } = folders.sorted_out()?;
        layout.apart.extend(copies);
        layout.notes.extend(notes);
    }
    Ok(layout)
}

/// The splits, whatever their classes are.
fn splits(root: &Path, chosen: &SplitFolders) -> Result<Layout> {
    let place = |folder: &Option<PathBuf>, split| {
        folder.as_deref().map(|folder| named_by_user(root, folder, split)).transpose()
    };
    let train = place(&chosen.train, SplitName::Train)?;
    let (val, test) = (place(&chosen.val, SplitName::Val)?, place(&chosen.test, SplitName::Test)?);
    let all: Vec<&PathBuf> = [&train, &val, &test].into_iter().flatten().collect();
    if let Some(twice) = all.iter().enumerate().find_map(|(i, folder)| all[..i].contains(folder).then_some(folder)) {
        bail!("the flags name {twice:?} for two splits");
    }
    let apart: Vec<PathBuf> = [&val, &test].into_iter().flatten().cloned().collect();
    if train.is_some() {
        return Ok(Layout { train, val, test, apart, ..Layout::default() });
    }
    let found = Finder { top: root, taken: &apart }.find(root, DEPTH)?;
    Ok(Layout { val: val.or(found.val), test: test.or(found.test), apart, ..found })
}

/// The folder of the classes in the one that the user names.
fn named_by_user(root: &Path, folder: &Path, split: SplitName) -> Result<PathBuf> {
    let found = existing(root, folder, split)?;
    Ok(if found == root { found } else { inner(&found, split) })
}

/// A folder named like a split.
struct Named {
    path: PathBuf,
    split: SplitName,
    /// Whether its name leaves no doubt.
    is_plain: bool,
    content: Content,
}

/// The folders in one folder, sorted out by their names.
struct Folders {
    /// Those named like splits.
    named: Vec<Named>,
    others: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

struct Finder<'a> {
    /// The folder of the data.
    top: &'a Path,
    /// Folders of splits that the user names.
    taken: &'a [PathBuf],
}

impl Finder<'_> {
    fn find(&self, root: &Path, depth: usize) -> Result<Layout> {
        let here = self.folders(root)?;
        let splits = [SplitName::Train, SplitName::Val, SplitName::Test];
        let [train, val, test] = splits.map(|split| self.one_of(root, &here.named, split));
        let (train, val, test) = (train?, val?, test?);
        if train.is_none() {
            if depth > 0
                && let Some(layout) = self.inside(&here, depth)?
            {
                return Ok(layout);
            }
            if here.named.iter().all(|named| named.content != Content::Folders) {
                return self.one_set(root, here);
            }
        }
        if let (Some(train), None, None) = (train, val, test) {
            self.check_alone(train, &here)?;
        }
        let used = [train, val, test];
        let is_used = |path: &Path| used.iter().flatten().any(|named| named.path == path);
        let notes =
            if used.iter().flatten().any(|named| !named.is_plain) { vec![self.said(&used)] } else { Vec::new() };
        let lacking = if train.is_none() { self.lacking(root, &here, val.or(test)) } else { String::new() };
        let [train, val, test] = used.map(|named| named.map(|named| inner(&named.path, named.split)));
        let beside = here.named.iter().map(|named| &named.path).chain(&here.others).filter(|path| !is_used(path));
        let beside = beside.chain(&here.files).cloned().collect();
        Ok(Layout { train, val, test, lacking, beside, notes, ..Layout::default() })
    }

    /// Refuses a train that is told by a longer name, without another split, beside what may be other classes.
    fn check_alone(&self, train: &Named, here: &Folders) -> Result<()> {
        let is_class = |folder: &&PathBuf| !is_filler(&name(folder)) && holds_image(folder);
        let classes: Vec<String> = here.others.iter().filter(is_class).map(|folder| self.quoted(folder)).collect();
        ensure!(
            train.is_plain || classes.is_empty(),
            "{:?} may be the train split or a class beside {}. For the split, add --train-dir {}; for a class, --train-dir .",
            train.path,
            unreadable::in_line(classes.iter()),
            self.flag(&train.path)
        );
        Ok(())
    }

    /// The folders in `root`. A name with words of its own tells a split where a folder of another split has the same
    /// words: `asl_alphabet_train` beside `asl_alphabet_test`. Of `rps` beside `rps-test-set` the first is train, if both hold
    /// the same class folders and no other folder holds images.
    fn folders(&self, root: &Path) -> Result<Folders> {
        let (mut folders, files) = visible(root)?;
        folders.retain(|folder| !self.taken.contains(folder));
        let mut told: Vec<Option<SplitInName>> = folders.iter().map(|folder| split_in_name(&name(folder))).collect();
        if let Some(train) = unmarked_train(&folders, &told)? {
            let rest = meaning(&name(&folders[train]));
            told[train] = Some(SplitInName { split: SplitName::Train, is_plain: false, rest });
        }
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for (path, here) in folders.into_iter().zip(&told) {
            let is_partner =
                |here: &SplitInName, other: &SplitInName| other.split != here.split && other.rest == here.rest;
            let tells =
                |here: &SplitInName| here.rest.is_empty() || told.iter().flatten().any(|other| is_partner(here, other));
            match here.as_ref().filter(|here| tells(here)) {
                Some(&SplitInName { split, is_plain, .. }) => {
                    let content = Content::of(&path)?;
                    named.push(Named { path, split, is_plain, content });
                }
                None => others.push(path),
            }
        }
        Ok(Folders { named, others, files })
    }

    /// The folder of `split`: plainly named ones come first. Train holds folders; val may hold something else only
    /// where its name is plain, to be complained of; test may be images without labels.
    fn one_of<'a>(&self, root: &Path, named: &'a [Named], split: SplitName) -> Result<Option<&'a Named>> {
        let fits = |named: &&Named| {
            let can_be = match split {
                SplitName::Train => false,
                SplitName::Val => named.is_plain,
                SplitName::Test => named.is_plain || named.content == Content::Images,
            };
            named.split == split && (named.content == Content::Folders || can_be)
        };
        let mut found: Vec<&Named> = named.iter().filter(fits).collect();
        if found.iter().any(|named| named.is_plain) {
            found.retain(|named| named.is_plain);
        }
        let paths: Vec<&PathBuf> = found.iter().map(|named| &named.path).collect();
        ensure!(
            found.len() <= 1,
            "{root:?} holds {} folders for one split: {paths:?}; keep one, or name it, such as --{split}-dir {}",
            found.len(),
            self.flag(&found[0].path)
        );
        Ok(found.first().copied())
    }

    /// What is in the one folder that holds splits or, where it is the only folder, class folders; None where there is
    /// no such folder.
    fn inside(&self, here: &Folders, depth: usize) -> Result<Option<Layout>> {
        let (mut holders, mut with_images) = (Vec::new(), Vec::new());
        for folder in &here.others {
            if self.holds_splits(folder, depth)? {
                holders.push(folder);
            } else if holds_image(folder) {
                with_images.push(folder);
            }
        }
        let is_alone = with_images.is_empty() && here.named.iter().all(|named| named.split == SplitName::Test);
        let inside = match (&holders[..], &with_images[..]) {
            ([holder], []) if is_alone => *holder,
            ([], [folder]) if here.named.is_empty() && holds_class_folders(folder)? => *folder,
            ([], _) => return Ok(None),
            _ => bail!(self.several(&holders, &with_images)),
        };
        let mut layout = self.find(inside, depth - 1)?;
        if layout.test.is_none() {
            let test = here.named.iter().find(|named| named.content != Content::Nothing);
            layout.test = test.map(|named| inner(&named.path, named.split));
        }
        let is_said = layout.notes.iter().any(|note| note.starts_with("The data are read in"));
        if !is_said {
            layout.notes.insert(0, format!("The data are read in {}.", self.quoted(inside)));
        }
        layout.beside.extend(here.others.iter().filter(|folder| *folder != inside).chain(&here.files).cloned());
        Ok(Some(layout))
    }

    /// Whether `folder` holds a train folder of class folders, or nothing but folders of two splits or three; also
    /// where they are inside a folder that is alone in it.
    fn holds_splits(&self, folder: &Path, depth: usize) -> Result<bool> {
        let folders = folders_alone(folder)?;
        if folders.iter().all(|folder| split_in_name(&name(folder)).is_none()) {
            return Ok(matches!(&folders[..], [only] if depth > 1 && self.holds_splits(only, depth - 1)?));
        }
        let Folders { named, others, .. } = self.folders(folder)?;
        let is_train = |named: &Named| named.split == SplitName::Train && named.content == Content::Folders;
        let full: Vec<&Named> = named.iter().filter(|named| named.content != Content::Nothing).collect();
        let differ = full.iter().any(|named| named.split != full[0].split);
        Ok(named.iter().any(is_train) || differ && !others.iter().any(|folder| holds_image(folder)))
    }

    /// All folders in `root` as classes, also those that are named like splits and hold images.
    fn one_set(&self, root: &Path, here: Folders) -> Result<Layout> {
        let flat: Vec<&Named> = here.named.iter().filter(|named| named.content == Content::Images).collect();
        let classes: Vec<&PathBuf> = here.others.iter().filter(|folder| holds_image(folder)).collect();
        if !flat.is_empty() && classes.iter().all(|folder| is_filler(&name(folder))) {
            bail!(
                "{} no class folders, though named like a split; images belong in train/CLASS/IMAGE. If the splits lie \
                 elsewhere, name them: --train-dir, --val-dir, --test-dir; if these are the classes: --train-dir .",
                match &flat[..] {
                    [only] => format!("{:?} holds", only.path),
                    all => all.iter().map(|named| format!("{:?}", named.path)).collect::<Vec<_>>().join(", ") + " hold",
                }
            );
        }
        if let Some(test) = flat.iter().find(|named| named.split == SplitName::Test && named.is_plain) {
            bail!(
                "{root:?} holds {} with images beside {}, and no train folder beside it: it may be a class, or a test split \
                 without labels. For a split, add --train-dir . --test-dir {}; for a class, --train-dir . alone",
                self.quoted(&test.path),
                unreadable::in_line(classes.iter().map(|folder| self.quoted(folder))),
                self.flag(&test.path)
            );
        }
        let as_class = |named: &&Named| {
            let (name, split) = (self.quoted(&named.path), named.split);
            format!(
                "{name} is read as a class, since it holds images and no class folders (--{split}-dir names a split)."
            )
        };
        let notes = flat.iter().map(as_class).collect();
        Ok(Layout { train: Some(root.to_owned()), is_one_set: true, notes, ..Layout::default() })
    }

    /// Why there is no train beside the splits that there are.
    fn lacking(&self, root: &Path, here: &Folders, other: Option<&Named>) -> String {
        let names = |folder: &Path, split| class_names(&inner(folder, split)).unwrap_or_default();
        let of_other = other.map_or_else(Vec::new, |other| names(&other.path, other.split));
        let other = other.map_or(String::new(), |other| format!("{root:?} holds {:?} but ", other.path));
        let flat = here.named.iter().find(|named| named.split == SplitName::Train && named.content == Content::Images);
        if let Some(train) = flat {
            return format!("{other}{:?} holds no class folders; images belong in CLASS/IMAGE", train.path);
        }
        let classes: Vec<&PathBuf> = here.others.iter().filter(|folder| holds_image(folder)).collect();
        if classes.is_empty() {
            return format!("{other}no train folder beside it; --train-dir names one");
        }
        let splits = here.named.iter().filter(|named| named.content == Content::Folders);
        let flags: String = splits.map(|named| format!(" --{}-dir {}", named.split, self.flag(&named.path))).collect();
        // A folder with the classes of the other split is most likely train.
        let holds_them =
            |folder: &&&PathBuf| names(folder, SplitName::Train).iter().any(|name| of_other.contains(name));
        if let Some(train) = classes.iter().find(holds_them) {
            return format!(
                "{other}no train folder beside it; if {} is train, add --train-dir {}{flags}; if all folders are classes, add \
                 --train-dir .",
                self.quoted(train),
                self.flag(train)
            );
        }
        let classes = unreadable::in_line(classes.iter().map(|folder| self.quoted(folder)));
        format!(
            "{other}no train folder beside it; if {classes} are train's classes, add{flags}; if all folders are classes, add \
             --train-dir ."
        )
    }

    /// What to say of several folders that hold splits, or of one among others with images.
    fn several(&self, holders: &[&PathBuf], with_images: &[&PathBuf]) -> String {
        let list = |folders: &[&PathBuf]| unreadable::in_line(folders.iter().map(|folder| self.quoted(folder)));
        let beside =
            if with_images.is_empty() { String::new() } else { format!(", beside {} with images", list(with_images)) };
        format!(
            "these folders in {:?} hold folders named like splits: {}{beside}. If one of them is the data, name it with --data; \
             if one split lies in each, name them with --train-dir, --val-dir and --test-dir; if they are classes, move the \
             splits above them, as in train/CLASS/IMAGE",
            self.top,
            list(holders)
        )
    }

    /// How the names were understood.
    fn said(&self, used: &[Option<&Named>; 3]) -> String {
        let read = |named: &&Named| format!("{} as {}", self.quoted(&named.path), named.split);
        let read: Vec<String> = used.iter().flatten().map(read).collect();
        format!("By their names these folders are read: {} (--train-dir, --val-dir, --test-dir).", read.join(", "))
    }

    fn quoted(&self, folder: &Path) -> String {
        format!("{:?}", folder.strip_prefix(self.top).unwrap_or(folder))
    }

    /// The folder as a flag takes it.
    fn flag(&self, folder: &Path) -> String {
        as_flag(self.top, folder)
    }
}

/// The place of the folder that is train to another of its name, such as `rps` to `rps-test-set`, which holds no class
/// folder that it lacks. None where a third folder with images is of neither kind.
fn unmarked_train(folders: &[PathBuf], told: &[Option<SplitInName>]) -> Result<Option<usize>> {
    let mut unmarked = (0..folders.len()).filter(|&at| told[at].is_none() && holds_image(&folders[at]));
    let (Some(train), None) = (unmarked.next(), unmarked.next()) else { return Ok(None) };
    let meaning = meaning(&name(&folders[train]));
    let mut same: Vec<(&PathBuf, SplitName)> = Vec::new();
    for (folder, told) in folders.iter().zip(told) {
        same.extend(told.iter().filter(|told| told.rest == meaning).map(|told| (folder, told.split)));
    }
    if meaning.is_empty() || same.iter().any(|(_, split)| *split == SplitName::Train) {
        return Ok(None);
    }
    let classes = class_names(&inner(&folders[train], SplitName::Train))?;
    for (folder, split) in same {
        let here = class_names(&inner(folder, split))?;
        if classes.len() >= 2 && !here.is_empty() && here.iter().all(|class| classes.contains(class)) {
            return Ok(Some(train));
        }
    }
    Ok(None)
}

/// The folder of the split's classes: `folder`, or the only one in it where that has the same name, a name of the same
/// split, or one that says nothing.
fn inner(folder: &Path, split: SplitName) -> PathBuf {
    let mut folder = folder.to_owned();
    for _ in 0..DEPTH {
        let Ok((folders, files)) = visible(&folder) else { break };
        let [only] = &folders[..] else { break };
        let own = name(only);
        let is_same = own.eq_ignore_ascii_case(&name(&folder))
            || split_in_name(&own).is_some_and(|told| told.split == split && told.rest.is_empty())
            || is_filler(&own);
        let can_be = match Content::of(only) {
            Ok(Content::Folders) => true,
            Ok(Content::Images) => split == SplitName::Test,
            _ => false,
        };
        if !is_same || !can_be || files.iter().any(|file| has_image_extension(file)) {
            break;
        }
        folder.clone_from(only);
    }
    folder
}

/// Whether `folder` holds no image itself, and two folders or more that do.
fn holds_class_folders(folder: &Path) -> Result<bool> {
    Ok(class_names(folder)?.len() >= 2)
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
