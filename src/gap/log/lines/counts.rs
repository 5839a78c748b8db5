//! Numbers in a line, alone or with their total.

/// The number at the start of a text, where it is not part of a name.
pub fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut end = digits(text);
    if end == 0 || end > 9 {
        return None;
    }
    if let Some(fraction) = text[end..].strip_prefix('.') {
        let more = digits(fraction);
        end += if more > 0 { more + 1 } else { 0 };
    }
    let rest = &text[end..];
    let is_over = !rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_over.then_some(())?;
    Some((text[..end].parse().ok()?, rest))
}

/// Whether a text begins with a number and a total: `128/50000]`; or with a share of the epoch: `33%]`.
pub fn is_position(text: &str) -> bool {
    let Some((_, rest)) = number(text.trim_start()) else { return false };
    let total = rest.trim_start().strip_prefix('/').and_then(|total| number(total.trim_start()));
    total.is_some_and(|(_, end)| end.starts_with([']', ' ', ')'])) || rest.starts_with("%]")
}
