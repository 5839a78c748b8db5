//! The answers keep their error rates, and cost fewer seeds than a fixed number where the difference is larger than the least that
//! matters: simulated comparisons.

use super::{
    answer::{Answer, answers},
    question::{Cost, Question, Stopped},
    verdict::LEVEL,
};
use crate::{
    random::{Purpose, Stream},
    stats::{mean, paired_t, pairs_needed},
};

/// The comparisons simulated for each effect.
const COMPARISONS: u64 = 2000;

pub(super) fn until_verdict(detect: Option<f64>, max_seeds: u32) -> Question {
    Question { detect, until_verdict: true, max_seeds: Some(max_seeds), budget_seconds: None, jobs: 1 }
}

/// The answers to `question` about `differences`, with checks that cost nothing.
fn ask(differences: &[&[f64]], question: &Question) -> Vec<Answer> {
    answers(differences, question, |_| Cost::default())
}

fn stopped(answer: &Answer) -> Option<Stopped> {
    answer.sequential.unwrap().stopped
}

/// One simulated comparison of presets with these effects, in standard deviations of a difference: the last answer about each
/// and its differences. All are paired with one baseline, so that their differences are correlated. A preset that is stopped
/// gets no further seeds.
fn compare(effects: &[f64], question: &Question, number: u64) -> Vec<(Answer, Vec<f64>)> {
    let mut draws = Stream::new(number, Purpose::Resample, 5, effects.len() as u32);
    let mut ends: Vec<(Answer, Vec<f64>)> = effects.iter().map(|_| (Answer::default(), Vec::new())).collect();
    while ends.iter().any(|(answer, _)| answer.sequential.is_none_or(|test| test.stopped.is_none())) {
        let baseline = draws.normal();
        for (effect, (answer, differences)) in effects.iter().zip(&mut ends) {
            let loss = draws.normal();
            if answer.sequential.is_none_or(|test| test.stopped.is_none()) {
                differences.push(effect + (loss - baseline) / 2f64.sqrt());
            }
        }
        let differences: Vec<&[f64]> = ends.iter().map(|(_, differences)| &differences[..]).collect();
        let found = ask(&differences, question);
        for ((answer, _), found) in ends.iter_mut().zip(found) {
            *answer = found;
        }
    }
    ends
}

/// How comparisons of one preset ended.
#[derive(Debug, Default)]
struct Tally {
    higher: u32,
    lower: u32,
    no_difference: u32,
    open: u32,
    seeds: u64,
}

fn simulate(effect: f64, question: &Question) -> Tally {
    let mut tally = Tally::default();
    for number in 0..COMPARISONS {
        let ends = compare(&[effect], question, number);
        let (answer, differences) = &ends[0];
        let is_shown = answer.sequential.unwrap().p_holm < LEVEL;
        match (is_shown, answer.excludes_difference()) {
            (true, _) if mean(differences) > 0.0 => tally.higher += 1,
            (true, _) => tally.lower += 1,
            (false, true) => tally.no_difference += 1,
            (false, false) => tally.open += 1,
        }
        tally.seeds += differences.len() as u64;
    }
    tally
}

#[test]
fn errors_are_rare_and_large_differences_cost_few_seeds() {
    println!(
        "difference | most | higher | lower | none larger | open | mean seeds | fixed design: seeds, found | saving"
    );
    // The least difference that matters, in standard deviations of the differences.
    for margin in [0.5, 1.0] {
        let fixed = pairs_needed(margin, LEVEL, 0.8).unwrap();
        for most in [fixed, 2 * fixed] {
            let question = until_verdict(Some(margin), most as u32);
            for effect in [0.0, margin, 3.0 * margin] {
                let tally = simulate(effect, &question);
                let share = |count: u32| 100.0 * f64::from(count) / COMPARISONS as f64;
                let seeds = tally.seeds as f64 / COMPARISONS as f64;
                let saving = 1.0 - seeds / fixed as f64;
                println!(
                    "{effect:4.1} sd    | {most:4} | {:5.1}% | {:4.1}% | {:10.1}% | {:4.1}% | {seeds:10.1} | {fixed:2}, {:5.1}%                 | {:4.0}%",
                    share(tally.higher),
                    share(tally.lower),
                    share(tally.no_difference),
                    share(tally.open),
                    share(found_by_fixed(effect, fixed)),
                    100.0 * saving
                );
                // 5 % of 2,000; the rates measured are about half of it.
                let wrong = match effect {
                    0.0 => tally.higher + tally.lower,
                    _ => tally.lower + tally.no_difference,
                };
                assert!(wrong <= 100, "effect {effect}: {tally:?}");
                if effect == margin && most == 2 * fixed {
                    assert!(tally.higher >= 1560, "effect {effect}: {tally:?}");
                }
                if effect > margin {
                    assert!(tally.higher >= 1990 && saving > 0.4, "effect {effect}: {tally:?}");
                }
            }
        }
    }
}

/// How many of the comparisons a paired t-test with a fixed number of seeds calls different.
fn found_by_fixed(effect: f64, seeds: usize) -> u32 {
    let mut found = 0;
    for number in 0..COMPARISONS {
        let mut draws = Stream::new(number, Purpose::Resample, 6, 0);
        let differences: Vec<f64> = (0..seeds).map(|_| effect + draws.normal()).collect();
        found += u32::from(paired_t(&differences).unwrap().p < LEVEL);
    }
    found
}

#[test]
fn over_several_presets_even_one_error_is_rare() {
    let mut false_differences = 0;
    let mut missed_differences = 0;
    for number in 0..COMPARISONS {
        // Three presets without a difference beside one that is far better.
        let ends = compare(&[0.0, 0.0, 0.0, -3.0], &until_verdict(None, 30), number);
        false_differences += u32::from(ends[..3].iter().any(|(answer, _)| answer.sequential.unwrap().p_holm < LEVEL));
        // Two presets that differ by exactly the difference asked for.
        let ends = compare(&[1.0, -1.0], &until_verdict(Some(1.0), 30), number);
        missed_differences += u32::from(ends.iter().any(|(answer, _)| answer.excludes_difference()));
    }
    println!(
        "of {COMPARISONS}: {false_differences} with a false difference, {missed_differences} with a difference denied"
    );
    assert!(false_differences <= 100 && missed_differences <= 100, "{false_differences} {missed_differences}");
}

#[test]
fn an_answer_that_stands_stops_its_preset_alone() {
    let clear = [-0.5, -0.52, -0.49, -0.51, -0.5];
    let unclear = [0.01, -0.02, 0.03, -0.01, 0.0];
    let found = ask(&[&clear, &unclear], &until_verdict(None, 30));
    assert_eq!((stopped(&found[0]), stopped(&found[1])), (Some(Stopped::Answered), None));
    assert!(found[0].sequential.unwrap().high.unwrap() < 0.0);
    // With a difference asked for that is far larger than the spread, the other's answer stands too.
    let found = ask(&[&clear, &unclear], &until_verdict(Some(0.2), 30));
    assert_eq!(stopped(&found[1]), Some(Stopped::Answered));
    assert!(found[1].excludes_difference() && !found[0].excludes_difference());
}

#[test]
fn a_preset_stops_at_the_limits_and_where_no_answer_is_in_reach() {
    let unclear = [0.01, -0.02, 0.03, -0.01, 0.0, 0.02, -0.03, 0.01, -0.01, 0.0];
    let of = |question: &Question, cost: Cost| stopped(&answers(&[&unclear], question, |_| cost)[0]);
    let free = Cost::default();
    assert_eq!(of(&until_verdict(None, 10), free), Some(Stopped::MaxSeeds));
    assert_eq!(of(&until_verdict(None, 12), free), Some(Stopped::OutOfReach));
    assert_eq!(of(&until_verdict(None, 200), free), None);
    let question = Question { budget_seconds: Some(100.0), ..until_verdict(None, 200) };
    assert_eq!(of(&question, Cost { spent: 95.0, of_a_seed: 10.0 }), Some(Stopped::Budget));
    assert_eq!(of(&question, Cost { spent: 85.0, of_a_seed: 10.0 }), Some(Stopped::OutOfReach));
    assert_eq!(of(&question, Cost { spent: 10.0, of_a_seed: 0.1 }), None);
    // Two seeds say nothing yet, but the limits hold.
    let first = |cost: Cost| stopped(&answers(&[&unclear[..2]], &question, |_| cost)[0]);
    assert_eq!(first(Cost { spent: 95.0, of_a_seed: 10.0 }), Some(Stopped::Budget));
    assert_eq!(first(Cost { spent: 20.0, of_a_seed: 10.0 }), None);
    let not_a_number = [0.1, f64::NAN, 0.2];
    assert_eq!(stopped(&ask(&[&not_a_number], &until_verdict(None, 30))[0]), Some(Stopped::NotANumber));
}

#[test]
fn the_seeds_needed_are_those_at_which_the_answer_stands_if_nothing_changes() {
    let question = until_verdict(None, 200);
    let mut differences = vec![0.4, -0.3, 0.5, 0.0, -0.1, 0.6, -0.2, 0.3];
    let needed = ask(&[&differences], &question)[0].sequential.unwrap().seeds_needed.unwrap();
    let (centre, spread) = (mean(&differences), crate::stats::sample_sd(&differences));
    while stopped(&ask(&[&differences], &question)[0]).is_none() {
        // Alternating values keep mean and standard deviation nearly as they are.
        let sign = if differences.len() % 2 == 0 { 1.0 } else { -1.0 };
        differences.push(centre + sign * spread);
    }
    assert!(differences.len().abs_diff(needed) <= 3, "{} seeds, {needed} foreseen", differences.len());
}

#[test]
fn seeds_are_trained_as_many_at_a_time_as_the_jobs_take() {
    let question = until_verdict(None, 30);
    assert_eq!((question.seeds_at_a_time(1, 0), question.seeds_at_a_time(1, 5)), (3, 1));
    let wide = Question { jobs: 8, ..question };
    assert_eq!((wide.seeds_at_a_time(1, 5), wide.seeds_at_a_time(3, 5), wide.seeds_at_a_time(9, 5)), (4, 2, 1));
    let timed = Question { budget_seconds: Some(60.0), ..question };
    assert_eq!(timed.seeds_at_a_time(1, 0), 1);
}
