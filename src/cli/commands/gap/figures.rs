//! The gap of a model, in the form that `--json` prints: under the names of `epochs.jsonl` and `done.json`.

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value};

use super::subject::Subject;
use mindgap::{
    run::{EpochRecord, EpochTraining, Outputs},
    stats::{self, Logits, Overconfidence},
};

/// What only a training knows of an epoch.
const OF_TRAINING: [&str; 6] = ["epoch", "lr", "batch_loss", "steps", "seconds", "train_images_per_s"];

#[derive(Debug, Serialize)]
pub struct GapFigures {
    /// The model, as the user named it.
    pub model: String,
    /// The data, as the user or the run named them.
    pub data: String,
    /// Training images in the probe.
    pub probe: usize,
    /// Images of val.
    pub val: usize,
    /// Images of val that also appear in train.
    pub val_in_train: usize,
    /// Images of val whose group also has images in train; absent where the images have no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_leaks: Option<usize>,
    /// Groups of which val has images; absent where the images have no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_groups: Option<usize>,
    /// Near leaks: images of val with a near-duplicate, but no equal image, in train; null where that is not known.
    pub near_leaks: Option<usize>,
    /// Gap, losses and accuracies as in `epochs.jsonl`.
    #[serde(flatten)]
    pub measured: Map<String, Value>,
    /// What one temperature removes from val loss \[nats\], fitted on one half of val, scored on the other, both ways.
    pub overconfidence: f64,
    /// `overconfidence` as a share of the gap; null unless the gap exceeds two standard errors.
    pub overconfidence_share_of_gap: Option<f64>,
    /// The temperature fitted on all of val.
    pub temperature: f64,
    /// Expected calibration error on val, 0–1.
    pub calibration_error: f64,
    /// Each class, in the order of the model's outputs.
    pub classes: Vec<Class>,
    /// What the figures show, one sentence each.
    pub findings: Vec<String>,
}

/// One class: accuracies in percent, null where it has no image.
#[derive(Debug, Serialize)]
pub struct Class {
    pub name: String,
    pub probe_images: usize,
    pub probe_acc: Option<f64>,
    pub val_images: usize,
    pub val_acc: Option<f64>,
}

impl GapFigures {
    /// The figures of `model` from its logits on probe and val.
    /// It does not fail, since a record is an object.
    pub fn of(model: String, subject: &Subject, probe: &Outputs, val: &Outputs) -> Result<Self> {
        let sets = &subject.sets;
        let nothing = EpochTraining {
            epoch: 1,
            lr: f64::NAN,
            batch_loss: f64::NAN,
            raw_val_loss: None,
            steps: 0,
            seconds: f64::NAN,
            train_images_per_s: f64::NAN,
        };
        let (on_probe, on_val) = sets.measured(probe, val);
        let near_leaks = sets.near_leaks.as_deref();
        let record = EpochRecord::new(&nothing, &on_probe, &on_val, &sets.leaks, near_leaks, &sets.in_first_half);
        let mut measured = match serde_json::to_value(&record)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        measured.retain(|name, _| !OF_TRAINING.contains(&name.as_str()));
        let count = subject.classes.len();
        let Overconfidence { nats, temperature } =
            Overconfidence::measure(&val.logits, &val.labels, count, &sets.in_first_half);
        let is_gap = record.gap_loss > 2.0 * record.gap_loss_se;
        let mut figures = Self {
            model,
            data: subject.source.clone(),
            probe: probe.labels.len(),
            val: val.labels.len(),
            val_in_train: sets.leak_count(),
            group_leaks: sets.group_leaks,
            val_groups: sets.group_counts().map(|[_, val]| val),
            near_leaks: sets.near_leak_count(),
            measured,
            overconfidence: nats,
            overconfidence_share_of_gap: (is_gap && nats.is_finite()).then(|| nats / record.gap_loss),
            temperature,
            calibration_error: stats::calibration_error(&Logits::new(&val.logits, &val.labels, count)),
            classes: classes(&subject.classes, probe, val),
            findings: Vec::new(),
        };
        figures.findings = figures.found(&record, subject);
        Ok(figures)
    }

    /// A figure by its name in `epochs.jsonl`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.measured.get(name).and_then(Value::as_f64)
    }

    fn found(&self, record: &EpochRecord, subject: &Subject) -> Vec<String> {
        let is_stated_by_user = subject.is_stated_by_user;
        let mut found = Vec::new();
        if let Some(epoch) = subject.chosen_epoch {
            found.push(format!(
                "The weights are those after epoch {epoch}, of lowest val loss: val chose them, so that its loss and the gap are \
                 optimistic. --which last measures the last epoch."
            ));
        }
        let chance = 100.0 / self.classes.len() as f64;
        let error = (chance * (100.0 - chance) / self.val as f64).sqrt();
        if is_stated_by_user && record.probe_acc < chance - 3.0 * error && record.val_acc < chance - 3.0 * error {
            found.push(format!(
                "Both accuracies are below the {chance:.1} % of guessing: the classes may stand in another order (--class-order), \
                 or the images may be normalised in another way (--mean, --std)."
            ));
        } else if record.probe_acc < chance + 3.0 * error {
            let reason = if is_stated_by_user {
                "check --class-order, --mean and --std before anything else"
            } else {
                "the network has learned next to nothing"
            };
            found.push(format!("The accuracy on training images is near the {chance:.1} % of guessing: {reason}."));
        }
        if self.val_in_train > 0 {
            found.push(format!(
                "{} of {} val images also appear in train; without them the gap is {:.3} nats.",
                self.val_in_train,
                self.val,
                record.gap_loss_without_leaks.unwrap_or(f64::NAN)
            ));
        }
        if let Some(clean) = record.gap_loss_without_near_leaks {
            found.push(format!(
                "{} of {} val images have a near-duplicate in train; without leaks of both kinds the gap is {clean:.3} nats.",
                self.near_leaks.unwrap_or(0),
                self.val
            ));
        }
        if let (Some(leaks), Some(groups)) = (self.group_leaks, self.val_groups) {
            found.push(format!(
                "Standard errors are clustered by the {groups} groups of val; {leaks} of {} val images are of groups that train \
                 also has.",
                self.val
            ));
        }
        found.push(match (record.gap_loss / record.gap_loss_se, record.gap_loss) {
            (z, _) if z.abs() <= 2.0 || z.is_nan() => {
                "The gap is within two standard errors of 0: these images cannot tell it from none.".to_owned()
            }
            (_, gap) if gap < 0.0 => {
                "Val loss is below the probe's: val's images are easier, or probe and train are not what the model was trained on."
                    .to_owned()
            }
            (z, _) => format!("The gap is {z:.1} standard errors above 0."),
        });
        if let Some(share) = self.overconfidence_share_of_gap.filter(|share| *share > 0.1) {
            // Below 1 a temperature sharpens: the network is too unsure, on its training images as well.
            let what = if self.temperature > 1.0 {
                format!("{:.0} % of the gap is overconfidence", 100.0 * share)
            } else {
                "The network is too unsure".to_owned()
            };
            found.push(format!(
                "{what}: dividing the logits by {:.2} removes {:.3} nats of val loss and changes no prediction.",
                self.temperature, self.overconfidence
            ));
        }
        found
    }
}

fn classes(names: &[String], probe: &Outputs, val: &Outputs) -> Vec<Class> {
    let [probe, val] = [probe, val].map(|set| {
        let mut counts = vec![(0, 0); names.len()];
        for (label, correct) in set.labels.iter().zip(set.measured().correct) {
            let (images, hits) = &mut counts[*label as usize];
            *images += 1;
            *hits += usize::from(correct);
        }
        counts
    });
    let percent = |(images, hits): (usize, usize)| (images > 0).then(|| 100.0 * hits as f64 / images as f64);
    names
        .iter()
        .zip(probe.into_iter().zip(val))
        .map(|(name, (probe, val))| Class {
            name: name.clone(),
            probe_images: probe.0,
            probe_acc: percent(probe),
            val_images: val.0,
            val_acc: percent(val),
        })
        .collect()
}
