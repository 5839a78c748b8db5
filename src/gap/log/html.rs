//! Tables in HTML: the progress tables of fastai and transformers in a notebook, and pandas' data frames.

use super::names::{Kind, Side, recognise};

/// The tables of losses in `html`, drawn with bars, which is how `aligned` reads them; None where there is none.
pub fn tables(html: &str) -> Option<String> {
    let mut drawn = String::new();
    for table in elements(html, "table") {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in elements(table, "tr") {
            rows.push(cells(row));
        }
        name_index(&mut rows);
        if !rows.first().is_some_and(|head| is_head_of_losses(head)) {
            continue;
        }
        for row in rows {
            drawn.push_str(&format!("| {} |\n", row.join(" | ")));
        }
    }
    (!drawn.is_empty()).then_some(drawn)
}

/// Whether a table with this head states epochs, or both losses.
fn is_head_of_losses(head: &[String]) -> bool {
    let meanings: Vec<_> = head.iter().filter_map(|name| recognise(name)).collect();
    let has_loss = |val: bool| {
        meanings.iter().any(|meaning| meaning.kind == Kind::Loss && (meaning.side == Some(Side::Val)) == val)
    };
    let is_counted = meanings.iter().any(|meaning| matches!(meaning.kind, Kind::Epoch | Kind::Step));
    has_loss(false) && has_loss(true) || is_counted && (has_loss(false) || has_loss(true))
}

/// Moves the name of pandas' index, which stands in a row of its own, into the head.
fn name_index(rows: &mut Vec<Vec<String>>) {
    let [head, second, ..] = &mut rows[..] else { return };
    let is_index_alone = second.iter().skip(1).all(String::is_empty) && !second.is_empty();
    if is_index_alone && head.first().is_some_and(String::is_empty) && recognise(&second[0]).is_some() {
        head[0] = second[0].clone();
        rows.remove(1);
    }
}

/// The texts of a row's cells.
fn cells(row: &str) -> Vec<String> {
    let small = row.to_ascii_lowercase();
    let mut begins: Vec<usize> = Vec::new();
    for tag in ["<td", "<th"] {
        begins.extend(small.match_indices(tag).map(|(at, _)| at).filter(|at| ends_name(&small[at + tag.len()..])));
    }
    begins.sort_unstable();
    let ends = begins.iter().skip(1).copied().chain([row.len()]);
    begins.iter().zip(ends).map(|(begin, end)| text(&row[*begin..end])).collect()
}

/// What stands between the tags `<name …>` and `</name>`; an element that is not closed ends where the next begins.
fn elements<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let small = html.to_ascii_lowercase();
    let (open, close) = (format!("<{name}"), format!("</{name}"));
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = small[from..].find(&open) {
        let begin = from + at + open.len();
        from = begin;
        if !ends_name(&small[begin..]) {
            continue;
        }
        let rest = &small[begin..];
        let next = rest.find(&open).unwrap_or(rest.len());
        let end = rest[..next].find(&close).unwrap_or(next);
        found.push(&html[begin..begin + end]);
    }
    found
}

/// Whether the name of a tag has ended: `<th>` is no `<thead>`.
fn ends_name(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The text without tags and entities, in one line and without bars.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            '|' => text.push('/'),
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    for (entity, sign) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, sign);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_losses_is_drawn_and_others_are_not() {
        let table = |head: &str| {
            format!(
                "<table border=1><thead><tr><th>{head}</th>\n<th>Training Loss</th></tr></thead><TR><td>1<td> <b>0.5</b></table>"
            )
        };
        assert_eq!(tables(&table("Epoch")).unwrap(), "| Epoch | Training Loss |\n| 1 | 0.5 |\n");
        assert_eq!(tables(&table("City")), None);
        assert_eq!(text("<td>a&lt;|b&amp;&nbsp;c"), "a</b& c");
        let indexed =
            "<table><tr><th></th><th>loss</th></tr><tr><th>epoch</th><th></th></tr><tr><th>0</th><td>1</td></tr>";
        assert_eq!(tables(indexed).unwrap(), "| epoch | loss |\n| 0 | 1 |\n");
    }
}
