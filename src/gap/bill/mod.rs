//! The bill of the gap: what each cause contributes to it, in nats, as items that add up to the gap.
//!
//! Each cause is one that can be taken away from the measured losses. For every set S of causes there is a gap v(S) without
//! them, which differs from the measured one, v(∅), as follows:
//!
//! | cause in S | what v(S) takes in its place |
//! |---|---|
//! | flattery | val without the images that also appear in train, exactly or nearly |
//! | sampling | all training images that were measured, in the place of the probe |
//! | calibration | logits divided by a temperature: for each half of val, and of train, the one fitted on the other half |
//! | labels | each image with the weight 1 − P(its label is wrong) |
//! | class-mix | training images weighted by class, so that the classes have val's shares |
//! | memorisation | losses on augmented views of the images, of train and of val alike |
//!
//! Each class keeps its share of val, and of the probe, whatever is left out.
//!
//! The nats of a cause are its Shapley value, the mean of v(S) − v(S ∪ {cause}) over all orders in which the causes can be
//! taken away (Shapley 1953): no order is preferred, and what two causes do together is divided between them. What remains
//! when all are taken away is generalisation, so that the sum of all items is the gap.

mod evidence;
mod item;
mod shapley;
mod totals;
mod words;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub use evidence::{BillEvidence, BillSet};
pub use item::{BillItem, Cause};

use crate::{
    durable,
    random::{Purpose, Stream},
    run::{Done, RunFolder},
    stats::hypotenuse,
};
use evidence::Losses;
use totals::Totals;

/// Resamples of the images for the intervals.
const RESAMPLES: usize = 200;

/// The bill of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bill {
    /// The epoch, from 1: the last of the run.
    pub epoch: u32,
    /// Mean loss on the probe \[nats\].
    pub probe_loss: f64,
    /// Mean loss on val \[nats\].
    pub val_loss: f64,
    /// Val loss − probe loss \[nats\].
    pub gap_loss: f64,
    /// Its standard error \[nats\].
    pub gap_loss_se: f64,
    /// The items in the order of [`Cause`]; their nats add up to `gap_loss`.
    pub items: Vec<BillItem>,
    /// The bill in one sentence.
    pub sentence: String,
}

impl Bill {
    /// The bill in the folder of the finished run `run`, whose final figures are `done`; None where there is none, or one of
    /// an earlier end of the run.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn read(run: &RunFolder, done: &Done) -> Result<Option<Self>> {
        let file = run.file(RunFolder::BILL);
        if !file.exists() {
            return Ok(None);
        }
        let damaged = || format!("{} cannot be used; `mindgap bill` replaces it", file.display());
        let bill: Self = serde_json::from_slice(&durable::read_text(&file)?).with_context(damaged)?;
        let is_current = bill.epoch == done.last.epoch && (bill.gap_loss - done.last.gap_loss).abs() < 1e-6;
        Ok(is_current.then_some(bill))
    }

    /// Divides the gap of the `evidence`, measured after `epoch`.
    ///
    /// # Errors
    /// The evidence is of images that do not fit each other, a set is empty, or the gap is no number.
    pub fn of(evidence: &BillEvidence, epoch: u32) -> Result<Self> {
        evidence.check()?;
        let losses = Losses::of(evidence);
        let once = [vec![1.0; evidence.val.outputs.labels.len()], vec![1.0; evidence.train.outputs.labels.len()]];
        let totals = Totals::of(evidence, &losses, &once);
        let gap_loss = totals.gap(0);
        ensure!(gap_loss.is_finite(), "the gap of the run is no number: a loss of val or the probe is not finite");
        let nats = shares(&totals);
        ensure!(
            nats.iter().all(|nats| nats.is_finite()),
            "no image of val, or of train, is left without leaks and wrong labels, so that the gap cannot be divided"
        );
        let mut squares = vec![0.0; nats.len()];
        let mut draws = Stream::new(0, Purpose::Resample, 0, 5);
        for _ in 0..RESAMPLES {
            let counts = [&evidence.val, &evidence.train].map(|set| set.resample(&mut draws));
            let resampled = shares(&Totals::of(evidence, &losses, &counts));
            for (number, square) in squares.iter_mut().enumerate() {
                *square += (resampled[number] - nats[number]).powi(2);
            }
        }
        let [val_error, probe_error] = evidence.standard_errors(&losses);
        let gap_loss_se = hypotenuse(val_error, probe_error);
        let mut items = Vec::new();
        for (number, cause) in Cause::REMOVABLE.into_iter().chain([Cause::Generalisation]).enumerate() {
            let error = match cause {
                // The measured part is that of the probe; what chance did to val itself can be bounded alone.
                Cause::Sampling if evidence.has_more_than_probe() => val_error,
                Cause::Sampling => gap_loss_se,
                _ => (squares[number] / RESAMPLES as f64).sqrt(),
            };
            let value = nats[number];
            let is_measured = evidence.measures(cause, &losses);
            let reach = is_measured.then_some(item::QUANTILE * error).filter(|reach| reach.is_finite());
            items.push(BillItem {
                id: cause,
                nats: if is_measured { value } else { 0.0 },
                low: reach.map(|reach| value - reach),
                high: reach.map(|reach| value + reach),
                is_measured,
                evidence: words::evidence(cause, evidence, &losses, &totals),
            });
        }
        Ok(Self {
            epoch,
            probe_loss: totals.train_loss(0),
            val_loss: totals.val_loss(0),
            gap_loss,
            gap_loss_se,
            sentence: words::sentence(gap_loss, gap_loss_se, &items),
            items,
        })
    }
}

/// The nats of each cause in the order of [`Cause`]; they add up to the gap.
fn shares(totals: &Totals) -> Vec<f64> {
    let causes = Cause::REMOVABLE.len();
    let mut nats = shapley::values(|set| totals.gap(set), causes);
    nats.push(totals.gap((1 << causes) - 1));
    nats
}
