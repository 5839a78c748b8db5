//! Judges synthetic curves whose course is known.

use super::*;
use crate::random::{Purpose, Stream};

/// A synthetic curve with its course at the end.
struct Made {
    points: Vec<(f64, f64)>,
    truth: Course,
}

/// Draws a curve: an early fall, then `late` nats per epoch as a share of the level from a turn on, with noise whose
/// neighbours are alike by up to a half.
fn made(draws: &mut Stream, epochs: f64, turn: f64, late: f64, noise: f64) -> Made {
    let level = draws.range(0.3, 2.0);
    let (depth, decay) = (draws.range(0.2, 1.5), draws.range(0.02, 0.08) * epochs.max(12.0));
    let alike = draws.range(0.0, 0.5);
    let fresh = (1.0 - alike * alike).sqrt();
    let mut now = draws.normal();
    let mut points = Vec::new();
    for epoch in 1..=epochs as u32 {
        now = alike * now + fresh * draws.normal();
        let x = f64::from(epoch);
        let slow = level * (1.0 + depth * (-x / decay).exp() + late * (x - turn * epochs).max(0.0));
        points.push((x, slow + level * noise * now));
    }
    Made { points, truth: if late > 0.0 { Course::Rises } else { Course::Stands } }
}

/// A curve that falls to its end, in one of the ways in which losses do.
fn falling(draws: &mut Stream, epochs: f64, noise: f64) -> Made {
    let level = draws.range(0.5, 2.0);
    // Of the level over the whole run.
    let fall = draws.range(0.15, 0.6);
    let bend = draws.range(0.3, 1.2);
    let point = |epoch: u32| {
        let share = f64::from(epoch - 1) / (epochs - 1.0);
        (f64::from(epoch), level * (1.0 - fall * (1.0 - (-bend * share).exp()) / (1.0 - (-bend).exp())))
    };
    let points = (1..=epochs as u32).map(point).map(|(x, y)| (x, y + level * noise * draws.normal())).collect();
    Made { points, truth: Course::Falls }
}

/// The curve number `seed` of a kind.
fn curve(kind: &str, seed: u64) -> Made {
    let draws = &mut Stream::new(seed, Purpose::Init, 9, kind.len() as u32);
    let length = draws.range(15.0, 80.0).floor();
    let epochs = length;
    let noise = draws.range(0.001, 0.012);
    // Shares of the level per epoch: over the last third at least a tenth.
    let rise = draws.range(0.1, 0.6) / (epochs / 3.0);
    match kind {
        "falling" => falling(draws, epochs, noise),
        "flat" => made(draws, epochs, 0.0, 0.0, noise),
        "rising" => {
            let turn = draws.range(0.1, 0.4);
            made(draws, epochs, turn, rise, noise)
        }
        "flat-then-rising" => {
            let turn = draws.range(0.5, 0.75);
            made(draws, epochs, turn, rise, noise)
        }
        // The learning rate drops once, perhaps shortly before the end; then nothing moves.
        "step" | "late-step" => {
            let Made { mut points, truth } = made(draws, epochs, 0.0, 0.0, noise);
            let at = match kind {
                "step" => draws.range(0.3, 0.65) * epochs,
                _ => epochs - draws.range(8.0, 12.0),
            };
            let drop = draws.range(0.2, 0.5) * points[points.len() - 1].1;
            points.iter_mut().filter(|(epoch, _)| *epoch < at).for_each(|(_, loss)| *loss += drop);
            Made { points, truth }
        }
        "noisy" | "short" => {
            let (epochs, noise) = match kind {
                "noisy" => (epochs, draws.range(0.03, 0.1)),
                _ => (draws.range(6.0, 12.0).floor(), noise / 2.0),
            };
            let rise = rise * length / epochs;
            match seed % 3 {
                0 => falling(draws, epochs, noise),
                1 => made(draws, epochs, 0.0, 0.0, noise),
                _ => made(draws, epochs, 0.3, rise, noise),
            }
        }
        _ => unreachable!("{kind}"),
    }
}

#[test]
fn at_most_one_in_twenty_is_wrong_and_nine_in_ten_are_judged() {
    println!("{:18} {:>6} {:>6} {:>6} {:>8}   of 200", "kind", "right", "wrong", "judged", "unclear");
    for kind in ["falling", "flat", "rising", "flat-then-rising", "step", "late-step", "noisy", "short"] {
        let (mut right, mut unclear, mut wrong) = (0, 0, std::collections::BTreeMap::new());
        for seed in 0..200 {
            let Made { points, truth } = curve(kind, seed);
            match Lately::of_loss(&points).map(|lately| lately.course) {
                Some(course) if course == truth => right += 1,
                None | Some(Course::Unclear) => unclear += 1,
                Some(course) => *wrong.entry(format!("{truth:?} as {course:?}")).or_insert(0) += 1,
            }
        }
        let mistakes: i32 = wrong.values().sum();
        println!("{kind:18} {right:>6} {mistakes:>6} {:>6} {unclear:>8}   {wrong:?}", 200 - unclear);
        assert!(mistakes <= 10, "{kind}: {mistakes} of 200 are wrong");
        // Noise may hide the course of a noisy curve.
        assert!(kind == "noisy" || 200 - unclear >= 180, "{kind}: {unclear} of 200 are not judged");
    }
}

#[test]
fn short_series_that_fall_without_a_break_still_fall() {
    for losses in [
        [1.45, 1.09, 0.874, 0.744, 0.667, 0.62].as_slice(),
        &[1.9, 1.52, 1.31, 1.231, 1.203, 1.182, 1.151, 1.14, 1.135, 1.131],
    ] {
        let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(losses.iter().copied()).collect();
        let lately = Lately::of_loss(&points).unwrap();
        assert_eq!(lately.course, Course::Falls, "{lately:?}");
        assert!(lately.slope < 0.0);
    }
}

#[test]
fn a_series_rises_since_it_was_lowest() {
    let losses = [1.102, 0.902, 0.857, 0.871, 0.923, 1.012, 1.1, 1.19];
    let points: Vec<(f64, f64)> = (0..).map(f64::from).zip(losses).collect();
    let lately = Lately::of_loss(&points).unwrap();
    assert_eq!((lately.course, lately.since), (Course::Rises, 2.0), "{lately:?}");
}

#[test]
fn too_few_points_and_nan_are_not_judged() {
    let series = |values: &[f64]| (1..).map(f64::from).zip(values.iter().copied()).collect::<Vec<(f64, f64)>>();
    assert_eq!(Lately::of_loss(&series(&[1.0, 0.9, 0.8, 0.7])), None);
    assert_eq!(Lately::of_loss(&series(&[1.0, 0.9, 0.8, 0.7, f64::NAN])), None);
    assert_eq!(Lately::of_loss(&[(1.0, 1.0); 9]), None);
    assert_eq!(Lately::of_loss(&series(&[1e308, -1e308, 1e308, -1e308, 1e308, 1e308])), None);
    let constant = Lately::of_loss(&series(&[0.8; 12])).unwrap();
    assert_eq!((constant.course, constant.since), (Course::Stands, 1.0));
    assert_eq!(constant.words(), "stands still since epoch 1");
}
