//! The libtorch that this process has loaded: its folder, and the versions that the files there state.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The shared libraries that are loaded in this process, sorted by path. Empty where there is no `/proc`.
pub fn loaded() -> Vec<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    // A path may hold spaces; the five fields before it hold no slash.
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| &line[start..]));
    let files: BTreeSet<PathBuf> = paths.filter(|path| path.contains(".so")).map(PathBuf::from).collect();
    files.into_iter().collect()
}

/// The `lib` folder from which `libtorch_cpu` was loaded; where there is no `/proc`, the one that the program was
/// linked against.
pub fn folder() -> PathBuf {
    loaded()
        .iter()
        .find(|path| path.file_name().is_some_and(|name| name == "libtorch_cpu.so"))
        .and_then(|path| path.parent())
        .map_or_else(|| PathBuf::from(env!("MINDGAP_LIBTORCH_LIB")), Path::to_path_buf)
}

/// The version of the build in `lib`, such as `2.13.0+cu130`, from the file `version.py` or `build-version` beside it.
pub fn build(lib: &Path) -> Option<String> {
    let root = lib.parent()?;
    if let Ok(text) = fs::read_to_string(root.join("version.py")) {
        return Some(python_string(&text, "__version__")?.to_string());
    }
    Some(fs::read_to_string(root.join("build-version")).ok()?.trim().to_string())
}

/// The version of CUDA, major and minor, that the build in `lib` was made for; `None` for a CPU build.
pub fn cuda_version(lib: &Path) -> Option<(u32, u32)> {
    let text = fs::read_to_string(lib.parent()?.join("version.py")).unwrap_or_default();
    if let Some((major, minor)) = python_string(&text, "cuda").and_then(|version| version.split_once('.')) {
        return Some((major.parse().ok()?, minor.parse().ok()?));
    }
    // cu130 is 13.0: the last digit is the minor version.
    let build = build(lib)?;
    let (_, digits) = build.split_once("+cu")?;
    let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The string assigned to `name` in Python source: `cuda: Optional[str] = '13.0'` gives `13.0`.
fn python_string<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let assigned = source.lines().find_map(|line| line.strip_prefix(name)?.split_once('='))?.1;
    assigned.trim().strip_prefix('\'')?.strip_suffix('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_one_that_libtorch_was_loaded_from() {
        tch::get_num_threads(); // a call into libtorch, so that the linker does not leave it out
        assert!(folder().join("libtorch_cpu.so").exists(), "{:?}", folder());
        assert!(build(&folder()).is_some_and(|build| build.starts_with(crate::torch::version())));
    }

    #[test]
    fn wheels_and_zip_files_state_their_cuda_version() {
        let root = tempfile::tempdir().unwrap();
        let lib = root.path().join("lib");
        assert_eq!(cuda_version(&lib), None);
        for (build, cuda) in [("2.13.0+cu130\n", Some((13, 0))), ("2.13.0+cu126", Some((12, 6))), ("2.13.0+cpu", None)]
        {
            fs::write(root.path().join("build-version"), build).unwrap();
            assert_eq!(cuda_version(&lib), cuda);
        }
        let python =
            "__version__ = '2.13.0+cu128'\ndebug = False\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n";
        fs::write(root.path().join("version.py"), python).unwrap();
        assert_eq!(cuda_version(&lib), Some((12, 8)));
        assert_eq!(build(&lib).as_deref(), Some("2.13.0+cu128"));
    }

    #[test]
    fn a_loaded_path_may_hold_spaces() {
        use std::os::fd::AsRawFd;
        let root = tempfile::tempdir().unwrap();
        let path = root.path().canonicalize().unwrap().join("my libs of.so");
        fs::write(&path, "ELF").unwrap();
        let file = fs::File::open(&path).unwrap();
        // SAFETY: a new mapping of one page, which nothing reads or writes.
        let page =
            unsafe { libc::mmap(std::ptr::null_mut(), 1, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0) };
        assert_ne!(page, libc::MAP_FAILED);
        assert!(loaded().contains(&path), "{:?}", loaded());
        // SAFETY: the mapping from above.
        assert_eq!(unsafe { libc::munmap(page, 1) }, 0);
    }
}
