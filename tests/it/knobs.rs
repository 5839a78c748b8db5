//! Every knob of the table of keys passes the same three tests; a fourth, its effect on an example worked by hand, is
//! beside its mathematics in the knob's own module.
//!
//! 1. Switched off it is the identity: the recipe is the one without it, whose run ends with the bytes of a plain loop that
//!    knows no knobs.
//! 2. Switched on the network learns, and not what it learns without.
//! 3. Stopped in the middle of an epoch and resumed the run ends with the bytes of one never stopped.

#[path = "../support/knobs.rs"]
pub mod rows;

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::listener::Listener;
use mindgap::{
    augment::Normalize,
    durable::Array,
    model::{Architecture, Mode, ResNet, weights},
    random::{Purpose, Stream},
    recipe::{Recipe, schedule},
    run::{EpochRecord, TtaFigures},
    train::{Checkpoint, EvalSets, FitOutcome, Trainer, fit, optim::Optimizer, order, tta},
};
use rows::{EPOCHS, PLACE, Row, off, recipe, rows};
use tch::{Device, Tensor};

/// What is left of a run.
#[derive(Debug, PartialEq)]
struct End {
    /// The full training state.
    state: Vec<Array>,
    /// Its epochs without their times.
    epochs: Vec<EpochRecord>,
    /// Its second figure, if any.
    views: Option<TtaFigures>,
}

fn train(recipe: &Recipe, stop_at: Option<u64>) -> End {
    tch::set_num_threads(1);
    let data = PLACE.dataset();
    let sets = EvalSets::of(&data, recipe.data_seed);
    let mut trainer = Trainer::new(recipe, &data, Device::Cpu).unwrap();
    let stop = AtomicBool::new(false);
    let mut listener = Listener { epochs: Vec::new(), stop: &stop, stop_at: stop_at.map(|update| (2, update)) };
    let mut outcome = fit(&mut trainer, &data, &sets, None, None, &mut listener, &stop).unwrap();
    if stop_at.is_some() {
        assert_eq!(outcome, FitOutcome::Stopped);
        let file = tempfile::NamedTempFile::new().unwrap();
        let stopped = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive();
        stopped.save(file.path()).unwrap();
        trainer = Trainer::new(recipe, &data, Device::Cpu).unwrap();
        Checkpoint::load(file.path()).unwrap().restore(&mut trainer).unwrap();
        let restored = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive();
        assert!(
            restored.metadata == stopped.metadata && restored.arrays == stopped.arrays,
            "something was not restored"
        );
        listener.stop_at = None;
        stop.store(false, Ordering::Relaxed);
        outcome = fit(&mut trainer, &data, &sets, None, None, &mut listener, &stop).unwrap();
    }
    assert_eq!(outcome, FitOutcome::Finished);
    let state = Checkpoint::of(&trainer, &data.fingerprint).unwrap().to_archive().arrays;
    let views = tta::measure(&trainer, &data, &sets).unwrap();
    End { state, epochs: listener.epochs, views }
}

/// The weights that a loop without knobs ends with, written out here.
static PLAIN: LazyLock<Vec<Array>> = LazyLock::new(|| {
    tch::set_num_threads(1);
    let (recipe, data) = (recipe(&[]), PLACE.dataset());
    let model = ResNet::new(&Architecture::new(&recipe, 1, 3).unwrap(), recipe.seed, Device::Cpu);
    let normalize = Normalize::new(&data.mean, &data.std, Device::Cpu);
    let mut optimizer = Optimizer::new(&recipe, &model.parameters);
    let updates = data.train.len() as u64 / 8;
    for epoch in 1..=EPOCHS {
        let order = order(&recipe, &data.train.labels, epoch);
        for batch in data.train.batches(order, 8, Device::Cpu).take(updates as usize) {
            let batch = batch.unwrap();
            let noise = Stream::new(0, Purpose::Network, 0, 0);
            let logits = model.forward(&normalize.forward(&batch.images), Mode::Train(noise.into()));
            let loss = logits.cross_entropy_for_logits(&batch.labels);
            let trained: Vec<&Tensor> = model.parameters.trained().map(|parameter| &parameter.tensor).collect();
            let gradients = Tensor::run_backward(&[loss], &trained, false, false);
            optimizer.step(&gradients, schedule::rate(&recipe, optimizer.updates, updates), None);
        }
    }
    let all = model.parameters.all().iter();
    all.map(|parameter| weights::to_array(format!("model/{}", parameter.name), &parameter.tensor).unwrap()).collect()
});

/// A run without knobs.
static BASE: LazyLock<End> = LazyLock::new(|| train(&recipe(&[]), None));

#[test]
fn without_knobs_a_run_is_a_plain_loop() {
    for array in PLAIN.iter() {
        assert!(BASE.state.contains(array), "{} differs", array.name);
    }
}

#[test]
fn a_knob_that_is_switched_off_leaves_nothing_of_it() {
    for Row { name, on } in rows() {
        assert_ne!(recipe(&[on]), recipe(&[]), "{name}");
        assert_eq!(recipe(&[on, &off(on)]), recipe(&[]), "{name}");
    }
}

/// The network learns to tell the classes apart, and something of the run differs from one without the knob.
fn learns(name: &str, end: &End) {
    let last = end.epochs.last().unwrap();
    assert!(last.probe_loss < 0.9, "{name}: a probe loss of {}; chance is 1.099", last.probe_loss);
    assert!(last.probe_acc > 60.0, "{name}: a probe accuracy of {} %", last.probe_acc);
    assert!(*end != *BASE, "{name} changes nothing");
}

fn resumes_to_the_same_bytes(name: &str, recipe: &Recipe, whole: &End) {
    for stop_at in [1, 5] {
        let resumed = train(recipe, Some(stop_at));
        for (one, other) in whole.state.iter().zip(&resumed.state) {
            assert!(one == other, "{name}, stopped at {stop_at}: {} differs", one.name);
        }
        assert_eq!(*whole, resumed, "{name}, stopped at {stop_at}");
    }
}

#[test]
fn every_knob_learns_something_else_and_resumes_to_the_same_bytes() {
    let (rows, next) = (rows(), AtomicUsize::new(0));
    let work = || {
        while let Some(Row { name, on }) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            let recipe = recipe(&[on]);
            let whole = train(&recipe, None);
            learns(name, &whole);
            resumes_to_the_same_bytes(name, &recipe, &whole);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
}
