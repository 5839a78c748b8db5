//! The answers to a question in words, in tables and in JSON.

use super::{Comparison, Question, Stopped, Verdict, answer_tests::until_verdict as until, tests::compare};

fn fixed(detect: f64) -> Question {
    Question { detect: Some(detect), jobs: 1, ..Question::default() }
}

/// A preset that wins clearly, one that harms, and one that changes nothing, over five seeds.
fn comparison() -> Comparison {
    compare(&[("base", 1.2, 0.3), ("wins", 1.0, 0.6), ("harms", 1.5, 0.2), ("idle", 1.2, 0.3)], 5)
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.presets.iter().map(|preset| preset.verdict).collect()
}

#[test]
fn a_difference_smaller_than_the_one_asked_for_is_called_what_it_is() {
    for question in [fixed(0.15), until(Some(0.15), 30)] {
        let found = comparison().answering(question);
        assert_eq!(verdicts(&found), [Verdict::Baseline, Verdict::Better, Verdict::Worse, Verdict::NoDifference]);
        let (text, brief) = (found.to_markdown(), found.to_brief());
        assert!(
            text.contains("| no difference larger than 0.15 ") && brief.contains("| within ±0.15 "),
            "{text}\n{brief}"
        );
        assert!(
            found.verdict.ends_with("; for `idle` no difference larger than 0.15 nats is left."),
            "{}",
            found.verdict
        );
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["presets"][3]["finding"], "no-difference");
        assert_eq!(serde_json::from_value::<Comparison>(json).unwrap(), found);
    }
}

#[test]
fn what_is_not_shown_yet_names_the_seeds_that_it_needs() {
    for question in [fixed(0.001), until(Some(0.001), 1000)] {
        let found = comparison().answering(question);
        let idle = &found.presets[3];
        assert_eq!(idle.verdict, Verdict::NotShown);
        let more = idle.seeds_to_go().unwrap();
        let text = found.to_markdown();
        assert!(text.contains(&format!("not shown yet; needs about {more} more seeds")), "{text}");
        assert!(found.verdict.contains(&format!("not shown yet, which needs about {more} more seeds")), "{text}");
        // Each run takes a minute, and the baseline is trained with it.
        let seeds = idle.detection.unwrap().seeds.unwrap();
        let time = std::time::Duration::from_secs(120 * (seeds as u64 - 5));
        let expected = format!("{} more take about {} here", seeds - 5, humantime::format_duration(time));
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
}

#[test]
fn presets_whose_answer_stands_are_no_longer_open() {
    let names = ["base", "wins", "harms", "idle"].map(str::to_owned);
    let found = comparison().answering(until(None, 1000));
    assert_eq!(found.open(&names), [&names[3]]);
    let wins = &found.presets[1];
    let [low, high] = wins.interval_over_seeds().unwrap();
    let plain = wins.against.as_ref().unwrap().val_loss.ci_seeds.unwrap();
    // The confidence sequence holds at every check and is wider than the interval of one test.
    assert!(low < plain[0] && plain[1] < high && high < 0.0, "{low} {high} {plain:?}");
    assert!(
        found
            .to_markdown()
            .contains("`wins` after 5 seeds: better; it gets no further seeds, since the answer stands.")
    );

    let limited = comparison().answering(until(None, 5));
    assert_eq!(limited.presets[3].sequential.unwrap().stopped, Some(Stopped::MaxSeeds));
    assert!(limited.open(&names).is_empty());
    // 20 runs of a minute are trained, and the next seed takes two minutes.
    let timed = |minutes: f64| {
        let question = Question { budget_seconds: Some(60.0 * minutes), ..until(None, 1000) };
        comparison().answering(question).presets[3].sequential.unwrap().stopped
    };
    assert_eq!((timed(21.0), timed(600.0)), (Some(Stopped::Budget), None));
}

#[test]
fn without_a_question_nothing_changes() {
    let plain = comparison();
    assert!(plain.answers().is_empty() && plain.question.is_none());
    let json = serde_json::to_string(&plain).unwrap();
    for name in ["question", "sequential", "detection"] {
        assert!(!json.contains(&format!("\"{name}\"")), "{name}");
    }
}
