//! The page: everything that is shown, in its order.

use anyhow::Result;
use askama::Template;

use super::{
    MARK, Report, RunGroup,
    chart::{self, Metric},
    pictures::Hardest,
    provenance::Fact,
    recipes::{Key, differing_keys},
    words::{self, Card},
};
use crate::{
    compare::{self, Comparison},
    gap::{Case, Finding, Id, diagnose},
    stats::ConfusedPair,
};

/// Above so many classes a matrix is no longer readable; the most-confused pairs are shown all the same.
const MATRIX: usize = 25;
/// Most-confused pairs shown.
const PAIRS: usize = 8;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    mark: &'static str,
    style: &'static str,
    refresh: Option<u32>,
    title: String,
    /// The verdict in pieces; true for names.
    verdict: Vec<(bool, String)>,
    status: String,
    cards: Vec<Card>,
    /// What a single run shows, in plain words.
    findings: Vec<Finding>,
    figures: Option<Table>,
    differences: Option<Table>,
    legend: Vec<Entry>,
    panels: Vec<Panel>,
    /// Whether some losses lie outside the charts.
    is_cut: bool,
    gap: String,
    trade_off: String,
    seeds: String,
    deltas: Option<String>,
    confusions: Vec<Matrix<'a>>,
    hardest: Vec<Hardest>,
    no_images: Option<String>,
    keys: Vec<Key>,
    recipe: Option<(String, String)>,
    provenance: Vec<Fact>,
    missing: Vec<(String, String)>,
}

/// A table with its head.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(mut rows: Vec<Vec<String>>) -> Option<Self> {
        let rest = if rows.is_empty() { return None } else { rows.split_off(1) };
        let head = rows.remove(0);
        (!rest.is_empty()).then_some(Self { head, rows: rest })
    }
}

/// A preset in the legend.
struct Entry {
    name: String,
    colour: usize,
    is_baseline: bool,
}

/// The curves of one preset.
struct Panel {
    name: String,
    runs: String,
    loss: String,
    accuracy: String,
}

/// The confusions of one preset.
struct Matrix<'a> {
    name: &'a str,
    /// Class, then one cell per given class.
    rows: Vec<(&'a str, Vec<Cell>)>,
    classes: &'a [String],
    pairs: Vec<(&'a str, &'a str, ConfusedPair)>,
    unread: usize,
}

/// One cell of a confusion matrix.
struct Cell {
    percent: String,
    count: usize,
    /// The share in tenths, 0–10.
    level: usize,
    is_right: bool,
}

impl Report {
    /// The whole page.
    ///
    /// # Errors
    /// A chart cannot be drawn. There must be a group with a run.
    pub fn to_html(&self) -> Result<String> {
        let single = self.single();
        let chosen = self.chosen();
        let (hardest, no_images) = match self.hardest_of(&chosen) {
            Ok(hardest) => (hardest, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let order = |name: &str| self.groups.iter().position(|group| group.name == name).unwrap_or(0);
        let page = Page {
            mark: MARK,
            style: include_str!("page.css"),
            refresh: self.refresh,
            title: self.title(),
            verdict: pieces(&self.verdict()),
            status: self.status(),
            cards: single.map_or(Vec::new(), words::cards),
            findings: single.map_or(Vec::new(), findings),
            figures: self.comparison.as_ref().filter(|_| single.is_none()).and_then(|all| Table::of(all.figures())),
            differences: self.comparison.as_ref().and_then(|all| Table::of(all.differences())),
            legend: self.legend(),
            panels: self.panels()?,
            is_cut: self.is_cut(),
            gap: chart::gap(&self.groups)?,
            trade_off: chart::trade_off(&self.groups)?,
            seeds: chart::seeds(&self.groups)?,
            deltas: self.comparison.as_ref().map_or(Ok(None), |all| chart::differences(all, order))?,
            confusions: chosen.iter().filter_map(|group| self.matrix(group)).collect(),
            hardest,
            no_images,
            keys: differing_keys(&self.groups),
            recipe: single.map(|run| (run.recipe.knobs_on().join(", "), run.recipe.to_toml())),
            provenance: self.provenance(),
            missing: self.not_finished.iter().map(|run| (run.job.name(), run.reason.clone())).collect(),
        };
        Ok(page.render()?)
    }

    /// The run, where there is only one.
    fn single(&self) -> Option<&super::Run> {
        match &self.groups[..] {
            [group] if group.runs.len() == 1 && self.not_finished.is_empty() => group.runs.first(),
            _ => None,
        }
    }

    fn title(&self) -> String {
        let source = &self.groups[0].runs[0].environment.data.source;
        let source = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
        match self.single() {
            Some(run) => format!("{}, seed {}, on {source}", run.job.preset, run.job.seed),
            None => {
                let names: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
                format!("{} on {source}", names.join(", "))
            }
        }
    }

    fn verdict(&self) -> String {
        match (self.single(), &self.comparison) {
            (Some(run), _) => words::headline(run),
            (None, Some(comparison)) if self.groups.len() > 1 => match comparison.courses() {
                Some(courses) => format!("{} {courses}", comparison.verdict),
                None => comparison.verdict.clone(),
            },
            (None, Some(comparison)) => one_recipe(comparison),
            (None, None) => {
                format!("No run of `{}` is finished, so there is nothing to compare yet.", self.groups[0].name)
            }
        }
    }

    fn status(&self) -> String {
        match self.single() {
            Some(run) => words::progress(run),
            None => {
                let runs = || self.groups.iter().flat_map(|group| &group.runs);
                let finished = runs().filter(|run| run.is_finished()).count();
                let planned = self.comparison.as_ref().map_or(runs().count(), |all| all.planned);
                format!("{finished} of {planned} runs are finished.")
            }
        }
    }

    fn legend(&self) -> Vec<Entry> {
        let many = self.groups.len() > 1;
        let entry = |(index, group): (usize, &RunGroup)| Entry {
            name: group.name.clone(),
            colour: index % chart::SERIES,
            is_baseline: many && index == 0,
        };
        self.groups.iter().enumerate().map(entry).collect()
    }

    fn panels(&self) -> Result<Vec<Panel>> {
        let base = &self.groups[0];
        let panel = |(index, group): (usize, &RunGroup)| {
            let baseline = (index > 0).then_some(base);
            let shown = group.shown();
            let seeds: Vec<String> = shown.iter().map(|run| run.job.seed.to_string()).collect();
            let unfinished = if shown.iter().all(|run| run.is_finished()) { "" } else { ", not finished" };
            Ok(Panel {
                name: group.name.clone(),
                runs: format!("seed{} {}{unfinished}", if seeds.len() > 1 { "s" } else { "" }, seeds.join(", ")),
                loss: chart::curves(Metric::Loss, group, baseline, &self.groups)?,
                accuracy: chart::curves(Metric::Accuracy, group, baseline, &self.groups)?,
            })
        };
        self.groups.iter().enumerate().map(panel).collect()
    }

    fn is_cut(&self) -> bool {
        let runs = self.groups.iter().flat_map(|group| group.shown());
        runs.flat_map(|run| &run.epochs).any(|record| record.val_loss.max(record.probe_loss) > chart::DIVERGED)
    }

    /// The groups that are looked at closely: the baseline and the winner, or the best of the others.
    fn chosen(&self) -> Vec<&RunGroup> {
        let mut chosen: Vec<&RunGroup> = self.groups.iter().take(1).collect();
        let others = || {
            let presets = self.comparison.iter().flat_map(|all| &all.presets);
            presets.filter(|preset| preset.finding != compare::Verdict::Baseline)
        };
        let lowest = |better: bool| {
            others()
                .filter(|preset| !better || preset.finding == compare::Verdict::Better)
                .min_by(|a, b| a.figures.val_loss.mean.total_cmp(&b.figures.val_loss.mean))
        };
        let winner = lowest(true).or_else(|| lowest(false));
        chosen.extend(winner.and_then(|winner| self.groups.iter().find(|group| group.name == winner.preset)));
        chosen
    }

    fn matrix<'a>(&'a self, group: &'a RunGroup) -> Option<Matrix<'a>> {
        let classes = &group.runs[0].environment.data.classes[..];
        let confusion = group.confusion(classes.len())?;
        let cell = |truth: usize, given: usize| {
            let percent = confusion.percent(truth, given);
            Cell {
                percent: format!("{percent:.0}"),
                count: confusion.counts[truth][given],
                level: (percent / 10.0).round() as usize,
                is_right: truth == given,
            }
        };
        let row =
            |truth: usize| (classes[truth].as_str(), (0..classes.len()).map(|given| cell(truth, given)).collect());
        let name = |class: usize| classes[class].as_str();
        Some(Matrix {
            name: &group.name,
            rows: if classes.len() > MATRIX { Vec::new() } else { (0..classes.len()).map(row).collect() },
            classes,
            pairs: confusion.pairs(PAIRS).into_iter().map(|pair| (name(pair.truth), name(pair.given), pair)).collect(),
            unread: confusion.unread.iter().sum(),
        })
    }
}

/// What the run shows; nothing before its first epoch has ended.
fn findings(run: &super::Run) -> Vec<Finding> {
    Case::of_run(&run.folder).map_or(Vec::new(), |case| diagnose(&case).findings)
}

/// What a comparison of one recipe with itself over seeds can say.
fn one_recipe(comparison: &Comparison) -> String {
    let figures = &comparison.presets[0].figures;
    let sd = |sd: Option<f64>| sd.map_or(String::new(), |sd| format!(" ± {sd:.3}"));
    format!(
        "`{}` over {} seeds: val loss {:.3}{}, gap {:.3}{} nats (mean ± standard deviation).",
        comparison.baseline,
        figures.val_loss.n,
        figures.val_loss.mean,
        sd(figures.val_loss.sd),
        figures.gap_loss.mean,
        sd(figures.gap_loss.sd)
    )
}

/// Text with names in backticks, cut at them: true for the names.
fn pieces(text: &str) -> Vec<(bool, String)> {
    text.split('`').enumerate().map(|(index, piece)| (index % 2 == 1, piece.to_owned())).collect()
}
