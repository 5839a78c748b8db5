//! Folds: train and val together are divided, and each image validates once.

use super::*;
use crate::data::{Fold, Selection};

fn fold(index: u32, of: u32) -> Options {
    Options { fold: Some(Fold { index, of }), ..Options::default() }
}

/// The names of the val images of each fold, and all images that were in train or val.
fn folds(open: impl Fn(&Options) -> Dataset, of: u32) -> (Vec<Vec<String>>, Vec<String>) {
    let mut vals = Vec::new();
    let mut all = Vec::new();
    for index in 0..of {
        let data = open(&fold(index, of));
        let val = names(&data.val);
        all = [names(&data.train), val.clone()].concat();
        all.sort();
        assert!(val.iter().all(|name| !names(&data.train).contains(name)));
        vals.push(val);
    }
    (vals, all)
}

#[test]
fn each_image_of_train_and_val_validates_once_and_test_is_kept_apart() {
    let folder = Folder::new().split("train", &AB, 8).split("val", &AB, 3).split("test", &AB, 2);
    let (vals, all) = folds(|options| folder.open(options).unwrap(), 4);
    let mut validated = vals.concat();
    validated.sort();
    assert_eq!((validated.len(), &validated), (22, &all));
    assert_eq!(vals.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6, 5, 5]);
    assert!(all.iter().all(|name| !name.contains("/test/")));
    let data = folder.open(&fold(0, 4)).unwrap();
    assert!(data.notes.iter().any(|note| note.contains("Fold 0 of 0 to 3") && note.contains("train and val")));
    let again = folder.open(&fold(0, 4)).unwrap();
    assert_eq!((data.fingerprint, names(&data.val)), (again.fingerprint, vals[0].clone()));
}

#[test]
fn generated_faces_keep_their_names_in_folds() {
    let open = |options: &Options| open("faces", options, &NoProgress).unwrap();
    let whole = open(&Options::default());
    let mut expected = [names(&whole.train), names(&whole.val)].concat();
    expected.sort();
    let (vals, all) = folds(open, 2);
    assert_eq!(all, expected);
    // An image is the same in whichever split.
    let data = open(&fold(0, 2));
    let position = names(&whole.val).iter().position(|name| *name == vals[0][vals[0].len() - 1]).unwrap();
    let last = data.val.len() - 1;
    assert_eq!(all_pixels(&data.val)[last * 48 * 48..], all_pixels(&whole.val)[position * 48 * 48..][..48 * 48]);
}

#[test]
fn folds_that_leave_a_class_untrained_are_refused_by_its_name() {
    let folder = Folder::new().split("train", &AB, 5).split("train", &["rare"], 1);
    let refused: Vec<String> =
        (0..3).filter_map(|index| folder.open(&fold(index, 3)).err()).map(|error| format!("{error:#}")).collect();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("\"rare\"") && refused[0].contains("use fewer folds"), "{}", refused[0]);
    let refused = format!("{:#}", least().open(&fold(0, 20)).and(least().open(&fold(19, 20))).err().unwrap());
    assert!(refused.contains("there are 6 images"), "{refused}");
}

#[test]
fn images_are_left_out_of_train_alone_after_the_splits_are_drawn() {
    let folder = Folder::new().split(".", &AB, 20);
    let whole = folder.opened();
    let lines: Vec<String> = (0..3).map(|position| whole.train.key(position, folder.path())).collect();
    let list = folder.path().join("list.txt");
    fs::write(&list, lines.join("\n")).unwrap();
    let selection = Selection { exclude_train: Some(list.clone()), ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let fewer = folder.open(&options).unwrap();
    assert_eq!(names(&fewer.val), names(&whole.val));
    assert_eq!(names(&fewer.train), names(&whole.train)[3..]);
    assert!(fewer.notes.iter().any(|note| note.starts_with("3 training images were left out")), "{:?}", fewer.notes);
    // The fraction in use is drawn before.
    let half = folder.open(&Options { train_fraction: 0.5, ..Options::default() }).unwrap();
    let fewer = folder.open(&Options { train_fraction: 0.5, ..options.clone() }).unwrap();
    let left = names(&half.train).into_iter().filter(|name| !names(&whole.train)[..3].contains(name));
    assert_eq!(names(&fewer.train), left.collect::<Vec<_>>());

    fs::write(&list, whole.val.key(0, folder.path())).unwrap();
    folder.refuses(&options, &["match no sample of train", "exclude_train"]);
    // A fold that validates the image trains on it elsewhere.
    for index in 0..3 {
        folder.open(&Options { fold: Some(Fold { index, of: 3 }), ..options.clone() }).unwrap();
    }
}
