//! What a line states.

use crate::gap::log::cell::Cell;

/// A stated figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The number of its column.
    pub column: u32,
    /// Its value.
    pub cell: Cell,
    /// Whether it is a running mean: `0.5 (0.6)`.
    pub is_running: bool,
    /// The images or weights that brackets after the side name: `ood` in `val (ood) loss`, `ema` in `Test (EMA)`.
    pub variant: Option<String>,
    /// Words before the name that may make it another figure: `aux` in `aux val loss`.
    pub before: Option<String>,
}

/// A line with figures.
pub struct Line {
    /// The epoch, its own or that of a line above.
    pub epoch: Option<f64>,
    /// Whether the line itself names the epoch.
    pub is_own: bool,
    /// Whether it is the first line with figures since an epoch was named.
    pub begins: bool,
    /// The number of the batch, or the share of the epoch, that it is about; None where it is about the epoch.
    pub batch: Option<f64>,
    /// Whether it draws a progress bar.
    pub has_bar: bool,
    /// The percentage that its progress bar shows.
    pub share: Option<f64>,
    /// The number and the total that it begins with: `[3/50]`.
    pub counter: Option<(f64, f64)>,
    /// The process that it begins with, where several train one network.
    pub process: Option<u32>,
    /// The words before the epoch that it names.
    pub opening: String,
    /// Whether its first word says that training is over: `Final train loss: 0.5`.
    pub is_closing: bool,
    /// The fold that was named last, and the run that the epoch's line names.
    pub run: Option<String>,
    pub figures: Vec<Figure>,
}

impl Line {
    /// Whether both lines state the same figures.
    pub fn states_as(&self, other: &Self) -> bool {
        let stated = |line: &Self| -> Vec<(u32, Option<f64>)> {
            line.figures.iter().map(|figure| (figure.column, figure.cell.number())).collect()
        };
        stated(self) == stated(other)
    }
}
