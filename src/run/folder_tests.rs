//! Tests of the run folder.

use std::{fs, path::Path};

use super::{RunFolder, done::tests::done, environment::tests::environment, record::tests::record, summary};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn refusal(path: &Path, resume: bool) -> String {
    format!("{:#}", RunFolder::create(path, resume).unwrap_err())
}

/// A fresh run of `epochs` epochs.
fn run(path: &Path, epochs: u32) -> RunFolder {
    let folder = RunFolder::create(path, false).unwrap();
    fs::write(folder.file(RunFolder::RECIPE), "epochs = 5\n").unwrap();
    for epoch in 1..=epochs {
        folder.append_epoch(&record(epoch, 2.0 - 0.1 * f64::from(epoch))).unwrap();
    }
    folder
}

#[test]
fn a_new_folder_is_made_with_its_parents() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("a/b/run");
    let folder = RunFolder::create(&path, false).unwrap();
    assert_eq!((folder.path(), names(&path)), (&*path, vec!["run.lock".to_string()]));
}

#[test]
fn a_foreign_folder_is_refused_and_left_as_it_is() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("thesis.tex"), "x").unwrap();
    let message = refusal(outer.path(), false);
    assert!(message.contains("is not empty (it holds \"thesis.tex\")"), "{message}");
    assert_eq!(names(outer.path()), ["thesis.tex"]);
}

#[test]
fn a_file_in_the_way_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("taken");
    fs::write(&path, "x").unwrap();
    for resume in [false, true] {
        let message = refusal(&path, resume);
        assert!(message.contains("cannot make the run folder") && message.contains("taken"), "{message}");
    }
}

#[test]
fn a_folder_in_use_is_refused_even_to_a_resume() {
    let outer = tempfile::tempdir().unwrap();
    let _running = run(outer.path(), 1);
    let message = refusal(outer.path(), true);
    assert!(message.contains(&format!("locked by process {}", std::process::id())), "{message}");
}

#[test]
fn a_folder_whose_run_never_began_can_be_used() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("run.lock"), "").unwrap();
    fs::write(outer.path().join(".mindgap-tmp-x"), "half a rec").unwrap();
    let _folder = RunFolder::create(outer.path(), false).unwrap();
    assert_eq!(names(outer.path()), ["run.lock"]);
}

#[test]
fn the_next_free_name_is_taken_and_never_twice() {
    let outer = tempfile::tempdir().unwrap();
    let parent = outer.path().join("runs");
    let folders: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| RunFolder::create_next(&parent, "seed").unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let expected = ["seed", "seed-2", "seed-3", "seed-4", "seed-5", "seed-6", "seed-7", "seed-8"];
    assert_eq!(names(&parent), expected);
    drop(folders);
}

#[test]
fn a_resumed_run_cuts_what_its_checkpoint_does_not_know() {
    for torn in ["", "{\"epoch\":5,\"lr\":0.0"] {
        for last in 0..=4 {
            let outer = tempfile::tempdir().unwrap();
            let folder = run(outer.path(), 4);
            let log = folder.file(RunFolder::EPOCHS);
            let before = fs::read_to_string(&log).unwrap();
            let summary = || fs::read(folder.file(RunFolder::SUMMARY)).unwrap();
            assert_eq!(summary(), summary::table(&folder.epochs().unwrap().records).unwrap());
            fs::write(&log, format!("{before}{torn}")).unwrap();

            let found = folder.keep_epochs_through(last).unwrap();
            assert_eq!((found.records.len(), found.torn.as_deref().unwrap_or_default()), (4, torn));
            let expected: String = before.split_inclusive('\n').take(last as usize).collect();
            assert_eq!(fs::read_to_string(&log).unwrap(), expected);
            let kept = folder.epochs().unwrap();
            assert_eq!((kept.records.len() as u32, kept.torn), (last, None));
            assert_eq!(summary(), summary::table(&kept.records).unwrap());
        }
    }
}

#[test]
fn a_run_is_finished_once_done_is_there_and_open_again_without_it() {
    let outer = tempfile::tempdir().unwrap();
    let folder = run(outer.path(), 1);
    assert_eq!(folder.done().unwrap(), None);
    folder.write_done(&done(&[1.5, 1.2])).unwrap();
    assert_eq!(folder.done().unwrap(), Some(done(&[1.5, 1.2])));
    folder.reopen().unwrap();
    folder.reopen().unwrap();
    assert_eq!(folder.done().unwrap(), None);
}

#[test]
fn the_environment_is_read_back_and_damage_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let folder = run(outer.path(), 0);
    folder.write_environment(&environment()).unwrap();
    assert_eq!(folder.environment().unwrap(), environment());
    fs::write(folder.file(RunFolder::ENVIRONMENT), "{").unwrap();
    let message = format!("{:#}", folder.environment().unwrap_err());
    assert!(message.contains("environment.json is damaged"), "{message}");
}

#[test]
fn what_is_no_run_is_not_opened() {
    let outer = tempfile::tempdir().unwrap();
    let message = format!("{:#}", RunFolder::open(outer.path()).unwrap_err());
    assert!(message.contains("holds no run"), "{message}");
    let message = format!("{:#}", RunFolder::open(&outer.path().join("absent")).unwrap_err());
    assert!(message.contains("there is no run folder") && message.contains("absent"), "{message}");
}
