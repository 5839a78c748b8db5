//! What came of a soup, in the form that `--json` prints.

use serde::Serialize;

use super::args::Args;
use mindgap::{
    search::{PairedDifference, Score},
    train::soup::Tried,
};

/// The figures of a soup. Losses in nats, accuracies in percent.
#[derive(Debug, Serialize)]
pub struct SoupFigures {
    pub sentence: String,
    /// The runs in the order in which they were tried.
    pub runs: Vec<TriedRun>,
    /// The soup on the half of val that chose nothing; the best run, where no other was kept.
    pub soup: Score,
    /// The best single run on that half.
    pub best: Score,
    /// Val loss of the soup minus that of the best run, image by image.
    pub difference: PairedDifference,
    /// The file; null where the soup is one run alone.
    pub file: Option<String>,
}

/// A run that was tried.
#[derive(Debug, Serialize)]
pub struct TriedRun {
    pub run: String,
    /// Its val loss on the half that chooses.
    pub val_loss: f64,
    /// The val loss of the soup with it on that half; null for a run that was not tried, since its val loss is not a number.
    pub soup_val_loss: Option<f64>,
    pub kept: bool,
}

impl SoupFigures {
    /// The figures of `tried` runs with these `losses` on the half that chooses. `scores` are the soup's and the best run's.
    pub fn new(
        args: &Args,
        losses: &[f64],
        tried: &[Tried],
        [soup, best]: [Score; 2],
        difference: PairedDifference,
    ) -> Self {
        let run_of = |network: usize| args.runs[network].display().to_string();
        let of_tried = |it: &Tried| TriedRun {
            run: run_of(it.network),
            val_loss: losses[it.network],
            soup_val_loss: Some(it.soup_loss),
            kept: it.is_kept,
        };
        let mut runs: Vec<TriedRun> = tried.iter().map(of_tried).collect();
        for network in (0..losses.len()).filter(|network| tried.iter().all(|it| it.network != *network)) {
            runs.push(TriedRun { run: run_of(network), val_loss: losses[network], soup_val_loss: None, kept: false });
        }
        let kept = runs.iter().filter(|run| run.kept).count();
        let file = (kept > 1).then(|| args.out.display().to_string());
        Self { sentence: sentence(kept, losses.len(), &runs[0].run, &difference), runs, soup, best, difference, file }
    }
}

fn sentence(kept: usize, all: usize, best: &str, difference: &PairedDifference) -> String {
    if kept == 1 {
        return format!("No other run lowers the val loss of the best one, {best}: there is no soup to write.");
    }
    let word = if difference.is_below() {
        "is better than"
    } else if difference.is_above() {
        "is worse than"
    } else {
        "is not shown to differ from"
    };
    format!(
        "The soup of {kept} of {all} runs {word} the best single one, {best}: val loss {:+.4} nats ({:+.4} to {:+.4}) on the half of val that \
         chose nothing.",
        difference.mean, difference.low, difference.high
    )
}
