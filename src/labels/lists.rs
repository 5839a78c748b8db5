//! The lists that training takes: labels to replace, and samples to leave out.

use anyhow::Result;

use super::SuspectLabels;
use crate::data::ToExclude;

/// The columns of a table of replaced labels. Readers need the first two.
const COLUMNS: [&str; 4] = ["name", "label", "given", "score"];

impl SuspectLabels {
    /// The reason under which a list of samples to leave out names suspects.
    pub const REASON: &str = "suspect labels";

    /// A table, in CSV, of the suspects whose suggested class is more probable than their label: name, label (the suggested
    /// class), given, score. Other suspects may be wrong, but a replaced label would be wrong more often. Rows of images whose
    /// label should stay are to be deleted by the user.
    ///
    /// # Errors
    /// Never in practice; the writer's error is passed on.
    pub fn relabel_csv(&self) -> Result<String> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(COLUMNS)?;
        for suspect in self.suspect_labels.iter().filter(|suspect| suspect.suggested_probability > 1.0 - suspect.score)
        {
            let score = format!("{:.4}", suspect.score);
            table.write_record([&suspect.name, &suspect.suggested, &suspect.given, &score])?;
        }
        Ok(String::from_utf8(table.into_inner()?)?)
    }

    /// Whether `text` is a table that [`SuspectLabels::relabel_csv`] wrote. Callers check it before they overwrite a file.
    pub fn is_relabel_csv(text: &[u8]) -> bool {
        text.starts_with(COLUMNS.join(",").as_bytes())
    }

    /// The suspects as samples to leave out of training.
    pub fn to_exclude(&self) -> ToExclude {
        ToExclude::listed(Self::REASON, self.suspect_labels.iter().map(|suspect| suspect.name.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{SuspectLabel, suspects::tests::predictions};

    fn suspects() -> SuspectLabels {
        let mut suspects = SuspectLabels::of(&predictions(300, 1), &[]);
        let first = suspects.suspect_labels[0].clone();
        let name = "train/a \"b\", c.png".to_owned();
        let odd = SuspectLabel { name, score: 0.8, suggested_probability: 0.7, ..first.clone() };
        // The label of this one is more probable than the suggested class.
        let unsure = SuspectLabel { name: "unsure.png".into(), score: 0.4, suggested_probability: 0.3, ..first };
        suspects.suspect_labels = vec![odd, unsure];
        suspects
    }

    #[test]
    fn the_table_quotes_names_and_begins_with_its_columns() {
        let suspects = suspects();
        let text = suspects.relabel_csv().unwrap();
        let SuspectLabel { given, suggested, .. } = &suspects.suspect_labels[0];
        let expected = format!("name,label,given,score\n\"train/a \"\"b\"\", c.png\",{suggested},{given},0.8000\n");
        assert_eq!(text, expected);
        assert!(SuspectLabels::is_relabel_csv(text.as_bytes()) && !SuspectLabels::is_relabel_csv(b"name,label\n"));
    }

    #[test]
    fn the_suspects_can_be_left_out() {
        let list = suspects().to_exclude();
        let text = list.to_text("photos", "mindgap train");
        assert!(ToExclude::is_list(text.as_bytes()) && list.count() == 2);
        assert!(text.contains("\n# suspect labels: 2\ntrain/a \"b\", c.png\nunsure.png\n"), "{text}");
        let mut all = ToExclude::listed("blank", vec!["blank.png".to_owned()]);
        all.add(list);
        let text = all.to_text("photos", "mindgap train");
        assert_eq!(ToExclude::read(&text, SuspectLabels::REASON), ["train/a \"b\", c.png", "unsure.png"]);
        assert_eq!(ToExclude::read("# mine\na.png\n\nb.png\n", SuspectLabels::REASON), ["a.png", "b.png"]);
    }
}
