//! Lines below an epoch that are not about it: the summary that a script prints when training is over.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Figure, Line};
use crate::gap::log::{names::recognise, table::Table};

/// Lines among which a repeated record is looked for.
const LOOK_BACK: usize = 100;

/// The lines without those that restate, below an epoch or after the last one, what an epoch has stated. Also returns the epoch to which a
/// line in other words than those of the epochs looked back.
pub fn without_summaries(lines: Vec<Line>, table: &Table) -> (Vec<Line>, Option<f64>) {
    let of_val = table.are_of_val();
    let on_own_lines = on_own_lines(&lines);
    let mut visits = visits(lines, &of_val);
    let is_last: Vec<bool> = (0..visits.len()).map(|at| is_last_of_run(&visits, at)).collect();
    let others = || visits.iter().zip(&is_last).filter(|(_, is_last)| !**is_last).map(|(visit, _)| visit);
    // A log that measures val several times in most epochs does not summarise them.
    let measured_again = others().filter(|visit| visit.states_both_again).count();
    let measures_within_epochs = measured_again > 0 && 2 * measured_again >= others().count();
    // Val, stated again in the last epoch only, is a summary of the training.
    let val_is_summary = others().count() > 0 && others().all(|visit| visit.val_again.is_empty());
    for (visit, is_last) in visits.iter_mut().zip(is_last) {
        if measures_within_epochs {
            continue;
        }
        let mut ends = std::mem::take(&mut visit.train_again);
        if is_last && val_is_summary {
            ends.append(&mut visit.val_again);
        }
        visit.drop_from(&ends);
    }
    let (mut kept, looked_back) = without_looks_back(visits, &of_val);
    for line in kept.iter_mut().filter(|line| !line.is_own) {
        line.figures.retain(|figure| !on_own_lines.contains(&(figure.column, figure.before.clone())));
    }
    (kept, looked_back)
}

/// The figures of lines that name their epoch, as column and words before the name. They are not read from other lines.
fn on_own_lines(lines: &[Line]) -> BTreeSet<(u32, Option<String>)> {
    let mut epochs: BTreeMap<(u32, Option<String>), [BTreeSet<u64>; 2]> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.batch.is_none()) {
        for figure in &line.figures {
            let of_figure = epochs.entry((figure.column, figure.before.clone())).or_default();
            of_figure[usize::from(line.is_own)].insert(line.epoch.unwrap_or(-1.0).to_bits());
        }
    }
    epochs.retain(|_, [other, own]| own.len() >= other.len().max(2));
    epochs.into_keys().collect()
}

/// Lines below each other that belong to one epoch.
#[derive(Default)]
struct Visit {
    lines: Vec<Line>,
    /// The lines that state training again, without val, after val.
    train_again: Vec<usize>,
    /// The lines that state val again and redraw no progress bar.
    val_again: Vec<usize>,
    /// Whether both are stated again.
    states_both_again: bool,
}

impl Visit {
    fn epoch(&self) -> Option<f64> {
        self.lines.first().and_then(|line| line.epoch)
    }

    fn run(&self) -> Option<&String> {
        self.lines.first().and_then(|line| line.run.as_ref())
    }

    fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.lines.iter().flat_map(|line| &line.figures)
    }

    /// The words before the epoch of a visit of a single line about the epoch as a whole.
    fn opening(&self) -> Option<&str> {
        match &self.lines[..] {
            [line] if line.is_own && !line.has_bar && line.batch.is_none() => Some(&line.opening),
            _ => None,
        }
    }

    /// Whether this is no training of the epoch whose earlier lines stated `before`: val is stated again, and training is
    /// not, or a single line repeats what val was.
    fn looks_back_at(&self, before: &BTreeMap<u32, Option<f64>>, of_val: &[bool]) -> bool {
        let is_val = |column: u32| of_val[column as usize];
        let val_figures = || self.figures().filter(|figure| is_val(figure.column));
        let restates_val = val_figures().any(|figure| before.contains_key(&figure.column));
        let states_train = self.figures().any(|figure| !is_val(figure.column));
        let lacks_training = !states_train && !before.keys().all(|column| is_val(*column));
        let is_alike = |figure: &Figure| before.get(&figure.column) == Some(&figure.cell.number());
        restates_val && (lacks_training || self.lines.len() == 1 && val_figures().all(is_alike))
    }

    /// Finds what the lines that do not name their epoch state again.
    fn find_repetition(&mut self, of_val: &[bool]) {
        let mut stated: BTreeSet<u32> = BTreeSet::new();
        let mut ever_stated: BTreeSet<u32> = BTreeSet::new();
        for (at, line) in self.lines.iter().enumerate() {
            if line.begins {
                stated.clear();
            }
            let of_line: BTreeSet<u32> = line.figures.iter().map(|figure| figure.column).collect();
            let is_measured_once = !line.has_bar && line.batch.is_none();
            if line.is_own {
                let is_of_val_alone = of_line.iter().all(|column| of_val[*column as usize]);
                if is_of_val_alone && is_measured_once && !of_line.is_disjoint(&ever_stated) {
                    self.val_again.push(at);
                }
            } else {
                let (val, train): (BTreeSet<u32>, BTreeSet<u32>) =
                    stated.iter().partition(|column| of_val[**column as usize]);
                let states_val_again = !val.is_disjoint(&of_line);
                // A redrawn progress bar restates all figures. A line that restates training alone, after val, is a summary.
                if !val.is_empty() && !train.is_disjoint(&of_line) && !val.is_subset(&of_line) {
                    self.train_again.push(at);
                }
                if states_val_again && is_measured_once {
                    self.val_again.push(at);
                }
                self.states_both_again |= self.train_again.iter().any(|train| *train < at) && states_val_again;
            }
            ever_stated.extend(&of_line);
            stated.extend(of_line);
        }
    }

    /// Drops the lines from each of `ends` on, up to the next that begins an epoch.
    fn drop_from(&mut self, ends: &[usize]) {
        let mut at = 0;
        let mut is_over = false;
        self.lines.retain(|line| {
            is_over = ends.contains(&at) || is_over && !line.begins;
            at += 1;
            !is_over
        });
    }
}

/// The lines by epoch.
fn visits(lines: Vec<Line>, of_val: &[bool]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for line in lines {
        match visits.last_mut() {
            Some(visit) if visit.epoch() == line.epoch && visit.run() == line.run.as_ref() => visit.lines.push(line),
            _ => visits.push(Visit { lines: vec![line], ..Visit::default() }),
        }
    }
    for visit in &mut visits {
        visit.find_repetition(of_val);
    }
    visits
}

/// Whether a visit is the last of its run: the log ends, or the epochs begin again.
fn is_last_of_run(visits: &[Visit], at: usize) -> bool {
    visits.get(at + 1).is_none_or(|next| next.epoch() < visits[at].epoch())
}

/// Which visits are single lines that begin as no other line with an epoch does: `Result: epoch=5 train_loss=1.1 val_loss=1.3`. One from
/// which the epochs continue is none.
fn begin_alone(visits: &[Visit]) -> Vec<bool> {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for line in visits.iter().flat_map(|visit| &visit.lines).filter(|line| line.is_own) {
        *times.entry(&line.opening).or_default() += 1;
    }
    let is_alone = |at: usize| {
        let continues =
            visits.get(at + 1).is_some_and(|next| next.epoch() == visits[at].epoch().map(|epoch| epoch + 1.0));
        visits[at].opening().is_some_and(|opening| times[opening] == 1) && !continues
    };
    (0..visits.len()).map(is_alone).collect()
}

/// The lines without those that name an earlier epoch again and state val alone, or what was stated
/// (`Selected epoch 5: val_loss 1.2`), or whose wording is their own. Also returns the epoch of one of the latter.
fn without_looks_back(visits: Vec<Visit>, of_val: &[bool]) -> (Vec<Line>, Option<f64>) {
    let begin_alone = begin_alone(&visits);
    let mut looked_back = None;
    let mut stated: BTreeMap<(Option<String>, u64), BTreeMap<u32, Option<f64>>> = BTreeMap::new();
    let mut kept: Vec<Line> = Vec::new();
    let mut reached: Option<f64> = None;
    for (visit, begins_alone) in visits.into_iter().zip(begin_alone) {
        let Some(epoch) = visit.epoch() else {
            kept.extend(visit.lines);
            continue;
        };
        let before = stated.entry((visit.run().cloned(), epoch.to_bits())).or_default();
        if reached.is_some_and(|reached| epoch <= reached) && visit.looks_back_at(before, of_val) {
            continue;
        }
        if begins_alone && !before.is_empty() && reached.is_some_and(|reached| epoch < reached) {
            looked_back = Some(epoch);
            continue;
        }
        before.extend(visit.figures().map(|figure| (figure.column, figure.cell.number())));
        reached = Some(epoch);
        kept.extend(visit.lines);
    }
    (kept, looked_back)
}

/// Whether the last epoch's lines have stated all of these figures, at least one of them of val.
pub fn is_repeated(lines: &[Line], epoch: Option<f64>, figures: &[Figure], table: &Table) -> bool {
    let of_val = table.are_of_val();
    let of_epoch = lines.iter().rev().take(LOOK_BACK).take_while(|line| line.epoch == epoch);
    let stated: BTreeSet<u32> = of_epoch.flat_map(|line| &line.figures).map(|figure| figure.column).collect();
    figures.iter().any(|figure| of_val[figure.column as usize])
        && figures.iter().all(|figure| stated.contains(&figure.column))
}

/// The columns that the lines state.
fn columns(lines: &[Line]) -> impl Iterator<Item = u32> {
    lines.iter().flat_map(|line| line.figures.iter().map(|figure| figure.column))
}

/// Counts the epochs of a log that names none: an epoch ends where a figure comes again after one of val. A bar over epochs that is drawn
/// twice with the same figures is one epoch, and what a script says at its close is none.
pub fn counted(mut lines: Vec<Line>, table: &Table) -> Vec<Line> {
    let is_redrawn = |line: &Line, before: &Line| line.has_bar && before.has_bar && line.states_as(before);
    lines.dedup_by(|line, before| is_redrawn(line, before));
    let open = lines.iter().rposition(|line| !line.is_closing).map_or(lines.len(), |last| last + 1);
    let stated: BTreeSet<u32> = columns(&lines[..open]).collect();
    if columns(&lines[open..]).all(|column| stated.contains(&column)) {
        lines.truncate(open);
    }
    let of_val = table.are_of_val();
    // Columns that the user names and whose names do not say what they hold.
    let named: Vec<u32> =
        (0..).zip(&table.columns).filter(|(_, name)| recognise(name).is_none()).map(|(at, _)| at).collect();
    let mut epoch = 1.0;
    let mut stated = BTreeSet::new();
    for line in &mut lines {
        let comes_again = line.figures.iter().any(|figure| stated.contains(&figure.column));
        let is_judged = stated.iter().any(|column: &u32| of_val[*column as usize])
            || !named.is_empty() && named.iter().all(|column| stated.contains(column));
        if comes_again && is_judged {
            epoch += 1.0;
            stated.clear();
        }
        stated.extend(line.figures.iter().map(|figure| figure.column));
        line.epoch = Some(epoch);
    }
    without_evaluations(lines, table)
}

/// The lines without those whose loss, of no side, is said to be val's below: the bar of an evaluation, `395/395 - loss: 0.68`, above
/// `Test loss: 0.68`. Only where this holds for all of their epochs.
fn without_evaluations(mut lines: Vec<Line>, table: &Table) -> Vec<Line> {
    let [trains, vals] = table.losses_by_side();
    let mut losses: BTreeMap<u64, [Option<f64>; 2]> = BTreeMap::new();
    for line in &lines {
        let of_epoch = losses.entry(line.epoch.unwrap_or_default().to_bits()).or_default();
        for figure in &line.figures {
            for (columns, loss) in [&trains, &vals].into_iter().zip(of_epoch.iter_mut()) {
                *loss = figure.cell.number().filter(|_| columns.contains(&figure.column)).or(*loss);
            }
        }
    }
    let is_sideless =
        |column: &u32| recognise(&table.columns[*column as usize]).is_some_and(|name| name.side.is_none());
    if trains.iter().all(is_sideless) && losses.values().all(|[train, val]| train.is_some() && train == val) {
        lines.retain(|line| line.figures.iter().all(|figure| !trains.contains(&figure.column)));
    }
    lines
}
