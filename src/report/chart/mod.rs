//! Charts as SVG inside the page. `plotters` draws them with names of colours; the page's style gives these names values,
//! so that a chart follows the reader's theme.

mod canvas;
mod curves;
mod differences;
mod gap;
mod lr_curve;
mod seeds;
mod trade_off;
mod waterfall;

pub use canvas::{DIVERGED, SERIES};
pub use curves::{Metric, curves, log_curves, points};
pub use differences::differences;
pub use gap::{gap, gap_lines};
pub use lr_curve::{LR_MARK, lr_curve};
pub use seeds::seeds;
pub use trade_off::trade_off;
pub use waterfall::waterfall;
