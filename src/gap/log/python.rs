//! Python's literals, as `print` and `pprint` write them, as JSON values.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 12;

/// The literal at the beginning of `text`, and the text behind it; None where there is none.
///
/// Tuples and arrays, with or without commas, become lists; a call such as `np.float32(0.5)` or `defaultdict(list, {…})`
/// stands for its first argument that is a number, a list or a dictionary. NaN and ∞ become texts that `Cell` reads.
pub fn literal(text: &str) -> Option<(Value, &str)> {
    let mut reader = Reader { rest: text };
    let value = reader.value(0)?;
    Some((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            '{' => self.braces(depth),
            '[' => self.items(']', depth).map(Value::Array),
            '(' => self.items(')', depth).map(Value::Array),
            '\'' | '"' => self.text().map(Value::String),
            // `<class 'list'>`.
            '<' => {
                self.rest = &self.rest[self.rest.find('>')? + 1..];
                Some(Value::Null)
            }
            c if c.is_ascii_digit() || "+-.".contains(c) => self.number(),
            _ => self.word(depth),
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// Steps over `sign` where it comes next.
    fn take(&mut self, sign: char) -> bool {
        let comes = self.peek() == Some(sign);
        if comes {
            self.rest = &self.rest[sign.len_utf8()..];
        }
        comes
    }

    /// The beginning of the rest, as long as its characters satisfy `belongs`.
    fn taken(&mut self, belongs: impl Fn(char) -> bool) -> &str {
        let (taken, rest) = self.rest.split_at(self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A dictionary, or a set as a list.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        self.take('{');
        let mut fields = Map::new();
        let mut items = Vec::new();
        while !self.take('}') {
            let item = self.value(depth + 1)?;
            if self.take(':') {
                fields.insert(key(&item), self.value(depth + 1)?);
            } else {
                items.push(item);
            }
            self.take(',');
        }
        Some(if items.is_empty() { Value::Object(fields) } else { Value::Array(items) })
    }

    /// The items of a list; NumPy writes no commas between them.
    fn items(&mut self, end: char, depth: usize) -> Option<Vec<Value>> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value(depth + 1)?);
            self.take(',');
        }
        Some(items)
    }

    fn text(&mut self) -> Option<String> {
        let mut chars = self.rest.char_indices();
        let (_, quote) = chars.next()?;
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => text.extend(chars.next().map(|(_, escaped)| escaped)),
                // A printed text has no line breaks; one that seems to is no text.
                '\n' => return None,
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                c => text.push(c),
            }
        }
        None
    }

    fn number(&mut self) -> Option<Value> {
        let sign = self.rest.starts_with(['+', '-']);
        if sign && self.rest[1..].starts_with(char::is_alphabetic) {
            self.rest = &self.rest[1..];
            return self.value(DEEPEST);
        }
        let digits = self.taken(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        Number::from_f64(digits.parse().ok()?).map(Value::Number)
    }

    /// A word, such as `None`, or a call.
    fn word(&mut self, depth: usize) -> Option<Value> {
        let word = self.taken(|c| c.is_alphanumeric() || "_.".contains(c)).to_owned();
        if self.rest.starts_with('(') {
            return self.call(depth);
        }
        Some(match word.to_lowercase().as_str() {
            "" => return None,
            "none" | "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "nan" => Value::String("NaN".to_owned()),
            "inf" | "infinity" => Value::String("inf".to_owned()),
            _ => Value::String(word),
        })
    }

    /// The value that a call stands for. An `OrderedDict` is a list of pairs.
    fn call(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut value = Value::Null;
        while !self.take(')') {
            let argument = self.value(depth + 1)?;
            let is_named = self.take('=');
            if is_named {
                self.value(depth + 1)?;
            }
            if value.is_null() && !is_named && (argument.is_number() || argument.is_array() || argument.is_object()) {
                value = argument;
            }
            self.take(',');
        }
        let pairs = value.as_array().map(|items| items.iter().map(pair).collect::<Option<Map<_, _>>>());
        match pairs {
            Some(Some(fields)) if !fields.is_empty() => Some(Value::Object(fields)),
            _ => Some(value),
        }
    }
}

/// A name and its value, from a list of the two.
fn pair(item: &Value) -> Option<(String, Value)> {
    match item.as_array()?.as_slice() {
        [Value::String(name), value] => Some((name.clone(), value.clone())),
        _ => None,
    }
}

/// A dictionary's key as text: `1` is "1".
fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_python_prints_is_read() {
        for (text, value) in [
            ("{'a': [1, 2.5, nan], 'b': None}", json!({"a": [1.0, 2.5, "NaN"], "b": null})),
            ("[np.float32(1.5), tensor(2.5, device='cuda:0')]", json!([1.5, 2.5])),
            ("array([1.5, 2.5], dtype=float32)", json!([1.5, 2.5])),
            ("[1.5 2.5\n 3.]", json!([1.5, 2.5, 3.0])),
            ("defaultdict(<class 'list'>, {'a': [1]})", json!({"a": [1.0]})),
            ("OrderedDict([('a', 0.5), ('b', -inf)])", json!({"a": 0.5, "b": "inf"})),
            ("{1: (True, \"it's\")}", json!({"1": [true, "it's"]})),
        ] {
            assert_eq!(literal(text), Some((value, "")), "{text}");
        }
        assert_eq!(literal("[1, 2] and more"), Some((json!([1.0, 2.0]), " and more")));
        for broken in ["[1, 2", "[0.5 ... 0.4]", "{'a': ", "('a", ""] {
            assert_eq!(literal(broken), None, "{broken}");
        }
    }
}
