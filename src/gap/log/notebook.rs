//! Extracts what the cells of a Jupyter notebook printed, and the tables of losses that they displayed.

use serde_json::Value;

use super::html;

/// Largest notebook that is read \[bytes\].
const LARGE: usize = 32 << 20;

/// The text that the cells of a notebook printed and the tables that they displayed, in their order; None where `text` is not a notebook.
pub fn printed(text: &str) -> Option<String> {
    // Hardly any log is a notebook; this quick test excludes most of them.
    let begin = text.trim_start();
    if !begin.starts_with('{') || text.len() > LARGE || !text.contains("\"cells\"") {
        return None;
    }
    let notebook: Value = serde_json::from_str(begin).ok()?;
    let mut printed = String::new();
    for output in notebook.get("cells")?.as_array()?.iter().filter_map(|cell| cell.get("outputs")?.as_array()).flatten()
    {
        let data = |kind: &str| output.get("data").and_then(|data| data.get(kind));
        let tables = data("text/html").map(joined).and_then(|html| html::tables(&html));
        let text = output.get("text").or_else(|| data("text/plain"));
        match (tables, text) {
            (Some(tables), _) => printed.push_str(&tables),
            (None, Some(text)) => printed.push_str(&joined(text)),
            _ => continue,
        }
        if !printed.ends_with('\n') {
            printed.push('\n');
        }
    }
    // Decoding ends a line wherever a progress bar was redrawn.
    Some(super::text::decode(printed.as_bytes()))
}

/// The text of an output, which may be a list of lines.
fn joined(text: &Value) -> String {
    match text {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}
