//! The page of a report (`page.html`): everything that is shown, in its order.

use anyhow::Result;
use askama::Template;

use super::{
    MARK, Report, RunGroup, STYLE,
    chart::{self, Metric},
    confusions::Matrix,
    hardest::Hardest,
    models_page::{models_page, remarks},
    provenance::Fact,
    recipes::{Key, differing_keys},
    table::{Table, pieces},
    words::{self, Card},
};
use crate::{
    compare::{Compared, Comparison, Models, Verdict, Weights},
    gap::{Bill, Case, Finding, Id, diagnose},
};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    refresh: Option<u32>,
    title: String,
    /// The verdict in pieces; true for names.
    verdict: Vec<(bool, String)>,
    status: String,
    cards: Vec<Card>,
    /// The findings about a single run.
    findings: Vec<Finding>,
    /// The bill of the gap of a single run, and its chart.
    bill: Option<(Bill, String)>,
    figures: Option<Table>,
    /// What the figures are of, a sentence.
    figures_of: String,
    /// What the interval over seeds is.
    interval_of_seeds: String,
    differences: Option<Table>,
    /// What is compared: presets or models.
    noun: &'static str,
    /// The presets, the baseline first.
    legend: Vec<&'a str>,
    panels: Vec<Panel>,
    /// Whether some losses lie outside the charts.
    is_cut: bool,
    gap: String,
    trade_off: String,
    seeds: String,
    deltas: Option<String>,
    remarks_title: &'static str,
    /// Tests of accuracy and remarks of a comparison of models, or the answers to its question, in pieces as the verdict.
    remarks: Vec<Vec<(bool, String)>>,
    confusions: Vec<Matrix<'a>>,
    hardest: Vec<Hardest>,
    no_images: Option<String>,
    keys: Vec<Key>,
    recipe: Option<(String, String)>,
    /// What the folder of a recorded run does not hold.
    not_recorded: Option<String>,
    provenance: Vec<Fact>,
    missing: Vec<(String, String)>,
}

/// The curves of one preset.
struct Panel {
    name: String,
    runs: String,
    loss: String,
    accuracy: String,
}

/// The remarks on a comparison of models, and which outputs the charts below its tables show.
fn remarks_on_runs(comparison: &Comparison) -> Vec<Vec<(bool, String)>> {
    let mut lines = remarks(comparison);
    let differs = |models: &Models| models.weights == Weights::Best || models.left_out > 0;
    if comparison.models.as_ref().is_some_and(differs) {
        lines.push(pieces(
            "Curves, confusions and images on this page show the last epoch, on all val images of each run.",
        ));
    }
    lines
}

impl Report {
    /// The page as one file that needs no other.
    /// Fails if a chart cannot be drawn. There must be a group with a run, or a comparison of predictions alone.
    pub fn to_html(&self) -> Result<String> {
        if let (true, Some(comparison)) = (self.groups.is_empty(), &self.comparison) {
            return models_page(comparison);
        }
        let single = self.single();
        let chosen = self.chosen();
        let (hardest, no_images) = match self.hardest_of(&chosen) {
            Ok(hardest) => (hardest, None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let comparison = self.comparison.as_ref();
        let deltas = match comparison {
            Some(comparison) => chart::differences(comparison, |name| self.position(name))?,
            None => None,
        };
        let page = Page {
            refresh: self.refresh,
            title: self.title(),
            verdict: pieces(&self.verdict()),
            status: self.status(),
            cards: single.map_or(Vec::new(), words::cards),
            findings: single.map_or(Vec::new(), findings),
            bill: single.and_then(|run| run.bill.clone()).map(with_chart).transpose()?,
            // The cards show the figures of a single run.
            figures: if single.is_some() { None } else { comparison.and_then(|all| Table::of(all.figures())) },
            figures_of: comparison.map_or(String::new(), Comparison::figures_of),
            interval_of_seeds: comparison.map_or(String::new(), Comparison::interval_of_seeds),
            differences: comparison.and_then(|all| Table::of(all.differences())),
            noun: comparison.map_or("", Comparison::noun),
            legend: self.groups.iter().map(|group| group.name.as_str()).collect(),
            panels: self.panels()?,
            is_cut: self.is_cut(),
            gap: chart::gap(&self.groups)?,
            trade_off: chart::trade_off(&self.groups)?,
            seeds: chart::seeds(&self.groups)?,
            deltas,
            remarks_title: match comparison.is_some_and(|all| all.question.is_some()) {
                true => "How many seeds",
                false => "Images and accuracy",
            },
            remarks: comparison.map_or(Vec::new(), remarks_on_runs),
            confusions: chosen.iter().filter_map(|group| Matrix::of(group)).collect(),
            hardest,
            no_images,
            keys: differing_keys(&self.groups),
            recipe: single.and_then(|run| {
                let recipe = run.recipe.as_ref()?;
                Some((recipe.knobs_on().join(", "), recipe.to_toml()))
            }),
            not_recorded: single.and_then(words::not_recorded),
            provenance: self.provenance(),
            missing: self.not_finished.iter().map(|run| (run.job.name(), run.reason.clone())).collect(),
        };
        Ok(page.render()?)
    }

    /// The run, where there is only one.
    fn single(&self) -> Option<&super::ReportedRun> {
        match &self.groups[..] {
            [group] if group.runs.len() == 1 && self.not_finished.is_empty() => group.runs.first(),
            _ => None,
        }
    }

    /// The position of a group among the groups, which decides its colour.
    fn position(&self, name: &str) -> usize {
        self.groups.iter().position(|group| group.name == name).unwrap_or(0)
    }

    fn title(&self) -> String {
        let source = &self.groups[0].runs[0].environment.data.source;
        let source = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
        match self.single() {
            Some(run) => format!("{}, seed {}, on {source}", run.job.preset, run.seed()),
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
        if let Some(run) = self.single() {
            return words::progress(run);
        }
        let runs: Vec<_> = self.groups.iter().flat_map(|group| &group.runs).collect();
        let finished = runs.iter().filter(|run| run.is_finished()).count();
        let planned = self.comparison.as_ref().map_or(runs.len(), |all| all.planned);
        format!("{finished} of {planned} runs are finished.")
    }

    fn panels(&self) -> Result<Vec<Panel>> {
        let mut panels = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let baseline = if index > 0 { Some(&self.groups[0]) } else { None };
            let shown = group.shown();
            let seeds: Vec<String> = shown.iter().map(|run| run.seed()).collect();
            let plural = if seeds.len() > 1 { "s" } else { "" };
            let unfinished = if shown.iter().all(|run| run.is_finished()) { "" } else { ", not finished" };
            panels.push(Panel {
                name: group.name.clone(),
                runs: format!("seed{plural} {}{unfinished}", seeds.join(", ")),
                loss: chart::curves(Metric::Loss, group, baseline, &self.groups)?,
                accuracy: chart::curves(Metric::Accuracy, group, baseline, &self.groups)?,
            });
        }
        Ok(panels)
    }

    fn is_cut(&self) -> bool {
        let runs = self.groups.iter().flat_map(|group| group.shown());
        runs.flat_map(|run| &run.epochs).any(|record| record.val_loss.max(record.probe_loss) > chart::DIVERGED)
    }

    /// The groups whose confusions and images are shown: the baseline, and the best of the presets that are better than it
    /// or, where none is, the best of the others.
    fn chosen(&self) -> Vec<&RunGroup> {
        let mut others: Vec<&Compared> = Vec::new();
        if let Some(comparison) = &self.comparison {
            others.extend(comparison.presets.iter().filter(|preset| preset.verdict != Verdict::Baseline));
        }
        if others.iter().any(|preset| preset.verdict == Verdict::Better) {
            others.retain(|preset| preset.verdict == Verdict::Better);
        }
        let best = others.iter().min_by(|a, b| a.figures.val_loss.mean.total_cmp(&b.figures.val_loss.mean));
        let mut chosen = vec![&self.groups[0]];
        if let Some(best) = best {
            chosen.extend(self.groups.iter().find(|group| group.name == best.preset));
        }
        chosen
    }
}

fn with_chart(bill: Bill) -> Result<(Bill, String)> {
    let chart = chart::waterfall(&bill)?;
    Ok((bill, chart))
}

/// The findings about the run; none before its first epoch has ended.
fn findings(run: &super::ReportedRun) -> Vec<Finding> {
    Case::of_run(&run.folder).map_or(Vec::new(), |case| diagnose(&case).findings)
}

/// The figures of one recipe over several seeds, in one sentence.
fn one_recipe(comparison: &Comparison) -> String {
    let figures = &comparison.presets[0].figures;
    let gap = figures.gap_loss.as_ref().map(|gap| format!(", gap {:.3}{}", gap.mean, plus_minus(gap.sd)));
    format!(
        "`{}` over {} seeds: val loss {:.3}{}{} nats (mean ± standard deviation).",
        comparison.baseline,
        figures.val_loss.n,
        figures.val_loss.mean,
        plus_minus(figures.val_loss.sd),
        gap.unwrap_or_default()
    )
}

fn plus_minus(sd: Option<f64>) -> String {
    sd.map_or(String::new(), |sd| format!(" ± {sd:.3}"))
}
