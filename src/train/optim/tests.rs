//! The update rules against PyTorch's, with the numbers of scripts/golden/optimizers.py.

use tch::{Device, Kind, Tensor};

use super::{Optimizer, ParameterGroup, Slot, UpdateRule, clip_to_norm, lookahead::Lookahead};
use crate::{recipe::Recipe, train::loss_scale::Overflow};

const MOMENTUM: UpdateRule = UpdateRule::Sgd { momentum: 0.9, nesterov: false };
const NESTEROV: UpdateRule = UpdateRule::Sgd { momentum: 0.9, nesterov: true };

/// An optimizer of the script's parameters, which are in two tensors here.
fn optimizer(rule: UpdateRule) -> Optimizer {
    let slot = |parameter: Tensor| {
        let state = rule.state_names().iter().map(|_| parameter.zeros_like()).collect();
        Slot { name: String::new(), parameter, rule, state }
    };
    let slots = vec![slot(Tensor::from_slice(&[1.0, -2.0])), slot(Tensor::from_slice(&[3.0]))];
    let groups = vec![ParameterGroup { rule, rate_factor: 1.0, weight_decay: 0.01, slots: vec![0, 1] }];
    Optimizer { slots, groups, lookahead: None, updates: 0 }
}

/// Makes update `number` with the script's gradients and rate.
fn update(optimizer: &mut Optimizer, number: f64, overflow: Option<&Overflow>) {
    let slopes = [Tensor::from_slice(&[0.5, 1.0]), Tensor::from_slice(&[2.0])];
    let slots = optimizer.slots.iter().zip(&slopes);
    let gradients: Vec<Tensor> = slots.map(|(slot, slope)| &slot.parameter * slope + 0.1 * number).collect();
    optimizer.step(&gradients, 0.1 / number, overflow);
}

fn overflow(found_inf: f32, skipped: f32) -> Overflow {
    Overflow { found_inf: Tensor::from_slice(&[found_inf]), skipped: Tensor::from(skipped) }
}

#[test]
fn parameters_after_each_of_five_updates_are_pytorchs() {
    for (rule, expected) in [
        (UpdateRule::Sgd { momentum: 0.0, nesterov: false }, golden::PLAIN),
        (MOMENTUM, golden::MOMENTUM),
        (NESTEROV, golden::NESTEROV),
        (UpdateRule::AdamW, golden::ADAMW),
    ] {
        let mut optimizer = optimizer(rule);
        for (number, expected) in (1..).zip(expected) {
            update(&mut optimizer, f64::from(number), None);
            let found = Tensor::cat(&[&optimizer.slots[0].parameter, &optimizer.slots[1].parameter], 0);
            let off = (&found - Tensor::from_slice(&expected)).abs().max().double_value(&[]);
            assert!(off < 1e-12, "{rule:?}, update {number}: {found} where PyTorch has {expected:?}");
        }
    }
}

#[test]
fn slow_weights_follow_and_are_where_training_continues() {
    let value = |tensor: &Tensor| tensor.double_value(&[0]);
    let mut plain = optimizer(MOMENTUM);
    let mut looking = optimizer(MOMENTUM);
    let recipe = Recipe { lookahead: 2, lookahead_alpha: 0.25, ..Recipe::default() };
    let trained = looking.slots.iter().map(|slot| slot.parameter.shallow_clone()).collect();
    looking.lookahead = Lookahead::new(&recipe, trained);
    for number in 1..=2 {
        assert_eq!(value(&looking.slots[0].parameter), value(&plain.slots[0].parameter), "before update {number}");
        update(&mut plain, f64::from(number), None);
        update(&mut looking, f64::from(number), None);
    }
    // The start is at 1, and the way to where two plain updates lead is taken by a quarter.
    let expected = 1.0 + 0.25 * (value(&plain.slots[0].parameter) - 1.0);
    assert!((value(&looking.slots[0].parameter) - expected).abs() < 1e-12);
    let names: Vec<String> = looking.state().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["momentum/", "momentum/", "slow/", "slow/"]);
    let slow = value(looking.state()[2].1);
    assert!((slow - expected).abs() < 1e-12);
    update(&mut looking, 3.0, None);
    assert_eq!(value(looking.state()[2].1), slow);
    // An epoch ends between two of these updates.
    let trained = value(&looking.slots[0].parameter);
    looking.end_epoch();
    let expected = slow + 0.25 * (trained - slow);
    assert!((value(looking.state()[2].1) - expected).abs() < 1e-12);
    assert_eq!(value(&looking.slots[0].parameter), value(looking.state()[2].1));
}

#[test]
fn an_update_whose_gradients_overflowed_changes_nothing() {
    let numbers = |optimizer: &Optimizer| -> Vec<Tensor> {
        let slots = optimizer.slots.iter();
        slots.flat_map(|slot| [&slot.parameter].into_iter().chain(&slot.state)).map(Tensor::copy).collect()
    };
    for rule in [NESTEROV, UpdateRule::AdamW] {
        let mut optimizer = optimizer(rule);
        update(&mut optimizer, 1.0, None);
        let before = numbers(&optimizer);
        update(&mut optimizer, 2.0, Some(&overflow(1.0, 0.0)));
        assert_eq!(numbers(&optimizer), before, "{rule:?}");
        // What follows is what would have followed without it.
        update(&mut optimizer, 3.0, Some(&overflow(0.0, 1.0)));
        let mut without = self::optimizer(rule);
        update(&mut without, 1.0, None);
        update(&mut without, 3.0, None);
        assert_ne!(numbers(&optimizer), before, "{rule:?}");
        assert_eq!(numbers(&optimizer), numbers(&without), "{rule:?}");
    }
}

#[test]
fn clipping_scales_all_gradients_by_one_factor_and_only_when_too_long() {
    let gradients = || [Tensor::from_slice(&[3f32, 4.0]), Tensor::from_slice(&[12f32]).view([1, 1])];
    let mut clipped = gradients();
    clip_to_norm(&mut clipped, 6.5);
    // The norm was 13; PyTorch divides by the norm plus 1e-6 too.
    assert!(clipped[0].allclose(&Tensor::from_slice(&[1.499_999_9f32, 1.999_999_9]), 0.0, 1e-6, false));
    assert!((clipped[1].double_value(&[0, 0]) - 5.999_999_5).abs() < 1e-6);
    let mut short = gradients();
    clip_to_norm(&mut short, 14.0);
    assert_eq!(short, gradients());
    assert_eq!((short[0].kind(), short[0].device()), (Kind::Float, Device::Cpu));
}

#[rustfmt::skip]
mod golden {
    /// The three parameters after each of five updates.
    type Trajectory = [[f64; 3]; 5];
    pub const PLAIN: Trajectory = [
        [0.939, -1.808, 2.387],
        [0.9050555, -1.726696, 2.1371065],
        [0.8796695565, -1.67856390133333, 1.9839203645],
        [0.858453769654625, -1.64618016282467, 1.87422836618387],
        [0.839697541204148, -1.62292732353561, 1.78888438586328],
    ];
    pub const MOMENTUM: Trajectory = [
        [0.939, -1.808, 2.387],
        [0.8776055, -1.640296, 1.8612565],
        [0.8158495065, -1.49445030133333, 1.4111062145],
        [0.753762129679625, -1.36826958462467, 1.02634668450887],
        [0.691370844646223, -1.25978042298501, 0.698060686198008],
    ];
    pub const NESTEROV: Trajectory = [
        [0.8841, -1.6352, 1.8353],
        [0.797560355, -1.41954256, 1.217584465],
        [0.7204020985335, -1.26189125024533, 0.7896252316055],
        [0.647770539655263, -1.13944648810641, 0.468178537506302],
        [0.577735315468952, -1.04229548608233, 0.217746081939636],
    ];
    pub const ADAMW: Trajectory = [
        [0.899000001666667, -1.89800000052632, 2.89700000016393],
        [0.848486511805458, -1.84727573099323, 2.84557626557593],
        [0.81475164171939, -1.81368092728871, 2.8113161293235],
        [0.789379934425078, -1.78869397358379, 2.78562585352756],
        [0.769007177991496, -1.7689128327057, 2.76506998305659],
    ];
}
