//! Numbers that name a row: `7`, `epoch_7`, `Epoch 7 (best)`.

use super::names::{Kind, recognise};

/// A number that names a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowNumber {
    /// Whether the row is named by a step.
    is_step: bool,
    /// The number.
    pub number: u32,
}

impl RowNumber {
    /// The name of the column that the number belongs to.
    pub fn column(self) -> &'static str {
        if self.is_step { "step" } else { "epoch" }
    }
}

/// The number in `7`, `epoch_7`, `Epoch 7 (best)` or `step7`.
pub fn number(key: &str) -> Option<RowNumber> {
    let begin = key.find(|c: char| c.is_ascii_digit())?;
    let (word, rest) = key.split_at(begin);
    let (digits, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let kind = recognise(word).map(|meaning| meaning.kind);
    let is_known = word.is_empty() || matches!(kind, Some(Kind::Epoch | Kind::Step));
    // A date or a decimal number is no number of a row.
    let is_whole = rest.is_empty() || rest.starts_with([' ', '*', ')', ']', '/']);
    let number = digits.parse().ok().filter(|_| is_known && is_whole)?;
    Some(RowNumber { is_step: kind == Some(Kind::Step), number })
}
