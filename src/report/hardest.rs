//! The images with the highest loss.

use super::RunGroup;

/// An image as the runs of a group see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hard {
    /// Its sample id in val.
    pub id: i64,
    /// Its class.
    pub label: usize,
    /// The class that most of the runs give it.
    pub given: Option<usize>,
    /// How many runs give it that class.
    pub votes: usize,
    /// Of how many.
    pub runs: usize,
    /// Its loss, the mean over the runs \[nats\].
    pub loss: f64,
}

/// The `most` val images of highest mean loss over the shown runs of `group`.
pub fn hardest(group: &RunGroup, most: usize) -> Vec<Hard> {
    let shown = group.shown();
    let runs: Vec<_> = shown.iter().filter_map(|run| run.val.as_ref()).collect();
    let Some(first) = runs.first() else { return Vec::new() };
    let runs: Vec<_> = runs.iter().filter(|answers| answers.ids == first.ids).collect();
    let loss = |image: usize| {
        let losses = runs.iter().map(|answers| f64::from(answers.measured.losses[image]));
        losses.sum::<f64>() / runs.len() as f64
    };
    let losses: Vec<f64> = (0..first.ids.len()).map(loss).collect();
    let mut order: Vec<usize> = (0..losses.len()).filter(|&image| !losses[image].is_nan()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let see = |&image: &usize| {
        let votes = |class: Option<usize>| runs.iter().filter(|answers| answers.predicted[image] == class).count();
        let given = runs.iter().map(|answers| answers.predicted[image]).max_by_key(|&class| votes(class)).flatten();
        let (id, label) = (first.ids[image], first.labels[image] as usize);
        Hard { id, label, given, votes: votes(given), runs: runs.len(), loss: losses[image] }
    };
    order.iter().take(most).map(see).collect()
}
