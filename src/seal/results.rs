//! What a model gave for each image of a sealed test set: one small file per look.

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;

use super::TestImages;
use crate::{
    durable::{Archive, Array},
    run::Measured,
    stats,
};

/// Loss and hit of each image, in the order of the seal.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// Plain cross-entropies \[n\], in nats.
    pub losses: Vec<f32>,
    /// Whether the most probable class is the label \[n\].
    pub correct: Vec<bool>,
}

impl Results {
    /// What was `measured` on the split of `images`, in the order of the split.
    pub fn new(measured: &Measured, images: &TestImages) -> Self {
        Self { losses: images.sorted(&measured.losses), correct: images.sorted(&measured.correct) }
    }

    /// Mean loss \[nats\].
    pub fn loss(&self) -> f64 {
        let losses: Vec<f64> = self.losses.iter().map(|&loss| f64::from(loss)).collect();
        stats::mean(&losses)
    }

    /// The share of hits \[%\].
    pub fn top1(&self) -> f64 {
        stats::percent(&self.correct)
    }

    /// The file: arrays `losses` f32 \[n\] and `correct` u8 \[n\]. Equal results give equal bytes.
    ///
    /// # Errors
    /// Never in practice; the writer's error is passed on.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let n = self.losses.len();
        let losses = Array::of("losses", Dtype::F32, &[n], self.losses.iter().map(|loss| loss.to_le_bytes()));
        let correct = Array::of("correct", Dtype::U8, &[n], self.correct.iter().map(|&correct| [u8::from(correct)]));
        Archive { metadata: Default::default(), arrays: vec![losses, correct] }.to_bytes()
    }

    /// Reads the bytes of such a file about `n` images.
    ///
    /// # Errors
    /// The file is damaged, or is about another number of images.
    pub fn from_bytes(bytes: &[u8], n: usize) -> Result<Self> {
        let archive = Archive::from_any_safetensors(bytes)?;
        let array = |name: &str, dtype: Dtype| {
            let array = archive.array(name).with_context(|| format!("it has no array {name:?}"))?;
            ensure!(
                array.dtype == dtype && array.shape == [n],
                "its array {name:?} is {} of shape {:?}, not {dtype} of shape [{n}]",
                array.dtype,
                array.shape
            );
            Ok(&array.bytes)
        };
        let (losses, _) = array("losses", Dtype::F32)?.as_chunks();
        Ok(Self {
            losses: losses.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            correct: array("correct", Dtype::U8)?.iter().map(|&correct| correct != 0).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_back_and_have_the_figures_of_what_was_measured() {
        let images = TestImages::new(&[9, 2, 5], &["a", "b", "b"]);
        let measured = Measured { losses: vec![0.5, 2.0, 0.25], correct: vec![true, false, true], groups: None };
        let results = Results::new(&measured, &images);
        assert_eq!(results.losses, [2.0, 0.25, 0.5]);
        assert_eq!(results.loss(), measured.mean_loss());
        assert!((results.top1() - 200.0 / 3.0).abs() < 1e-12);
        let bytes = results.to_bytes().unwrap();
        assert_eq!(Results::from_bytes(&bytes, 3).unwrap(), results);
        let message = Results::from_bytes(&bytes, 4).unwrap_err().to_string();
        assert!(message.contains("not F32 of shape [4]"), "{message}");
    }
}
