//! How this program was installed, and what its user does about a libtorch that does not serve.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// How this program was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Installation {
    /// Built from the sources, against the libtorch that `scripts/libtorch` found.
    Build,
    /// By pip: it loads the libraries of Python's torch.
    Wheel {
        /// The version of the Python package, such as `0.1.0.post213`.
        version: String,
        /// The folder of Python packages that holds it.
        folder: PathBuf,
    },
    /// Unpacked from an archive that carries libtorch's CPU libraries.
    Archive {
        /// The folder that was unpacked.
        folder: PathBuf,
    },
}

impl Installation {
    /// The installation of the running program, as the folders around its file show it.
    pub fn here() -> Self {
        env::current_exe().ok().and_then(|program| Self::around(&program)).unwrap_or(Self::Build)
    }

    /// The wheel or archive that the file `program` belongs to.
    fn around(program: &Path) -> Option<Self> {
        let bin = program.parent().filter(|folder| folder.ends_with("bin"))?;
        let package = bin.parent()?;
        if package.join("lib/libtorch_cpu.so").exists() {
            return Some(Self::Archive { folder: package.to_path_buf() });
        }
        let folder = package.parent()?;
        // pip leaves mindgap-VERSION.dist-info beside the package.
        let version = fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find_map(|name| Some(name.strip_prefix("mindgap-")?.strip_suffix(".dist-info")?.to_string()))?;
        Some(Self::Wheel { version, folder: folder.to_path_buf() })
    }

    /// What to do for a libtorch of the version that mindgap was compiled against: a sentence without its full stop.
    pub fn remedy(&self) -> String {
        match self {
            Self::Build => "Run scripts/libtorch, unset LD_LIBRARY_PATH, and build again".into(),
            Self::Wheel { .. } => format!("Unset LD_LIBRARY_PATH, or run pip install {}", wanted()),
            Self::Archive { .. } => "Unset LD_LIBRARY_PATH, or unpack the archive again".into(),
        }
    }

    /// What to do for a libtorch with CUDA kernels that can be loaded: a sentence without its full stop.
    pub fn cuda_remedy(&self) -> String {
        match self {
            Self::Build => "Run scripts/libtorch --cuda, then build again".into(),
            Self::Wheel { .. } => format!("Run pip install --force-reinstall {}", wanted()),
            Self::Archive { .. } => "This archive is for the CPU: install mindgap by pip".into(),
        }
    }
}

fn wanted() -> String {
    format!("torch=={}", super::version())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_and_archives_are_known_by_what_lies_around_the_program() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("site packages");
        fs::create_dir_all(site.join("mindgap/bin")).unwrap();
        let program = site.join("mindgap/bin/mindgap");
        assert_eq!(Installation::around(&program), None);
        fs::create_dir(site.join("mindgap-0.1.0.post213.dist-info")).unwrap();
        let wheel = Installation::Wheel { version: "0.1.0.post213".into(), folder: site.clone() };
        assert_eq!(Installation::around(&program), Some(wheel));

        let folder = root.path().join("mindgap-0.1.0");
        fs::create_dir_all(folder.join("lib")).unwrap();
        fs::write(folder.join("lib/libtorch_cpu.so"), "ELF").unwrap();
        assert_eq!(Installation::around(&folder.join("bin/mindgap")), Some(Installation::Archive { folder }));
        assert_eq!(Installation::around(Path::new("/home/ada/mindgap/target/release/mindgap")), None);
    }
}
