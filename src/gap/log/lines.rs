//! Epochs in lines of text, whatever stands around them.

use super::{
    Stated,
    field::{Field, recognise},
    number,
};

/// The epochs, rising, and how many were planned. Of an epoch that comes twice the later counts: a run was begun anew.
pub fn read(text: &str) -> (Vec<(u32, Stated)>, Option<u32>) {
    let mut epochs = std::collections::BTreeMap::new();
    let mut planned = None;
    // Keras prints the number of an epoch on a line of its own, before the line of its figures.
    let mut current = None;
    for line in text.lines() {
        if let Some((epoch, of, rest)) = epoch_of(line) {
            current = Some(epoch);
            planned = of.or(planned);
            record(rest, epoch, &mut epochs);
        } else if let Some(epoch) = current {
            record(line, epoch, &mut epochs);
        }
    }
    (epochs.into_iter().collect(), planned)
}

fn record(text: &str, epoch: u32, epochs: &mut std::collections::BTreeMap<u32, Stated>) {
    let stated = pairs(text);
    // A line that names one of them only, such as prose that says `loss: 3`, is no record of an epoch.
    if stated.contains_key(&Field::TrainLoss) && stated.contains_key(&Field::ValLoss) {
        epochs.insert(epoch, stated);
    }
}

/// The epoch that a line names (`Epoch: 20/50..`, `Epoch 20`, `epoch [20/50]`), how many there are to be, and the rest.
fn epoch_of(line: &str) -> Option<(u32, Option<u32>, &str)> {
    let at = line.to_ascii_lowercase().find("epoch")?;
    let rest = line[at + "epoch".len()..].trim_start_matches([':', ' ', '=', '[', '(', '#', '\t']);
    let (epoch, rest) = whole(rest)?;
    let after = rest.trim_start();
    match after.strip_prefix('/').or_else(|| after.strip_prefix("of ")).and_then(|after| whole(after.trim_start())) {
        Some((planned, rest)) => Some((epoch, Some(planned), rest)),
        None => Some((epoch, None, rest)),
    }
}

fn whole(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Every `name: number` or `name=number` whose name is known.
fn pairs(text: &str) -> Stated {
    let mut stated = Stated::new();
    let mut rest = text;
    while let Some(sign) = rest.find([':', '=']) {
        let name = rest[..sign].rsplit(['.', ',', '|', ';', '(', '[', ']', ')']).next().unwrap_or_default();
        let name = name.rsplit(" - ").next().unwrap_or_default();
        let after = rest[sign + 1..].trim_start();
        let (value, left) = value(after);
        if let (Some(value), Some(named)) = (value, recognise(name)) {
            stated.insert(named.field, value);
        }
        rest = left;
    }
    stated
}

/// The number at the start of a text, and what comes after it.
fn value(text: &str) -> (Option<f64>, &str) {
    let word = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(text.len());
    // The origin puts two dots behind a number.
    let end = text[..word].find("..").unwrap_or(word);
    match number(&text[..end]).or_else(|| number(text[..end].trim_end_matches('.'))) {
        Some(value) => (Some(value), &text[end..]),
        None => (None, text),
    }
}
