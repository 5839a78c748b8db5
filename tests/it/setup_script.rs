//! scripts/libtorch takes only a libtorch that mindgap can use, says what is wrong with any other, and leaves
//! `.libtorch` pointing to it. Nothing here is downloaded: Python is kept out of sight.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A copy of the project's scripts, with folders that stand in for libtorch beside them.
struct Project {
    root: TempDir,
}

impl Project {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let scripts = root.path().join("scripts");
        fs::create_dir_all(&scripts).unwrap();
        for file in ["libtorch", "libtorch-cpu.txt", "libtorch-cuda.txt"] {
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(file), scripts.join(file)).unwrap();
        }
        fs::write(root.path().join("build.rs"), "").unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        // The script gives real paths.
        self.root.path().canonicalize().unwrap().join(name)
    }

    fn libtorch(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        let headers = folder.join("include/torch/csrc/api/include/torch");
        fs::create_dir_all(&headers).unwrap();
        fs::create_dir_all(folder.join("lib")).unwrap();
        fs::write(headers.join("torch.h"), "#pragma once\n").unwrap();
        for library in ["libtorch_cpu", "libtorch", "libc10"] {
            fs::write(folder.join(format!("lib/{library}{}", std::env::consts::DLL_SUFFIX)), "ELF").unwrap();
        }
        folder
    }

    /// Runs the script with `LIBTORCH`, where given, and a PATH without Python.
    fn run(&self, libtorch: Option<&Path>, arguments: &[&str]) -> Output {
        let tools = self.path("tools");
        if !tools.exists() {
            fs::create_dir(&tools).unwrap();
            for tool in
                ["awk", "bash", "dirname", "env", "head", "ln", "readlink", "sed", "touch", "uname", "getconf", "cat"]
            {
                let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
                    .map(|folder| folder.join(tool))
                    .find(|path| path.exists());
                symlink(found.unwrap_or_else(|| panic!("{tool} is not on PATH")), tools.join(tool)).unwrap();
            }
        }
        // By its interpreter: a file that was just written cannot be executed while another thread forks.
        let mut command = Command::new("bash");
        command
            .arg(self.path("scripts/libtorch"))
            .args(arguments)
            .env_clear()
            .env("PATH", &tools)
            .env("HOME", self.path("home"));
        if let Some(folder) = libtorch {
            command.env("LIBTORCH", folder);
        }
        command.output().unwrap()
    }

    fn link(&self) -> Option<PathBuf> {
        fs::read_link(self.path(".libtorch")).ok()
    }
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_exported_libtorch_of_the_right_version_is_linked_wherever_it_tells_its_version() {
    for (file, content) in [
        ("version.py", "__all__ = ['__version__']\n__version__ = '2.13.0+cu130'\n"),
        ("build-version", "2.13.0+cpu\n"),
        ("include/torch/headeronly/version.h", "#define TORCH_VERSION \\\n  \"2.13.0\"\n"),
    ] {
        let project = Project::new();
        let folder = project.libtorch("libtorch");
        fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
        fs::write(folder.join(file), content).unwrap();
        let output = project.run(Some(&folder), &["--print"]);
        assert!(output.status.success(), "{file}: {}", messages(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), folder.to_str().unwrap(), "{file}");
        assert_eq!(project.link(), Some(folder), "{file}");
    }
}

#[test]
fn a_wrong_version_is_refused_with_both_versions_and_the_fix() {
    let project = Project::new();
    let folder = project.libtorch("libtorch");
    fs::write(folder.join("build-version"), "2.9.1+cu128\n").unwrap();
    let output = project.run(Some(&folder), &[]);
    let messages = messages(&output);
    assert_eq!(output.status.code(), Some(2), "{messages}");
    for expected in [folder.to_str().unwrap(), "libtorch 2.9.1", "mindgap needs 2.13.0", "unset LIBTORCH"] {
        assert!(messages.contains(expected), "{messages}");
    }
    assert_eq!(project.link(), None);
}

#[test]
fn a_folder_that_is_not_whole_is_refused_and_the_missing_file_named() {
    for missing in ["include/torch/csrc/api/include/torch/torch.h", "lib/libtorch_cpu", "lib/libtorch", "lib/libc10"] {
        let project = Project::new();
        let folder = project.libtorch("libtorch");
        fs::write(folder.join("build-version"), "2.13.0+cpu\n").unwrap();
        let suffix = if missing.starts_with("lib/") { std::env::consts::DLL_SUFFIX } else { "" };
        let file = format!("{missing}{suffix}");

        fs::write(folder.join(&file), "").unwrap();
        let output = project.run(Some(&folder), &[]);
        assert!(messages(&output).contains(&format!("has no {file}")), "empty: {}", messages(&output));

        fs::remove_file(folder.join(&file)).unwrap();
        let output = project.run(Some(&folder), &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(messages(&output).contains(&format!("has no {file}")), "{}", messages(&output));
        assert_eq!(project.link(), None);
    }
}

#[test]
fn a_folder_without_a_version_or_no_folder_at_all_is_refused() {
    let project = Project::new();
    let folder = project.libtorch("libtorch");
    let output = project.run(Some(&folder), &[]);
    assert!(messages(&output).contains("does not tell its version"), "{}", messages(&output));
    let output = project.run(Some(&project.path("nowhere")), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(messages(&output).contains("nowhere, which is not a folder"), "{}", messages(&output));
}

#[test]
fn asking_for_cuda_refuses_a_build_for_the_cpu_alone() {
    let project = Project::new();
    let folder = project.libtorch("libtorch");
    fs::write(folder.join("build-version"), "2.13.0+cpu\n").unwrap();
    let output = project.run(Some(&folder), &["--cuda"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(messages(&output).contains("has no lib/libtorch_cuda.so"), "{}", messages(&output));

    fs::write(folder.join("lib/libtorch_cuda.so"), "ELF").unwrap();
    assert!(project.run(Some(&folder), &["--cuda"]).status.success());
}

#[test]
fn repetition_changes_nothing_and_a_new_folder_renews_the_build() {
    let project = Project::new();
    let [first, second] = ["first", "second"].map(|name| {
        let folder = project.libtorch(name);
        fs::write(folder.join("build-version"), "2.13.0+cpu\n").unwrap();
        folder
    });
    // A change of the link renews the rpath through the date of build.rs.
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    let build_was_renewed = || {
        let file = fs::File::options().write(true).open(project.path("build.rs")).unwrap();
        let renewed = file.metadata().unwrap().modified().unwrap() != long_ago;
        file.set_modified(long_ago).unwrap();
        renewed
    };
    build_was_renewed();
    assert!(project.run(Some(&first), &[]).status.success());
    assert!(build_was_renewed());
    let output = project.run(Some(&first), &[]);
    assert!(messages(&output).contains("as before"), "{}", messages(&output));
    assert!(!build_was_renewed());
    assert!(project.run(Some(&second), &[]).status.success());
    assert!(build_was_renewed());
    assert_eq!(project.link(), Some(second));
}

#[test]
fn keep_leaves_a_link_that_serves_and_says_nothing() {
    let project = Project::new();
    let folder = project.libtorch("libtorch");
    fs::write(folder.join("build-version"), "2.13.0+cpu\n").unwrap();
    assert!(project.run(Some(&folder), &[]).status.success());
    for libtorch in [None, Some(folder.as_path())] {
        let output = project.run(libtorch, &["--keep"]);
        assert!(output.status.success(), "{}", messages(&output));
        assert_eq!(messages(&output), "");
    }
    assert_eq!(project.link(), Some(folder));
}

#[test]
fn without_python_the_script_says_what_to_install() {
    let project = Project::new();
    let output = project.run(None, &["--cpu"]);
    assert_eq!(output.status.code(), Some(1));
    // Other platforms than x86-64 Linux are told to bring a libtorch of their own.
    let expected = if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        "python3 was not found. Install Python 3 with pip"
    } else {
        "Export LIBTORCH="
    };
    assert!(messages(&output).contains(expected), "{}", messages(&output));
    assert_eq!(project.link(), None);
}

#[test]
fn what_was_mistyped_is_named() {
    let project = Project::new();
    for (arguments, expected) in [(["--gpu"].as_slice(), "--gpu"), (&["--cpu", "--cuda"], "--cpu and --cuda")] {
        let output = project.run(None, arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(messages(&output).contains(expected), "{}", messages(&output));
    }
    let help = project.run(None, &["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8_lossy(&help.stdout);
    for flag in ["--cpu", "--cuda", "--keep", "--print", "LIBTORCH", "2.13.0"] {
        assert!(help.contains(flag), "{help}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
}
