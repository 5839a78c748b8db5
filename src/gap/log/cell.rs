//! One cell of a table: a number, a percentage or a text.

/// The content of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A number; NaN and ∞ where the log writes them.
    Number(f64),
    /// A number with a per-cent sign.
    Percent(f64),
    /// Any other text.
    Text(Box<str>),
}

/// How logs write that nothing was measured.
const NOTHING: [&str; 13] = ["", "-", "--", "---", "–", "—", "none", "null", "nil", "na", "n/a", "no log", "?"];

impl Cell {
    /// Reads the text of a cell; None where it says that nothing was measured.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['"', '\'', '`', '*']).trim();
        if NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing)) {
            return None;
        }
        let bare = unwrapped(text);
        match bare.strip_suffix('%') {
            Some(percent) => number(percent.trim_end()).map(Self::Percent),
            None => number(bare).map(Self::Number),
        }
        .or_else(|| Some(Self::Text(text.into())))
    }

    /// The number; a percentage without its sign.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) | Self::Percent(value) => Some(*value),
            Self::Text(_) => None,
        }
    }
}

/// `tensor([0.5], device='cuda:0')` and `np.float64(0.5)` are 0.5.
fn unwrapped(text: &str) -> &str {
    const NAMES: [&str; 6] = ["tensor(", "tf.Tensor(", "Array(", "array(", "np.float64(", "np.float32("];
    let inside = NAMES.iter().find_map(|name| text.strip_prefix(name));
    inside.map_or(text, |inside| inside.trim_start_matches('[').split([',', ')', ']']).next().unwrap_or_default())
}

/// A number, with a decimal point or a decimal comma.
fn number(text: &str) -> Option<f64> {
    if let Ok(value) = text.parse::<f64>() {
        return Some(value);
    }
    let (whole, fraction) = text.split_once(',')?;
    let has_digits_alone = are_digits(whole.trim_start_matches('-')) && are_digits(fraction);
    if has_digits_alone { format!("{whole}.{fraction}").parse().ok() } else { None }
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_the_ways_in_which_they_are_written() {
        let of = |text: &str| Cell::read(text);
        for (text, value) in [
            ("0.5", 0.5),
            (" 5e-1 ", 0.5),
            ("tensor([0.5])", 0.5),
            ("Array(0.5, dtype=float32)", 0.5),
            ("\"0.5\"", 0.5),
            ("0,5", 0.5),
            ("tensor(0.5, device='x')", 0.5),
        ] {
            assert_eq!(of(text), Some(Cell::Number(value)), "{text}");
        }
        assert_eq!(of("76.5 %"), Some(Cell::Percent(76.5)));
        assert!(matches!(of("NaN"), Some(Cell::Number(value)) if value.is_nan()));
        assert_eq!(of("inf"), Some(Cell::Number(f64::INFINITY)));
        assert_eq!(of("00:12"), Some(Cell::Text("00:12".into())));
        for nothing in ["", "-", "None", "No log", "N/A", "—"] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
    }
}
