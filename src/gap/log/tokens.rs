//! Splits a line into words, numbers and separators.

use super::cell::Cell;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Token<'a> {
    /// A word, which may hold digits, underscores, and slashes, dots or dashes between letters.
    Word(&'a str),
    /// A number; NaN and ∞ where the line writes them.
    Value(Cell),
    /// `:` or `=`, between a name and its number.
    Link,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    /// Anything else that ends a name: a comma, a bar, a dash between spaces, a time of day.
    Break,
}

/// The tokens of a line.
pub fn tokens(line: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            ':' | '=' => (Some(Token::Link), 1),
            '(' | '[' => (Some(Token::Open), 1),
            ')' | ']' => (Some(Token::Close), 1),
            ' ' | '"' | '\'' | '`' | '*' | '#' => (None, c.len_utf8()),
            // `training loss:` and its number in columns.
            '\t' if tokens.last() == Some(&Token::Link) => (None, 1),
            c if c.is_ascii_digit() || "+-.".contains(c) => number(rest),
            c if c.is_alphabetic() || c == '_' => word(rest),
            c => (Some(Token::Break), c.len_utf8()),
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// A number; or a break for a time, a date or a speed, which begin like one.
fn number(text: &str) -> (Option<Token<'_>>, usize) {
    let length = number_length(text);
    if length == 0 {
        // A sign without digits: a dash between two words, or dots after a number.
        let run = text.find(|c: char| !"+-.".contains(c)).unwrap_or(text.len());
        let word = &text[run..];
        if run == 1 && (word.starts_with("inf") || word.starts_with("nan")) {
            return self::word(word).0.map_or((None, 1), |token| (Some(token), run + 3));
        }
        return (Some(Token::Break), run.max(1));
    }
    let (digits, after) = text.split_at(length);
    let value: f64 = digits.parse().unwrap_or(f64::NAN);
    let mut next = after.chars();
    match (next.next(), next.next()) {
        (Some('%'), _) => (Some(Token::Value(Cell::Percent(value))), length + 1),
        (Some(' '), Some('%')) => (Some(Token::Value(Cell::Percent(value))), length + 2),
        // `9842/10000` images predicted right.
        (Some('/'), Some(digit)) if digit.is_ascii_digit() => {
            let of = number_length(&after[1..]);
            let all: f64 = after[1..=of].parse().unwrap_or(f64::NAN);
            (Some(Token::Value(Cell::Percent(100.0 * value / all))), length + 1 + of)
        }
        (Some(c), _) if c.is_alphabetic() || c == '_' => (Some(Token::Break), length + junk(after)),
        (Some(':' | '-'), Some(digit)) if digit.is_ascii_digit() => (Some(Token::Break), length + junk(after)),
        _ => (Some(Token::Value(Cell::Number(value))), length),
    }
}

/// The length of the rest of a time, a date or a unit: `ms/step`, `:59:01`, `-01-31`.
fn junk(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || "_:/-.".contains(c))).unwrap_or(text.len())
}

/// The length of the decimal number at the beginning, 0 where there is none \[bytes\].
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = end_of_digits(bytes, sign);
    if bytes.get(end) == Some(&b'.') {
        let fraction = end_of_digits(bytes, end + 1);
        // Two dots after a number separate figures (`0.5..`), and one dot ends a sentence.
        if fraction > end + 1 {
            end = fraction;
        }
    }
    if end == sign {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if end_of_digits(bytes, sign) > sign {
            end = end_of_digits(bytes, sign);
        }
    }
    end
}

fn end_of_digits(bytes: &[u8], from: usize) -> usize {
    let digits = bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit());
    from + digits.count()
}

/// A word; `nan` and `inf` are numbers.
fn word(text: &str) -> (Option<Token<'_>>, usize) {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let joins =
            "/.-".contains(c) && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric() || *next == '_') && at > 0;
        if !(c.is_alphanumeric() || c == '_' || c == '@' || joins) {
            break;
        }
        end = at + c.len_utf8();
    }
    let word = &text[..end];
    let token = match word.to_ascii_lowercase().as_str() {
        "nan" => Some(Token::Value(Cell::Number(f64::NAN))),
        "inf" | "infinity" => Some(Token::Value(Cell::Number(f64::INFINITY))),
        // `tensor(0.5)` is 0.5.
        "tensor" | "np.float64" | "np.float32" if text[end..].starts_with('(') => return (None, end + 1),
        _ => Some(Token::Word(word)),
    };
    (token, end.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: f64) -> Token<'static> {
        Token::Value(Cell::Number(value))
    }

    #[test]
    fn names_numbers_and_what_is_neither() {
        use Token::{Break, Close, Link, Open, Word};
        assert_eq!(
            tokens("Loss/train: 1.5.. acc=-2e-3"),
            [Word("Loss/train"), Link, value(1.5), Break, Word("acc"), Link, value(-2e-3)]
        );
        assert_eq!(tokens("12ms/step - loss: 0.5"), [Break, Break, Word("loss"), Link, value(0.5)]);
        assert_eq!(tokens("2025-01-31 10:00:59,123"), [Break, Break, Break, value(123.0)]);
        assert_eq!(tokens("lr-SGD 0.1 (0.2)"), [Word("lr-SGD"), value(0.1), Open, value(0.2), Close]);
        let percent = Token::Value(Cell::Percent(98.42));
        assert_eq!(tokens("9842/10000 76.5 %"), [percent, Token::Value(Cell::Percent(76.5))]);
        assert_eq!(tokens("train.py tensor(0.5)"), [Word("train.py"), value(0.5), Close]);
        assert!(matches!(&tokens("nan")[..], [Token::Value(Cell::Number(value))] if value.is_nan()));
        assert_eq!(tokens("was 3."), [Word("was"), value(3.0), Break]);
        assert_eq!(tokens("…é–"), [Break, Word("é"), Break]);
    }
}
