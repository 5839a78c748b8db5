//! Replaces files atomically: after a crash or a power cut, and for readers, either the old or the new file is complete.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::{NamedTempFile, TempPath};

/// Prefix of the name of every unfinished file. Such a file left in a folder belongs to a dead process.
pub const TEMPORARY_PREFIX: &str = ".mindgap-tmp-";

/// Replaces the file at `path` by `bytes`: they are written to a file beside it, which is synced and renamed, and the folder
/// is synced.
///
/// # Errors
/// The disk is full, or the folder cannot be written to. The file at `path` is then unchanged, and no partial file is left.
/// The message names the path, the bytes wanted and the bytes free.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_checked(path, bytes, "", false, |_| Ok(()))
}

/// Replaces the file at `path` by `bytes` like [`write()`], after `check` has accepted them in a synced file beside it, whose
/// name ends with `ending`. With `new` the path must be free.
///
/// # Errors
/// See [`write()`]; `check` refuses the file; or with `new` the path is not free. No partial file is left.
pub fn write_checked(
    path: &Path,
    bytes: &[u8],
    ending: &str,
    new: bool,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    check_replaceable(path).with_context(|| failure(path, bytes.len()))?;
    let file = temporary(path, bytes, ending).with_context(|| failure(path, bytes.len()))?;
    check(file.path())?;
    let kept = if new { file.persist_noclobber(path) } else { file.persist(path) };
    kept.map_err(io::Error::from).and_then(|_| sync_folder(path)).with_context(|| failure(path, bytes.len()))
}

/// Replaces the file at `last` by `bytes` like [`write()`], and moves the old file to `previous`.
///
/// The old file becomes `previous` only after the new one is durable: at every moment `last` is complete or, if it was
/// damaged before, `previous` is. The first rotation finds no old file and leaves `previous` absent. Both paths must lie in
/// one folder.
///
/// # Errors
/// See [`write()`]. Both files are then complete, each either the new one or an old one.
pub fn rotate(last: &Path, previous: &Path, bytes: &[u8]) -> Result<()> {
    let replace_both = || -> io::Result<()> {
        let new = temporary(last, bytes, "")?;
        let old = if last.exists() { Some(second_name(last)?) } else { None };
        new.persist(last)?;
        sync_folder(last)?;
        if let Some(old) = old {
            old.persist(previous)?;
            sync_folder(previous)?;
        }
        Ok(())
    };
    replace_both().with_context(|| failure(last, bytes.len()))
}

/// Moves the finished file at `from` to `to` in the same folder, in place of what is there.
///
/// # Errors
/// There is no such file, or the folder cannot be written to. Nothing is then changed.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .and_then(|()| sync_folder(to))
        .with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
}

/// Deletes the unfinished files of dead processes in `folder`, and returns their number.
///
/// The caller must hold the folder's lock, since unfinished files of a running process look the same.
///
/// # Errors
/// The folder cannot be read, or a file in it cannot be deleted.
pub fn remove_leftovers(folder: &Path) -> Result<usize> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut removed = 0;
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            fs::remove_file(&path).with_context(|| format!("cannot delete the leftover {}", path.display()))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Checks that files can be created in `folder` by creating one; for a folder that does not exist yet, in its nearest
/// existing ancestor.
///
/// # Errors
/// The folder is read-only, a permission is missing, or the disk is full.
pub fn check_writable(folder: &Path) -> Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let probe = temporary(&there.join("probe"), b"mindgap", "").with_context(|| {
        format!("cannot write to the folder {}: choose another one, or make it writable", there.display())
    })?;
    match probe.close() {
        // The holder of the folder's lock deleted it as a leftover.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        closed => closed.with_context(|| format!("cannot delete a file in the folder {}", folder.display())),
    }
}

/// Syncs the folder of `path`. A rename or a new file survives a power cut only after that.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Refuses to replace a device, a pipe or a folder: `/dev/null` would become a regular file.
fn check_replaceable(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(kind) if !kind.is_file() => Err(io::Error::other("the path is not a regular file")),
        _ => Ok(()),
    }
}

/// Creates a synced file with `bytes` beside `path`, whose name ends with `ending`; it is deleted unless it is persisted.
fn temporary(path: &Path, bytes: &[u8], ending: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY_PREFIX)
        .suffix(ending)
        // The permissions of any new file under the umask; the default of tempfile excludes other users.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Creates a second, temporary name for the file at `path`: a hard link, or a synced copy on a file system without links.
fn second_name(path: &Path) -> io::Result<TempPath> {
    let link = |name: &Path| fs::hard_link(path, name);
    match tempfile::Builder::new().prefix(TEMPORARY_PREFIX).make_in(folder_of(path), link) {
        Ok(name) => Ok(name.into_temp_path()),
        Err(_) => Ok(temporary(path, &fs::read(path)?, "")?.into_temp_path()),
    }
}

/// The folder that contains `path`.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Whether `a` and `b` are paths of one file or folder, which exists.
pub fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

fn failure(path: &Path, wanted: usize) -> String {
    let free = rustix::fs::statvfs(folder_of(path))
        .map_or_else(|_| "an unknown number of".to_string(), |disk| (disk.f_bavail * disk.f_frsize).to_string());
    format!("cannot write {} ({wanted} bytes wanted, {free} bytes free)", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn a_written_file_has_the_permissions_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn a_bare_file_name_means_the_current_folder() {
        assert_eq!(folder_of(Path::new("a.bin")), Path::new("."));
        assert_eq!(folder_of(Path::new("runs/a.bin")), Path::new("runs"));
    }

    #[test]
    fn a_failed_write_names_path_and_sizes_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder at the path makes the rename fail after all bytes were written.
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let message = format!("{:#}", write(&path, b"12345").unwrap_err());
        assert!(message.contains("taken (5 bytes wanted, "), "{message}");
        assert!(message.contains(" bytes free): "), "{message}");
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_rotation_keeps_the_previous_file() {
        let folder = tempfile::tempdir().unwrap();
        let (last, previous) = (folder.path().join("last"), folder.path().join("previous"));
        rotate(&last, &previous, b"1").unwrap();
        assert!(!previous.exists());
        rotate(&last, &previous, b"2").unwrap();
        rotate(&last, &previous, b"3").unwrap();
        assert_eq!((fs::read(&last).unwrap(), fs::read(&previous).unwrap()), (b"3".to_vec(), b"2".to_vec()));
        assert_eq!(names(folder.path()), ["last", "previous"]);
    }

    #[test]
    fn a_failed_rotation_leaves_both_files_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (last, previous) = (folder.path().join("last"), folder.path().join("previous"));
        write(&last, b"old").unwrap();
        fs::create_dir(&previous).unwrap();
        rotate(&last, &previous, b"new").unwrap_err();
        assert_eq!(fs::read(&last).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["last", "previous"]);

        rotate(&folder.path().join("absent/last"), &previous, b"new").unwrap_err();
        assert_eq!(fs::read(&last).unwrap(), b"new");
    }

    #[test]
    fn at_every_moment_of_a_rotation_the_last_file_is_complete_and_newer_than_the_previous() {
        let folder = tempfile::tempdir().unwrap();
        let (last, previous) = (folder.path().join("last"), folder.path().join("previous"));
        let content = |n: u32| format!("{n:08}").repeat(1000);
        let number = |path: &Path| -> u32 {
            let text = fs::read_to_string(path).unwrap();
            let n = text[..8].parse().unwrap();
            assert_eq!(text, content(n));
            n
        };
        for n in 0..2 {
            rotate(&last, &previous, content(n).as_bytes()).unwrap();
        }
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for n in 2..200 {
                    rotate(&last, &previous, content(n).as_bytes()).unwrap();
                }
            });
            while !writer.is_finished() {
                let before = number(&previous);
                assert!(number(&last) > before);
            }
        });
    }

    #[test]
    fn leftovers_of_a_dead_process_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".mindgap-tmp-a", ".mindgap-tmp-b", "kept.mindgap-tmp-", ".hidden"] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 2);
        assert_eq!(names(folder.path()), [".hidden", "kept.mindgap-tmp-"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_named() {
        let folder = tempfile::tempdir().unwrap();
        check_writable(folder.path()).unwrap();
        assert!(names(folder.path()).is_empty());
        // /proc refuses new files even to root.
        for path in ["/proc", "/proc/runs/new"] {
            let message = format!("{:#}", check_writable(Path::new(path)).unwrap_err());
            assert!(message.contains("cannot write to the folder /proc:"), "{message}");
        }
        check_writable(&folder.path().join("still/to/be/made")).unwrap();
        assert!(names(folder.path()).is_empty());
        check_writable(Path::new("still-to-be-made")).unwrap();
    }
}
