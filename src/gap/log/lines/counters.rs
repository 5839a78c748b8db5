//! Epochs that no word names, because the lines begin with their number and the total: `[ 3/50] train_loss: 0.5 valid_loss: 0.6`.

use super::line::Line;
use crate::gap::log::table::Table;

/// Whether the numbers with which `lines` begin count epochs: each line has one and a figure of val, the total is always the same, and the
/// numbers rise by a fixed step or fall back, as where another run begins.
pub fn are_epochs(lines: &[Line], table: &Table) -> bool {
    let of_val = table.are_of_val();
    let is_judged = |line: &Line| line.figures.iter().any(|figure| of_val[figure.column as usize]);
    let Some(counters) = lines.iter().map(|line| line.counter).collect::<Option<Vec<_>>>() else { return false };
    let Some((_, total)) = counters.first().copied() else { return false };
    let mut steps = counters.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 0.0);
    let step = steps.next();
    lines.iter().all(is_judged)
        && counters.iter().all(|(_, other)| *other == total)
        && step.is_some_and(|step| steps.all(|other| other == step))
}

/// Makes the number with which each line begins its epoch. Returns the epochs with the number of lines before each.
pub fn take(lines: &mut [Line]) -> Vec<(usize, f64)> {
    let mut named = Vec::new();
    for (at, line) in lines.iter_mut().enumerate() {
        let Some((epoch, _)) = line.counter else { continue };
        (line.epoch, line.is_own, line.begins, line.batch) = (Some(epoch), true, true, None);
        named.push((at, epoch));
    }
    named
}
