//! The images with the highest loss.

use super::{Answers, RunGroup};

/// A val image with the predictions of a group's runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Hard {
    /// Sample id in val.
    pub id: i64,
    /// True class.
    pub label: usize,
    /// The class that most of the runs predict; None where most predictions are not a number.
    pub given: Option<usize>,
    /// How many runs predict that class.
    pub votes: usize,
    /// How many runs there are.
    pub runs: usize,
    /// Mean loss over the runs \[nats\].
    pub loss: f64,
}

/// The `most` val images of highest mean loss over the shown runs of `group`.
pub fn hardest(group: &RunGroup, most: usize) -> Vec<Hard> {
    let shown = group.shown();
    let mut folds: Vec<Option<u32>> = shown.iter().map(|run| run.job.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    let mut all = Vec::new();
    for fold in folds {
        let of_fold = shown.iter().filter(|run| run.job.fold == fold);
        all.extend(on_same_images(&of_fold.filter_map(|run| run.val.as_ref()).collect::<Vec<_>>()));
    }
    all.retain(|hard| !hard.loss.is_nan());
    all.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    all.truncate(most);
    all
}

/// The images of the first of `runs`, in their order, with the predictions of all runs that measured the same images.
fn on_same_images(runs: &[&Answers]) -> Vec<Hard> {
    let Some(&first) = runs.first() else { return Vec::new() };
    let runs: Vec<&Answers> = runs.iter().copied().filter(|answers| answers.ids == first.ids).collect();
    let mut images = Vec::with_capacity(first.ids.len());
    for image in 0..first.ids.len() {
        let sum: f64 = runs.iter().map(|answers| f64::from(answers.measured.losses[image])).sum();
        let predictions: Vec<Option<usize>> = runs.iter().map(|answers| answers.predicted[image]).collect();
        let given = *predictions.iter().max_by_key(|class| votes(&predictions, **class)).unwrap_or(&None);
        images.push(Hard {
            id: first.ids[image],
            label: first.labels[image] as usize,
            given,
            votes: votes(&predictions, given),
            runs: runs.len(),
            loss: sum / runs.len() as f64,
        });
    }
    images
}

fn votes(predictions: &[Option<usize>], class: Option<usize>) -> usize {
    predictions.iter().filter(|&&predicted| predicted == class).count()
}
