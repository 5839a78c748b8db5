//! Objects of JSON: what their names and values mean, and the row that one states.

use anyhow::Result;
use serde_json::{Map, Value};

use super::{
    cell::Cell,
    names::{Kind, label, recognise},
    table::{Row, Table},
};

/// The fields of an object.
pub type Fields = Map<String, Value>;

/// Whether a field of an object is its epoch or step.
pub fn states_epoch(fields: &Fields) -> bool {
    fields.keys().any(|name| recognise(name).is_some_and(|name| matches!(name.kind, Kind::Epoch | Kind::Step)))
}

/// Whether a name is that of a side, a loss or an accuracy.
pub fn is_side_or_figure(name: &str) -> bool {
    let is_figure = |kind| matches!(kind, Kind::Loss | Kind::Accuracy);
    label(name).is_some() || recognise(name).is_some_and(|meaning| is_figure(meaning.kind))
}

/// Adds a row with the figures of the object and of the objects inside it: `{"train": {"loss": 0.5}}`.
pub fn push(object: &Fields, table: &mut Table) -> Result<()> {
    let mut cells = Vec::new();
    gather(object, "", table, &mut cells, 0)?;
    table.push(Row { cells, begins: false })
}

fn gather(object: &Fields, prefix: &str, table: &mut Table, cells: &mut Vec<(u32, Cell)>, depth: usize) -> Result<()> {
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        match value {
            Value::Object(inside) if depth < 3 => gather(inside, &name, table, cells, depth + 1)?,
            value => {
                if let Some(cell) = cell(value)
                    && let Some(column) = table.column(&name)?
                {
                    cells.push((column, cell));
                }
            }
        }
    }
    Ok(())
}

/// The cell of a value; None where it states nothing, or several figures.
pub fn cell(value: &Value) -> Option<Cell> {
    match value {
        Value::Number(number) => number.as_f64().map(Cell::Number),
        Value::String(text) => Cell::read(text),
        // `[0.1]`: a figure for each parameter group.
        Value::Array(list) => match &list[..] {
            [only] => cell(only),
            _ => None,
        },
        _ => None,
    }
}
