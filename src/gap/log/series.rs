//! A list for each figure in a JSON document, beside the steps or epochs of its values.

use anyhow::Result;
use serde_json::Value;

use super::{
    cell::Cell,
    objects::{Fields, cell, is_side_or_figure},
    table::{Row, Table},
};

/// Names of the places and of the values of one figure.
const PLACES: [&str; 5] = ["epochs", "epoch", "steps", "step", "x"];
const VALUES: [&str; 3] = ["values", "value", "y"];

/// For each figure a list of its values and one of their steps, or a list of pairs of both.
pub fn read(fields: &Fields, mut table: Table) -> Result<Option<Table>> {
    let mut all = Vec::new();
    gather_series(fields, "", &mut all);
    for series in all {
        let Some(column) = table.column(&series.name)? else { continue };
        let place = table.column(if series.is_by_epoch { "epoch" } else { "step" })?;
        for (at, value) in series.values.into_iter().enumerate() {
            let mut cells: Vec<(u32, Cell)> = cell(value).map(|cell| (column, cell)).into_iter().collect();
            cells.extend(place.zip(series.places.get(at).and_then(|place| cell(place))));
            table.push(Row { cells, begins: false })?;
        }
    }
    Ok(Some(table))
}

/// The values of a figure and their places, which are steps or epochs.
#[derive(Default)]
struct Series<'a> {
    name: String,
    is_by_epoch: bool,
    places: Vec<&'a Value>,
    values: Vec<&'a Value>,
}

/// The series of an object, and of the objects in it that a side or a figure names.
fn gather_series<'a>(fields: &'a Fields, prefix: &str, all: &mut Vec<Series<'a>>) {
    for (name, value) in fields {
        let path = format!("{prefix}{name}");
        match value {
            Value::Object(inside) => match of_lists(inside) {
                Some(series) => all.push(Series { name: path, ..series }),
                None if is_side_or_figure(name) => gather_series(inside, &format!("{path}/"), all),
                None => {}
            },
            Value::Array(items) => all.extend(of_pairs(items).map(|series| Series { name: path, ..series })),
            _ => {}
        }
    }
}

/// Sacred's `{"steps": […], "values": […]}`.
fn of_lists(fields: &Fields) -> Option<Series<'_>> {
    let list = |name: &str| fields.get(name).and_then(Value::as_array);
    let values = VALUES.iter().find_map(|name| list(name))?.iter().collect();
    let place = PLACES.iter().find(|name| list(name).is_some());
    let places = place.and_then(|name| list(name)).into_iter().flatten().collect();
    let is_by_epoch = place.is_some_and(|name| name.starts_with("epoch"));
    Some(Series { is_by_epoch, places, values, ..Series::default() })
}

/// `[[1, 0.9], [2, 0.8]]`.
fn of_pairs(items: &[Value]) -> Option<Series<'_>> {
    let mut series = Series::default();
    for item in items {
        let [place @ Value::Number(_), value] = item.as_array()?.as_slice() else { return None };
        series.places.push(place);
        series.values.push(value);
    }
    (!items.is_empty()).then_some(series)
}

/// The single figure that TensorBoard exports as `[[time, step, value], …]`; None for another list.
pub fn of_single_figure(items: &[Value], mut table: Table) -> Result<Option<Table>> {
    let (Some(place), Some(column)) = (table.column("step")?, table.column("value")?) else { return Ok(None) };
    for item in items {
        let Some([Value::Number(_), step, value]) = item.as_array().map(Vec::as_slice) else { return Ok(None) };
        let cells =
            [(place, step), (column, value)].into_iter().filter_map(|(column, value)| Some((column, cell(value)?)));
        table.push(Row { cells: cells.collect(), begins: false })?;
    }
    Ok((!items.is_empty()).then_some(table))
}

/// Whether a name is that of one of these lists.
pub fn is_place_or_value(name: &str) -> bool {
    PLACES.contains(&name) || VALUES.contains(&name)
}
