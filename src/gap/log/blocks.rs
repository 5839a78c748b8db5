//! A block of lines `name: value` for each epoch, as YAML lists them: the epoch may stand anywhere in its block.

use anyhow::Result;

use super::{
    cell::Cell,
    names::{Kind, recognise},
    table::{Row, Table},
};

/// Reads blocks that begin with a dash, or are divided by empty lines, and that each name their epoch once; None for other text.
pub fn read(text: &str, mut table: Table) -> Result<Option<Table>> {
    let Some(blocks) = blocks(text) else { return Ok(None) };
    if blocks.len() < 2 || !blocks.iter().all(names_epoch_once) {
        return Ok(None);
    }
    for block in blocks {
        let mut cells = Vec::new();
        for (name, value) in block {
            if let Some(cell) = Cell::read(value)
                && let Some(column) = table.column(name)?
            {
                cells.push((column, cell));
            }
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(Some(table))
}

/// Names and values of a block.
type Block<'a> = Vec<(&'a str, &'a str)>;

/// The blocks of a text that holds nothing else.
fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut begins = true;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line == "---" {
            begins = true;
            continue;
        }
        let (first, field) = line.strip_prefix("- ").map_or((false, line), |field| (true, field));
        if first || begins {
            blocks.push(Vec::new());
        }
        begins = false;
        blocks.last_mut()?.push(field_of(field)?);
    }
    Some(blocks)
}

/// A name of one word and a value of one.
fn field_of(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':').or_else(|| line.split_once('='))?;
    let (name, value) = (name.trim().trim_matches(['"', '\'']), value.trim());
    let are_words = !name.is_empty() && ![name, value].iter().any(|text| text.contains(char::is_whitespace));
    are_words.then_some((name, value))
}

/// Whether a block names one epoch, and no name twice.
fn names_epoch_once(block: &Block) -> bool {
    let epochs = block.iter().filter(|(name, _)| recognise(name).is_some_and(|meaning| meaning.kind == Kind::Epoch));
    let is_repeated = |at: usize| block[..at].iter().any(|(name, _)| *name == block[at].0);
    epochs.count() == 1 && !(0..block.len()).any(is_repeated)
}
