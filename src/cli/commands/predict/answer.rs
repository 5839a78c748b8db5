//! The prediction for one file: a line of a table, or of JSON.

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use crate::cli::output::say::plain;
use mindgap::{data::ImageFile, stats::softmax};

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked<'a> {
    /// Index among the logits.
    #[serde(skip)]
    pub number: usize,
    pub class: &'a str,
    /// Probability, 0–1.
    pub probability: f64,
}

/// Ranks the `most` most likely classes by the logits of one image. Equal classes keep the order of the model. None if a
/// logit is not a number.
pub fn ranked<'a>(logits: &[f32], classes: &'a [String], most: usize) -> Option<Vec<Ranked<'a>>> {
    if logits.iter().any(|logit| logit.is_nan()) {
        return None;
    }
    let mut ranked: Vec<Ranked> = (0..)
        .zip(classes)
        .zip(softmax(logits, 1.0))
        .map(|((number, class), probability)| Ranked { number, class, probability })
        .collect();
    ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    ranked.truncate(most);
    Some(ranked)
}

#[derive(Debug)]
pub struct Answer<'a> {
    pub file: &'a ImageFile,
    /// The most likely classes, or the error.
    pub outcome: Result<Vec<Ranked<'a>>, String>,
    /// Path of the Grad-CAM overlay.
    pub overlay: Option<PathBuf>,
}

/// A line of JSON. All keys but the last two are always present.
#[derive(Serialize)]
struct Line<'a> {
    /// Invalid UTF-8 is replaced; `path_base64` then has the exact bytes.
    path: String,
    class: Option<&'a str>,
    probability: Option<f64>,
    top: &'a [Ranked<'a>],
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cam: Option<String>,
}

impl Answer<'_> {
    /// Renders a line of the table: the path, then class and probability of each of the most likely classes, separated by
    /// tabs. Empty for a file with an error.
    pub fn row(&self) -> String {
        let Ok(ranked) = &self.outcome else { return String::new() };
        let columns =
            ranked.iter().map(|Ranked { class, probability, .. }| format!("\t{}\t{probability:.4}", plain(class)));
        format!("{}{}\n", self.file.line(), columns.collect::<String>())
    }

    /// Renders a line of JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        let top = self.outcome.as_deref().unwrap_or_default();
        let path = &self.file.path;
        let line = Line {
            path: path.to_string_lossy().into_owned(),
            class: top.first().map(|first| first.class),
            probability: top.first().map(|first| first.probability),
            top,
            error: self.outcome.as_ref().err().map(String::as_str),
            path_base64: path.to_str().is_none().then(|| BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes())),
            cam: self.overlay.as_ref().map(|overlay| overlay.to_string_lossy().into_owned()),
        };
        Ok(serde_json::to_string(&line)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    #[test]
    fn the_most_likely_classes_come_first_and_equal_ones_in_order() {
        let classes = ["a", "b", "c"].map(str::to_owned);
        let ranked = |logits: &[f32], most| ranked(logits, &classes, most);
        let names = |found: Option<Vec<Ranked>>| found.unwrap().iter().map(|r| r.class.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(ranked(&[0.0, 2.0, 0.0], 9)), ["b", "a", "c"]);
        assert_eq!(names(ranked(&[0.0, 2.0, 3.0], 1)), ["c"]);
        assert_eq!(ranked(&[0.0, f32::NAN, 3.0], 1), None);
    }

    #[test]
    fn any_name_fits_in_a_line_and_is_exact_in_json() {
        let file = ImageFile::file(OsStr::from_bytes(b"a\tb\n\xff.png").into());
        let outcome = Ok(vec![Ranked { number: 0, class: "joy", probability: 0.25 }]);
        let answer = Answer { file: &file, outcome, overlay: None };
        assert_eq!(answer.row(), "a\\x09b\\x0a\\xff.png\tjoy\t0.2500\n");
        insta::assert_snapshot!(answer.json().unwrap(), @r#"{"path":"a\tb\n�.png","class":"joy","probability":0.25,"top":[{"class":"joy","probability":0.25}],"error":null,"path_base64":"YQliCv8ucG5n"}"#);
        let bad = Answer { file: &ImageFile::file("a.png".into()), outcome: Err("it is empty".into()), overlay: None };
        assert_eq!(bad.row(), "");
        insta::assert_snapshot!(bad.json().unwrap(), @r#"{"path":"a.png","class":null,"probability":null,"top":[],"error":"it is empty"}"#);
    }
}
