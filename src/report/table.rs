//! Tables and sentences of a comparison as the pages show them.

/// A table with its head.
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table whose first row is the head; None without further rows.
    pub fn of(mut rows: Vec<Vec<String>>) -> Option<Self> {
        if rows.len() < 2 {
            return None;
        }
        let head = rows.remove(0);
        Some(Self { head, rows })
    }
}

/// Text with names in backticks, cut at them: true for the names.
pub fn pieces(text: &str) -> Vec<(bool, String)> {
    text.split('`').enumerate().map(|(index, piece)| (index % 2 == 1, piece.to_owned())).collect()
}
