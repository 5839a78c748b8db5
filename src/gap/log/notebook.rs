//! Extracts what the cells of a Jupyter notebook printed.

use serde_json::Value;

/// Largest notebook that is read \[bytes\].
const LARGE: usize = 32 << 20;

/// The text that the cells of a notebook printed, in their order; None where `text` is not a notebook.
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
        let text = output.get("text").or_else(|| output.get("data")?.get("text/plain"));
        match text {
            Some(Value::String(text)) => printed.push_str(text),
            Some(Value::Array(lines)) => printed.extend(lines.iter().filter_map(Value::as_str)),
            _ => continue,
        }
        if !printed.ends_with('\n') {
            printed.push('\n');
        }
    }
    // Decoding ends a line wherever a progress bar was redrawn.
    Some(super::text::decode(printed.as_bytes()))
}
