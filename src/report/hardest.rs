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
    let mut runs: Vec<&Answers> = shown.iter().filter_map(|run| run.val.as_ref()).collect();
    let Some(&first) = runs.first() else { return Vec::new() };
    runs.retain(|answers| answers.ids == first.ids);
    let mut losses = Vec::with_capacity(first.ids.len());
    for image in 0..first.ids.len() {
        let sum: f64 = runs.iter().map(|answers| f64::from(answers.measured.losses[image])).sum();
        losses.push(sum / runs.len() as f64);
    }
    let mut order: Vec<usize> = (0..losses.len()).filter(|&image| !losses[image].is_nan()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let mut hardest = Vec::new();
    for &image in order.iter().take(most) {
        let predictions: Vec<Option<usize>> = runs.iter().map(|answers| answers.predicted[image]).collect();
        let given = *predictions.iter().max_by_key(|class| votes(&predictions, **class)).unwrap_or(&None);
        hardest.push(Hard {
            id: first.ids[image],
            label: first.labels[image] as usize,
            given,
            votes: votes(&predictions, given),
            runs: runs.len(),
            loss: losses[image],
        });
    }
    hardest
}

fn votes(predictions: &[Option<usize>], class: Option<usize>) -> usize {
    predictions.iter().filter(|&&predicted| predicted == class).count()
}
