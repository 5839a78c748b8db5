//! The prediction for each image, as a table for other programs.

use std::path::Path;

use anyhow::Result;

use mindgap::{
    compare::EVALUATE_COLUMNS,
    data::Split,
    run::Outputs,
    stats::{Logits, softmax},
};

/// A row for each image: its id and path, its class, the predicted one with its probability, the loss, and the
/// probability of each class in a column `p_CLASS`. `root` is the folder of the data.
/// Fails if the table cannot be written.
pub fn csv(split: &Split, outputs: &Outputs, classes: &[String], root: &Path) -> Result<Vec<u8>> {
    let logits = Logits::new(&outputs.logits, &outputs.labels, classes.len());
    let mut table = csv::Writer::from_writer(Vec::new());
    let columns = EVALUATE_COLUMNS.map(str::to_owned);
    table.write_record(columns.into_iter().chain(classes.iter().map(|class| format!("p_{class}"))))?;
    let rows = logits.rows().zip(logits.predicted()).zip(logits.losses(1.0));
    for (position, (((row, label), predicted), loss)) in rows.enumerate() {
        let probabilities = softmax(row, 1.0);
        let given = predicted.map_or(String::new(), |class| classes[class].clone());
        let probability = predicted.map_or(f64::NAN, |class| probabilities[class]);
        let first = [
            outputs.ids[position].to_string(),
            split.key(position as u32, root),
            classes[label].clone(),
            given,
            single_precision(probability),
            single_precision(loss),
        ];
        table.write_record(first.into_iter().chain(probabilities.into_iter().map(single_precision)))?;
    }
    Ok(table.into_inner()?)
}

/// A number with no more digits than single precision has.
fn single_precision(value: f64) -> String {
    (value as f32).to_string()
}
