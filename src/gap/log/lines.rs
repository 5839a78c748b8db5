//! Reads epochs from lines of text, whatever other text surrounds them.
//!
//! A line names its epoch (`Epoch: 20/50..`) or belongs to the epoch named above it. Its figures are names followed by
//! numbers; a label such as `Val:` gives a side to the names after it that have none.

mod batches;
mod counters;
mod counts;
mod epoch;
mod figures;
mod headings;
mod line;
mod mark;
mod mentions;
mod order;
mod pairs;
mod position;
mod processes;
mod summary;
mod variants;
mod wording;

use anyhow::Result;

use super::{
    cell::Cell,
    groups::RUN,
    names::{Kind, Side, label, recognise, words},
    table::{Row, Table},
    tokens::Mark,
    translation::english,
};
use headings::Headings;
use line::{Figure, Line};

/// The name of the column of epochs that the reader itself fills.
pub(super) const EPOCH: &str = "epoch";

/// Words of a heading that do not change which side it announces.
const OF_HEADINGS: [&str; 13] = [
    "begin",
    "begins",
    "start",
    "starts",
    "started",
    "starting",
    "running",
    "on",
    "loop",
    "epoch",
    "stats",
    "statistics",
    "summary",
];

/// Lines longer than this are not a trainer's and are skipped \[bytes\].
const LONGEST: usize = 20_000;

/// Reads the figures in the lines of `text` as a table with a column of epochs.
///
/// # Errors
/// There are too many columns, or losses with decimal points and with commas.
pub fn read(text: &str, mut table: Table) -> Result<Table> {
    let text = &*english(text);
    let text = &*pairs::apart(text);
    let mark = mark::of(text)?;
    let lines = || text.lines().filter(|line| line.len() < LONGEST);
    let mut reader = Reader::new(&mut table, mark, Headings::of(lines()));
    for line in lines() {
        // A list of records in one line.
        let is_list = line.trim_start().starts_with("[{");
        for part in line.split_inclusive(|c| c == '}' && is_list) {
            reader.read(part)?;
        }
    }
    let Reader { mut lines, mut named, .. } = reader;
    table.notes.extend(processes::keep_first(&mut lines));
    if named.is_empty() && counters::are_epochs(&lines, &table) {
        named = counters::take(&mut lines);
        table
            .notes
            .push("It calls no number an epoch: those with which its lines begin are taken for epochs.".to_owned());
    }
    if named.is_empty() {
        lines = summary::counted(lines, &table);
        if !lines.is_empty() {
            table.notes.push("It names no epochs: its lines are counted as such.".to_owned());
        }
    } else {
        order::move_to_epoch_below(&mut lines, &named, &table);
        order::drop_false_runs(&mut lines);
        order::drop_early_draws(&mut lines);
        if order::drop_unfinished(&mut lines) {
            table
                .notes
                .push("The progress bar of the last epoch has not reached its end: the epoch is left out.".to_owned());
        }
        let looked_back;
        (lines, looked_back) = summary::without_summaries(lines, &table);
        table.notes.extend(looked_back.map(|epoch| {
            format!("A line in other words than those of the epochs names epoch {epoch} again: it looks back, and is left out.")
        }));
    }
    variants::separate(&mut lines, &mut table)?;
    batches::drop_beside_whole(&mut lines, &table);
    batches::average(&mut lines, &table);
    // The last figure of a redrawn progress bar counts. Records at fractions of an epoch are averaged instead.
    table.takes_last = !lines.iter().any(|line| line.epoch.is_some_and(|epoch| epoch.fract() != 0.0));
    fill(lines, table)
}

/// Whether a line of `text` names an epoch.
pub fn name_epochs(text: &str) -> bool {
    english(text).lines().any(|line| line.len() < LONGEST && epoch::find(line).is_some())
}

/// Reads lines one by one and keeps what later lines need of earlier ones.
struct Reader<'a> {
    table: &'a mut Table,
    /// How the log writes its numbers.
    mark: Mark,
    /// The lines with figures so far.
    lines: Vec<Line>,
    /// The epochs that were named, each with the number of lines with figures before it.
    named: Vec<(usize, f64)>,
    known: figures::Known,
    /// How the log names its epochs.
    headings: Headings,
    /// The fold that was named last.
    fold: Option<u32>,
    /// Whether the lines are those of a list of all folds' figures, below the last fold.
    is_below_folds: bool,
    /// The run that the last epoch's line named.
    run: Option<String>,
    /// The side that a heading such as `Test Error:` announced.
    side: Option<Side>,
    /// Whether that heading was the last line but blank ones.
    is_side_new: bool,
    /// The epoch on whose bar the side of a heading was kept.
    side_of_bar: Option<f64>,
    /// The indentation of a heading such as `Best so far:`, whose indented lines are about an earlier epoch.
    past: Option<usize>,
    /// The epoch that was named last.
    epoch: Option<f64>,
    /// The last heading that named a batch: `Epoch 1 Batch 3/3`.
    batch: Option<BatchHeading>,
    /// Whether an epoch was named since the last line with figures.
    begins: bool,
}

impl<'a> Reader<'a> {
    fn new(table: &'a mut Table, mark: Mark, headings: Headings) -> Self {
        Self {
            table,
            mark,
            lines: Vec::new(),
            named: Vec::new(),
            known: figures::Known::default(),
            headings,
            fold: None,
            is_below_folds: false,
            run: None,
            side: None,
            is_side_new: false,
            side_of_bar: None,
            past: None,
            epoch: None,
            batch: None,
            begins: false,
        }
    }

    fn read(&mut self, line: &str) -> Result<()> {
        let line = mentions::without_weight_files(line);
        let Some((line, named)) = self.current(&line) else { return Ok(()) };
        if line.trim().is_empty() || named.as_ref().is_some_and(|named| !self.keeps_side(line, named.number)) {
            self.side = None;
        }
        let fold = epoch::fold(line);
        let of_above = wording::closes_evaluation(line).then(|| self.side_above()).flatten();
        let setting = figures::Setting { epoch: named.as_ref(), side: of_above.or(self.side), mark: self.mark };
        let figures = figures::find(line, &setting, self.table, &mut self.known)?;
        if self.is_in_passing(line, named.as_ref(), &figures) {
            return Ok(());
        }
        self.is_below_folds &= named.is_none();
        if self.is_below_folds || named.is_none() && !figures.is_empty() && fold < self.fold && fold.is_some() {
            self.is_below_folds = true;
            return Ok(());
        }
        self.fold = fold.or(self.fold);
        if let Some(named) = &named {
            // An epoch that is named again without a figure has not ended.
            self.begins |= self.epoch != Some(named.number) || !figures.is_empty();
            self.epoch = Some(named.number);
            self.named.push((self.lines.len(), named.number));
            self.run = epoch::run(line);
        }
        // A trainer that evaluates its best weights after training repeats the record of their epoch.
        let is_record = line.trim_start().starts_with('{');
        if is_record && summary::is_repeated(&self.lines, self.epoch, &figures, self.table) {
            return Ok(());
        }
        if figures.is_empty() {
            if let Some(batch) = position::batch(line, named.as_ref()).filter(|_| position::is_heading(line)) {
                self.batch = Some(BatchHeading { batch, indentation: indentation(line), is_new: true });
            }
            let side = heading(line);
            self.side = side.or(self.side);
            self.is_side_new = side.is_some() || self.is_side_new && line.trim().is_empty();
            return Ok(());
        }
        self.is_side_new = false;
        let of_heading = self.batch_above(line).filter(|_| named.is_none());
        let has_bar = position::has_bar(line);
        self.lines.push(Line {
            epoch: self.epoch,
            is_own: named.is_some(),
            begins: self.begins,
            batch: position::batch(line, named.as_ref()).or(of_heading).filter(|_| !has_bar),
            has_bar,
            share: position::share(line),
            counter: position::counter(line).filter(|_| !has_bar),
            process: processes::of(line),
            opening: named.as_ref().map_or(String::new(), |named| wording::opening(&line[..named.place.start])),
            is_closing: wording::is_closing(line),
            run: self.run_name(),
            figures,
        });
        self.begins = false;
        Ok(())
    }

    /// Whether the side of the heading above holds for a line that names the epoch `number`: it is the first line below it, and a
    /// bar or of the same epoch, or the bar is drawn again.
    fn keeps_side(&mut self, line: &str, number: f64) -> bool {
        let has_bar = position::has_bar(line);
        if self.is_side_new && (has_bar || self.epoch == Some(number)) {
            self.side_of_bar = has_bar.then_some(number);
            return true;
        }
        let is_drawn_again = has_bar && self.side_of_bar == Some(number);
        self.side_of_bar = self.side_of_bar.filter(|_| is_drawn_again);
        is_drawn_again
    }

    /// The side of the figures above, where it is val or test.
    fn side_above(&self) -> Option<Side> {
        let figures = &self.lines.last()?.figures;
        let mut sides =
            figures.iter().filter_map(|figure| recognise(&self.table.columns[figure.column as usize])?.side);
        sides.next().filter(|side| *side != Side::Train)
    }

    /// The part of a line that is about the current epoch, and the epoch that it names; None where there is no such part.
    fn current<'t>(&mut self, line: &'t str) -> Option<(&'t str, Option<epoch::Named>)> {
        // Weights & Biases repeats the last figures below a training.
        if line.trim_start().starts_with("wandb:") || self.is_past(line) {
            return None;
        }
        match epoch::find(line) {
            Some(named) if mentions::is_aside(line, &named.place, named.number, self.epoch) => None,
            Some(named) if named.is_of_another => {
                let before = &line[..named.place.start];
                (!before.trim().is_empty()).then_some((before, None))
            }
            named => Some((line, named)),
        }
    }

    /// The batch of the heading that a line is about: the first line below it, and those that are indented below it.
    fn batch_above(&mut self, line: &str) -> Option<f64> {
        let heading = self.batch.as_mut()?;
        let is_below = std::mem::take(&mut heading.is_new) || indentation(line) > heading.indentation;
        let batch = heading.batch;
        if !is_below {
            self.batch = None;
        }
        is_below.then_some(batch)
    }

    /// Whether the line is below a heading such as `Best so far:`, or is this heading.
    fn is_past(&mut self, line: &str) -> bool {
        let indentation = indentation(line);
        if self.past.is_some_and(|heading| indentation > heading) {
            return true;
        }
        let words: Vec<&str> =
            line.trim().strip_suffix(':').map_or(Vec::new(), |line| line.split_whitespace().collect());
        self.past = wording::is_past(&words).then_some(indentation);
        self.past.is_some()
    }

    /// Whether the line mentions an epoch in passing, as a callback does, and states no figure but a rate.
    fn is_in_passing(&self, line: &str, named: Option<&epoch::Named>, figures: &[Figure]) -> bool {
        let Some(epoch) = named else { return false };
        let is_rate = |figure: &Figure| {
            recognise(&self.table.columns[figure.column as usize]).is_some_and(|name| name.kind == Kind::Rate)
        };
        let is_remark =
            || Some(epoch.number) != self.epoch && heading(line).is_none() && self.headings.is_remark(line, epoch);
        figures.iter().all(is_rate) && (mentions::is_of_a_callback(line, &epoch.place) || is_remark())
    }

    /// Fold and run of the current line, as one name.
    fn run_name(&self) -> Option<String> {
        match (self.fold, &self.run) {
            (Some(fold), Some(run)) => Some(format!("fold {fold}, {run}")),
            (Some(fold), None) => Some(format!("fold {fold}")),
            (None, run) => run.clone(),
        }
    }
}

/// A heading that names a batch.
struct BatchHeading {
    batch: f64,
    indentation: usize,
    /// Whether no line with figures came since.
    is_new: bool,
}

/// The bytes of space before a line.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Adds the lines to the table as rows. Lines before the first epoch are left out.
fn fill(lines: Vec<Line>, mut table: Table) -> Result<Table> {
    let Some(column) = table.column(EPOCH)? else { return Ok(table) };
    for line in lines {
        let Some(epoch) = line.epoch else { continue };
        let mut cells: Vec<(u32, Cell)> = line.figures.into_iter().map(|figure| (figure.column, figure.cell)).collect();
        cells.push((column, Cell::Number(epoch)));
        if let Some(run) = line.run
            && let Some(column) = table.column(RUN)?
        {
            cells.push((column, Cell::Text(run.into())));
        }
        table.push(Row { cells, begins: false })?;
    }
    Ok(table)
}

/// The side that a heading announces: `Test Error:`, `--- Validation ---`, `Epoch 3 - Train metrics:`.
fn heading(line: &str) -> Option<Side> {
    let last = line.rsplit(" - ").next().unwrap_or(line);
    let words = words(last);
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let is_short = words.iter().filter(|word| !is_number(word)).count() <= 3 || line.trim_end().ends_with(':');
    let says_more = |word: &String| !OF_HEADINGS.contains(&word.as_str()) && !is_number(word);
    let telling: Vec<String> = words.into_iter().filter(says_more).collect();
    label(&telling.join(" ")).filter(|_| is_short)
}
