//! What an earlier comparison on the same data says of how far the differences between presets vary.

use std::{fs, path::Path, path::PathBuf};

use super::{Comparison, Question};

/// An earlier comparison of some of the same presets on the same data.
pub struct Earlier {
    /// Its folder.
    pub folder: PathBuf,
    /// How many seeds telling the difference took there: a sentence for each preset.
    pub needs: Vec<String>,
}

impl Earlier {
    /// The comparison beside `out`, in a folder of the same folder, that has most seeds of `presets` against `baseline` on data
    /// with this `fingerprint`, and what it says of the difference that `question` asks for. Its recipes may have been other ones.
    /// None without such a comparison of three seeds or more. Files that are no comparison are not asked.
    pub fn find(out: &Path, presets: &[String], baseline: &str, fingerprint: &str, question: Question) -> Option<Self> {
        let question = Question { until_verdict: false, max_seeds: None, budget_seconds: None, ..question };
        let beside = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut best: Option<(usize, Self)> = None;
        for entry in fs::read_dir(beside).ok()?.flatten() {
            let folder = entry.path();
            if folder.file_name() == out.file_name() {
                continue;
            }
            let Some(mut found) = read(&folder) else { continue };
            let is_on_these_data = found.data.as_ref().is_some_and(|data| data.fingerprint == fingerprint);
            found.presets.retain(|preset| presets.contains(&preset.preset));
            if found.baseline != baseline || !is_on_these_data || found.models.is_some() || found.folds().is_some() {
                continue;
            }
            let found = found.answering(question);
            let needs = found.detections(false);
            let seeds = found.presets.iter().map(|preset| preset.paired_seeds()).max().unwrap_or_default();
            if !needs.is_empty() && best.as_ref().is_none_or(|(most, _)| seeds > *most) {
                best = Some((seeds, Self { folder, needs }));
            }
        }
        best.map(|(_, earlier)| earlier)
    }
}

/// The comparison in `folder`, if one is there.
fn read(folder: &Path) -> Option<Comparison> {
    serde_json::from_slice(&fs::read(folder.join(Comparison::FILE)).ok()?).ok()
}
