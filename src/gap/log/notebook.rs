//! Jupyter notebooks: what their cells have printed.

use serde_json::Value;

/// Bytes above which a notebook is not held as a whole.
const LARGE: usize = 32 << 20;

/// The text that the cells of a notebook printed, in their order; None where `text` is no notebook.
pub fn printed(text: &str) -> Option<String> {
    // Nearly no log is one, and this tells so at once.
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
            Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).for_each(|line| printed.push_str(line)),
            _ => continue,
        }
        if !printed.ends_with('\n') {
            printed.push('\n');
        }
    }
    // A progress bar that is redrawn ends a line each time.
    Some(super::text::decode(printed.as_bytes()))
}
