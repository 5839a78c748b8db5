//! Ledgers that were cut, edited or left incomplete.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;
use crate::durable::sha256;

const IMAGES: usize = 40;

/// A folder with a sealed test set and the user's witnesses.
struct Place {
    folder: TempDir,
    images: TestImages,
}

impl Place {
    fn sealed() -> Self {
        let hashes: Vec<u128> = (0..IMAGES as u128).map(|image| image * 7919 % 41).collect();
        let classes: Vec<&str> = (0..IMAGES).map(|image| ["cat", "dog"][image % 2]).collect();
        let place = Self { folder: tempfile::tempdir().unwrap(), images: TestImages::new(&hashes, &classes) };
        let (ledger, notes) = Ledger::create(&place.seal(), "photos", &place.images, None, &place.witnesses()).unwrap();
        assert_eq!((ledger.looks.len(), notes), (0, vec![]));
        place
    }

    fn seal(&self) -> PathBuf {
        self.folder.path().join("photos.seal")
    }

    fn path(&self) -> PathBuf {
        self.seal().join(Ledger::FILE)
    }

    fn witnesses(&self) -> Witnesses {
        Witnesses { state: Some(self.folder.path().join("state")), run: None }
    }

    /// Appends the look at `model`; every model has other results.
    fn look(&self, model: u32) -> anyhow::Result<(Ledger, Vec<String>)> {
        Ledger::record(&self.seal(), &self.images, &self.witnesses(), vec![look_at(model)])
    }

    fn open(&self) -> anyhow::Result<Ledger> {
        Ledger::open_witnessed(&self.seal(), &self.witnesses())
    }

    fn fails(&self, words: &[&str]) {
        refused(self.open().map(drop), words);
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path()).unwrap().lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        fs::write(self.path(), lines.join("\n") + "\n").unwrap();
    }
}

fn look_at(model: u32) -> (LookedModel, Results) {
    let looked = LookedModel {
        model: format!("runs/{model}"),
        weights: "run, best epoch".into(),
        model_hash: sha256(&model.to_le_bytes()),
        recipe: None,
        views: "none".into(),
    };
    let correct: Vec<bool> =
        (0..IMAGES as u32).map(|image| !(image * 31 + model * 17).is_multiple_of(model + 2)).collect();
    let losses = correct.iter().map(|&correct| if correct { 0.25 } else { 1.5 + model as f32 }).collect();
    (looked, Results { losses, correct })
}

fn refused(result: anyhow::Result<()>, words: &[&str]) {
    let message = format!("{:#}", result.unwrap_err());
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn the_best_model_is_named_by_its_first_look() {
    let place = Place::sealed();
    assert_eq!(Standing::of(&place.open().unwrap()).unwrap().sentence(), "not measured yet");
    for model in [1, 5, 3, 5] {
        place.look(model).unwrap();
    }
    let ledger = place.open().unwrap();
    assert_eq!([1, 2, 3, 4].map(|number| ledger.first_look(number)), [None, None, None, Some(2)]);
    let standing = Standing::of(&ledger).unwrap();
    let (top1, loss) = (standing.top1.unwrap(), standing.loss.unwrap());
    assert_eq!((standing.best_of, top1.look, top1.best), (3, 2, ledger.looks[1].test_acc));
    assert!((loss.best - ledger.looks[loss.look - 1].test_loss).abs() < 1e-12);
    assert!(top1.optimism >= 0.0 && loss.optimism >= 0.0, "{top1:?} {loss:?}");
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_is() {
    let place = Place::sealed();
    (1..4).for_each(|model| drop(place.look(model).unwrap()));
    let whole = fs::read(place.path()).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
        fs::write(place.path(), &changed).unwrap();
        assert!(place.open().is_err(), "byte {at}");
        // Without a witness too; but a last line without its line break looks like the rest of a write.
        match Ledger::open(&place.seal()) {
            Ok(ledger) => assert!(at == whole.len() - 1 && ledger.is_torn && ledger.looks.len() == 2, "byte {at}"),
            Err(error) => assert!(format!("{error:#}").contains("ledger.jsonl"), "{error:#}"),
        }
    }
}

#[test]
fn a_line_that_was_edited_removed_or_moved_is_named() {
    let place = Place::sealed();
    (1..5).for_each(|model| drop(place.look(model).unwrap()));
    let lines = place.lines();
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        place.write(&changed);
    };
    with(&|lines| lines[2] = lines[2].replace("runs/2", "runs/9"));
    place.fails(&["line 3 of", "ledger.jsonl cannot be trusted", "changed after it was written", "docs/seal.md"]);
    with(&|lines| drop(lines.remove(2)));
    place.fails(&["line 3 of", "line 4 of another order", "removed"]);
    with(&|lines| lines.swap(2, 3));
    place.fails(&["line 3 of"]);
    with(&|lines| lines.insert(2, lines[2].clone()));
    place.fails(&["line 4 of"]);
    with(&|lines| drop(lines.remove(0)));
    place.fails(&["line 1 of"]);
    with(&|lines| lines[3] = "{}".into());
    place.fails(&["line 4 of", "cannot be read"]);
    // Only a witness knows that the end is missing.
    with(&|lines| lines.truncate(3));
    assert_eq!(Ledger::open(&place.seal()).unwrap().looks.len(), 2);
    place.fails(&["was cut, or replaced by an older copy", "has 3 lines, where 5 are known", "state"]);
    refused(place.look(9).map(drop), &["was cut"]);
    place.write(&lines);
    assert_eq!(place.open().unwrap().looks.len(), 4);
}

#[test]
fn a_line_with_a_hash_of_its_own_does_not_fit_the_chain_or_the_witness() {
    let place = Place::sealed();
    (1..4).for_each(|model| drop(place.look(model).unwrap()));
    let forged = |number: usize| {
        let mut lines = place.lines();
        let text = lines[number - 1].replace("runs/", "other/");
        let hashed = text.rsplit_once(",\"hash\":\"").unwrap().0.to_owned();
        lines[number - 1] = format!("{hashed},\"hash\":\"{}\"}}", sha256(hashed.as_bytes()));
        lines
    };
    let lines = place.lines();
    place.write(&forged(3));
    place.fails(&["line 4 of", "removed or replaced"]);
    place.write(&lines);
    place.write(&forged(4));
    place.fails(&["line 4 of", "is not the one that is known"]);
}

#[test]
fn a_half_written_last_line_is_removed_with_a_note() {
    let place = Place::sealed();
    place.look(1).unwrap();
    let before = fs::read(place.path()).unwrap();
    let state = fs::read_dir(place.folder.path().join("state")).unwrap().next().unwrap().unwrap().path();
    let witness = fs::read(&state).unwrap();
    place.look(2).unwrap();
    let after = fs::read(place.path()).unwrap();
    for length in [before.len() + 1, before.len() + 40, after.len() - 1] {
        fs::write(place.path(), &after[..length]).unwrap();
        // As a kill leaves it: the witness is written last.
        fs::write(&state, &witness).unwrap();
        assert!(place.open().unwrap().is_torn);
        let (ledger, notes) = place.look(3).unwrap();
        assert!(notes.len() == 1 && notes[0].contains("was incomplete") && notes[0].contains("removed"), "{notes:?}");
        assert_eq!((ledger.looks.len(), ledger.looks[1].model.model.as_str()), (2, "runs/3"));
        assert_eq!(place.open().unwrap().looks, ledger.looks);
    }
    // A line that was complete once is no half-written one.
    fs::write(place.path(), &after[..after.len() - 1]).unwrap();
    place.fails(&["was cut"]);
    // A line whose witness could not be written in time is kept.
    fs::write(place.path(), &after).unwrap();
    fs::write(&state, &witness).unwrap();
    assert_eq!(place.open().unwrap().looks.len(), 2);
}

#[test]
fn a_seal_is_made_once() {
    let place = Place::sealed();
    assert!(place.lines()[0].starts_with("{\"number\":1,\"kind\":\"seal\",\"id\":\""));
    let again = |seal: &Path| Ledger::create(seal, "photos", &place.images, None, &Witnesses::default()).map(drop);
    refused(again(&place.seal()), &["photos.seal is there already, with 0 looks"]);
    fs::remove_file(place.path()).unwrap();
    refused(again(&place.seal()), &["without a ledger"]);
    place.fails(&["there is no ledger"]);
}

#[test]
fn changed_results_are_named() {
    let place = Place::sealed();
    let (ledger, _) = place.look(1).unwrap();
    let file = place.seal().join(&ledger.looks[0].results);
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    refused(ledger.check_files(), &["0002.safetensors was changed", "restore"]);
    fs::remove_file(&file).unwrap();
    refused(Standing::of(&ledger).map(drop), &["cannot read", "0002.safetensors"]);
}

#[test]
fn groups_are_resampled_whole() {
    let place = Place::sealed();
    let seal = place.folder.path().join("grouped.seal");
    let groups: Vec<u32> = (0..IMAGES as u32).map(|image| image / 8).collect();
    Ledger::create(&seal, "photos", &place.images, Some(&groups), &Witnesses::default()).unwrap();
    let looks = vec![look_at(1), look_at(5), look_at(3)];
    let (grouped, _) = Ledger::record(&seal, &place.images, &Witnesses::default(), looks).unwrap();
    assert_eq!(grouped.groups().unwrap().unwrap(), place.images.sorted(&groups));
    for model in [1, 5, 3] {
        place.look(model).unwrap();
    }
    let [grouped, single] = [grouped, place.open().unwrap()].map(|ledger| Standing::of(&ledger).unwrap().top1.unwrap());
    assert!(grouped.best == single.best && grouped.optimism != single.optimism, "{grouped:?} {single:?}");
}
