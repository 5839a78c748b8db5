//! Names of weights on the Hugging Face hub, beside paths of files: what the key `pretrained` may hold.

use std::{fmt, path::Path};

use anyhow::{Result, bail, ensure};

/// The prefix that makes a text a name on the hub, as timm writes it.
const PREFIX: &str = "hf-hub:";

/// Extensions of weight files. A text that ends in one is a path.
const FILES: [&str; 7] = ["safetensors", "pt", "pth", "bin", "ckpt", "pkl", "tar"];

/// A repository on the hub, perhaps at one revision: `timm/resnet18.a1_in1k@REVISION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// Owner and name, as in `timm/resnet18.a1_in1k`.
    pub repo: String,
    /// A branch, a tag or a commit; the branch `main` where it is absent.
    pub revision: Option<String>,
}

impl HubName {
    /// The name that `text` means, where paths lead from `folder`; `None` where it is a path. A file or folder at `text`
    /// makes it a path, the prefix `hf-hub:` a name.
    ///
    /// # Errors
    /// The text after the prefix is no name. Or the text has the form of a name, and there is a folder called like
    /// the owner: then it may be a mistyped path as well.
    pub fn given(text: &str, folder: &Path) -> Result<Option<Self>> {
        if text.starts_with(PREFIX) {
            let name = Self::recorded(text);
            ensure!(
                name.is_some(),
                "expected hf-hub:OWNER/NAME or hf-hub:OWNER/NAME@REVISION, as in hf-hub:timm/resnet18.a1_in1k"
            );
            return Ok(name);
        }
        let is_file_name = Path::new(text).extension().is_some_and(|ending| FILES.iter().any(|known| ending == *known));
        let Some(name) = Self::parse(text).filter(|_| !is_file_name && !folder.join(text).exists()) else {
            return Ok(None);
        };
        let owner = name.repo.split('/').next().unwrap_or_default();
        if folder.join(owner).exists() {
            bail!(
                "there is no such file in the folder {owner}, but it may be a name on the Hugging Face hub too: write \
                 ./{text} for the file or {name} for the hub"
            );
        }
        Ok(Some(name))
    }

    /// The name in the value of a complete recipe, which has the prefix; `None` for a path.
    pub fn recorded(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix(PREFIX)?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (repo, revision) = match text.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (text, None),
        };
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
                && !part.contains("..")
        };
        let (owner, name) = repo.split_once('/')?;
        let is_name = is_plain(owner) && is_plain(name) && revision.is_none_or(|name| name.split('/').all(is_plain));
        is_name.then(|| Self { repo: repo.to_owned(), revision: revision.map(str::to_owned) })
    }

    /// The repository at another revision.
    #[must_use]
    pub fn at(&self, revision: &str) -> Self {
        Self { repo: self.repo.clone(), revision: Some(revision.to_owned()) }
    }
}

impl fmt::Display for HubName {
    /// The form in a complete recipe, with the prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.repo)?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_told_from_a_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("weights/mine")).unwrap();
        let given = |text: &str| HubName::given(text, folder.path()).map(|name| name.map(|name| name.to_string()));
        let name = |text: &str| given(text).unwrap();
        assert_eq!(name("timm/resnet18.a1_in1k").as_deref(), Some("hf-hub:timm/resnet18.a1_in1k"));
        assert_eq!(name("timm/resnet18.a1_in1k@v1/x").as_deref(), Some("hf-hub:timm/resnet18.a1_in1k@v1/x"));
        assert_eq!(name("hf-hub:weights/mine").as_deref(), Some("hf-hub:weights/mine"));
        for path in
            ["weights/mine", "resnet18", "/timm/resnet18", "./a/b", "a/b/c", "timm/resnet18.pth", "../a", "a/../b"]
        {
            assert_eq!(name(path), None, "{path}");
        }
        for wrong in ["hf-hub:resnet18", "hf-hub:a/b@", "hf-hub:a/b@../c", "hf-hub:../b", "hf-hub:a/b/c"] {
            assert!(given(wrong).unwrap_err().to_string().contains("OWNER/NAME@REVISION"), "{wrong}");
        }
        let error = given("weights/resnet18").unwrap_err().to_string();
        assert!(error.contains("./weights/resnet18") && error.contains("hf-hub:weights/resnet18"), "{error}");
    }

    #[test]
    fn a_recorded_name_is_read_back() {
        let name = HubName { repo: "timm/resnet18.a1_in1k".into(), revision: None }.at("0123");
        assert_eq!(HubName::recorded(&name.to_string()), Some(name));
        assert_eq!(HubName::recorded("/weights/resnet18.safetensors"), None);
    }
}
