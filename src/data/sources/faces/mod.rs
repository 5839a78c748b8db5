//! `faces`: generated cartoon faces with FER2013's seven expressions.
//!
//! What: 48 × 48 grey portraits. Sample i is a function of (data seed, i) alone: a person (head, hair, skin, eyes,
//! brows, nose, mouth, glasses, beard), an expression of random intensity, a scene (pose, light, background, something
//! in front of the face, blur, noise), and a label, which is deliberately wrong with probability [`WRONG_LABELS`], in
//! train and val alike. No network can therefore be right about all of val, and a network that is right about all of
//! train has memorised labels.
//!
//! When: to see a gap open within a minute without own data, in tests and in examples.
//!
//! How hard: `mindgap train --seed S` (preset `demo`, no regularisation), S = 0, 1, 2, on two CPU threads. After 22
//! epochs: probe 99.5, 99.9 and 97.9 %, val 68.0, 69.9 and 63.8 %; gap 1.110, 1.111 and 1.049 nats (standard error
//! 0.07); val loss lowest in epochs 10, 9 and 10; 41 to 46 seconds a run.

use rayon::prelude::*;

mod draws;
mod expression;
mod features;
mod person;
mod portrait;
mod scene;
mod shapes;
#[cfg(test)]
mod tests;

use draws::FaceDraws;
use expression::Muscles;
use person::Person;
pub use portrait::SIZE;
use scene::Scene;

/// The classes, in the order of their labels, which is FER2013's and alphabetical.
pub const CLASSES: [&str; 7] = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"];
/// Samples `0..TRAIN` are the training images.
pub const TRAIN: u32 = 2304;
/// Samples `TRAIN..TRAIN + VAL` are the validation images.
pub const VAL: u32 = 800;
/// Share of the labels in train and val that name one of the six other classes.
pub const WRONG_LABELS: f64 = 0.12;

/// Share of each class in percent: a milder form of FER2013's imbalance.
const SHARES: [u32; 7] = [14, 9, 14, 19, 16, 15, 13];

/// Generated faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faces {
    /// Grey values, `[n, 48, 48]`, row by row.
    pub images: Vec<u8>,
    /// Indices into [`CLASSES`], `[n]`.
    pub labels: Vec<u32>,
}

/// Generates samples `first..first + count` of the data set of `data_seed`. Sample i is a function of `(data_seed, i)` alone,
/// so that any range and any number of threads give the same bytes.
pub fn generate(data_seed: u64, first: u32, count: u32) -> Faces {
    let samples: Vec<_> = (0..count).into_par_iter().map(|i| sample(FaceDraws::new(data_seed, first + i))).collect();
    Faces {
        images: samples.iter().flat_map(|(image, _)| image).copied().collect(),
        labels: samples.iter().map(|&(_, label)| label).collect(),
    }
}

/// Draws one image and its label.
fn sample(mut draws: FaceDraws) -> ([u8; SIZE * SIZE], u32) {
    let Class { shown, label } = Class::draw(&mut draws);
    let muscles = Muscles::draw(shown, &mut draws);
    let person = Person::draw(&mut draws);
    let scene = Scene::draw(person.skin, &mut draws);
    (portrait::render(&person, &muscles, &scene, &mut draws), label as u32)
}

/// The class that a face shows, and the class of its label.
struct Class {
    shown: usize,
    label: usize,
}

impl Class {
    fn draw(draws: &mut FaceDraws) -> Self {
        let shown = draws.weighted(&SHARES);
        if !draws.chance(WRONG_LABELS) {
            return Self { shown, label: shown };
        }
        let step = 1 + draws.below(CLASSES.len() as u32 - 1) as usize;
        Self { shown, label: (shown + step) % CLASSES.len() }
    }
}
