//! The update rules against PyTorch's, with the numbers of scripts/golden/optimizers.py.

use tch::Tensor;

use super::{Optimizer, ParameterGroup, Slot, UpdateRule, clip_to_norm};

const MOMENTUM: UpdateRule = UpdateRule::Sgd { momentum: 0.9, nesterov: false };
const NESTEROV: UpdateRule = UpdateRule::Sgd { momentum: 0.9, nesterov: true };

/// An optimizer of the script's parameters, which are in two tensors here.
fn optimizer(rule: UpdateRule) -> Optimizer {
    let slot = |parameter: Tensor| {
        let state = rule.state_names().iter().map(|_| parameter.zeros_like()).collect();
        Slot { name: String::new(), parameter, state }
    };
    let slots = vec![slot(Tensor::from_slice(&[1.0, -2.0])), slot(Tensor::from_slice(&[3.0]))];
    let groups = vec![ParameterGroup { rate_factor: 1.0, weight_decay: 0.01, slots: vec![0, 1] }];
    Optimizer { rule, slots, groups, updates: 0 }
}

/// Makes update `number` with the script's gradients and rate.
fn update(optimizer: &mut Optimizer, number: f64, found_inf: Option<&Tensor>) {
    let slopes = [Tensor::from_slice(&[0.5, 1.0]), Tensor::from_slice(&[2.0])];
    let slots = optimizer.slots.iter().zip(&slopes);
    let gradients: Vec<Tensor> = slots.map(|(slot, slope)| &slot.parameter * slope + 0.1 * number).collect();
    optimizer.step(&gradients, 0.1 / number, found_inf);
}

#[test]
fn parameters_after_five_updates_are_pytorchs() {
    for (rule, expected) in [
        (UpdateRule::Sgd { momentum: 0.0, nesterov: false }, [0.839697541204148, -1.62292732353561, 1.78888438586328]),
        (MOMENTUM, [0.691370844646223, -1.25978042298501, 0.698060686198008]),
        (NESTEROV, [0.577735315468952, -1.04229548608233, 0.217746081939636]),
        (UpdateRule::AdamW, [0.769007177991496, -1.7689128327057, 2.76506998305659]),
    ] {
        let mut optimizer = optimizer(rule);
        for number in 1..=5 {
            update(&mut optimizer, f64::from(number), None);
        }
        let found = Tensor::cat(&[&optimizer.slots[0].parameter, &optimizer.slots[1].parameter], 0);
        let off = (&found - Tensor::from_slice(&expected)).abs().max().double_value(&[]);
        assert!(off < 1e-12, "{rule:?}: {found} where PyTorch has {expected:?}");
    }
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
        update(&mut optimizer, 2.0, Some(&Tensor::from_slice(&[1f32])));
        assert_eq!(numbers(&optimizer), before, "{rule:?}");
        update(&mut optimizer, 3.0, Some(&Tensor::from_slice(&[0f32])));
        assert_ne!(numbers(&optimizer), before, "{rule:?}");
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
}
