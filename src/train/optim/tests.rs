//! The update rules against PyTorch's, with the numbers of scripts/golden/optimizers.py.

use tch::{Device, Kind, Tensor};

use super::{AdamW, Members, Sgd, clip_to_norm};
use golden::{ADAMW, MOMENTUM, NESTEROV, PLAIN};

type Trajectory = [[f64; 3]; 5];

/// Five updates by `update(members, rate, number)` on the script's gradients.
fn run(mut update: impl FnMut(&Members, f64, u64)) -> Trajectory {
    let parameter = Tensor::from_slice(&[1.0, -2.0, 3.0]);
    let slope = Tensor::from_slice(&[0.5, 1.0, 2.0]);
    let state = [parameter.zeros_like(), parameter.zeros_like()];
    [1u64, 2, 3, 4, 5].map(|number| {
        let gradient = &parameter * &slope + 0.1 * number as f64;
        let members = Members {
            parameters: vec![&parameter],
            gradients: vec![&gradient],
            state: state.iter().map(|tensor| vec![tensor]).collect(),
            found_inf: None,
        };
        update(&members, 0.1 / number as f64, number);
        Vec::<f64>::try_from(&parameter).unwrap().try_into().unwrap()
    })
}

fn sgd(momentum: f64, nesterov: bool) -> Trajectory {
    let rule = Sgd { momentum, nesterov };
    run(|members, rate, _| rule.update(members, rate, 0.01))
}

fn assert_near(found: Trajectory, expected: Trajectory) {
    for (found, expected) in found.as_flattened().iter().zip(expected.as_flattened()) {
        assert!((found - expected).abs() < 1e-12, "{found} where PyTorch has {expected}");
    }
}

#[test]
fn sgd_equals_pytorchs() {
    assert_near(sgd(0.0, false), PLAIN);
    assert_near(sgd(0.9, false), MOMENTUM);
    assert_near(sgd(0.9, true), NESTEROV);
}

#[test]
fn adamw_equals_pytorchs() {
    let rule = AdamW::default();
    assert_near(run(|members, rate, number| rule.update(members, rate, 0.01, number)), ADAMW);
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
    assert!(short.iter().zip(&gradients()).all(|(a, b)| a.equal(b)));
    assert_eq!(short[0].kind(), Kind::Float);
    assert_eq!(short[0].device(), Device::Cpu);
}

/// A parameter and its two state tensors after `rule`.
fn changed_by(rule: impl Fn(&Members), found_inf: f32) -> [Tensor; 3] {
    let tensors = [[1f32, -2.0], [0.5, 0.25], [0.1, 0.2], [0.3, 0.4]].map(|values| Tensor::from_slice(&values));
    let [parameter, gradient, first, second] = &tensors;
    let found_inf = Tensor::from_slice(&[found_inf]);
    rule(&Members {
        parameters: vec![parameter],
        gradients: vec![gradient],
        state: vec![vec![first], vec![second]],
        found_inf: Some(&found_inf),
    });
    let [parameter, _, first, second] = tensors;
    [parameter, first, second]
}

#[test]
fn an_update_whose_gradients_overflowed_changes_nothing() {
    let before = changed_by(|_| (), 1.0);
    let sgd = |members: &Members| Sgd { momentum: 0.9, nesterov: true }.update(members, 0.1, 0.01);
    let adamw = |members: &Members| AdamW::default().update(members, 0.1, 0.01, 3);
    for rule in [&sgd as &dyn Fn(&Members), &adamw] {
        assert_eq!(changed_by(rule, 1.0), before);
        assert_ne!(changed_by(rule, 0.0), before);
    }
}

#[rustfmt::skip]
mod golden {
    use super::Trajectory;
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
