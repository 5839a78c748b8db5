//! Decodes the bytes of a log into lines of text.

/// The text: UTF-8 or UTF-16 with or without a byte order mark, without the codes that colour a terminal. A carriage
/// return or backspace, with which a progress bar is redrawn, ends a line.
pub fn decode(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => match zeros(bytes) {
            [even, odd] if odd > 0.4 && even < 0.1 => wide(bytes, u16::from_le_bytes),
            [even, odd] if even > 0.4 && odd < 0.1 => wide(bytes, u16::from_be_bytes),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        },
    };
    lines(&text)
}

/// The format of bytes that are not text, judged by their beginning; None for text.
pub fn other_than_text(bytes: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "compressed with gzip (gunzip it first)"),
        (b"PK\x03\x04", "a zip archive, such as a checkpoint of PyTorch's"),
        (b"\x80\x02", "a pickle, such as an old checkpoint of PyTorch's"),
        (b"\x80\x04", "a pickle of Python's"),
        (b"\x89PNG", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"\x89HDF", "an HDF5 file, such as weights of Keras'"),
        (b"%PDF", "a PDF"),
        (b"SQLite format 3", "an SQLite database"),
    ];
    let named = FORMATS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, name)| *name);
    let begin = &bytes[..bytes.len().min(4096)];
    let controls = begin.iter().filter(|byte| matches!(byte, 1..=7 | 14..=26 | 28..=31)).count();
    let is_utf16 = zeros(bytes).iter().any(|share| *share > 0.4)
        || begin.starts_with(b"\xff\xfe")
        || begin.starts_with(b"\xfe\xff");
    named.or_else(|| (20 * controls > begin.len() && !is_utf16).then_some("binary"))
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The shares of zeros among the even and the odd bytes near the beginning: in ASCII as UTF-16 every other byte is 0.
fn zeros(bytes: &[u8]) -> [f64; 2] {
    let begin = &bytes[..bytes.len().min(4096)];
    [0, 1].map(|first| {
        let places = begin.iter().skip(first).step_by(2);
        places.clone().filter(|&&byte| byte == 0).count() as f64 / places.count().max(1) as f64
    })
}

fn lines(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' => {
                chars.next_if_eq(&'\n');
                plain.push('\n');
            }
            '\u{8}' if !plain.ends_with('\n') => plain.push('\n'),
            '\0' | '\u{8}' | '\u{feff}' => {}
            '\u{a0}' | '\u{3000}' => plain.push(' '),
            c if is_full_width(c) => plain.push(narrow(c)),
            c => plain.push(c),
        }
    }
    plain
}

/// Whether a character is the wide form in which Chinese and Japanese text writes a punctuation mark: `：`.
fn is_full_width(c: char) -> bool {
    "：，；＝（）［］｜／％".contains(c)
}

/// The ASCII form of a wide character.
fn narrow(wide: char) -> char {
    char::from_u32(u32::from(wide) - 0xFEE0).unwrap_or(wide)
}

/// `ESC [ parameters letter`.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars.next_if(|c| c.is_ascii_digit() || ";?".contains(*c)).is_some() {}
        chars.next_if(char::is_ascii_alphabetic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_many_encodings() {
        let text = "Epoch 1 – loss 0.5\n";
        let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            marked(&[0xEF, 0xBB, 0xBF], text.as_bytes().to_vec()),
            marked(&[0xFF, 0xFE], wide(u16::to_le_bytes)),
            marked(&[0xFE, 0xFF], wide(u16::to_be_bytes)),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes), text);
        }
    }

    #[test]
    fn progress_bars_and_colours_leave_plain_lines() {
        assert_eq!(decode(b"a 10%\ra 20%\r\nb\n"), "a 10%\na 20%\nb\n");
        assert_eq!(decode(b"\x1b[1;32mgreen\x1b[0m\n"), "green\n");
        assert_eq!(decode("loss：0.5，（％）".as_bytes()), "loss:0.5,(%)");
        assert_eq!(decode(b"1/2\x08\x08\x08\x082/2"), "1/2\n2/2");
    }
}
