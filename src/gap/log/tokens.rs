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
    /// An opening square bracket.
    OpenSquare,
    /// A closing bracket.
    Close,
    /// An arrow from one number to another: `0.9 --> 0.8`.
    Arrow,
    /// A number whose sign opens a bracket, `(+0.1)`: by how much the figure before it changed.
    Change,
    /// Anything else that ends a name: a comma, a bar, a dash between spaces, a time of day.
    Break,
}

/// The mark between the whole part and the fraction of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mark {
    /// `0.5`
    #[default]
    Point,
    /// `0,5`
    Comma,
}

/// The tokens of a line.
pub fn tokens(line: &str, mark: Mark) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if c == '!' {
            drop_words(&mut tokens);
        }
        let (token, length) = match c {
            '-' | '=' | '→' if matches!(tokens.last(), Some(Token::Value(_))) && arrow(rest) > 0 => {
                (Some(Token::Arrow), arrow(rest))
            }
            '+' | '-' if tokens.last() == Some(&Token::Open) && number_length(rest, mark) > 0 => {
                (Some(Token::Change), number_length(rest, mark))
            }
            ':' | '=' => (Some(Token::Link), 1),
            '(' => (Some(Token::Open), 1),
            '[' => (Some(Token::OpenSquare), 1),
            ')' | ']' => (Some(Token::Close), 1),
            ' ' | '"' | '\'' | '`' | '*' | '#' => (None, c.len_utf8()),
            '.' if is_abbreviated(tokens.last()) || rest.starts_with(".:") => (None, 1),
            // `training loss:` and its number in columns.
            '\t' if tokens.last() == Some(&Token::Link) => (None, 1),
            c if c.is_ascii_digit() || "+-.".contains(c) => number(rest, mark),
            c if c.is_alphabetic() || c == '_' => word(rest),
            c => (Some(Token::Break), c.len_utf8()),
        };
        tokens.extend(token);
        rest = &rest[length..];
    }
    tokens
}

/// Whether a dot belongs to the word before it: `aux. loss`; so does one before a colon, `Acc.: 0.5`.
fn is_abbreviated(last: Option<&Token>) -> bool {
    matches!(last, Some(Token::Word(word)) if ["aux", "reg", "prev"].iter().any(|short| word.eq_ignore_ascii_case(short)))
}

/// Drops the words at the end: what is exclaimed, such as `New best!`, names no figure.
fn drop_words(tokens: &mut Vec<Token>) {
    while matches!(tokens.last(), Some(Token::Word(_))) {
        tokens.pop();
    }
}

/// The length of an arrow at the beginning, 0 where there is none \[bytes\].
fn arrow(text: &str) -> usize {
    let shaft = text.len() - text.trim_start_matches(['-', '=']).len();
    let head = ['>', '→'].into_iter().find(|head| text[shaft..].starts_with(*head));
    head.filter(|head| shaft > 0 || *head == '→').map_or(0, |head| shaft + head.len_utf8())
}

/// A number; or a break for a time, a date or a speed, which begin like one.
fn number(text: &str, mark: Mark) -> (Option<Token<'_>>, usize) {
    let length = number_length(text, mark);
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
    let value = value_of(digits, mark);
    // Julia's `1.9f0`.
    if let Some(end) = after.strip_prefix("f0")
        && !end.starts_with(char::is_alphanumeric)
    {
        return (Some(Token::Value(Cell::Number(value))), length + "f0".len());
    }
    let mut next = after.chars();
    match (next.next(), next.next()) {
        (Some('%'), _) => (Some(Token::Value(Cell::Percent(value))), length + 1),
        (Some(' '), Some('%')) => (Some(Token::Value(Cell::Percent(value))), length + 2),
        // `9842/10000` images predicted right. `0.5/0.6` are two figures.
        (Some('/'), Some(digit)) if digit.is_ascii_digit() && !digits.contains('.') => {
            let has_thousands = mark == Mark::Point && digits.contains(',');
            let of = if has_thousands { length_of_total(&after[1..]) } else { number_length(&after[1..], mark) };
            let all = value_of(&after[1..=of], mark);
            (Some(Token::Value(Cell::Percent(100.0 * value / all))), length + 1 + of)
        }
        (Some(c), _) if c.is_alphabetic() || c == '_' => (Some(Token::Break), length + junk(after)),
        // `val_loss=1.4.ckpt` is the name of a file.
        (Some('.'), Some(c)) if c.is_alphabetic() => (Some(Token::Break), length + junk(after)),
        (Some(':' | '-'), Some(digit)) if digit.is_ascii_digit() => (Some(Token::Break), length + junk(after)),
        _ => (Some(Token::Value(Cell::Number(value))), length),
    }
}

/// The length of the rest of a time, a date or a unit: `ms/step`, `:59:01`, `-01-31`.
fn junk(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || "_:/-.".contains(c))).unwrap_or(text.len())
}

/// The value of digits with a fraction, and with commas between thousands.
fn value_of(digits: &str, mark: Mark) -> f64 {
    let plain = match mark {
        Mark::Point => digits.replace(',', ""),
        Mark::Comma => digits.replace(',', "."),
    };
    plain.parse().unwrap_or(f64::NAN)
}

/// The length of the decimal number at the beginning, 0 where there is none \[bytes\].
fn number_length(text: &str, mark: Mark) -> usize {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let mut end = end_of_digits(bytes, sign);
    if mark == Mark::Point && end > sign {
        end = end_of_thousands(bytes, sign, end);
    }
    let is_marked = match bytes.get(end) {
        Some(b'.') => true,
        Some(b',') => mark == Mark::Comma && end > sign,
        _ => false,
    };
    if is_marked {
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

/// The end of `1,234`, where a fraction or a total follows, so that the comma cannot stand between two figures; otherwise
/// `end`, where its first digits end.
fn end_of_thousands(bytes: &[u8], begin: usize, end: usize) -> usize {
    let at = if end - begin <= 3 { end_of_groups(bytes, end) } else { end };
    let follows = matches!(bytes.get(at), Some(b'.' | b'/')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    if follows { at } else { end }
}

/// The end of the groups of a comma and three digits that begin at `at`.
fn end_of_groups(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b',') && end_of_digits(bytes, at + 1) == at + 4 {
        at += 4;
    }
    at
}

/// The length of the whole number, with commas between thousands, at the beginning \[bytes\].
fn length_of_total(text: &str) -> usize {
    end_of_groups(text.as_bytes(), end_of_digits(text.as_bytes(), 0))
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
        "tensor" | "array" | "tf.tensor" | "np.float64" | "np.float32" if text[end..].starts_with('(') => {
            return (None, end + if text[end..].starts_with("([") { 2 } else { 1 });
        }
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
            tokens("Loss/train: 1.5.. acc=-2e-3", Mark::Point),
            [Word("Loss/train"), Link, value(1.5), Break, Word("acc"), Link, value(-2e-3)]
        );
        assert_eq!(tokens("12ms/step - loss: 0.5", Mark::Point), [Break, Break, Word("loss"), Link, value(0.5)]);
        assert_eq!(tokens("2025-01-31 10:00:59,123", Mark::Point), [Break, Break, Break, value(123.0)]);
        assert_eq!(tokens("lr-SGD 0.1 (0.2)", Mark::Point), [Word("lr-SGD"), value(0.1), Open, value(0.2), Close]);
        let percent = Token::Value(Cell::Percent(98.42));
        assert_eq!(tokens("9842/10000 76.5 %", Mark::Point), [percent, Token::Value(Cell::Percent(76.5))]);
        assert_eq!(tokens("train.py tensor(0.5)", Mark::Point), [Word("train.py"), value(0.5), Close]);
        assert!(matches!(&tokens("nan", Mark::Point)[..], [Token::Value(Cell::Number(value))] if value.is_nan()));
        assert_eq!(tokens("0.5/0.6", Mark::Point), [value(0.5), Break, value(0.6)]);
        assert_eq!(tokens("was 3.", Mark::Point), [Word("was"), value(3.0), Break]);
        assert_eq!(tokens("…é–", Mark::Point), [Break, Word("é"), Break]);
        assert_eq!(
            tokens("0.9 --> 0.8 (-0.1)", Mark::Point),
            [value(0.9), Token::Arrow, value(0.8), Open, Token::Change, Close]
        );
        assert_eq!(tokens("1.5f0", Mark::Point), [value(1.5)]);
        assert_eq!(tokens("New best! loss 0.5", Mark::Point), [Break, Word("loss"), value(0.5)]);
    }

    #[test]
    fn commas_in_numbers() {
        assert_eq!(tokens("1,234.5 1,2", Mark::Point), [value(1234.5), value(1.0), Token::Break, value(2.0)]);
        assert_eq!(tokens("1,234/2,000", Mark::Point), [Token::Value(Cell::Percent(61.7))]);
        let percent = Token::Value(Cell::Percent(31.25));
        assert_eq!(tokens("0,5, 31,25 %", Mark::Comma), [value(0.5), Token::Break, percent]);
    }
}
