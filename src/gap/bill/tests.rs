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
    /// How much more frequent the hardest class is in val.
    shift: f64,
    /// By how much the network knows less of val's images: share of the spread of their logits.
    less_known: f64,
    /// By how much training images are recognised better as they are than in other views: factor on their logits, less 1.
    memorised: f64,
    /// Share of the probe's images in whose place stand easier ones of their class.
    easy_probe: f64,
}

/// An image: logits under which the probability of its label is what they say. Harder classes have logits that say less.
fn image(draws: &mut Stream, spread: f64, class_shift: f64) -> (Vec<f32>, i64) {
    loop {
        let logits: Vec<f32> = (0..CLASSES).map(|_| (spread * draws.normal()) as f32).collect();
        let mut place = draws.uniform();
        let mut label = 0;
        for (class, probability) in softmax(&logits, 1.0).into_iter().enumerate() {
            label = class;
            place -= probability;
            if place < 0.0 {
                break;
            }
        }
        // Class 0 is the hardest: what is known of its images counts half.
        let logits = if label == 0 { logits.iter().map(|logit| 0.5 * logit).collect() } else { logits };
        if label == 0 || draws.uniform() >= class_shift {
            return (logits, label as i64);
        }
    }
}

/// A set of images, the logits of view 0 being multiplied by `as_seen`.
fn set(
    n: usize,
    draws: &mut Stream,
    spread: impl Fn(usize) -> f64,
    as_seen: impl Fn(usize) -> f64,
    shift: f64,
) -> BillSet {
    let (mut plain, mut view) = (Outputs::default(), Outputs::default());
    for number in 0..n {
        let (logits, label) = image(draws, spread(number), shift);
        plain.logits.extend(logits.iter().map(|logit| logit * as_seen(number) as f32));
        view.logits.extend(&logits);
        for outputs in [&mut plain, &mut view] {
            outputs.labels.push(label);
            outputs.ids.push(number as i64);
        }
    }
    BillSet { outputs: plain, views: vec![view], wrong: Some(vec![0.0; n]), groups: None }
}

/// The first images; a share of them is replaced by later ones of their class with a lower loss.
fn probe(train: &Outputs, replaced: f64) -> Vec<usize> {
    let losses = train.measured().losses;
    let mut probe: Vec<usize> = (0..PROBE).collect();
    let mut others = PROBE..TRAIN;
    for place in probe.iter_mut().take((replaced * PROBE as f64) as usize) {
        let is_easier = |&other: &usize| train.labels[other] == train.labels[*place] && losses[other] < losses[*place];
        if let Some(easier) = others.find(is_easier) {
            *place = easier;
        }
    }
    probe
}

fn evidence(injected: &Injected, seed: u64) -> BillEvidence {
    let stream = |number: u32| Stream::new(seed, Purpose::Init, 9, number);
    let (mut of_val, mut of_train, mut of_labels) = (stream(0), stream(1), stream(2));
    let spread = |_: usize| 2.0 * (1.0 - injected.less_known);
    let mut val = set(VAL, &mut of_val, spread, |_| 1.0, injected.shift);
    let mut train = set(TRAIN, &mut of_train, |_| 2.6, |_| 1.0 + injected.memorised, 0.0);
    let probe = probe(&train.outputs, injected.easy_probe);
    let leaks: Vec<bool> = (0..VAL).map(|image| (image as f64) < injected.leaks * VAL as f64).collect();
    for image in (0..VAL).filter(|&image| leaks[image]) {
        // The network knows it as it knows its twin in train.
        let label = val.outputs.labels[image] as usize;
        for outputs in [&mut val.outputs, &mut val.views[0]] {
            outputs.logits[image * CLASSES + label] += 3.0;
        }
    }
    for image in 0..VAL {
        if of_labels.uniform() < injected.wrong {
            for outputs in [&mut val.outputs, &mut val.views[0]] {
                outputs.labels[image] = (outputs.labels[image] + 1) % CLASSES as i64;
            }
            // The search is sure of nine in ten of them.
            val.wrong.as_mut().unwrap()[image] = if of_labels.uniform() < 0.9 { 0.95 } else { 0.3 };
        }
    }
    for outputs in
        [&mut val, &mut train].into_iter().flat_map(|set| [&mut set.outputs].into_iter().chain(&mut set.views))
    {
        outputs.logits.iter_mut().for_each(|logit| *logit *= 1.0 + injected.scale as f32);
    }
    BillEvidence {
        classes: CLASSES,
        val,
        train,
        probe,
        leaks,
        knows_near_leaks: true,
        in_first_half: (0..VAL).map(|image| image % 2 == 0).collect(),
        about_views: "views without what was memorised".into(),
        ..BillEvidence::default()
    }
}

fn bill(injected: &Injected) -> Bill {
    Bill::of(&evidence(injected, 1), 20).unwrap()
}

#[test]
fn the_items_add_up_to_the_gap() {
    let all =
        Injected { leaks: 0.1, wrong: 0.1, scale: 0.5, shift: 0.3, less_known: 0.1, memorised: 0.2, easy_probe: 0.1 };
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
        (Cause::Sampling, Injected { easy_probe: 0.6, ..Injected::default() }),
        (Cause::Calibration, Injected { scale: 1.0, ..Injected::default() }),
        (Cause::Labels, Injected { wrong: 0.15, ..Injected::default() }),
        (Cause::ClassMix, Injected { shift: 0.6, ..Injected::default() }),
        (Cause::Memorisation, Injected { memorised: 0.5, ..Injected::default() }),
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
                true => assert!((0.8..=1.2).contains(&share), "{cause:?} in {:?}: {share}", item.id),
                false => assert!(share.abs() <= 0.2, "{cause:?} in {:?}: {share}", item.id),
            }
        }
    }
}

#[test]
fn what_was_not_measured_is_said_and_belongs_to_what_remains() {
    let mut evidence = evidence(&Injected { wrong: 0.2, memorised: 0.5, ..Injected::default() }, 1);
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
    let injected = Injected { leaks: 0.1, wrong: 0.1, scale: 0.5, memorised: 0.2, ..Injected::default() };
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
    evidence.val.outputs.logits[0] = f32::NAN;
    assert!(format!("{:#}", Bill::of(&evidence, 1).unwrap_err()).contains("no number"));
    evidence.val.outputs = Outputs::default();
    assert!(format!("{:#}", Bill::of(&evidence, 1).unwrap_err()).contains("no image"));
}
