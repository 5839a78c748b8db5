//! Finds the folders of the splits below a folder, by their names and contents.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::{
    folder_contents::{
        Content, class_names, folders_alone, has_image_extension, holds_image, inner_class_names, visible,
    },
    layout_messages::{self, option, quoted},
};
use crate::data::splits::split_name::{SplitInName, SplitName, is_filler, meaning, split_in_name};

/// Largest number of folders around the splits, or around one split's classes, that are entered.
pub const DEPTH: usize = 5;

/// The folders of the splits.
#[derive(Debug, Default)]
pub struct Layout {
    /// Folder of train's class folders.
    pub train: Option<PathBuf>,
    /// Folder of val's class folders.
    pub val: Option<PathBuf>,
    /// Folder of test's class folders, or of its images without labels.
    pub test: Option<PathBuf>,
    /// Folders beside train's classes that are not classes: other splits, and copies of all classes.
    pub apart: Vec<PathBuf>,
    /// Whether there are no splits, and train holds all classes.
    pub is_one_set: bool,
    /// Why there is no train split.
    pub lacking: String,
    /// Visible folders and files beside the splits.
    pub beside: Vec<PathBuf>,
    /// Notes for the user on how the folders were interpreted.
    pub notes: Vec<String>,
}

/// A folder named like a split.
struct Named {
    path: PathBuf,
    split: SplitName,
    /// Whether its name is one of the plain names of splits.
    is_plain: bool,
    content: Content,
}

/// The entries of one folder, sorted by what their names mean.
struct Folders {
    /// Folders named like splits.
    named: Vec<Named>,
    others: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Folders {
    /// The folders with images that are not named like splits: most likely classes.
    fn with_images(&self) -> Vec<&PathBuf> {
        self.others.iter().filter(|folder| holds_image(folder)).collect()
    }
}

/// Searches the folder of the data for splits.
pub struct SplitFinder<'a> {
    /// The folder of the data.
    pub top: &'a Path,
    /// Folders of splits that the user names.
    pub taken: &'a [PathBuf],
}

impl SplitFinder<'_> {
    /// Finds the splits in `root`, or in folders inside it down to `depth`.
    /// Fails if a folder cannot be read, or the layout is ambiguous.
    pub fn find(&self, root: &Path, depth: usize) -> Result<Layout> {
        let here = self.folders(root)?;
        let train = self.folder_of(root, &here.named, SplitName::Train);
        let val = self.folder_of(root, &here.named, SplitName::Val);
        let test = self.folder_of(root, &here.named, SplitName::Test);
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
            let beside: Vec<&PathBuf> =
                here.others.iter().filter(|folder| !is_filler(&name(folder)) && holds_image(folder)).collect();
            let is_clear = train.is_plain || beside.is_empty();
            ensure!(is_clear, layout_messages::train_or_class(self.top, &train.path, &beside));
        }

        if let (Some(train), None, []) = (train, val, self.taken) {
            let alike = with_classes_of(&train.path, &here.others)?;
            ensure!(
                alike.is_empty(),
                layout_messages::split_or_copy(self.top, &train.path, test.map(|test| &*test.path), &alike)
            );
        }

        let used: Vec<&Named> = [train, val, test].into_iter().flatten().collect();
        let mut notes = Vec::new();
        if used.iter().any(|named| !named.is_plain) {
            let splits: Vec<(&Path, SplitName)> = used.iter().map(|named| (&*named.path, named.split)).collect();
            notes.push(layout_messages::interpreted(self.top, &splits));
        }
        let lacking = if train.is_none() { self.why_no_train(root, &here, val.or(test)) } else { String::new() };
        let named = here.named.iter().map(|named| &named.path);
        let beside = named.chain(&here.others).filter(|path| used.iter().all(|named| named.path != **path));
        let beside = beside.chain(&here.files).cloned().collect();
        let [train, val, test] = [train, val, test].map(|named| named.map(|named| inner(&named.path, named.split)));
        Ok(Layout { train, val, test, lacking, beside, notes, ..Layout::default() })
    }

    /// Sorts the folders in `root`. A name with words of its own means a split if a folder of another split has the same
    /// words: `asl_alphabet_train` beside `asl_alphabet_test`. Of `rps` beside `rps-test-set`, the first is train if both
    /// hold the same class folders and no other folder holds images.
    fn folders(&self, root: &Path) -> Result<Folders> {
        let (mut folders, files) = visible(root)?;
        folders.retain(|folder| !self.taken.contains(folder));
        let mut hints: Vec<Option<SplitInName>> = folders.iter().map(|folder| split_in_name(&name(folder))).collect();
        if let Some(train) = unmarked_train(&folders, &hints)? {
            let rest = meaning(&name(&folders[train]));
            hints[train] = Some(SplitInName { split: SplitName::Train, is_plain: false, rest });
        }
        let (mut named, mut others) = (Vec::new(), Vec::new());
        for (path, hint) in folders.into_iter().zip(&hints) {
            let has_partner = |hint: &SplitInName| {
                hints.iter().flatten().any(|other| other.split != hint.split && other.rest == hint.rest)
            };
            match hint {
                Some(hint) if hint.rest.is_empty() || has_partner(hint) => {
                    let content = Content::of(&path)?;
                    named.push(Named { path, split: hint.split, is_plain: hint.is_plain, content });
                }
                _ => others.push(path),
            }
        }
        Ok(Folders { named, others, files })
    }

    /// The folder of `split` among `named`; plain names win. Train must hold folders. Val may hold something else only if
    /// its name is plain, so that the fault is reported. Test may be images without labels.
    fn folder_of<'a>(&self, root: &Path, named: &'a [Named], split: SplitName) -> Result<Option<&'a Named>> {
        let fits = |named: &&Named| {
            let may_lack_folders = match split {
                SplitName::Train => false,
                SplitName::Val => named.is_plain,
                SplitName::Test => named.is_plain || named.content == Content::Images,
            };
            named.split == split && (named.content == Content::Folders || may_lack_folders)
        };
        let mut found: Vec<&Named> = named.iter().filter(fits).collect();
        if found.iter().any(|named| named.is_plain) {
            found.retain(|named| named.is_plain);
        }
        if found.len() > 1 {
            let paths: Vec<&PathBuf> = found.iter().map(|named| &named.path).collect();
            bail!(layout_messages::several_for_one_split(self.top, root, split, &paths));
        }
        Ok(found.first().copied())
    }

    /// The layout inside the one folder that holds splits or, if it is the only folder, class folders. None if there is
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
            ([], [folder]) if here.named.is_empty() && holds_class_folders(folder, depth)? => *folder,
            ([], _) => return Ok(None),
            _ => bail!(layout_messages::several_data_sets(self.top, &holders, &with_images)),
        };
        let mut layout = self.find(inside, depth - 1)?;
        if layout.test.is_none() {
            let test = here.named.iter().find(|named| named.content != Content::Nothing);
            layout.test = test.map(|named| inner(&named.path, named.split));
        }
        let is_noted = layout.notes.iter().any(|note| note.starts_with("The data are read in"));
        if !is_noted {
            layout.notes.insert(0, format!("The data are read in {}.", quoted(self.top, inside)));
        }
        layout.beside.extend(here.others.iter().filter(|folder| *folder != inside).chain(&here.files).cloned());
        Ok(Some(layout))
    }

    /// Whether `folder` holds a train folder of class folders, or only folders of two or three splits. Also true if they
    /// lie inside a folder that is the only one in it.
    fn holds_splits(&self, folder: &Path, depth: usize) -> Result<bool> {
        let folders = folders_alone(folder)?;
        if folders.iter().all(|folder| split_in_name(&name(folder)).is_none()) {
            return Ok(matches!(&folders[..], [only] if depth > 1 && self.holds_splits(only, depth - 1)?));
        }
        let found = self.folders(folder)?;
        let full: Vec<&Named> = found.named.iter().filter(|named| named.content != Content::Nothing).collect();
        let has_train = full.iter().any(|named| named.split == SplitName::Train && named.content == Content::Folders);
        let differ = full.iter().any(|named| named.split != full[0].split);
        Ok(has_train || differ && found.with_images().is_empty())
    }

    /// Reads all folders in `root` as classes, including those that are named like splits and hold images.
    fn one_set(&self, root: &Path, here: Folders) -> Result<Layout> {
        let flat: Vec<&Named> = here.named.iter().filter(|named| named.content == Content::Images).collect();
        let classes = here.with_images();
        if !flat.is_empty() && classes.iter().all(|folder| is_filler(&name(folder))) {
            let flat: Vec<&Path> = flat.iter().map(|named| &*named.path).collect();
            let mut hint = layout_messages::table_beside(&here.files);
            for folder in &flat {
                if hint.is_empty() {
                    hint = layout_messages::table_beside(&visible(folder)?.1);
                }
            }
            bail!(layout_messages::splits_without_classes(self.top, &flat) + &hint);
        }
        if let Some(test) = flat.iter().find(|named| named.split == SplitName::Test && named.is_plain) {
            bail!(layout_messages::test_or_class(self.top, root, &test.path, &classes));
        }
        let notes =
            flat.iter().map(|named| layout_messages::read_as_class(self.top, &named.path, named.split)).collect();
        Ok(Layout { train: Some(root.to_owned()), is_one_set: true, notes, ..Layout::default() })
    }

    /// Explains why there is no train split beside the other splits, of which `other` is one.
    fn why_no_train(&self, root: &Path, here: &Folders, other: Option<&Named>) -> String {
        let but = other.map_or(String::new(), |other| format!("{root:?} holds {:?} but ", other.path));
        let flat = here.named.iter().find(|named| named.split == SplitName::Train && named.content == Content::Images);
        if let Some(train) = flat {
            return format!("{but}{:?} holds no class folders; images belong in CLASS/IMAGE", train.path);
        }
        let candidates = here.with_images();
        if candidates.is_empty() {
            return format!("{but}no train folder beside it; `options.selection.folders.train` names one");
        }
        let splits = here.named.iter().filter(|named| named.content == Content::Folders);
        let options: Vec<String> = splits.map(|named| option(self.top, named.split, &named.path)).collect();
        let classes_in = |folder: &Path, split| class_names(&inner(folder, split)).unwrap_or_default();
        let other_classes = other.map_or_else(Vec::new, |other| classes_in(&other.path, other.split));
        // A folder with classes of the other split is most likely train.
        let shares_a_class =
            |folder: &Path| classes_in(folder, SplitName::Train).iter().any(|name| other_classes.contains(name));
        match candidates.iter().find(|folder| shares_a_class(folder)) {
            Some(train) => but + &layout_messages::likely_train(self.top, train, &options),
            None => but + &layout_messages::classes_beside_splits(self.top, &candidates, &options),
        }
    }
}

/// The index of the folder that is train to another folder of its name, such as `rps` to `rps-test-set`, whose class
/// folders are all in it. None if a further folder with images has a name of neither kind.
fn unmarked_train(folders: &[PathBuf], hints: &[Option<SplitInName>]) -> Result<Option<usize>> {
    let mut unmarked = (0..folders.len()).filter(|&at| hints[at].is_none() && holds_image(&folders[at]));
    let (Some(train), None) = (unmarked.next(), unmarked.next()) else { return Ok(None) };
    let meaning = meaning(&name(&folders[train]));
    let mut same_name: Vec<(&PathBuf, SplitName)> = Vec::new();
    for (folder, hint) in folders.iter().zip(hints) {
        same_name.extend(hint.iter().filter(|hint| hint.rest == meaning).map(|hint| (folder, hint.split)));
    }
    if meaning.is_empty() || same_name.iter().any(|(_, split)| *split == SplitName::Train) {
        return Ok(None);
    }
    let classes = class_names(&inner(&folders[train], SplitName::Train))?;
    for (folder, split) in same_name {
        let here = class_names(&inner(folder, split))?;
        if classes.len() >= 2 && !here.is_empty() && here.iter().all(|class| classes.contains(class)) {
            return Ok(Some(train));
        }
    }
    Ok(None)
}

/// The folders among `folders` that hold two class folders or more, all of which `train` holds too.
fn with_classes_of<'a>(train: &Path, folders: &'a [PathBuf]) -> Result<Vec<&'a PathBuf>> {
    let classes = class_names(&inner(train, SplitName::Train))?;
    let mut alike = Vec::new();
    for folder in folders {
        let here = class_names(&inner(folder, SplitName::Train))?;
        if here.len() > 1 && here.iter().all(|class| classes.contains(class)) {
            alike.push(folder);
        }
    }
    Ok(alike)
}

/// The folder of the split's classes: `folder`, or the only folder in it if that has the same name, a name of the same
/// split, or a name without meaning.
pub fn inner(folder: &Path, split: SplitName) -> PathBuf {
    let mut folder = folder.to_owned();
    for _ in 0..DEPTH {
        let Ok((folders, files)) = visible(&folder) else { break };
        let [only] = &folders[..] else { break };
        let own = name(only);
        let is_same = own.eq_ignore_ascii_case(&name(&folder))
            || split_in_name(&own).is_some_and(|hint| hint.split == split && hint.rest.is_empty())
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

/// Whether `folder` contains no image directly, and at least two folders with images; also true if they lie inside a folder that is
/// the only one with images, down to `depth`.
fn holds_class_folders(folder: &Path, depth: usize) -> Result<bool> {
    Ok(inner_class_names(folder, depth)?.len() >= 2)
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
