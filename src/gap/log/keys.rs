//! The columns that say which epoch and which run a row belongs to.

use anyhow::Result;

use super::{
    Columns,
    names::{Kind, recognise},
    table::Table,
};

/// Columns by number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    /// The epoch.
    pub epoch: Option<u32>,
    /// The number of updates.
    pub step: Option<u32>,
    /// The run or the fold.
    pub run: Option<u32>,
}

impl Keys {
    /// Those of `table`.
    ///
    /// # Errors
    /// A column that was named is not there.
    pub fn of(table: &Table, named: &Columns) -> Result<Self> {
        let of = |kind| {
            let columns = table.columns.iter().enumerate();
            let ranked = columns.filter_map(|(at, name)| {
                let meaning = recognise(name).filter(|meaning| meaning.kind == kind)?;
                Some((meaning.rank, std::cmp::Reverse(at)))
            });
            ranked.max().map(|(_, at)| at.0 as u32)
        };
        let epoch = match &named.epoch {
            Some(name) => Some(super::fields::named(table, "--epoch", name)?),
            None => of(Kind::Epoch),
        };
        let has_numbers = |column: &u32| table.rows.iter().any(|row| row.number(*column).is_some());
        Ok(Self { epoch: epoch.filter(has_numbers), step: of(Kind::Step).filter(has_numbers), run: of(Kind::Run) })
    }
}
