//! A comparison as tables in Markdown, which read well in a terminal too.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::{
    Compared, Comparison, Delta, MeanSd, Question, Weights,
    findings::{finding, short_finding},
    sentence::p_value,
};
use crate::stats::Course;

/// Stands where a figure does not exist.
pub(super) const NONE: &str = "–";

impl Comparison {
    /// The verdict and the tables of all figures.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("{}\n\n{}", self.verdict, grid(self.figures()));
        let differences = self.differences();
        if differences.len() > 1 {
            text += &format!(
                "\nAgainst `{}`, paired over seeds and images (Δ below 0: the {}'s is lower):\n\n",
                self.baseline,
                self.noun()
            );
            text += &grid(differences);
        }
        text += &format!("\n{}\n", self.legend());
        for line in self.accuracy_tests() {
            text += &format!("\n- {line}");
        }
        if !self.accuracy_tests().is_empty() {
            text += "\n";
        }
        for line in self.remarks() {
            text += &format!("\n{line}\n");
        }
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
        let mut rows = vec![row(&[self.noun(), "val loss", "gap", "Δ val", "p", "finding"])];
        rows.extend(self.presets.iter().map(|preset| brief_row(preset, self.question.as_ref())));
        let is_of_tables = self.models.as_ref().is_some_and(|models| models.weights == Weights::Given);
        let mut text = format!(
            "{}\n\n{}\n{}, mean ± sd over seeds;{} Δ against `{}`; p after Holm.\n",
            self.verdict,
            grid(self.without_empty_columns(rows)),
            self.epoch(),
            if is_of_tables { "" } else { " gap = val − probe;" },
            self.baseline
        );
        for line in self.accuracy_tests().into_iter().chain(self.remarks()) {
            text += &format!("{line}\n");
        }
        if let Some(courses) = self.courses() {
            text += &format!("{courses}\n");
        }
        if !self.not_finished.is_empty() {
            let count = self.not_finished.len();
            text += &format!("\n{count} of {} runs are not finished; the report names them.\n", self.planned);
        }
        text
    }

    /// What val loss did at the end of the runs, preset by preset; None where no run is long enough to judge.
    pub fn courses(&self) -> Option<String> {
        let mut parts = Vec::new();
        for preset in &self.presets {
            if let Some(course) = course(preset) {
                parts.push(format!("`{}` {course}", preset.preset));
            }
        }
        (!parts.is_empty()).then(|| format!("At the end of the runs val loss: {}.", parts.join("; ")))
    }

    /// The figures of each preset as rows of text below a head.
    pub fn figures(&self) -> Vec<Vec<String>> {
        let with_leaks = self.presets.iter().any(|preset| preset.figures.val_loss_without_leaks.is_some());
        let mut head = row(&[
            self.noun(),
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
        ]);
        if with_leaks {
            head.extend(row(&["val loss w/o leaks", "val acc w/o leaks"]));
        }
        let with_near_leaks = self.presets.iter().any(|preset| preset.figures.val_loss_without_near_leaks.is_some());
        if with_near_leaks {
            head.extend(row(&["val loss w/o near leaks", "val acc w/o near leaks"]));
        }
        head.extend(row(&["parameters", "minutes"]));
        let mut rows = vec![head];
        rows.extend(self.presets.iter().map(|preset| figures_row(preset, with_leaks, with_near_leaks)));
        self.without_empty_columns(rows)
    }

    /// Each preset's differences from the baseline as rows of text below a head.
    pub fn differences(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row(&[
            self.noun(),
            "Δ val loss",
            "CI images",
            "CI seeds",
            "p",
            "Δ val acc",
            "Δ gap",
            "Δ probe loss",
            "finding",
        ])];
        rows.extend(self.presets.iter().filter_map(|preset| differences_row(preset, self.question.as_ref())));
        self.without_empty_columns(rows)
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn brief_row(preset: &Compared, question: Option<&Question>) -> Vec<String> {
    let delta = preset.against.as_ref().map(|against| &against.val_loss);
    let p = preset.p_holm().map(|p| p_value(p).replace("p = ", "").replace("p ", ""));
    vec![
        preset.preset.clone(),
        mean_sd(&preset.figures.val_loss, 3),
        mean_sd_if_known(&preset.figures.gap_loss, 3),
        delta.map_or(NONE.into(), |delta| signed_mean(delta, 3)),
        p.unwrap_or_else(|| NONE.into()),
        short_finding(preset, question),
    ]
}

fn figures_row(preset: &Compared, with_leaks: bool, with_near_leaks: bool) -> Vec<String> {
    let figures = &preset.figures;
    let mut row = vec![
        preset.preset.clone(),
        preset.seeds.len().to_string(),
        mean_sd(&figures.val_loss, 3),
        mean_sd(&figures.val_acc, 1),
        mean_sd_if_known(&figures.probe_loss, 3),
        mean_sd_if_known(&figures.gap_loss, 3),
        mean_sd_if_known(&figures.gap_acc, 1),
        mean_sd(&figures.overconfidence, 3),
        mean_sd(&figures.temperature, 2),
        mean_sd(&figures.calibration_error, 3),
        mean_sd_if_known(&figures.cross_fitted_best_loss, 3),
    ];
    if with_leaks {
        row.push(mean_sd_if_known(&figures.val_loss_without_leaks, 3));
        row.push(mean_sd_if_known(&figures.val_acc_without_leaks, 1));
    }
    if with_near_leaks {
        row.push(mean_sd_if_known(&figures.val_loss_without_near_leaks, 3));
        row.push(mean_sd_if_known(&figures.val_acc_without_near_leaks, 1));
    }
    row.push(preset.parameters.map_or(NONE.into(), |parameters| parameters.to_string()));
    row.push(figures.seconds.as_ref().map_or(NONE.into(), |seconds| format!("{:.1}", seconds.mean / 60.0)));
    row
}

fn differences_row(preset: &Compared, question: Option<&Question>) -> Option<Vec<String>> {
    let against = preset.against.as_ref()?;
    Some(vec![
        preset.preset.clone(),
        signed_mean(&against.val_loss, 3),
        interval(against.val_loss.ci_images),
        interval(preset.interval_over_seeds()),
        preset.p_holm().map_or(NONE.into(), p_value),
        signed_mean(&against.val_acc, 1),
        against.gap_loss.as_ref().map_or(NONE.into(), |delta| signed_mean(delta, 3)),
        against.probe_loss.as_ref().map_or(NONE.into(), |delta| signed_mean(delta, 3)),
        finding(preset, question),
    ])
}

fn mean_sd(figure: &MeanSd, digits: usize) -> String {
    match figure.sd {
        Some(sd) => format!("{:.digits$} ± {sd:.digits$}", figure.mean),
        None => format!("{:.digits$}", figure.mean),
    }
}

fn mean_sd_if_known(figure: &Option<MeanSd>, digits: usize) -> String {
    figure.as_ref().map_or(NONE.into(), |figure| mean_sd(figure, digits))
}

fn signed_mean(delta: &Delta, digits: usize) -> String {
    format!("{:+.digits$}", delta.mean)
}

fn interval(interval: Option<[f64; 2]>) -> String {
    interval.map_or(NONE.into(), |[low, high]| format!("{low:+.3} to {high:+.3}"))
}

/// What val loss did at the end of the runs of a preset: `still falls in 2 of 3, stands still in 1`.
fn course(preset: &Compared) -> Option<String> {
    let runs = preset.val_loss_course.len();
    let mut parts: Vec<String> = Vec::new();
    for course in [Course::Falls, Course::Stands, Course::Rises] {
        match preset.val_loss_course.iter().filter(|other| **other == course).count() {
            0 => {}
            all if all == runs => return Some(course.words().to_owned()),
            some if parts.is_empty() => parts.push(format!("{} in {some} of {runs}", course.words())),
            some => parts.push(format!("{} in {some}", course.words())),
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Rows below a head as a Markdown table with aligned columns. The first column holds names of presets.
fn grid(mut rows: Vec<Vec<String>>) -> String {
    let head = rows.remove(0);
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(head);
    for mut row in rows {
        row[0] = format!("`{}`", row[0]);
        table.add_row(row);
    }
    format!("{table}\n")
}
