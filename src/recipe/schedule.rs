//! The learning rate as a function of the step; the budget of a run, for `--epochs N` and preset `longer`.
//!
//! | | |
//! |---|---|
//! | What | Passes over the training images. Phases of the schedule are stretched to fit, so that a longer run falls as far, more slowly. |
//! | When it helps | While val loss still falls at the end of the run, or together with augmentation, which makes more of it. Without regularisation more epochs open the gap further. |
//! | Costs | Time, in proportion. |
//! | Usual values | 15 to 300. |
//! | Reference | Hoffer et al. 2017, "Train longer, generalize better"; torchvision's ladder for ResNet-50: +1.8 points from longer training, with augmentation only. |

use super::{Phase, Recipe, phase::tidy};

/// The learning rate of the optimiser's step number `step`, counted from 0 over the whole run.
///
/// A function of its arguments and of nothing else: a resumed run gets the same number. Phases meet at
/// whole steps, the nearest to their common boundary; past the end of the schedule its last phase continues (see
/// [`super::Curve::factor`]). A recipe without phases has its peak rate throughout.
pub fn rate(recipe: &Recipe, step: u64, steps_per_epoch: u64) -> f64 {
    let steps_per_epoch = steps_per_epoch as f64;
    let mut epochs = 0.0;
    let mut begin = 0;
    let mut factor = 1.0;
    for (index, phase) in recipe.schedule.iter().enumerate() {
        epochs += phase.epochs;
        let end = (epochs * steps_per_epoch).round() as u64;
        if step < end || index + 1 == recipe.schedule.len() {
            let steps = end.saturating_sub(begin) as f64;
            factor = phase.curve.factor(step.saturating_sub(begin) as f64, steps, steps_per_epoch);
            break;
        }
        begin = end;
    }
    tidy(recipe.lr * factor)
}

/// Stretches the phases, and the lengths within them, in proportion, so that they last `epochs` in all.
pub(super) fn stretch(schedule: &mut [Phase], epochs: f64) {
    let total: f64 = schedule.iter().map(|phase| phase.epochs).sum();
    // A schedule that fits already keeps its bits: a resolved recipe resolves to itself.
    if (total - epochs).abs() <= 1e-9 * epochs {
        return;
    }
    // Multiplied before divided: 20 epochs of 50 become 6 of 15, not 6 and a bit.
    let lengthen = |length: &mut f64| *length = tidy(*length * epochs / total);
    for phase in schedule {
        lengthen(&mut phase.epochs);
        phase.curve.stretch(lengthen, epochs / total);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recipe::{Curve, CycleMode};

    /// What `scripts/golden/schedule.py` recorded of one PyTorch scheduler.
    #[derive(serde::Deserialize)]
    struct Golden {
        name: String,
        lr: f64,
        steps_per_epoch: u64,
        phase: Phase,
        rates: Vec<f64>,
    }

    #[test]
    fn rates_equal_pytorchs_schedulers_to_1e_12() {
        let goldens: Vec<Golden> =
            serde_json::from_str(include_str!("../../tests/golden/schedule.json")).expect("golden numbers");
        assert!(goldens.len() >= 8);
        for golden in goldens {
            let recipe = Recipe { lr: golden.lr, schedule: vec![golden.phase], ..Recipe::default() };
            for (step, theirs) in golden.rates.iter().enumerate() {
                let ours = rate(&recipe, step as u64, golden.steps_per_epoch);
                assert!((ours - theirs).abs() <= 1e-12 * theirs.abs(), "{} at {step}: {ours}, {theirs}", golden.name);
            }
        }
    }

    #[test]
    fn the_reference_rates_have_no_digits_of_binary_rounding() {
        let recipe = Recipe::default();
        let at_epoch = |epoch: u64| rate(&recipe, epoch * 224, 224);
        let read: Vec<f64> = [0, 1, 2, 4, 18, 20, 29, 30, 39, 40, 49, 60].map(at_epoch).to_vec();
        let meant = [0.001, 0.0255, 0.05, 0.001, 0.05, 0.005, 0.005, 0.0005, 0.0005, 0.00005, 0.00005, 0.00005];
        assert_eq!(read, meant);
        assert_eq!(rate(&recipe, 2 * 224 - 1, 224), 0.049890625);
        // The last step of the cyclic phase is its last step down, not the tail's first.
        assert_eq!(rate(&recipe, 20 * 224 - 1, 224), 0.001109375);
    }

    #[test]
    fn a_schedule_of_50_epochs_stretched_to_15_keeps_its_shape() {
        let long = Recipe::default();
        let mut short = Recipe { epochs: 15, ..Recipe::default() };
        stretch(&mut short.schedule, 15.0);
        let epochs: Vec<f64> = short.schedule.iter().map(|phase| phase.epochs).collect();
        assert_eq!(epochs, [6.0, 3.0, 3.0, 3.0]);
        let Curve::Cyclic { up, down, .. } = short.schedule[0].curve else { panic!("the first phase is cyclic") };
        assert_eq!((up, down), (0.6, 0.6));
        for step in 0..50 * 30 {
            // 30 steps an epoch of the long run are 100 of the short one.
            let (long, short) = (rate(&long, step, 30), rate(&short, step, 100));
            assert!((long - short).abs() <= 1e-12 * long, "step {step}: {long}, {short}");
        }
    }

    #[test]
    fn exp_range_and_step_keep_their_shape_when_stretched() {
        let cyclic = Curve::Cyclic { low: 0.1, high: 1.0, up: 1.0, down: 2.0, mode: CycleMode::ExpRange, gamma: 0.99 };
        let steps = Curve::Step { factor: 1.0, decay: 0.5, every: None, milestones: Some(vec![1.0, 2.5]) };
        let schedule = vec![Phase { epochs: 6.0, curve: cyclic }, Phase { epochs: 4.0, curve: steps }];
        let short = Recipe { schedule: schedule.clone(), ..Recipe::default() };
        let mut long = Recipe { schedule, ..Recipe::default() };
        stretch(&mut long.schedule, 20.0);
        for step in 0..10 * 40 {
            let (short, long) = (rate(&short, step, 40), rate(&long, 2 * step, 40));
            assert!((long - short).abs() <= 1e-12 * long, "step {step}: {short}, {long}");
        }
    }

    #[test]
    fn curves_pass_through_the_points_that_define_them() {
        let at = |curve: &Curve, share: f64| curve.factor(share * 100.0, 100.0, 10.0);
        let cosine = Curve::Cosine { from: 1.0, to: 0.2 };
        assert_eq!([0.0, 0.5, 1.0, 3.0].map(|share| tidy(at(&cosine, share))), [1.0, 0.6, 0.2, 0.2]);
        let one_cycle = Curve::OneCycle { start: 0.1, peak: 1.0, end: 0.0, rise: 0.25 };
        assert_eq!([0.0, 0.25, 0.625, 1.0, 3.0].map(|share| tidy(at(&one_cycle, share))), [0.1, 1.0, 0.5, 0.0, 0.0]);
        let warmup = Curve::Linear { from: 0.0, to: 1.0 };
        assert_eq!([0.0, 0.25, 1.0, 3.0].map(|share| at(&warmup, share)), [0.0, 0.25, 1.0, 1.0]);
    }

    fn any_curve() -> impl Strategy<Value = Curve> {
        let factor = || 0.0..2.0f64;
        let length = || 0.01..30.0f64;
        let mode = prop_oneof![Just(CycleMode::Triangular), Just(CycleMode::Triangular2), Just(CycleMode::ExpRange)];
        prop_oneof![
            factor().prop_map(|factor| Curve::Constant { factor }),
            (factor(), 0.01..=1.0, length()).prop_map(|(factor, decay, every)| Curve::Step {
                factor,
                decay,
                every: Some(every),
                milestones: None
            }),
            (factor(), 0.01..=1.0, prop::collection::vec(length(), 0..4)).prop_map(|(factor, decay, milestones)| {
                Curve::Step { factor, decay, every: None, milestones: Some(milestones) }
            }),
            (factor(), factor()).prop_map(|(from, to)| Curve::Cosine { from, to }),
            (factor(), factor(), factor(), 0.01..0.99).prop_map(|(start, peak, end, rise)| Curve::OneCycle {
                start,
                peak,
                end,
                rise
            }),
            (factor(), factor(), length(), length(), mode, 0.5..=1.0)
                .prop_map(|(low, high, up, down, mode, gamma)| Curve::Cyclic { low, high, up, down, mode, gamma }),
            (factor(), factor()).prop_map(|(from, to)| Curve::Linear { from, to }),
        ]
    }

    proptest! {
        #[test]
        fn a_rate_is_finite_and_not_negative_at_every_step(
            phases in prop::collection::vec((0.01..10.0f64, any_curve()), 1..5),
            steps_per_epoch in 1..40u64,
        ) {
            let schedule: Vec<Phase> = phases.into_iter().map(|(epochs, curve)| Phase { epochs, curve }).collect();
            let epochs: f64 = schedule.iter().map(|phase| phase.epochs).sum();
            let recipe = Recipe { schedule, ..Recipe::default() };
            let beyond = 2 * (epochs as u64 + 1) * steps_per_epoch;
            for step in 0..beyond {
                let rate = rate(&recipe, step, steps_per_epoch);
                prop_assert!(rate.is_finite() && rate >= 0.0, "step {step}: {rate}");
            }
        }
    }
}
