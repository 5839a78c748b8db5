//! Epochs in a table with named columns.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{
    Stated,
    field::{Field, Named, recognise},
    number,
};

/// Columns by field, the highest ranks first.
type Columns = Vec<(usize, Named)>;

/// The epochs, rising; None where the text is no such table. Rows of one epoch, as Lightning writes them, are put
/// together: a figure that they state several times is averaged.
///
/// # Errors
/// A row cannot be read.
pub fn read(text: &str) -> Result<Option<Vec<(u32, Stated)>>> {
    let Some(head) = text.lines().find(|line| !line.trim().is_empty()) else { return Ok(None) };
    let delimiter = [',', ';', '\t'].into_iter().max_by_key(|&sign| head.matches(sign).count()).unwrap_or(',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter as u8).flexible(true).from_reader(text.trim_start().as_bytes());
    let columns = columns(reader.headers().context("its first line cannot be read")?);
    let names = |field| columns.iter().any(|(_, named)| named.field == field);
    if !(names(Field::TrainLoss) || names(Field::ValLoss)) || !head.contains(delimiter) {
        return Ok(None);
    }
    let mut sums: BTreeMap<u32, BTreeMap<Field, (u8, f64, f64)>> = BTreeMap::new();
    let mut epoch = None;
    for (number_of_row, row) in (1u32..).zip(reader.records()) {
        let row = row.with_context(|| format!("row {number_of_row} cannot be read"))?;
        let cell = |column: usize| row.get(column).filter(|cell| !cell.trim().is_empty()).and_then(number);
        // A row that names no epoch belongs to the one before; a table without the column counts its rows.
        let named = columns.iter().find(|(_, named)| named.field == Field::Epoch).map(|(column, _)| cell(*column));
        epoch = match named {
            Some(Some(value)) => Some(value.max(0.0) as u32),
            Some(None) => epoch,
            None => Some(number_of_row),
        };
        let Some(epoch) = epoch else { continue };
        let sums = sums.entry(epoch).or_default();
        for (column, Named { field, rank, .. }) in &columns {
            let Some(value) = cell(*column) else { continue };
            let sum = sums.entry(*field).or_insert((*rank, 0.0, 0.0));
            if sum.0 < *rank {
                *sum = (*rank, 0.0, 0.0);
            }
            if sum.0 == *rank {
                sum.1 += value;
                sum.2 += 1.0;
            }
        }
    }
    let mean = |sums: BTreeMap<Field, (u8, f64, f64)>| -> Stated {
        sums.into_iter().map(|(field, (_, sum, count))| (field, sum / count)).collect()
    };
    let epochs = sums.into_iter().map(|(epoch, sums)| (epoch, mean(sums)));
    let has_loss =
        |(_, stated): &(u32, Stated)| stated.contains_key(&Field::TrainLoss) || stated.contains_key(&Field::ValLoss);
    Ok(Some(epochs.filter(has_loss).collect()))
}

fn columns(head: &csv::StringRecord) -> Columns {
    let mut columns: Columns =
        head.iter().enumerate().filter_map(|(column, name)| Some((column, recognise(name)?))).collect();
    // fastai's `accuracy` stands beside `valid_loss` and is val's; Keras' stands beside `val_accuracy` and is training's.
    let names = |field| columns.iter().any(|(_, named)| named.field == field);
    let is_fastais = !names(Field::ValAcc) && head.iter().any(|name| name == "valid_loss");
    for (_, named) in &mut columns {
        if is_fastais && named.is_bare && named.field == Field::TrainAcc {
            named.field = Field::ValAcc;
        }
    }
    columns
}
