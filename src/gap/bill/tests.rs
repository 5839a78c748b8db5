//! Causes of known size are injected into constructed outputs: each moves its own item, and no other.

use super::*;
use crate::{run::Outputs, stats::softmax};

const CLASSES: usize = 5;
/// Training images, of which the first `PROBE` are the probe.
const TRAIN: usize = 6000;
const PROBE: usize = 3000;
const VAL: usize = 3000;

/// How the constructed data differ from those without any cause.
#[derive(Clone, Copy, Debug, Default)]
struct Injected {
    /// Share of val images that also appear in train.
    leaks: f64,
    /// Share of val images whose label is wrong.
    wrong: f64,
    /// Factor on all logits, less 1.
    scale: f64,
    /// By how much the share of the two hard classes is larger in val.
    shift: f64,
    /// By how much the network knows less of val's images: share of the spread of their logits.
    less_known: f64,
    /// Logits by which training images are recognised better as they are than in other views.
    memorised: f64,
    /// Share of the probe's images in whose place stand the easiest others of their class.
    easy_probe: f64,
}

/// A kind of images.
struct Images {
    n: usize,
    /// How much the logits say about the classes.
    spread: f64,
    /// Share of the images that are of classes 0 and 1, which are told apart badly.
    hard: f64,
    /// How much more likely the labels are than the logits say: 1 where these are calibrated.
    known: f32,
}

/// The logits of `images`, and labels drawn with the probabilities that they stand for.
fn outputs(images: &Images, seed: u64, set: u32) -> Outputs {
    let mut outputs = Outputs::default();
    for number in 0..images.n {
        let mut draws = Stream::new(seed, Purpose::Init, set, number as u32);
        let is_hard = draws.uniform() < images.hard;
        let mut place = draws.uniform();
        let mut logits = Vec::new();
        for class in 0..CLASSES {
            let noise = images.spread * draws.normal();
            let logit = match ((class < 2) == is_hard, is_hard) {
                (false, _) => -3.0,
                (true, true) => 1.5 + 0.8 * noise,
                (true, false) => 3.0 * noise,
            };
            logits.push(logit as f32);
        }
        let known: Vec<f32> = logits.iter().map(|logit| images.known * logit).collect();
        let mut label = 0;
        for (class, probability) in softmax(&known, 1.0).into_iter().enumerate() {
            label = class as i64;
            place -= probability;
            if place < 0.0 {
                break;
            }
        }
        outputs.logits.extend(logits);
        outputs.labels.push(label);
        outputs.ids.push(number as i64);
    }
    outputs
}

/// Adds `logits` to the logit of the label of `image`.
fn raise(outputs: &mut Outputs, image: usize, logits: f64) {
    outputs.logits[image * CLASSES + outputs.labels[image] as usize] += logits as f32;
}

/// The first images; a share of each class, those with the highest loss, is replaced by the easiest others of the class.
fn probe(train: &Outputs, replaced: f64) -> Vec<usize> {
    let losses = train.measured().losses;
    let mut probe: Vec<usize> = (0..PROBE).collect();
    for class in 0..CLASSES as i64 {
        let mut own: Vec<usize> = (0..PROBE).filter(|&image| train.labels[image] == class).collect();
        let mut others: Vec<usize> = (PROBE..TRAIN).filter(|&image| train.labels[image] == class).collect();
        own.sort_by(|a, b| losses[*b].total_cmp(&losses[*a]));
        others.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
        let count = (replaced * own.len() as f64) as usize;
        own.iter().zip(others).take(count).for_each(|(&hardest, easiest)| probe[hardest] = easiest);
    }
    probe
}

fn evidence(injected: &Injected, seed: u64) -> BillEvidence {
    let spread = 2.0 * (1.0 - injected.less_known);
    let val = Images { n: VAL, spread, hard: 0.3 + injected.shift, known: 1.0 };
    // A network recognises its training images better than its probabilities say.
    let train = Images { n: TRAIN, spread: 2.0, hard: 0.3, known: 2.0 };
    let mut val = outputs(&val, seed, 20);
    let mut view = outputs(&train, seed, 21);
    let mut train = view.clone();
    (0..TRAIN).for_each(|image| raise(&mut train, image, injected.memorised));
    let probe = probe(&train, injected.easy_probe);
    let leaks: Vec<bool> = (0..VAL).map(|image| (image as f64) < injected.leaks * VAL as f64).collect();
    // The network knows a leak as it knows the equal image of train.
    (0..VAL).filter(|&image| leaks[image]).for_each(|image| raise(&mut val, image, 3.0));
    let mut wrong = vec![0.0; VAL];
    let mut draws = Stream::new(seed, Purpose::Init, 22, 0);
    for (label, wrong) in val.labels.iter_mut().zip(&mut wrong) {
        if draws.uniform() < injected.wrong {
            *label = (*label + 1) % CLASSES as i64;
            // The search misses one in twenty.
            *wrong = if draws.uniform() < 0.95 { 0.97 } else { 0.3 };
        }
    }
    for outputs in [&mut val, &mut train, &mut view] {
        outputs.logits.iter_mut().for_each(|logit| *logit *= 1.0 + injected.scale as f32);
    }
    BillEvidence {
        classes: CLASSES,
        val: BillSet { outputs: val.clone(), views: vec![val], wrong: Some(wrong), groups: None },
        train: BillSet { outputs: train, views: vec![view], wrong: Some(vec![0.0; TRAIN]), groups: None },
        probe,
        leaks,
        knows_near_leaks: true,
        in_first_half: (0..VAL).map(|image| image % 2 == 0).collect(),
        about_views: "without what was memorised".into(),
        ..BillEvidence::default()
    }
}

fn bill(injected: &Injected) -> Bill {
    Bill::of(&evidence(injected, 1), 20).unwrap()
}

#[test]
fn the_items_add_up_to_the_gap() {
    let all =
        Injected { leaks: 0.1, wrong: 0.1, scale: 0.5, shift: 0.3, less_known: 0.1, memorised: 0.5, easy_probe: 0.1 };
    let bill = bill(&all);
    let sum: f64 = bill.items.iter().map(|item| item.nats).sum();
    assert!((sum - bill.gap_loss).abs() < 1e-12, "{sum} {bill:?}");
    assert!((bill.gap_loss - (bill.val_loss - bill.probe_loss)).abs() < 1e-12);
    for item in &bill.items {
        assert!(item.low.unwrap() <= item.nats && item.nats <= item.high.unwrap(), "{item:?}");
    }
}

#[test]
fn each_injected_cause_moves_its_own_item() {
    let none = bill(&Injected::default());
    let causes = [
        (Cause::Flattery, Injected { leaks: 0.2, ..Injected::default() }),
        (Cause::Sampling, Injected { easy_probe: 0.3, ..Injected::default() }),
        (Cause::Calibration, Injected { scale: 1.0, ..Injected::default() }),
        (Cause::Labels, Injected { wrong: 0.15, ..Injected::default() }),
        (Cause::ClassMix, Injected { shift: 0.5, ..Injected::default() }),
        (Cause::Memorisation, Injected { memorised: 1.0, ..Injected::default() }),
        (Cause::Generalisation, Injected { less_known: 0.3, ..Injected::default() }),
    ];
    println!("injected: change of the gap; share of it that each item takes");
    for (cause, injected) in causes {
        let found = bill(&injected);
        let truth = found.gap_loss - none.gap_loss;
        let shares: Vec<f64> =
            found.items.iter().zip(&none.items).map(|(item, before)| (item.nats - before.nats) / truth).collect();
        let text: Vec<String> = shares.iter().map(|share| format!("{:>6.1} %", 100.0 * share)).collect();
        println!("{:>14}: {truth:+.3} nats; {}", cause.name(), text.join(" "));
        assert!(truth.abs() > 0.02, "{cause:?}: {truth}");
        for (item, share) in found.items.iter().zip(shares) {
            match item.id == cause {
                true => assert!((0.8..=1.25).contains(&share), "{cause:?} in {:?}: {share}", item.id),
                false => assert!(share.abs() <= 0.2, "{cause:?} in {:?}: {share}", item.id),
            }
        }
    }
}

#[test]
fn what_was_not_measured_is_said_and_belongs_to_what_remains() {
    let mut evidence = evidence(&Injected { wrong: 0.2, memorised: 1.0, ..Injected::default() }, 1);
    let of_probe = |outputs: &Outputs| outputs.only(|image| image < PROBE);
    evidence.train = BillSet { outputs: of_probe(&evidence.train.outputs), ..BillSet::default() };
    evidence.val = BillSet { outputs: evidence.val.outputs, ..BillSet::default() };
    let bill = Bill::of(&evidence, 1).unwrap();
    for item in &bill.items {
        let is_measured = !matches!(item.id, Cause::Labels | Cause::Memorisation);
        assert_eq!((item.is_measured, item.low.is_some()), (is_measured, is_measured), "{item:?}");
        assert_eq!(item.evidence.starts_with("Not measured"), !is_measured, "{item:?}");
    }
    let sum: f64 = bill.items.iter().map(|item| item.nats).sum();
    assert!((sum - bill.gap_loss).abs() < 1e-12);
}

#[test]
fn the_intervals_hold_what_other_images_give() {
    // The bills of other images of the same kind: how often does the interval of the first hold their mean?
    let injected = Injected { leaks: 0.1, wrong: 0.1, scale: 0.5, memorised: 0.5, ..Injected::default() };
    let bills: Vec<Bill> = (1..=20).map(|seed| Bill::of(&evidence(&injected, seed), 1).unwrap()).collect();
    for number in 0..7 {
        let truth = bills.iter().map(|bill| bill.items[number].nats).sum::<f64>() / 20.0;
        let item = |bill: &Bill| bill.items[number].clone();
        let held =
            bills.iter().map(item).filter(|item| item.low.unwrap() <= truth && truth <= item.high.unwrap()).count();
        println!("{}: {held} of 20 intervals hold {truth:.3}", item(&bills[0]).id.name());
        assert!(held >= 16, "{held} of 20: {:?}", item(&bills[0]));
    }
}

#[test]
fn a_gap_that_is_no_number_is_refused() {
    let mut evidence = evidence(&Injected::default(), 1);
    let mut nothing_left = BillEvidence { leaks: vec![true; VAL], ..evidence.clone() };
    evidence.val.outputs.logits[0] = f32::NAN;
    assert!(format!("{:#}", Bill::of(&evidence, 1).unwrap_err()).contains("no number"));
    assert!(format!("{:#}", Bill::of(&nothing_left, 1).unwrap_err()).contains("is left without leaks"));
    nothing_left.leaks.pop();
    assert!(format!("{:#}", Bill::of(&nothing_left, 1).unwrap_err()).contains("not every val image"));
    evidence.val.outputs = Outputs::default();
    assert!(format!("{:#}", Bill::of(&evidence, 1).unwrap_err()).contains("no image"));
}
