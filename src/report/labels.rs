//! The page of suspect labels: thumbnails to go through, the most probable error first.

use anyhow::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{MARK, STYLE, audit::AUDIT_STYLE};
use crate::{
    data::Thumbnails,
    labels::{SuspectLabel, SuspectLabels, WrongPair},
};

/// Longer side of a shown image, in pixels.
const SIDE: u32 = 96;
/// Width and height of the line that shows the loss over the epochs, in pixels.
const LINE: [f64; 2] = [96.0, 24.0];
/// Suspects shown: enough to judge the list by, few enough for a page that opens at once.
const SHOWN: usize = 500;
/// Pairs of classes shown.
const PAIRS: usize = 20;

#[derive(Template)]
#[template(path = "labels.html")]
struct Page<'a> {
    title: String,
    verdict: String,
    suspects: &'a SuspectLabels,
    cards: Vec<(&'static str, String)>,
    pairs: &'a [WrongPair],
    noise_by_label: Vec<(&'a str, String)>,
    shown: Vec<ShownSuspect<'a>>,
    more: usize,
}

/// One suspect of the page.
struct ShownSuspect<'a> {
    suspect: &'a SuspectLabel,
    /// A PNG file as a data address; None where the image cannot be read.
    address: Option<String>,
    evidence: String,
    /// The loss over the epochs as points of a line, in a box of `LINE`; None of fewer than two epochs.
    line: Option<String>,
}

/// The page of the labels that are probably wrong in the data set `source`, as one file that needs no other. `thumbnails` has
/// the images; those that can no longer be read are named without a picture.
/// Fails if the template cannot be rendered.
pub fn labels_page(suspects: &SuspectLabels, source: &str, thumbnails: &Thumbnails) -> Result<String> {
    let list = &suspects.suspect_labels;
    let mut shown = Vec::new();
    for suspect in list.iter().take(SHOWN) {
        let file = thumbnails.png(&suspect.name, SIDE).ok();
        let address = file.map(|file| format!("data:image/png;base64,{}", STANDARD.encode(file)));
        let line = line(&suspect.loss_by_epoch);
        shown.push(ShownSuspect { suspect, address, evidence: evidence(suspect, suspects.seeds), line });
    }
    let percent = |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{share:.1} %"));
    let source = source.trim_end_matches('/');
    let page = Page {
        title: format!("{}, its labels", source.rsplit('/').next().unwrap_or(source)),
        verdict: verdict(suspects),
        cards: vec![
            ("suspects", list.len().to_string()),
            (
                "expected wrong among them",
                list.last().map_or("–".to_owned(), |last| format!("{:.0} %", 100.0 * last.precision)),
            ),
            ("expected wrong labels", format!("{:.0} of {}", suspects.expected_wrong, suspects.images)),
            ("accuracy out of fold", format!("{:.1} %", suspects.out_of_fold_accuracy)),
            ("seeds", suspects.seeds.to_string()),
        ],
        pairs: &suspects.wrong_pairs[..suspects.wrong_pairs.len().min(PAIRS)],
        noise_by_label: suspects
            .noise_by_label
            .iter()
            .map(|(class, share)| (class.as_str(), percent(*share)))
            .collect(),
        more: list.len() - shown.len(),
        shown,
        suspects,
    };
    Ok(page.render()?)
}

fn verdict(suspects: &SuspectLabels) -> String {
    let count = suspects.suspect_labels.len();
    if let Some(warning) = &suspects.warning {
        return warning.clone();
    }
    match suspects.suspect_labels.last() {
        None => format!("No label of {} images is suspect.", suspects.images),
        Some(last) => format!(
            "{count} of {} labels are suspect; {:.0} of them are expected to be wrong, of {:.0} in all.",
            suspects.images,
            last.precision * count as f64,
            suspects.expected_wrong
        ),
    }
}

/// What speaks against the label, in words.
fn evidence(suspect: &SuspectLabel, seeds: usize) -> String {
    let mut words = vec![format!("loss {:.1}", suspect.loss)];
    if seeds > 1 {
        words.push(format!("{} of {seeds} seeds disagree", suspect.seeds_against));
    }
    for near in &suspect.near_duplicates {
        words.push(format!("looks like {} ({})", near.name, near.label));
    }
    words.join(", ")
}

/// `losses` as points of a line from the left to the right of `LINE`, 0 at its foot and the highest at its top.
fn line(losses: &[f64]) -> Option<String> {
    let [width, height] = LINE;
    let highest = losses.iter().copied().filter(|loss| loss.is_finite()).fold(0.1, f64::max);
    let last = losses.len().checked_sub(1).filter(|&last| last > 0)?;
    let point = |(epoch, &loss): (usize, &f64)| {
        let [x, y] = [width * epoch as f64 / last as f64, height * (1.0 - (loss / highest).min(1.0))];
        format!("{x:.1},{y:.1}")
    };
    Some(losses.iter().enumerate().map(point).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Options, labels::OutOfFold};

    /// Forty faces of two classes, each recognised, two of them with the other's label.
    fn suspects() -> SuspectLabels {
        let names: Vec<String> = (10..50).map(|face| format!("train face {face}")).collect();
        let labels = (0..40).map(|face| if face == 4 || face == 9 { (face + 1) % 2 } else { face % 2 }).collect();
        let logits = (0..40).flat_map(|face| if face % 2 == 0 { [6.0, 0.0] } else { [0.0, 6.0] }).collect();
        let classes = vec!["happy".to_owned(), "<sad>".to_owned()];
        let losses = (0..40).map(|_| vec![1.0, 2.0, 4.0]).collect();
        SuspectLabels::of(&OutOfFold { classes, names, labels, seeds: vec![logits], losses }, &[])
    }

    #[test]
    fn the_page_shows_the_suspects_and_needs_no_other_file() {
        let thumbnails = Thumbnails::of("faces", &Options::default()).unwrap();
        let page = labels_page(&suspects(), "faces", &thumbnails).unwrap();
        assert!(page.contains(MARK) && !page.contains("<script") && !page.contains("://"));
        assert_eq!(page.matches("data:image/png;base64,").count(), 2);
        assert!(page.contains("happy → &#60;sad&#62;") && page.contains("train face 14"), "{page}");
        assert!(page.contains("2 of 40 labels are suspect"), "{page}");
        assert_eq!(page.matches("points=\"0.0,18.0 48.0,12.0 96.0,0.0\"").count(), 2, "{page}");
        assert_eq!((line(&[1.0]), line(&[])), (None, None));
    }

    #[test]
    fn data_without_suspects_have_a_page_too() {
        let mut suspects = suspects();
        suspects.suspect_labels.clear();
        let thumbnails = Thumbnails::of("faces", &Options::default()).unwrap();
        let page = labels_page(&suspects, "faces", &thumbnails).unwrap();
        assert!(page.contains("No label of 40 images is suspect."), "{page}");
    }
}
