//! Suggestions for constructed curves, and the numbers of fastai's rules (`scripts/golden/find_lr.py`).

use serde::Deserialize;

use super::*;
use crate::random::{Purpose, Stream};

/// No more than the losses that the curves begin with.
const GUESSING: f64 = 2.0;

/// A test of `steps` updates from 1e-7 to 10, which meets `loss(log10 of the rate)`.
fn curve(steps: usize, mut loss: impl FnMut(f64) -> f64) -> LrCurve {
    let mut curve = LrCurve::new(steps);
    for step in 0..steps {
        let exponent = -7.0 + 8.0 * step as f64 / (steps - 1) as f64;
        curve.push(10f64.powf(exponent), loss(exponent));
        if curve.is_over() {
            break;
        }
    }
    curve
}

/// Level up to 1e-4, falling by a nat up to 0.1, then rising ever faster.
fn ideal(exponent: f64) -> f64 {
    let fallen = ((exponent + 4.0) / 3.0).clamp(0.0, 1.0);
    2.0 - fallen + (exponent + 1.0).max(0.0).powi(2) * 20.0
}

fn noise(seed: u64, size: f64) -> impl FnMut() -> f64 {
    let mut draws = Stream::new(seed, Purpose::Resample, 0, 0);
    move || size * draws.normal()
}

#[test]
fn an_ideal_valley_gives_a_tenth_of_the_rate_at_its_bottom_and_others_on_its_slope() {
    let found = curve(100, ideal).suggest(GUESSING).unwrap();
    // The lowest window lies around 0.1, and begins a little before it.
    assert!((0.002..0.01).contains(&found.suggestion), "{found:?}");
    assert!((1e-3..0.1).contains(&found.valley) && (1e-3..0.1).contains(&found.steepest), "{found:?}");
    assert!(1e-4 < found.low && found.low < found.suggestion, "{found:?}");
    assert!(found.suggestion < found.high && found.high < 0.2, "{found:?}");
}

#[test]
fn noise_moves_a_suggestion_by_less_than_a_factor_of_five() {
    let quiet = curve(100, ideal).suggest(GUESSING).unwrap().suggestion;
    for seed in 0..200 {
        let mut noise = noise(seed, 0.1);
        let found = curve(100, |exponent| ideal(exponent) + noise()).suggest(GUESSING).unwrap();
        let ratio = found.suggestion / quiet;
        assert!((0.2..5.0).contains(&ratio), "seed {seed}: {found:?}");
    }
}

#[test]
fn noise_without_a_fall_gives_a_suggestion_in_fewer_than_one_test_in_a_hundred() {
    for steps in [50, 100, 1000] {
        let found = |seed| {
            let mut noise = noise(seed, 0.1);
            curve(steps, |_| 2.0 + noise()).suggest(GUESSING)
        };
        let wrong = (0..400).filter(|&seed| !matches!(found(seed), Err(NoSuggestion::Flat { .. }))).count();
        assert!(wrong < 4, "{wrong} of 400 with {steps} steps");
    }
}

#[test]
fn a_level_curve_and_ones_that_only_rise_or_fall_give_none() {
    let level = curve(100, |_| 2.0).suggest(GUESSING);
    assert!(matches!(level, Err(NoSuggestion::Flat { .. })), "{level:?}");
    assert_eq!(curve(100, |exponent| 2.0 + 0.1 * (exponent + 7.0)).suggest(GUESSING), Err(NoSuggestion::Rises));
    let falling = curve(100, |exponent| 2.0 - 0.1 * (exponent + 7.0)).suggest(GUESSING);
    assert_eq!(falling, Err(NoSuggestion::StillFalls { rate: 10.0 }));
    let mut noise = noise(1, 0.1);
    let lost = curve(100, |exponent| 2.0 + noise() + exponent.max(0.0) * 1000.0);
    assert_eq!((lost.is_over(), lost.suggest(GUESSING)), (true, Err(NoSuggestion::Rises)));
}

#[test]
fn a_loss_that_is_lost_early_gives_none() {
    for loss in [f64::NAN, f64::INFINITY] {
        assert_eq!(curve(100, |_| loss).suggest(GUESSING), Err(NoSuggestion::NotFinite));
    }
    let lost = curve(100, |exponent| if exponent < -6.5 { 2.0 } else { f64::NAN }).suggest(GUESSING);
    assert!(matches!(lost, Err(NoSuggestion::Lost { updates: 8, .. })), "{lost:?}");
    let lost = curve(100, |exponent| if exponent < -6.5 { 2.0 } else { 1e3 }).suggest(GUESSING);
    assert!(matches!(lost, Err(NoSuggestion::Lost { .. })), "{lost:?}");
}

#[test]
fn a_loss_that_is_no_number_late_only_ends_the_curve() {
    let found = curve(100, |exponent| if exponent < 0.0 { ideal(exponent.min(-1.0)) } else { f64::NAN });
    assert_eq!(found.losses().len(), found.finite() + 1);
    let found = found.suggest(GUESSING).unwrap();
    assert!((1e-3..0.1).contains(&found.suggestion), "{found:?}");
}

#[test]
fn a_loss_that_comes_back_after_its_rise_is_not_still_falling() {
    // It rises to 2.25 at a rate of 0.18, and falls again to 1.4 at 10.
    let back = |exponent: f64| ideal(exponent.min(-0.75)) - 0.5 * (exponent + 0.75).max(0.0);
    let found = curve(100, back).suggest(GUESSING).unwrap();
    assert!((1e-3..0.1).contains(&found.suggestion) && found.high < 0.3, "{found:?}");
}

#[test]
fn a_loss_that_falls_no_further_than_to_guessing_gives_none() {
    // From untrained weights the loss comes down from 2 to 1, which says nothing where guessing has 0.95.
    let found = curve(100, ideal).suggest(0.95);
    assert!(matches!(found, Err(NoSuggestion::Guesses { more: 200, .. })), "{found:?}");
    assert!(curve(100, ideal).suggest(1.5).is_ok());
}

#[test]
fn the_bounds_hold_the_suggestion_between_them_where_the_loss_jumps_on_its_way() {
    // At a rate of 0.03 it leaps back to where it began, for a third of a decade; its bottom is at 0.1.
    let jumps = |exponent: f64| if (-1.7..-1.4).contains(&exponent) { 2.1 } else { ideal(exponent) };
    let found = curve(400, jumps).suggest(GUESSING).unwrap();
    assert!(found.low < found.suggestion && found.suggestion < found.high, "{found:?}");
    // A fall that is over long before the bottom: nine tenths of it are done below the suggestion.
    let early = |exponent: f64| ideal(exponent.min(-1.0)).min(1.05) - 0.01 * exponent + ideal(exponent.max(-1.0)) - 1.0;
    let found = curve(400, |exponent| if exponent < -5.0 { 2.0 } else { early(exponent) }).suggest(GUESSING).unwrap();
    assert!(found.low <= found.suggestion && found.suggestion <= found.high, "{found:?}");
}

#[test]
fn too_few_updates_give_none() {
    for steps in [0, 1, 2, 10, 15] {
        let mut curve = LrCurve::new(steps);
        (0..steps).for_each(|step| curve.push(10f64.powf(step as f64 - 9.0), 2.0 - 0.1 * step as f64));
        assert_eq!(curve.suggest(GUESSING), Err(NoSuggestion::TooFew { updates: steps }));
    }
}

#[test]
fn every_reason_says_what_to_do() {
    for reason in [
        NoSuggestion::NotFinite,
        NoSuggestion::Lost { updates: 12, rate: 0.3 },
        NoSuggestion::TooFew { updates: 3 },
        NoSuggestion::Rises,
        NoSuggestion::Flat { fall: 0.01, noise: 0.05 },
        NoSuggestion::StillFalls { rate: 10.0 },
        NoSuggestion::Guesses { loss: 1.93, guessing: 1.93, more: 800 },
    ] {
        let text = reason.to_string();
        assert!(text.contains(": try ") || text.contains(": check "), "{text}");
    }
    assert!(NoSuggestion::StillFalls { rate: 10.0 }.to_string().contains("last rate, 10: try"));
}

/// The results of fastai's formulas for one test, computed by numpy.
#[derive(Deserialize)]
struct Golden {
    name: String,
    planned: usize,
    rates: Vec<f64>,
    losses: Vec<f64>,
    smoothed: Vec<f64>,
    valley: f64,
    steep: f64,
}

#[test]
fn smoothing_and_rules_equal_fastais() {
    let goldens: Vec<Golden> = serde_json::from_str(include_str!("../../../tests/golden/find_lr.json")).unwrap();
    assert!(goldens.len() >= 5);
    for golden in goldens {
        let mut curve = LrCurve::new(golden.planned);
        golden.rates.iter().zip(&golden.losses).for_each(|(&rate, &loss)| curve.push(rate, loss));
        for (ours, theirs) in curve.smoothed().iter().zip(&golden.smoothed) {
            assert!((ours - theirs).abs() <= 1e-12 * theirs.abs(), "{}: {ours}, {theirs}", golden.name);
        }
        let read = curve.read();
        let (rates, losses) = (&curve.rates()[read.clone()], &curve.smoothed()[read]);
        assert_eq!(rates[valley(losses)], golden.valley, "{}", golden.name);
        assert_eq!(rates[steepest(rates, losses)], golden.steep, "{}", golden.name);
    }
}
