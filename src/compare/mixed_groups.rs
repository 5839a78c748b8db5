//! Groups whose runs are more than the seeds of one recipe, which a comparison by name or key may ask for.

use std::collections::BTreeSet;

use super::{FinishedRun, grouping::are_on_same_data};
use crate::recipe::Recipe;

/// Keys that are named.
const NAMED: usize = 4;

/// A sentence for each of `groups` whose runs differ in more than seed and fold; a run without a recipe tells nothing.
pub fn notes(runs: &[FinishedRun], groups: &[String]) -> Vec<String> {
    groups.iter().filter_map(|group| note(runs, group)).collect()
}

fn note(runs: &[FinishedRun], group: &str) -> Option<String> {
    let mut members = runs.iter().filter(|run| run.job.preset == group && run.recipe.is_some());
    let first = members.next()?;
    let mut keys = BTreeSet::new();
    for other in members {
        keys.extend(differing_keys(first.recipe.as_ref()?, other.recipe.as_ref()?));
        if !are_on_same_data(first, other) {
            keys.insert("their data".to_owned());
        }
    }
    let more = match keys.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more keys"),
    };
    let named: Vec<String> = keys.into_iter().take(NAMED).collect();
    (!named.is_empty()).then(|| {
        format!(
            "The runs of `{group}` differ in {}{more}, not in the seed alone: their spread, and the tests over seeds, are those of a mixture.",
            named.join(", ")
        )
    })
}

/// The recipe keys in which two runs differ, seed and fold apart.
fn differing_keys(one: &Recipe, other: &Recipe) -> BTreeSet<String> {
    let other = Recipe { seed: one.seed, fold: one.fold, ..other.clone() };
    let whole = |path: String| path.split(['.', '[']).next().unwrap_or_default().to_owned();
    one.diff(&other).into_iter().map(|difference| whole(difference.key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_tables_count_once_and_seeds_do_not_count() {
        let one = Recipe::default();
        let mut other = Recipe { seed: 3, fold: Some(1), mixup: 0.2, ..one.clone() };
        assert_eq!(differing_keys(&one, &other), BTreeSet::from(["mixup".to_owned()]));
        other.schedule.pop();
        other.schedule[0].epochs += 1.0;
        assert_eq!(differing_keys(&one, &other), BTreeSet::from(["mixup".to_owned(), "schedule".to_owned()]));
    }
}
