//! The texts around the tables of a comparison.

use super::{Compared, Comparison, Weights, sentence::p_value, table::NONE};

impl Comparison {
    /// What is compared: presets, or models that were trained elsewhere.
    pub fn noun(&self) -> &'static str {
        if self.models.is_some() { "model" } else { "preset" }
    }

    /// The epoch whose figures are shown, at the beginning of a sentence.
    pub(super) fn epoch(&self) -> &'static str {
        match self.models.as_ref().map(|models| models.weights) {
            None | Some(Weights::Last) => "Last epoch",
            Some(Weights::Best) => "Best epoch (optimistic)",
            Some(Weights::Given) => "The predictions as given",
        }
    }

    /// What the figures are of, a sentence for the report.
    pub fn figures_of(&self) -> String {
        let early = self.early_stopped();
        match self.models.as_ref().map(|models| models.weights) {
            None | Some(Weights::Last) if early.is_empty() => {
                "All figures are the last epoch’s: nothing was selected.".to_owned()
            }
            None | Some(Weights::Last) => format!(
                "All figures are the last epoch’s. Early stopping chose that of {} on the same val images: they are optimistic.",
                early.join(", ")
            ),
            Some(Weights::Best) => {
                "All figures are those of each run’s best epoch, which the same images chose: they are optimistic."
                    .to_owned()
            }
            Some(Weights::Given) => "All figures are those of the predictions given.".to_owned(),
        }
    }

    /// The names of what early stopping ended.
    fn early_stopped(&self) -> Vec<&str> {
        self.presets.iter().filter(|preset| preset.early_stopped).map(|preset| preset.preset.as_str()).collect()
    }

    /// What the interval over seeds is, in words.
    pub fn interval_of_seeds(&self) -> String {
        match self.folds() {
            None => "95 % interval of the recipe over other seeds, from three seeds on".to_owned(),
            Some(folds) => format!(
                "95 % interval of the recipe over the {folds} folds of each seed, corrected for training sets that overlap (Nadeau and \
                 Bengio 2003)"
            ),
        }
    }

    /// The number of folds of a cross-validation.
    pub fn folds(&self) -> Option<u32> {
        self.presets.iter().find_map(|preset| preset.folds)
    }

    /// How the tables are read.
    pub(super) fn legend(&self) -> String {
        let figures = match self.models.as_ref().map(|models| models.weights) {
            None | Some(Weights::Last) => {
                "All figures are the last epoch's, mean ± sd over n seeds; gap = val − probe."
            }
            Some(Weights::Best) => {
                "All figures are those of each run's best epoch, optimistic since the same images chose it, mean ± sd over n seeds; \
                 gap = val − probe."
            }
            Some(Weights::Given) => "All figures are those of the predictions given, mean ± sd over n seeds.",
        };
        let seeds = self.interval_of_seeds();
        let early = match &self.early_stopped()[..] {
            [] => String::new(),
            names => format!(
                " Early stopping chose the last epoch of {} on the same val images: optimistic.",
                names.join(", ")
            ),
        };
        format!(
            "{figures}{early} *CI images*: 95 % interval of these trained models over other images. *CI seeds*: {seeds}. p after Holm's \
             correction over {}s.",
            self.noun()
        )
    }

    /// The tests of accuracy, a sentence each; none in a comparison of presets.
    pub fn accuracy_tests(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for preset in &self.presets {
            let Some(against) = &preset.against else { continue };
            for test in &against.mcnemar {
                let seed = if against.mcnemar.len() > 1 { format!(", seed {}", test.seed) } else { String::new() };
                lines.push(format!(
                    "Accuracy of `{}`{seed}: right on {} images where `{}` is wrong, wrong on {} where it is right; {} (McNemar's exact test, \
                     after Holm's correction).",
                    preset.preset,
                    test.right_here_only,
                    self.baseline,
                    test.right_in_baseline_only,
                    p_value(test.p_holm)
                ));
            }
        }
        lines
    }

    /// What must be known of the images, of a cross-validation, and of models that were trained elsewhere, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(folds) = self.folds() {
            lines.push(format!(
                "Cross-validation: each image validates once, in one of {folds} folds, and a preset's figures of a seed are those of all \
                 folds together."
            ));
        }
        if let Some(groups) = self.image_groups {
            lines.push(format!(
                "The val images belong to {groups} groups: intervals over images resample whole groups. Tests over seeds, and \
                 McNemar's test, know nothing of groups."
            ));
        }
        lines.extend(self.answers());
        if self.question.is_some_and(|question| question.until_verdict) {
            lines.push(
                "Seeds were added until the answers stood: CI seeds and p are those of a sequential t-test, which keeps its error rate at \
                 every check."
                    .to_owned(),
            );
        }
        lines.extend(self.without_partner());
        let Some(models) = &self.models else { return lines };
        lines.push(match models.left_out {
            0 => format!("Compared on {} val images, paired by {}.", models.images, models.paired_by.words()),
            left_out => format!(
                "Compared on the {} val images that all have, paired by {}; {left_out} that some lack are left out.",
                models.images,
                models.paired_by.words()
            ),
        });
        lines.extend(models.notes.iter().cloned());
        lines
    }

    /// What of the presets, and of the baseline, has no partner with the same seed, a sentence for each preset.
    fn without_partner(&self) -> Vec<String> {
        let Some(base) = self.presets.iter().find(|preset| preset.preset == self.baseline) else { return Vec::new() };
        let mut lines = Vec::new();
        for preset in self.presets.iter().filter(|preset| preset.preset != self.baseline) {
            let Some(against) = &preset.against else {
                lines.push(format!(
                    "`{}` has no seed in common with `{}`, so no difference is computed; group them so that seeds are paired, or compare \
                     single runs.",
                    preset.preset, self.baseline
                ));
                continue;
            };
            // One model against one is compared whatever their seeds. Where seeds are added, the answers tell their number.
            let are_paired = (preset.seeds.len(), base.seeds.len()) == (1, 1) || self.question.is_some();
            let alone = |own: &Compared| -> Vec<String> {
                own.seeds.iter().filter(|seed| !against.seeds.contains(seed)).map(u64::to_string).collect()
            };
            let alone = [preset, base].map(|own| (&own.preset, alone(own)));
            if are_paired || alone.iter().all(|(_, seeds)| seeds.is_empty()) {
                continue;
            }
            let alone = alone.iter().filter(|(_, seeds)| !seeds.is_empty());
            let list: Vec<String> = alone.map(|(name, seeds)| format!("{} of `{name}`", seeds.join(", "))).collect();
            lines.push(format!(
                "The differences of `{}` are over the seeds that both have ({}); without a partner: {}.",
                preset.preset,
                against.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
                list.join("; ")
            ));
        }
        lines
    }

    /// The rows without columns in which nothing is known of any model; a comparison of presets keeps all.
    pub(super) fn without_empty_columns(&self, rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
        if self.models.is_none() || rows.len() < 2 {
            return rows;
        }
        let is_known = |column: usize| rows[1..].iter().any(|row| row[column] != NONE);
        let columns: Vec<usize> = (0..rows[0].len()).filter(|&column| is_known(column)).collect();
        rows.iter().map(|row| columns.iter().map(|&column| row[column].clone()).collect()).collect()
    }
}
