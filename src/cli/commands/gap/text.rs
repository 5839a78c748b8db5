//! The gap of a model as text for a terminal of 80 columns.

use textwrap::{Options, WordSplitter, fill};

use super::figures::GapFigures;
use crate::cli::output::say::{cut, plain};

/// Column in which the values start.
const INDENT: usize = 13;
/// Above this number of classes only those with the largest difference are shown.
const CLASSES: usize = 30;
/// Width of a class's name.
const NAME: usize = 24;
/// Width of the text.
const WIDTH: usize = 80;

pub fn render(found: &GapFigures) -> String {
    let figure = |name: &str| found.figure(name).unwrap_or(f64::NAN);
    let row = |label: &str, value: String| format!("{label:INDENT$}{value}\n");
    let mut text = row("Model", plain(&found.model));
    text += &row("Data", format!("{}: {} classes", plain(&found.data), found.classes.len()));
    text += &row("Probe", side(figure("probe_loss"), figure("probe_acc"), found.probe, "training images"));
    text += &row("Val", side(figure("val_loss"), figure("val_acc"), found.val, "images"));
    let (gap, error, points) = (figure("gap_loss"), figure("gap_loss_se"), figure("gap_acc"));
    text += &row("Gap", format!("{gap:.4} ± {error:.4} nats (one standard error), {points:.2} points"));
    if let Some(clean) = found.figure("gap_loss_without_leaks") {
        let (error, points) = (figure("gap_loss_se_without_leaks"), figure("gap_acc_without_leaks"));
        text += &row("", format!("{clean:.4} ± {error:.4} nats, {points:.2} points without leaks"));
    }
    if let Some(clean) = found.figure("gap_loss_without_near_leaks") {
        let (error, points) = (figure("gap_loss_se_without_near_leaks"), figure("gap_acc_without_near_leaks"));
        text += &row("", format!("{clean:.4} ± {error:.4} nats, {points:.2} points without near leaks too"));
    }
    text += &row(
        "Calibration",
        format!(
            "error {:.4}; temperature {:.3} {} {:.4} nats {} val loss",
            found.calibration_error,
            found.temperature,
            // Fitted on one half of val it may not suit the other.
            if found.overconfidence < 0.0 { "adds" } else { "removes" },
            found.overconfidence.abs(),
            if found.overconfidence < 0.0 { "to" } else { "of" }
        ),
    );
    text += &classes(found);
    // No word is broken at its hyphens, so that flags can be pasted.
    let whole_words = Options::new(WIDTH).word_splitter(WordSplitter::NoHyphenation).break_words(false);
    for finding in &found.findings {
        text += &format!("\n{}\n", fill(finding, &whole_words));
    }
    text
}

fn side(loss: f64, accuracy: f64, n: usize, what: &str) -> String {
    format!("loss {loss:.4}, accuracy {accuracy:.2} %, {n} {what}")
}

fn classes(found: &GapFigures) -> String {
    let difference = |class: &super::figures::Class| class.probe_acc.zip(class.val_acc).map(|(probe, val)| probe - val);
    let mut shown: Vec<_> = found.classes.iter().collect();
    if shown.len() > CLASSES {
        shown.sort_by(|a, b| difference(b).unwrap_or(f64::MIN).total_cmp(&difference(a).unwrap_or(f64::MIN)));
        shown.truncate(CLASSES);
    }
    let mut text = format!("\n{:NAME$} probe %   val %    gap  images of val\n", "Accuracy");
    for class in &shown {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
        let name = cut(&class.name, NAME);
        text += &format!(
            "{name:NAME$} {:>7} {:>7} {:>6} {:>14}\n",
            number(class.probe_acc),
            number(class.val_acc),
            number(difference(class)),
            class.val_images
        );
    }
    if shown.len() < found.classes.len() {
        text += &format!("The {} classes of largest gap; --json has all {}.\n", shown.len(), found.classes.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{
        super::figures::{Class, GapFigures},
        *,
    };

    fn figures(classes: usize) -> GapFigures {
        let measured = serde_json::json!({
            "probe_loss": 0.743, "probe_acc": 73.8, "val_loss": 1.213, "val_acc": 58.7, "gap_loss": 0.47, "gap_loss_se": 0.021,
            "gap_acc": 15.1, "gap_loss_without_leaks": 0.48, "gap_loss_se_without_leaks": 0.022, "gap_acc_without_leaks": 15.3
        });
        let class = |number: usize| Class {
            name: format!("emotion \n{number}"),
            probe_images: 500,
            probe_acc: Some(80.0),
            val_images: 510,
            val_acc: (number > 0).then_some(80.0 - number as f64),
        };
        GapFigures {
            model: "resnet18.pt".into(),
            data: "/data/faces".into(),
            probe: 3589,
            val: 3589,
            val_in_train: 12,
            group_leaks: None,
            val_groups: None,
            near_leaks: Some(0),
            measured: measured.as_object().unwrap().clone(),
            overconfidence: 0.1,
            overconfidence_share_of_gap: Some(0.21),
            temperature: 1.4,
            calibration_error: 0.08,
            classes: (0..classes).map(class).collect(),
            findings: vec![
                "21 % of the gap is overconfidence: dividing the logits by 1.40 removes 0.100 nats of it.".into(),
            ],
        }
    }

    #[test]
    fn a_gap_reads_well() {
        insta::assert_snapshot!(render(&figures(3)));
    }

    #[test]
    fn many_classes_are_cut_to_those_of_largest_gap() {
        let text = render(&figures(40));
        assert!(text.contains("The 30 classes of largest gap; --json has all 40.") && text.contains("39.0"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
