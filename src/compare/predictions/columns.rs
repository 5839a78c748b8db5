//! Which column of a table of predictions is what, read from its head.

use std::collections::HashSet;

use anyhow::{Result, anyhow, bail, ensure};

use crate::data::IMAGE_COLUMNS;

/// Names of the column with the image's name; where none of them is there [`IMAGE_COLUMNS`] count.
const NAME: [&str; 5] = ["name", "path", "filename", "file", "image"];
/// Names of the column with the true class, and those that count where none of them is there.
const LABEL: [&str; 3] = ["label", "target", "true_label"];
const OTHER_LABEL: [&str; 9] =
    ["labels", "targets", "class", "true_class", "y_true", "ground_truth", "gt", "actual", "category"];
/// Names of columns that trainers write beside the values of the classes. They are no classes.
const NO_CLASS: [&str; 30] = [
    "pred",
    "prediction",
    "predicted",
    "predicted_label",
    "predicted_class",
    "pred_label",
    "pred_class",
    "y_pred",
    "yhat",
    "y_hat",
    "loss",
    "nll",
    "correct",
    "is_correct",
    "confidence",
    "conf",
    "probability",
    "prob",
    "score",
    "entropy",
    "margin",
    "fold",
    "seed",
    "index",
    "idx",
    "split",
    "group",
    "class",
    "actual",
    "category",
];
/// What may stand before the class in the name of a column, where it stands before all.
const PREFIXES: [&str; 6] = ["p_", "prob_", "logit_", "logits_", "score_", "class_"];
/// The columns with which `mindgap evaluate --predictions` begins; those without a role here are not classes.
pub const EVALUATE_COLUMNS: [&str; 6] = ["id", "path", "label", "predicted", "probability", "loss"];

/// The roles of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The separator.
    pub separator: u8,
    /// The column with the image's name.
    pub name: usize,
    /// The column with the true class.
    pub label: usize,
    /// The columns with one value a class, in the order of the classes.
    pub values: Vec<usize>,
    /// The classes.
    pub classes: Vec<String>,
    /// The first column has no name, as the index that pandas writes has none.
    pub has_index: bool,
    /// Columns that are no classes by their names.
    pub others: Vec<String>,
}

impl Columns {
    /// Reads the first line of a table, whose separator is a comma, a semicolon or a tab.
    /// Fails where no column holds names, or labels; two do; or there are fewer than two classes, or one comes twice.
    pub fn of_head(line: &[u8]) -> Result<Self> {
        let mut heads = Vec::new();
        for separator in [b',', b';', b'\t'] {
            let head = split(line, separator)?;
            let has = |names: [&[&str]; 2]| head.iter().any(|column| is_one_of(column, &names.concat()));
            if has([&NAME, &IMAGE_COLUMNS.concat()]) && has([&LABEL, &OTHER_LABEL]) {
                return Self::of_names(&head, separator);
            }
            heads.push(head);
        }
        heads.sort_by_key(Vec::len);
        let columns = heads.pop().unwrap_or_default();
        bail!(
            "its first line must name the columns: one with the images' names ({}), one with their true classes ({}), and one for each \
             class; it has {}",
            NAME.join(", "),
            LABEL.join(", "),
            shown(&columns)
        );
    }

    fn of_names(head: &[String], separator: u8) -> Result<Self> {
        let name = only(head, [&NAME, &IMAGE_COLUMNS.concat()])?;
        let label = only(head, [&LABEL, &OTHER_LABEL])?;
        let is_truth = |column: &str| is_one_of(column, &OTHER_LABEL) && !is_one_of(column, &NO_CLASS);
        if let Some(second) = (0..head.len()).find(|&index| index != label && is_truth(&head[index])) {
            bail!("the true classes may be in {:?} or in {:?}: rename one of them", head[label], head[second]);
        }
        let is_ours = head.len() > EVALUATE_COLUMNS.len()
            && head.iter().zip(EVALUATE_COLUMNS).all(|(column, known)| column == known);
        let has_index = head[0].is_empty();
        let mut values = Vec::new();
        for (index, column) in head.iter().enumerate() {
            let is_known = is_ours && index < EVALUATE_COLUMNS.len() || has_index && index == 0;
            if index == name || index == label || is_known {
                continue;
            }
            ensure!(!column.is_empty(), "column {} has no name", index + 1);
            values.push(index);
        }
        let (mut others, classes): (Vec<usize>, Vec<usize>) =
            values.iter().partition(|&&index| is_no_class(&head[index]));
        // Where too few are left, such names are those of classes: correct and wrong.
        if classes.len() > 1 {
            values = classes;
        } else {
            others.clear();
        }
        let names = |columns: &[usize]| columns.iter().map(|&index| head[index].clone()).collect::<Vec<String>>();
        let (mut classes, others) = (names(&values), names(&others));
        for prefix in PREFIXES {
            if classes.iter().all(|class| class.len() > prefix.len() && class.starts_with(prefix)) {
                classes.iter_mut().for_each(|class| *class = class[prefix.len()..].to_owned());
                break;
            }
        }
        ensure!(
            classes.len() > 1,
            "it has {} besides names and labels, and needs one for each class, two or more",
            if classes.is_empty() { "no column".to_owned() } else { format!("the column {:?} alone", classes[0]) }
        );
        let mut seen = HashSet::new();
        if let Some(class) = classes.iter().find(|class| !seen.insert(class.as_str())) {
            bail!("two columns are called {class:?}");
        }
        Ok(Self { separator, name, label, values, classes, has_index, others })
    }
}

/// The one column that is called by one of the first names or, where none is, of the second ones.
fn only(head: &[String], [names, others]: [&[&str]; 2]) -> Result<usize> {
    let called = |names: &[&str]| (0..head.len()).filter(|&column| is_one_of(&head[column], names)).collect::<Vec<_>>();
    let mut found = called(names);
    if found.is_empty() {
        found = called(others);
    }
    match found[..] {
        [column] => Ok(column),
        _ => bail!(
            "two columns may be meant: {}; rename one of them",
            found.iter().map(|&column| format!("{:?}", head[column])).collect::<Vec<_>>().join(" and ")
        ),
    }
}

/// Whether a column is no class by its name; pandas calls an index without a name `Unnamed: 0`.
fn is_no_class(column: &str) -> bool {
    let is_index = column.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("unnamed: "));
    is_index || is_one_of(column, &NO_CLASS) || is_one_of(column, &NAME) || is_one_of(column, &IMAGE_COLUMNS.concat())
}

fn is_one_of(column: &str, names: &[&str]) -> bool {
    names.iter().any(|name| column.eq_ignore_ascii_case(name))
}

/// The fields of one line.
fn split(line: &[u8], separator: u8) -> Result<Vec<String>> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).trim(csv::Trim::All).from_reader(line);
    match reader.records().next() {
        Some(record) => {
            Ok(record.map_err(|_| anyhow!("it is no line of UTF-8 text"))?.iter().map(str::to_owned).collect())
        }
        None => Ok(Vec::new()),
    }
}

/// Some column names for a message.
fn shown(columns: &[String]) -> String {
    let first: Vec<String> = columns.iter().take(6).map(|column| format!("{column:?}")).collect();
    let more = if columns.len() > first.len() { format!(", … ({} in all)", columns.len()) } else { String::new() };
    if first.is_empty() { "none".to_owned() } else { first.join(", ") + &more }
}
