//! A comparison as a table in Markdown, which reads well in a terminal too.

use super::{Compared, Comparison, Delta, MeanSd, Verdict, verdict::p_value};
use crate::stats::Course;

impl Comparison {
    /// The verdict and the tables.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.verdict);
        text += &grid(self.figures());
        let differences = self.differences();
        if differences.len() > 1 {
            text += &format!(
                "\nAgainst `{}`, paired over seeds and images (Δ below 0: the preset's is lower):\n\n",
                self.baseline
            );
            text += &grid(differences);
        }
        text += "\nAll figures are the last epoch's, mean ± sd over n seeds; gap = val − probe. *These models*: 95 % interval over \
                 images. *This recipe*: 95 % interval over seeds, from three on. p after Holm's correction over presets.\n";
        if let Some(courses) = self.courses() {
            text += &format!("\n{courses}\n");
        }
        if self.finished < self.planned {
            text += &format!("\n{} of {} runs are finished. Missing:\n\n", self.finished, self.planned);
            for missing in &self.not_finished {
                text += &format!("- {}: {}\n", missing.job.name(), missing.reason.replace('\n', " "));
            }
        }
        text
    }

    /// The verdict and one table that fits 80 columns, for a terminal.
    pub fn to_brief(&self) -> String {
        let head = ["preset", "val loss", "gap", "Δ val", "p", "finding"];
        let row = |preset: &Compared| {
            let delta = preset.against.as_ref().map(|against| &against.val_loss);
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
            vec![
                preset.preset.clone(),
                spread(&preset.figures.val_loss, 3),
                spread(&preset.figures.gap_loss, 3),
                or_dash(delta.map(|delta| format!("{:+.3}", delta.mean))),
                or_dash(delta.and_then(|delta| delta.p_holm).map(|p| p_value(p).replace("p = ", "").replace("p ", ""))),
                finding(preset.finding).to_owned(),
            ]
        };
        let rows = std::iter::once(head.map(String::from).to_vec()).chain(self.presets.iter().map(row));
        let missing = match self.not_finished.len() {
            0 => String::new(),
            count => format!("\n{count} of {} runs are not finished; the report names them.\n", self.planned),
        };
        let legend = format!(
            "\nLast epoch, mean ± sd over seeds; gap = val − probe; Δ against `{}`; p after Holm.\n",
            self.baseline
        );
        let courses = self.courses().map_or(String::new(), |courses| format!("{courses}\n"));
        format!("{}\n\n{}{legend}{courses}{missing}", self.verdict, grid(rows.collect()))
    }

    /// What val loss did at the end of the runs, preset by preset; None where no run is long enough to tell.
    pub fn courses(&self) -> Option<String> {
        let told = self.presets.iter().filter_map(|preset| Some(format!("`{}` {}", preset.preset, course(preset)?)));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| format!("At the end of the runs val loss: {}.", told.join("; ")))
    }

    /// The figures of each preset as rows of text below a head.
    pub fn figures(&self) -> Vec<Vec<String>> {
        let leaks = self.data.val_in_train > 0;
        let mut head = vec![
            "preset",
            "n",
            "val loss",
            "val acc %",
            "probe loss",
            "gap",
            "gap acc",
            "overconf.",
            "T",
            "ECE",
            "best, cross-fitted",
        ];
        if leaks {
            head.extend(["val loss w/o leaks", "val acc w/o leaks"]);
        }
        head.extend(["parameters", "minutes"]);
        let row = |preset: &Compared| {
            let figures = &preset.figures;
            let mut row = vec![
                preset.preset.clone(),
                preset.seeds.len().to_string(),
                spread(&figures.val_loss, 3),
                spread(&figures.val_acc, 1),
                spread(&figures.probe_loss, 3),
                spread(&figures.gap_loss, 3),
                spread(&figures.gap_acc, 1),
                spread(&figures.overconfidence, 3),
                spread(&figures.temperature, 2),
                spread(&figures.calibration_error, 3),
                spread(&figures.cross_fitted_best_loss, 3),
            ];
            if leaks {
                let optional = |figure: &Option<MeanSd>, digits| {
                    figure.as_ref().map_or("–".into(), |figure| spread(figure, digits))
                };
                row.push(optional(&figures.val_loss_without_leaks, 3));
                row.push(optional(&figures.val_acc_without_leaks, 1));
            }
            row.push(preset.parameters.to_string());
            row.push(format!("{:.1}", figures.seconds.mean / 60.0));
            row
        };
        let head = head.into_iter().map(String::from).collect();
        std::iter::once(head).chain(self.presets.iter().map(row)).collect()
    }

    /// Each preset's differences from the baseline as rows of text below a head.
    pub fn differences(&self) -> Vec<Vec<String>> {
        let head = [
            "preset",
            "Δ val loss",
            "these models",
            "this recipe",
            "p",
            "Δ val acc",
            "Δ gap",
            "Δ probe loss",
            "finding",
        ];
        let row = |preset: &Compared| {
            let against = preset.against.as_ref()?;
            let interval = |interval: Option<[f64; 2]>| {
                interval.map_or("–".into(), |[low, high]| format!("{low:+.3} to {high:+.3}"))
            };
            let mean = |delta: &Delta, digits: usize| format!("{:+.digits$}", delta.mean);
            Some(vec![
                preset.preset.clone(),
                mean(&against.val_loss, 3),
                interval(against.val_loss.these_models),
                interval(against.val_loss.this_recipe),
                against.val_loss.p_holm.map_or("–".into(), p_value),
                mean(&against.val_acc, 1),
                mean(&against.gap_loss, 3),
                mean(&against.probe_loss, 3),
                finding(preset.finding).to_owned(),
            ])
        };
        let head = head.map(String::from).to_vec();
        std::iter::once(head).chain(self.presets.iter().filter_map(row)).collect()
    }
}

fn finding(finding: Verdict) -> &'static str {
    match finding {
        Verdict::Baseline => "baseline",
        Verdict::Better => "better",
        Verdict::UnderFits => "under-fits",
        Verdict::Worse => "worse",
        Verdict::NotShown => "not shown",
    }
}

/// What val loss did at the end of the runs of a preset: `still falls in 2 of 3, stands still in 1`.
fn course(preset: &Compared) -> Option<String> {
    let runs = preset.val_loss_course.len();
    let count = |course: Course| preset.val_loss_course.iter().filter(|other| **other == course).count();
    let mut told: Vec<String> = Vec::new();
    for course in [Course::Falls, Course::Stands, Course::Rises] {
        match count(course) {
            0 => {}
            all if all == runs => return Some(course.words().to_owned()),
            some if told.is_empty() => told.push(format!("{} in {some} of {runs}", course.words())),
            some => told.push(format!("{} in {some}", course.words())),
        }
    }
    (!told.is_empty()).then(|| told.join(", "))
}

fn spread(figure: &MeanSd, digits: usize) -> String {
    match figure.sd {
        Some(sd) => format!("{:.digits$} ± {sd:.digits$}", figure.mean),
        None => format!("{:.digits$}", figure.mean),
    }
}

/// Rows below a head as a Markdown table whose columns stand under each other. The first column holds names.
fn grid(mut rows: Vec<Vec<String>>) -> String {
    rows[1..].iter_mut().for_each(|row| row[0] = format!("`{}`", row[0]));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
    let mut text = line(&rows[0]);
    text += &format!("|{rule}\n");
    rows[1..].iter().for_each(|row| text += &line(row));
    text
}
