//! The search on synthetic tasks with a known best recipe, against random search and against full training of candidates, at
//! equal time.
//!
//! A task is a val loss for each settings and each training time: every level of a knob has an effect, pairs of knobs have smaller ones,
//! stronger regularisation and larger networks gain more from long training, and each training has noise. The effects are drawn for
//! each task, so that the best settings differ.

use super::{
    BudgetPlan, Candidate, Knob, Network, Next, Outcome, Score, Settings, Space, Trial, TrialCost, moves, networks,
    next, propose,
};
use crate::{
    random::{Purpose, Stream},
    recipe::Recipe,
    stats,
};

/// The knobs of a task, with their levels; the network has five.
fn knobs() -> Vec<(Knob, usize)> {
    let rest = Knob::WITH_LEVELS.into_iter().map(|knob| (knob, knob.levels().len()));
    [(Knob::Network, 5)].into_iter().chain(rest).collect()
}

/// A synthetic task.
struct Task {
    seed: u64,
    /// The level of each knob that is best after a long training.
    best: Vec<f64>,
    /// How much a knob matters.
    weight: Vec<f64>,
    /// How far the best level is lower after a short training.
    early: Vec<f64>,
    /// The interaction of neighbouring knobs.
    joint: Vec<f64>,
}

/// A trial is three hundredths of a full training at least.
const COST: TrialCost = TrialCost { epoch: 0.6, startup: 0.0, updates: 224.0, jobs: 1, last: 1.0 };
/// Standard deviation of a training about its expectation \[nats\].
const NOISE: f64 = 0.012;
/// The time of a full training, in which the early shift is gone to a half \[units\].
const LONG: f64 = 49.0;

impl Task {
    fn new(seed: u64) -> Self {
        let mut draws = Stream::new(seed, Purpose::Resample, 9, 0);
        let mut task = Self { seed, best: vec![], weight: vec![], early: vec![], joint: vec![] };
        let start = Settings::start(2);
        for (knob, levels) in knobs() {
            // What helped elsewhere is near the best here, and not at it.
            let near = start.level(knob) as f64 + 1.2 * draws.normal();
            task.best.push(near.clamp(-0.5, levels as f64 - 0.5));
            task.weight.push(0.03 * draws.uniform().powi(2) + 0.002);
            task.early.push(draws.uniform());
            task.joint.push(0.004 * draws.normal());
        }
        task
    }

    /// The expected val loss of `settings` after `time`.
    fn expected(&self, settings: &Settings, time: f64) -> f64 {
        let mut loss = 0.8 + 0.9 / (1.0 + time).powf(0.6);
        let mut before = 0.0;
        for (index, (knob, _)) in knobs().into_iter().enumerate() {
            let best = self.best[index] - self.early[index] * LONG / (LONG + 4.0 * time);
            let away = settings.level(knob) as f64 - best;
            loss += self.weight[index] * away * away + self.joint[index] * away * before;
            before = away;
        }
        loss
    }

    /// The val loss of one training.
    fn trained(&self, settings: &Settings, time: f64, run: u32) -> f64 {
        let mut draws = Stream::new(self.seed, Purpose::Resample, 9, 1 + run);
        self.expected(settings, time) + NOISE * draws.normal()
    }

    /// How far `settings` are above the best of all after a full training.
    fn regret(&self, settings: &Settings) -> f64 {
        let mut best = Settings::start(2);
        // Coordinate descent finds the best of a quadratic with weak interactions; it is repeated until nothing changes.
        loop {
            let before = best;
            for (knob, levels) in knobs() {
                let candidates = (0..levels).map(|level| best.with(knob, level));
                best = candidates.min_by(|a, b| self.expected(a, LONG).total_cmp(&self.expected(b, LONG))).unwrap();
            }
            if best == before {
                break;
            }
        }
        (self.expected(settings, LONG) - self.expected(&best, LONG)).max(0.0)
    }
}

fn score(val_loss: f64) -> Outcome {
    Outcome::Finished(Score { images: 1000, val_loss, val_acc: 50.0, probe_loss: 0.5, gap_loss: 0.1, gap_loss_se: 0.1 })
}

/// What the search of this module chooses within `budget`.
fn searched(task: &Task, budget: f64, networks: &[Network]) -> Settings {
    let moves = moves(&[]);
    let plan = BudgetPlan::new(budget, 0.0, &COST);
    let Some(rungs) = plan.rungs else { return Settings::start(2) };
    let mut candidates = vec![Candidate::start(Settings::start(2), networks, false)];
    let mut trials: Vec<Trial> = Vec::new();
    let mut left = plan.search;
    loop {
        let most = rungs.candidates[0];
        let proposed = match trials.is_empty() {
            true => Some(candidates[0].clone()),
            false => propose(
                &candidates,
                &trials,
                &moves,
                &Space { networks, reach: networks.len(), is_valid: &|_| true },
                most,
            ),
        };
        let (candidate, rung, seed) = match next(&rungs, &trials, 0, proposed.is_some(), false) {
            Next::Propose => {
                if !trials.is_empty() {
                    candidates.extend(proposed);
                }
                (candidates.len() - 1, 0, 0)
            }
            Next::Promote { candidate, rung } => (candidate, rung, 0),
            Next::Repeat { candidate, seed } => (candidate, rungs.seconds.len() - 1, seed),
            Next::Wait | Next::Done => break,
        };
        left -= rungs.seconds[rung];
        if left < -1e-6 {
            break;
        }
        let settings = candidates[candidate].settings.unwrap();
        let loss = task.trained(&settings, rungs.seconds[rung], (100 * candidate + 10 * rung) as u32 + seed as u32);
        trials.push(Trial { candidate, rung, seed, epochs: 1, outcome: Some(score(loss)) });
    }
    let highest = trials.iter().map(|trial| trial.rung).max().unwrap();
    let mean = |candidate: usize| {
        let of_it = trials.iter().filter(|trial| trial.rung == highest && trial.candidate == candidate);
        stats::mean(&of_it.filter_map(Trial::val_loss).collect::<Vec<_>>())
    };
    let reached = trials.iter().filter(|trial| trial.rung == highest).map(|trial| trial.candidate);
    let best = reached.min_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap();
    candidates[best].settings.unwrap()
}

/// The best of random settings, each trained for as long as the winner would be, as many as the time of the search allows.
fn random(task: &Task, budget: f64) -> Settings {
    let plan = BudgetPlan::new(budget, 0.0, &COST);
    let mut draws = Stream::new(task.seed, Purpose::Resample, 10, 0);
    let count = ((plan.search / LONG) as u32).max(1);
    best_of(task, count, |run| {
        let mut settings = Settings::start(2);
        for (knob, levels) in knobs() {
            settings = settings.with(knob, draws.below(levels as u32) as usize);
        }
        (settings, run)
    })
}

/// The best of the start and its single moves, each trained for as long as the winner would be, as many as the time of the search
/// allows.
fn full(task: &Task, budget: f64, networks: &[Network]) -> Settings {
    let plan = BudgetPlan::new(budget, 0.0, &COST);
    let count = ((plan.search / LONG) as u32).max(1);
    let start = Settings::start(2);
    let mut settings = vec![start];
    settings.extend(moves(&[]).iter().filter_map(|step| step.apply(&start, networks.len())));
    best_of(task, count.min(settings.len() as u32), |run| (settings[run as usize], run))
}

fn best_of(task: &Task, count: u32, mut settings: impl FnMut(u32) -> (Settings, u32)) -> Settings {
    let tried =
        (0..count).map(&mut settings).map(|(settings, run)| (task.trained(&settings, LONG, 5000 + run), settings));
    tried.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
}

#[test]
fn the_search_regrets_less_than_random_search_and_full_training() {
    let networks = networks(48, &Recipe::default());
    println!(
        "budget  search          random          full training   start           (mean regret [nats], 1,000 tasks)"
    );
    for budget in [200.0, 800.0, 3200.0] {
        let mut regrets = [const { Vec::new() }; 4];
        for seed in 0..1000 {
            let task = Task::new(seed);
            let chosen = [
                searched(&task, budget, &networks),
                random(&task, budget),
                full(&task, budget, &networks),
                Settings::start(2),
            ];
            regrets.iter_mut().zip(&chosen).for_each(|(regrets, settings)| regrets.push(task.regret(settings)));
        }
        let means: Vec<f64> = regrets.iter().map(|regrets| stats::mean(regrets)).collect();
        let cells: Vec<String> = regrets
            .iter()
            .map(|regrets| format!("{:.4} ± {:.4}", stats::mean(regrets), stats::standard_error(regrets)))
            .collect();
        println!("{budget:6}  {}", cells.join("  "));
        let [ours, random, full, start] = means[..] else { panic!("four ways") };
        assert!(ours < random && ours < full && ours < start, "{budget}: {cells:?}");
    }
}
