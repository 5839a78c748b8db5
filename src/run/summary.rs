//! `summary.csv`: the epochs as a table with timm's column names, for spreadsheets and for tools that read timm's logs.

use anyhow::Result;

use super::EpochRecord;

/// Names of the columns. `train_*` is the probe, `*_top1` an accuracy in percent, `gap_top1` in percentage points.
const COLUMNS: &str = "epoch,train_loss,train_top1,eval_loss,eval_top1,gap_loss,gap_top1,batch_loss,lr,seconds";

/// The table of all epochs. Each number is written in full, so that it reads back as the same f64; NaN as `NaN`.
pub(super) fn table(epochs: &[EpochRecord]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS.split(','))?;
    for record in epochs {
        table.serialize((
            record.epoch,
            record.probe_loss,
            record.probe_acc,
            record.val_loss,
            record.val_acc,
            record.gap_loss,
            record.gap_acc,
            record.batch_loss,
            record.lr,
            record.seconds,
        ))?;
    }
    Ok(table.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::tests::record;

    #[test]
    fn the_table_has_timms_columns() {
        assert_eq!(table(&[]).unwrap(), format!("{COLUMNS}\n").as_bytes());
        let table = table(&[record(1, 1.75), record(2, f64::NAN)]).unwrap();
        insta::assert_snapshot!(String::from_utf8(table).unwrap(), @r"
        epoch,train_loss,train_top1,eval_loss,eval_top1,gap_loss,gap_top1,batch_loss,lr,seconds
        1,1.402,48.128,1.75,47.815,0.3480000000000001,0.313,1.5,0.05,12.5
        2,1.402,48.128,NaN,47.815,NaN,0.313,1.5,0.05,12.5
        ");
    }
}
