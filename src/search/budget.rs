//! How a time budget is divided.

use serde::{Deserialize, Serialize};

use super::lengthen::MOST_UNTRIED_EPOCHS;

/// The rungs of a search: how long a candidate is trained on each, and how many reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rungs {
    /// Time of one trial on each rung \[s\].
    pub seconds: Vec<f64>,
    /// Candidates that reach each rung.
    pub candidates: Vec<usize>,
}

/// How much longer a trial is on each further rung, and of how many candidates one gets there.
const FACTOR: usize = 3;
/// The number of candidates is the largest of these for which the trials of the first rung are long enough.
const CANDIDATES: [usize; 8] = [27, 18, 12, 9, 6, 4, 3, 2];
/// Epochs and updates of the start below which a trial says too little.
const LEAST_EPOCHS: f64 = 3.0;
const LEAST_UPDATES: f64 = 250.0;
/// Candidates on two rungs below which one rung of more candidates is preferred, if the winner leaves the time for it.
const FEW_CANDIDATES: usize = 3;
/// The most candidates on one rung alone.
const MOST_ON_ONE_RUNG: usize = 9;
/// Epochs of the winner from which on a budget is called enough.
pub const ENOUGH_EPOCHS: u32 = 12;
/// The winner's share of what is left after look and measure.
pub const WINNERS_SHARE: f64 = 0.49;

impl Rungs {
    /// `rungs` rungs for `candidates` candidates in `seconds` seconds: all of them, then the best third for three times as long, then the
    /// best ninth for nine times as long.
    fn of(rungs: u32, candidates: usize, seconds: f64, jobs: usize) -> Self {
        let counts: Vec<usize> = (0..rungs).map(|rung| candidates.div_ceil(FACTOR.pow(rung))).collect();
        // With fewer trials than runs at a time the others' threads are idle.
        let rounded = |count: &usize| count.div_ceil(jobs) * jobs;
        let units: usize = counts.iter().zip(0..).map(|(count, rung)| rounded(count) * FACTOR.pow(rung)).sum();
        let first = seconds / units as f64;
        Self { seconds: (0..rungs).map(|rung| first * FACTOR.pow(rung) as f64).collect(), candidates: counts }
    }

    /// The rungs that `seconds` allow before a winner that has `last`, three from twelve candidates on; None where not even two candidates
    /// can be told apart.
    fn fitting(seconds: f64, last: f64, cost: &TrialCost) -> Option<Self> {
        let rungs = |candidates| if candidates >= 12 { 3 } else { 2 };
        Self::largest(&CANDIDATES, seconds, last, cost, rungs).or_else(|| Self::one(seconds, last, cost))
    }

    /// One rung of up to nine candidates in `seconds`; None where there is no time for two.
    fn one(seconds: f64, last: f64, cost: &TrialCost) -> Option<Self> {
        let counts: Vec<usize> = CANDIDATES.into_iter().filter(|count| *count <= MOST_ON_ONE_RUNG).collect();
        Self::largest(&counts, seconds, last, cost, |_| 1)
    }

    /// The rungs for the first of `candidates` whose trials are long enough, and none longer than a training of the winner.
    fn largest(
        candidates: &[usize],
        seconds: f64,
        last: f64,
        cost: &TrialCost,
        rungs: impl Fn(usize) -> u32,
    ) -> Option<Self> {
        let jobs = cost.jobs.max(1);
        let all = candidates.iter().map(|&count| Self::of(rungs(count), count, seconds, jobs));
        let mut fitting = all.filter(|rungs| {
            let longest = rungs.seconds[rungs.seconds.len() - 1];
            rungs.seconds[0] >= cost.of_a_trial() && longest <= last / cost.last
        });
        fitting.next()
    }
}

/// What trainings of the start cost here, over all folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialCost {
    /// Seconds of an epoch.
    pub epoch: f64,
    /// Seconds of a training beside its epochs.
    pub startup: f64,
    /// Updates of an epoch.
    pub updates: f64,
    /// Trials at a time.
    pub jobs: usize,
    /// How many times as long an epoch of the winner takes: each seed, and with folds one more network, for use.
    pub last: f64,
}

impl TrialCost {
    /// Seconds of the shortest trial that says something.
    fn of_a_trial(&self) -> f64 {
        LEAST_EPOCHS.max(LEAST_UPDATES / self.updates.max(1.0)) * self.epoch + self.startup
    }

    /// Seconds of the longest training of a winner of which little is known.
    fn of_the_last(&self) -> f64 {
        self.last * (f64::from(MOST_UNTRIED_EPOCHS) * self.epoch + self.startup)
    }
}

/// How a budget is divided. Times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetPlan {
    /// The whole budget.
    pub budget: f64,
    /// Time of the reference, over all its runs.
    pub reference: f64,
    /// Time of the search.
    pub search: f64,
    /// Time of the winner, over all its runs.
    pub last: f64,
    /// Time kept for verdict and files.
    pub rest: f64,
    /// The rungs of the search; None where the budget is too small to search.
    pub rungs: Option<Rungs>,
}

impl BudgetPlan {
    /// Divides `budget` seconds, of which `spent` are gone.
    pub fn new(budget: f64, spent: f64, cost: &TrialCost) -> Self {
        let rest = (0.04 * budget).max(6.0 + 2.0 * cost.startup).min(0.25 * budget);
        let left = (budget - spent - rest).max(0.0);
        let both = 0.85 * left;
        let share = (WINNERS_SHARE * left).max(0.4 * budget).min(both);
        let rungs = Rungs::fitting(both - share, share, cost);
        // With few images an epoch is short and a trial takes many: the winner needs less than its share, and the search more than its own.
        let useful = share.min(cost.of_the_last());
        let count = |rungs: &Option<Rungs>| rungs.as_ref().map_or(0, |rungs| rungs.candidates[0]);
        let one = Rungs::one(both - useful, useful, cost).filter(|_| useful < share && count(&rungs) < FEW_CANDIDATES);
        let (last, rungs) = if count(&one) > count(&rungs) { (useful, one) } else { (share, rungs) };
        // Without a search its time goes to the winner.
        let (search, last) = if rungs.is_some() { (both - last, last) } else { (0.0, both) };
        Self { budget, reference: 0.15 * left, search, last, rest, rungs }
    }
}

/// A budget \[s\] in which six candidates can be tried and the winner gets twelve epochs; the smallest one, up to a
/// twentieth.
pub fn enough(cost: &TrialCost) -> f64 {
    let is_enough = |budget: f64| {
        let plan = BudgetPlan::new(budget, 0.02 * budget, cost);
        plan.rungs.is_some_and(|rungs| rungs.candidates[0] >= 6)
            && plan.last >= cost.last * (f64::from(ENOUGH_EPOCHS) * cost.epoch + cost.startup)
    };
    let mut budget = cost.of_a_trial().max(1.0);
    while !is_enough(budget) && budget < 1e9 {
        budget *= 1.05;
    }
    budget
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(epoch: f64) -> TrialCost {
        TrialCost { epoch, startup: 1.5, updates: 224.0, jobs: 1, last: 1.0 }
    }

    #[test]
    fn the_winner_gets_two_fifths_or_more_and_all_parts_fit() {
        for budget in [60.0, 300.0, 3600.0, 7200.0, 36_000.0] {
            for epoch in [0.5, 2.0, 20.0, 40.0] {
                let spent = 0.03 * budget;
                let plan = BudgetPlan::new(budget, spent, &cost(epoch));
                let sum = spent + plan.reference + plan.search + plan.last + plan.rest;
                assert!((sum - budget).abs() < 1e-6, "{plan:?}");
                assert!(plan.last >= 0.4 * budget, "{plan:?}");
                let Some(rungs) = &plan.rungs else { continue };
                assert!(rungs.seconds[0] >= 3.0 * epoch);
                let used: f64 = rungs.seconds.iter().zip(&rungs.candidates).map(|(time, n)| time * *n as f64).sum();
                assert!((used - plan.search).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn more_time_means_more_candidates() {
        let candidates =
            |budget, epoch| BudgetPlan::new(budget, 10.0, &cost(epoch)).rungs.map(|rungs| rungs.candidates);
        assert_eq!(candidates(3600.0, 40.0), Some(vec![4, 2]));
        assert_eq!(candidates(7200.0, 40.0), Some(vec![9, 3]));
        assert_eq!(candidates(36_000.0, 40.0), Some(vec![27, 9, 3]));
        assert_eq!(candidates(300.0, 40.0), None);
    }

    #[test]
    fn few_images_need_more_epochs_a_trial() {
        let few = TrialCost { updates: 36.0, ..cost(2.0) };
        assert!((few.of_a_trial() - (250.0 / 36.0 * 2.0 + 1.5)).abs() < 1e-9);
        assert!((cost(2.0).of_a_trial() - 7.5).abs() < 1e-9);
        let candidates = |cost| BudgetPlan::new(300.0, 14.0, &cost).rungs.map(|rungs| rungs.candidates);
        assert_eq!((candidates(few), candidates(cost(2.0))), (Some(vec![3, 1]), Some(vec![6, 2])));
    }

    #[test]
    fn time_that_the_winner_cannot_use_goes_to_the_search() {
        // 300 images in five folds, measured: an epoch of all folds takes 1.25 s, and 15 updates.
        let few = TrialCost { epoch: 1.25, startup: 10.0, updates: 15.0, jobs: 1, last: 1.25 };
        let plan = BudgetPlan::new(480.0, 20.0, &few);
        assert_eq!(plan.rungs.as_ref().unwrap().candidates, [9]);
        assert!((plan.last - 1.25 * (48.0 * 1.25 + 10.0)).abs() < 1e-9, "{plan:?}");
        assert!(plan.rungs.unwrap().seconds[0] >= few.of_a_trial());
        // With more time there are two rungs, and the winner has its share.
        let plan = BudgetPlan::new(1200.0, 20.0, &few);
        assert!(plan.rungs.unwrap().candidates.len() == 2 && plan.last >= 0.4 * 1200.0);
    }

    #[test]
    fn no_trial_is_longer_than_a_training_of_the_winner() {
        for seeds in [1.0, 3.0, 8.0] {
            let cost = TrialCost { last: seeds, ..cost(4.0) };
            for budget in [150.0, 300.0, 600.0, 1200.0, 7200.0] {
                let plan = BudgetPlan::new(budget, 10.0, &cost);
                let Some(rungs) = &plan.rungs else { continue };
                assert!(rungs.seconds.iter().all(|seconds| *seconds <= plan.last / seeds), "{plan:?}");
            }
            // One rung where two would have a trial that is too long.
            let rungs = BudgetPlan::new(300.0, 10.0, &cost).rungs.map(|rungs| rungs.candidates);
            assert_eq!(rungs, if seeds > 1.0 { Some(vec![6]) } else { Some(vec![3, 1]) }, "{seeds}");
        }
    }

    #[test]
    fn with_runs_at_a_time_all_rungs_fit() {
        for jobs in [2, 4, 8] {
            let plan = BudgetPlan::new(7200.0, 60.0, &TrialCost { jobs, ..cost(20.0) });
            let rungs = plan.rungs.unwrap();
            // A round of `jobs` trials takes `jobs` times as long as one with all threads.
            let rounds = |count: &usize| (count.div_ceil(jobs) * jobs) as f64;
            let used: f64 = rungs.seconds.iter().zip(&rungs.candidates).map(|(time, n)| time * rounds(n)).sum();
            assert!(used <= plan.search + 1e-6, "{jobs}: {used} of {}", plan.search);
        }
    }

    #[test]
    fn what_is_called_enough_is() {
        for epoch in [0.3, 2.0, 40.0] {
            let budget = enough(&cost(epoch));
            let plan = |budget: f64| BudgetPlan::new(budget, 0.02 * budget, &cost(epoch));
            assert!(
                plan(budget).rungs.unwrap().candidates[0] >= 6 && plan(budget).last >= 12.0 * epoch,
                "{epoch}: {budget}"
            );
            assert!(plan(0.9 * budget).rungs.is_none_or(|rungs| rungs.candidates[0] < 6), "{epoch}: {budget}");
        }
    }
}
