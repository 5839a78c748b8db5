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

/// The number and the total with which a text begins, and what follows: `128 / 50000]`.
pub fn with_total(text: &str) -> Option<(f64, f64, &str)> {
    let (number, rest) = self::number(text.trim_start())?;
    let (total, rest) = self::number(rest.trim_start().strip_prefix('/')?.trim_start())?;
    Some((number, total, rest))
}

/// The number with which a text in brackets begins where a total follows, or that is a share of the epoch: `128/50000]`, `33%]`.
pub fn position(text: &str) -> Option<f64> {
    let (number, rest) = self::number(text.trim_start())?;
    let has_total = with_total(text).is_some_and(|(_, _, end)| end.starts_with([']', ' ', ')']));
    (has_total || rest.starts_with("%]")).then_some(number)
}
