//! Comparisons of synthetic runs whose truth is known.

use super::*;
use crate::{
    random::{Purpose, Stream},
    recipe::Recipe,
    run::{DataSource, Done, Environment, EpochRecord, EpochTraining, Measured, Outputs, RunCost},
};

const IMAGES: usize = 200;

/// A run whose losses lie `val` and `probe` above a common difficulty of each image, with noise of its own.
fn run(preset: &str, seed: u64, val: f64, probe: f64) -> FinishedRun {
    let name = preset.bytes().map(u64::from).sum::<u64>();
    let mut noise = Stream::new(seed, Purpose::Init, name as u32, 0);
    let wobble = 0.01 * noise.normal();
    let mut image = |level: f64, number: usize| {
        let shared = Stream::new(0, Purpose::Faces, 0, number as u32).uniform();
        (level + shared - 0.5 + wobble + 0.05 * noise.normal()) as f32
    };
    let measured =
        |losses: Vec<f32>| Measured { correct: losses.iter().map(|&loss| loss < 1.0).collect(), losses, groups: None };
    let val = measured((0..IMAGES).map(|number| image(val, number)).collect());
    let probe = measured((0..IMAGES).map(|number| image(probe, number)).collect());
    let training = EpochTraining { epoch: 1, ..EpochTraining::default() };
    let half: Vec<bool> = (0..IMAGES).map(|number| number % 2 == 0).collect();
    let record = EpochRecord::new(&training, &probe, &val, &[false; IMAGES], None, &half);
    let outputs = Outputs {
        logits: (0..IMAGES).flat_map(|number| [number as f32 / 100.0, 0.5]).collect(),
        labels: (0..IMAGES as i64).map(|number| number % 2).collect(),
        ids: (0..IMAGES as i64).collect(),
    };
    let cost = RunCost { parameters: 1000, macs: Some(2000), seconds: 60.0 };
    let done = Done::conclude(&[record], &outputs, 2, &[false; IMAGES], None, &half, cost).unwrap();
    FinishedRun {
        folds: Vec::new(),
        job: Job { preset: preset.into(), seed, fold: None },
        recipe: Some(Recipe { seed, smoothing: if preset == "base" { 0.0 } else { 0.1 }, ..Recipe::default() }),
        place: None,
        environment: Some(Environment { data: DataSource { train: 900, ..Default::default() }, ..Default::default() }),
        figures: RunFigures::of_done(&done),
        val,
        images: ValImages {
            fingerprint: Some("00ff".into()),
            ids: outputs.ids,
            labels: outputs.labels,
            classes: vec!["a".into(), "b".into()],
            ..ValImages::default()
        },
    }
}

/// `base` and other presets, each with its val and probe loss, over `seeds` seeds.
pub(super) fn compare(presets: &[(&str, f64, f64)], seeds: u64) -> Comparison {
    let names: Vec<String> = presets.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let runs: Vec<FinishedRun> = (0..seeds)
        .flat_map(|seed| presets.iter().map(move |&(name, val, probe)| run(name, seed, val, probe)))
        .collect();
    Comparison::new(&names, "base", runs, Vec::new(), vec!["mindgap".into()]).unwrap()
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.presets.iter().map(|preset| preset.verdict).collect()
}

#[test]
fn a_win_under_fitting_harm_and_nothing_are_distinguished() {
    let presets =
        [("base", 1.2, 0.3), ("wins", 1.0, 0.6), ("starves", 1.25, 1.1), ("harms", 1.5, 0.2), ("idle", 1.2, 0.3)];
    let comparison = compare(&presets, 5);
    let expected = [Verdict::Baseline, Verdict::Better, Verdict::UnderFits, Verdict::Worse, Verdict::NotShown];
    assert_eq!(verdicts(&comparison), expected);
    let verdict = &comparison.verdict;
    assert!(verdict.starts_with("`wins` is better than `base`: its val loss is lower by 0."), "{verdict}");
    assert!(verdict.contains("smaller gap of `starves` is under-fitting"), "{verdict}");
    assert!(verdict.contains("`harms` made val loss higher") && verdict.contains("for `idle`"), "{verdict}");
}

#[test]
fn every_winner_is_named() {
    let verdict = compare(&[("base", 1.2, 0.3), ("wins", 1.0, 0.6), ("second", 1.1, 0.5)], 5).verdict;
    assert!(verdict.starts_with("`wins` is better") && verdict.contains("; better too: `second` by 0."), "{verdict}");
}

#[test]
fn two_seeds_show_nothing_about_seeds() {
    let comparison = compare(&[("base", 1.2, 0.3), ("wins", 0.8, 0.6)], 2);
    assert_eq!(verdicts(&comparison), [Verdict::Baseline, Verdict::NotShown]);
    assert!(comparison.verdict.contains("three are the least"), "{}", comparison.verdict);
    let against = comparison.presets[1].against.as_ref().unwrap();
    assert_eq!((against.val_loss.ci_seeds, against.val_loss.p), (None, None));
    // The interval over images of these very models exists all the same.
    let [low, high] = against.val_loss.ci_images.unwrap();
    assert!(low < -0.35 && high < -0.3 && low < high, "{low} {high}");
}

#[test]
fn differences_are_paired_by_seed_and_image() {
    let comparison = compare(&[("base", 1.2, 0.3), ("wins", 1.0, 0.6)], 4);
    let against = comparison.presets[1].against.as_ref().unwrap();
    let (base, wins) = (&comparison.presets[0].figures.val_loss, &comparison.presets[1].figures.val_loss);
    for (delta, (a, b)) in against.val_loss.values.iter().zip(wins.values.iter().zip(&base.values)) {
        assert!((delta - (a - b)).abs() < 1e-12);
    }
    // The images' own difficulty, which spreads their losses by 0.29, is not in the interval: unpaired it would be 0.08
    // wide.
    let [low, high] = against.val_loss.ci_images.unwrap();
    assert!(high - low < 0.02, "{low} {high}");
}

#[test]
fn chance_alone_is_called_better_no_more_often_than_promised() {
    let mut better = 0;
    for number in 0..200 {
        let names = ["base".to_owned(), format!("a{number}"), format!("b{number}")];
        let runs: Vec<FinishedRun> =
            (0..3).flat_map(|seed| names.iter().map(move |name| run(name, seed + 10 * number, 1.2, 0.3))).collect();
        let comparison = Comparison::new(&names, "base", runs, Vec::new(), Vec::new()).unwrap();
        better += usize::from(verdicts(&comparison).contains(&Verdict::Better));
    }
    // At most 2.5 % of 200 comparisons with no true difference, on the good side; 13 is three standard deviations
    // above.
    assert!(better <= 12, "{better} of 200");
}

#[test]
fn images_of_one_group_are_resampled_together() {
    // Every ten images are a patient; on every second patient the preset is better, on the others worse.
    let comparison = |has_groups: bool| {
        let mut runs = vec![run("base", 0, 1.2, 0.3), run("other", 0, 1.2, 0.3)];
        for (number, run) in runs.iter_mut().enumerate() {
            run.images.groups = has_groups.then(|| (0..IMAGES).map(|image| format!("p{}", image / 10)).collect());
            for image in 0..IMAGES {
                run.val.losses[image] += [0.0, if image / 10 % 2 == 0 { 0.5 } else { -0.5 }][number];
            }
        }
        Comparison::new(&["base".into(), "other".into()], "base", runs, Vec::new(), Vec::new())
    };
    let width = |comparison: &Comparison| {
        let [low, high] = comparison.presets[1].against.as_ref().unwrap().val_loss.ci_images.unwrap();
        high - low
    };
    let (plain, grouped) = (comparison(false).unwrap(), comparison(true).unwrap());
    let ratio = width(&grouped) / width(&plain);
    assert!((ratio - 10f64.sqrt()).abs() < 0.5, "{ratio}");
    assert_eq!((plain.image_groups, grouped.image_groups), (None, Some(IMAGES.div_ceil(10))));
    assert!(grouped.to_brief().contains("intervals over images resample whole groups"));

    let mut runs = vec![run("base", 0, 1.2, 0.3), run("other", 0, 1.2, 0.3)];
    runs[0].images.groups = Some(vec!["a".into(); IMAGES]);
    runs[1].images.groups = Some(vec!["b".into(); IMAGES]);
    let names = ["base".into(), "other".into()];
    let error = Comparison::new(&names, "base", runs, Vec::new(), Vec::new()).unwrap_err().to_string();
    assert!(error.contains("of group \"b\" in other-seed0, and of group \"a\" in base-seed0"), "{error}");
}

#[test]
fn what_is_missing_is_named_and_enters_no_figure() {
    let runs = vec![run("base", 0, 1.2, 0.3), run("base", 1, 1.2, 0.3), run("wins", 1, 1.0, 0.6)];
    let missing = NotFinished { job: Job { preset: "wins".into(), seed: 0, fold: None }, reason: "no memory".into() };
    let names = ["base".to_owned(), "wins".to_owned(), "never".to_owned()];
    let comparison = Comparison::new(&names, "base", runs.clone(), vec![missing], Vec::new()).unwrap();
    assert_eq!((comparison.finished, comparison.planned, comparison.presets.len()), (3, 4, 2));
    assert_eq!(comparison.presets[1].against.as_ref().unwrap().seeds, [1]);
    let text = comparison.to_markdown();
    assert!(text.contains("3 of 4 runs are finished") && text.contains("wins-seed0: no memory"), "{text}");
    assert!(Comparison::new(&names, "never", runs, Vec::new(), Vec::new()).is_err());
}

#[test]
fn seeds_without_a_partner_are_named_and_do_not_count() {
    let mut runs: Vec<FinishedRun> = (0..3).map(|seed| run("base", seed, 1.2, 0.3)).collect();
    runs.extend((1..4).map(|seed| run("other", seed, 1.0, 0.6)));
    let comparison = |runs: &[FinishedRun]| {
        Comparison::new(&["base".into(), "other".into()], "base", runs.to_vec(), Vec::new(), Vec::new()).unwrap()
    };
    let found = comparison(&runs);
    assert!(found.verdict.contains("cannot be judged from 2 seeds"), "{}", found.verdict);
    let remarks = found.remarks().join(" ");
    assert!(remarks.contains("that both have (1, 2); without a partner: 3 of `other`; 0 of `base`"), "{remarks}");
    let apart = comparison(&[runs[0].clone(), runs[4].clone(), runs[5].clone()]);
    assert!(apart.verdict.contains("none has a finished run of a seed that it has"), "{}", apart.verdict);
    assert!(apart.remarks().join(" ").contains("`other` has no seed in common with `base`"));
}

#[test]
fn what_early_stopping_ended_is_not_called_unselected() {
    let mut runs = vec![run("base", 0, 1.2, 0.3), run("other", 0, 1.0, 0.6)];
    let figures_of = |runs: &[FinishedRun]| {
        let names = ["base".into(), "other".into()];
        let comparison = Comparison::new(&names, "base", runs.to_vec(), Vec::new(), Vec::new()).unwrap();
        comparison.figures_of() + &comparison.legend()
    };
    assert!(figures_of(&runs).contains("nothing was selected"));
    runs[1].figures.early_stopped = true;
    let words = figures_of(&runs);
    assert!(
        !words.contains("nothing was selected") && words.matches("of other on the same val images").count() == 2,
        "{words}"
    );
}

#[test]
fn runs_of_one_recipe_on_other_data_are_another_group() {
    let mut runs: Vec<FinishedRun> = (0..3).map(|seed| run("base", seed, 1.2, 0.3)).collect();
    let places = ["r/a-seed0", "r/a-seed1", "r/b-seed2"].map(std::path::PathBuf::from);
    let group = |runs: &mut Vec<FinishedRun>| grouping::group(runs, &places, &GroupBy::Recipe).unwrap();
    assert_eq!(group(&mut runs), ["a"]);
    runs[2].environment.as_mut().unwrap().data.fingerprint = "other".into();
    assert_eq!(group(&mut runs), ["a", "b"]);
}

#[test]
fn other_folds_are_not_compared() {
    let mut runs = vec![run("base", 0, 1.2, 0.3), run("other", 0, 1.0, 0.6)];
    for (run, folds) in runs.iter_mut().zip([3, 4]) {
        run.folds = vec![run.figures.clone(); folds];
    }
    let error = Comparison::new(&["base".into(), "other".into()], "base", runs, Vec::new(), Vec::new()).unwrap_err();
    assert!(format!("{error:#}").contains("compare runs on the same folds"), "{error:#}");
}

#[test]
fn what_val_loss_does_at_the_end_is_reported_preset_by_preset() {
    use crate::stats::Course::{Falls, Rises, Stands, Unclear};
    let mut comparison = compare(&[("base", 1.2, 0.3), ("wins", 1.0, 0.6)], 3);
    assert_eq!(comparison.courses(), None);
    comparison.presets[0].val_loss_course = vec![Rises; 3];
    comparison.presets[1].val_loss_course = vec![Falls, Stands, Falls];
    let expected = "At the end of the runs val loss: `base` rises; `wins` still falls in 2 of 3, stands still in 1.";
    assert_eq!(comparison.courses().as_deref(), Some(expected));
    assert!(comparison.to_brief().contains(expected) && comparison.to_markdown().contains(expected));
    comparison.presets[1].val_loss_course = vec![Unclear; 3];
    assert_eq!(comparison.courses().as_deref(), Some("At the end of the runs val loss: `base` rises."));
}

#[test]
fn the_tables_read_well() {
    let comparison = compare(&[("base", 1.2, 0.3), ("wins", 1.0, 0.6)], 3);
    insta::assert_snapshot!(comparison.to_markdown());
    insta::assert_snapshot!(comparison.to_brief(), @r"
    `wins` is better than `base`: its val loss is lower by 0.186 nats (3 seeds, 95 % interval 0.152 to 0.221 over seeds, p = 0.002 after Holm's correction).

    | preset | val loss      | gap           | Δ val  | p     | finding  |
    |--------|---------------|---------------|--------|-------|----------|
    | `base` | 1.193 ± 0.013 | 0.903 ± 0.004 | –      | –     | baseline |
    | `wins` | 1.006 ± 0.007 | 0.399 ± 0.003 | -0.186 | 0.002 | better   |

    Last epoch, mean ± sd over seeds; gap = val − probe; Δ against `base`; p after Holm.
    ");
    let json = serde_json::to_string(&comparison).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&json).unwrap(), comparison);
    let keys: Vec<&str> = comparison.presets[1].recipe.iter().map(|difference| difference.key.as_str()).collect();
    assert_eq!(keys, ["smoothing"]);
}

/// A run of a measurement of worth: its images have names, and the first twenty are leaks, which cost a nat less.
fn run_with_leaks(name: &str, seed: u64, val: f64) -> FinishedRun {
    let mut run = run(name, seed, val, 0.3);
    run.images.names = Some((0..IMAGES).map(|number| format!("val/{number}.png")).collect());
    run.images.fingerprint = Some(name.to_owned());
    run.val.losses[..20].iter_mut().for_each(|loss| *loss -= 1.0);
    run
}

#[test]
fn the_worth_of_a_fix_is_measured_against_a_random_removal_of_as_many() {
    let fixes = [("labels", 1.1, 1.25), ("duplicates", 1.23, 1.22)];
    let mut runs: Vec<FinishedRun> = (0..5).map(|seed| run_with_leaks(WHOLE, seed, 1.2)).collect();
    let mut named = Vec::new();
    for (name, with, control) in fixes {
        let fix = Fix { name: name.to_owned(), removed: 90 };
        runs.extend((0..5).map(|seed| run_with_leaks(name, seed, with)));
        runs.extend((0..5).map(|seed| run_with_leaks(&fix.control(), seed, control)));
        named.push(fix);
    }
    let leaks = (0..20).map(|number| format!("val/{number}.png")).collect();
    // The law 1 + 0.2 (n / 900)^(-1) through three shares of the 900 training images.
    let share = |images: usize| {
        let loss = 1.0 + 0.2 * 900.0 / images as f64;
        let runs = (0..5).map(|seed| {
            let mut run = run_with_leaks("share", seed, loss);
            run.figures.val_loss = loss;
            run
        });
        (images, runs.collect::<Vec<_>>())
    };
    let shares = [share(162), share(288), share(504)];
    for run in &mut runs {
        if run.job.preset == WHOLE {
            run.figures.val_loss = 1.2;
        }
    }
    let worth = Worth::of(runs, &named, &leaks, &shares).unwrap();
    let [labels, duplicates] = &worth.fixes[..] else { panic!("two fixes") };
    assert!((labels.val_loss.mean + 0.15).abs() < 0.03, "{:?}", labels.val_loss);
    let [low, high] = labels.val_loss.ci_seeds.unwrap();
    assert!(
        low < -0.15 && -0.15 < high && high < 0.0 && labels.val_loss.p_holm.unwrap() < 0.01,
        "{:?}",
        labels.val_loss
    );
    assert!(duplicates.val_loss.p_holm.unwrap() > 0.05, "{:?}", duplicates.val_loss);
    assert!((labels.against_all.mean + 0.1).abs() < 0.03 && (labels.control_against_all.mean - 0.05).abs() < 0.03);
    // 20 of 200 images cost a nat less.
    assert!((worth.flattery.as_ref().unwrap().mean - 0.1).abs() < 0.02, "{:?}", worth.flattery);
    let more = worth.more_images.as_ref().unwrap();
    assert!((more.val_loss - 0.2 * (1.0 / 1.1 - 1.0)).abs() < 0.005, "{more:?}");
    assert_eq!((more.curve[0].0, more.curve[3].0), (162, 900));
    let sentence = &worth.sentence;
    assert!(sentence.starts_with("cleaning labels: -0.1") && sentence.contains(" ± 0.0"), "{sentence}");
    assert!(
        sentence.contains("10 % more images: -0.01") && sentence.contains("; leaks flattered val by 0.1"),
        "{sentence}"
    );
}
