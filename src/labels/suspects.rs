//! The ranked list of labels that are probably wrong.

use std::{collections::HashMap, path::PathBuf};

use serde::Serialize;

use super::OutOfFold;
use crate::stats::{LabelErrors, Logits, best_cut};

/// Accuracy out of fold below which a list carries a warning \[%\]. Lists were scored with networks of 59 % and more.
const LEAST_ACCURACY: f64 = 50.0;

/// Labels that are probably wrong, ranked, and what is known of the whole data set. `mindgap inspect --labels --json` prints
/// it in this form.
#[derive(Clone, Debug, Serialize)]
pub struct SuspectLabels {
    /// Number of images that were judged.
    pub images: usize,
    /// Number of seeds, each a cross-validation of its own.
    pub seeds: usize,
    /// Class names.
    pub classes: Vec<String>,
    /// Share of the images whose label is the class that the mean prediction finds most probable \[%\].
    pub out_of_fold_accuracy: f64,
    /// Estimated number of wrong labels among all images.
    pub expected_wrong: f64,
    /// `expected_wrong` as a share of all images \[%\].
    pub noise: f64,
    /// Estimated share of the labels of each class that are wrong, by the given label \[%\]; none where no image bears it.
    pub noise_by_label: Vec<(String, Option<f64>)>,
    /// Estimated numbers of wrong labels by given and true class, the most frequent first, from one image on.
    pub wrong_pairs: Vec<WrongPair>,
    /// Why the scores cannot be trusted; absent where nothing speaks against them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Expected F1 of the list, 0–1: how well it is expected to agree with the labels that are truly wrong.
    pub expected_f1: f64,
    /// The suspects, the most probable error first. The list ends where its expected F1 is highest.
    pub suspect_labels: Vec<SuspectLabel>,
    /// The scores of all images, the most probable error first: the list without its end.
    pub label_scores: Vec<LabelScore>,
    /// The folder whose runs hold the predictions, where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_fold: Option<PathBuf>,
}

/// A label that is probably wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SuspectLabel {
    /// Name of the image, as lists of samples name it.
    pub name: String,
    /// The label that it has.
    pub given: String,
    /// The most probable class apart from `given`.
    pub suggested: String,
    /// The probability that the label is wrong, 0–1.
    pub score: f64,
    /// The expected share of wrong labels among the suspects up to this one, 0–1.
    pub precision: f64,
    /// The probability of `suggested`, 0–1.
    pub suggested_probability: f64,
    /// Cross-entropy of the mean prediction with the label \[nats\].
    pub loss: f64,
    /// That cross-entropy after each epoch \[nats\], the mean over the seeds; empty where the runs did not record it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loss_by_epoch: Vec<f64>,
    /// Number of seeds that predict another class than `given`.
    pub seeds_against: usize,
    /// Its near-duplicates, with their labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_duplicates: Vec<NearDuplicate>,
}

/// How probable it is that the label of an image is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelScore {
    /// Name of the image.
    pub name: String,
    /// The probability that its label is wrong, 0–1.
    pub score: f64,
}

/// A near-duplicate of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearDuplicate {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: String,
}

/// Labels of one class on images of another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WrongPair {
    /// The label.
    pub given: String,
    /// The true class.
    pub truth: String,
    /// Expected number of images.
    pub expected: f64,
}

impl SuspectLabels {
    /// Ranks the labels of `predictions`. `near_duplicates` are pairs of names whose images show nearly the same; their labels
    /// count as evidence about each other. Pairs with an image that has no prediction have no effect.
    pub fn of(predictions: &OutOfFold, near_duplicates: &[(String, String)]) -> Self {
        let OutOfFold { classes, names, labels, seeds, losses: by_epoch } = predictions;
        let mean = predictions.mean_logits();
        let logits = Logits::new(&mean, labels, classes.len());
        let errors = LabelErrors::estimate(&logits, classes.len());
        let neighbours = neighbours(names, near_duplicates);
        let none = Vec::new();
        let near = |image: usize| neighbours.get(&image).unwrap_or(&none);

        let posteriors: Vec<Vec<f64>> = (0..names.len()).map(|image| errors.posterior(image, near(image))).collect();
        let score = |image: usize| 1.0 - posteriors[image][labels[image] as usize];
        let mut ranked: Vec<usize> = (0..names.len()).collect();
        // Of equal scores the first name comes first.
        ranked.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        let scores: Vec<f64> = ranked.iter().map(|&image| score(image)).collect();
        let cut = best_cut(&scores);

        let losses = logits.losses(1.0);
        let mut hits = 0.0;
        let mut suspects = Vec::with_capacity(cut.length);
        for (&image, &score) in ranked[..cut.length].iter().zip(&scores) {
            let given = labels[image] as usize;
            let suggested = most_probable_other(&posteriors[image], given);
            hits += score;
            suspects.push(SuspectLabel {
                name: names[image].clone(),
                given: classes[given].clone(),
                suggested: classes[suggested].clone(),
                score,
                precision: hits / (suspects.len() + 1) as f64,
                suggested_probability: posteriors[image][suggested],
                loss: losses[image],
                loss_by_epoch: by_epoch.get(image).cloned().unwrap_or_default(),
                seeds_against: predictions.predicted(image).into_iter().filter(|&class| class != given).count(),
                near_duplicates: near(image)
                    .iter()
                    .map(|&other| NearDuplicate {
                        name: names[other].clone(),
                        label: classes[labels[other] as usize].clone(),
                    })
                    .collect(),
            });
        }

        let scored = ranked.iter().zip(&scores);
        let label_scores = scored.map(|(&image, &score)| LabelScore { name: names[image].clone(), score }).collect();
        let joint = joint(&posteriors, labels, classes.len());
        let expected_wrong: f64 = scores.iter().sum();
        let out_of_fold_accuracy = crate::stats::percent(&logits.correct());
        Self {
            images: names.len(),
            seeds: seeds.len(),
            classes: classes.clone(),
            out_of_fold_accuracy,
            warning: warning(out_of_fold_accuracy),
            expected_wrong,
            noise: 100.0 * expected_wrong / names.len() as f64,
            noise_by_label: noise_by_label(&joint, classes),
            wrong_pairs: wrong_pairs(&joint, classes),
            expected_f1: cut.f1,
            suspect_labels: suspects,
            label_scores,
            out_of_fold: None,
        }
    }
}

/// What is said where networks recognise `accuracy` percent of the images that they were not trained on.
fn warning(accuracy: f64) -> Option<String> {
    (accuracy < LEAST_ACCURACY).then(|| {
        format!(
            "The networks recognise {accuracy:.1} % of the images that they were not trained on: too few to judge labels, and the \
             probabilities promise too much. Train them longer, or with another preset."
        )
    })
}

/// The near-duplicates of each image that has some, by index.
fn neighbours(names: &[String], pairs: &[(String, String)]) -> HashMap<usize, Vec<usize>> {
    let mut neighbours: HashMap<usize, Vec<usize>> = HashMap::new();
    let find = |name: &String| names.binary_search(name).ok();
    for (a, b) in pairs {
        if let (Some(a), Some(b)) = (find(a), find(b))
            && a != b
        {
            neighbours.entry(a).or_default().push(b);
            neighbours.entry(b).or_default().push(a);
        }
    }
    for others in neighbours.values_mut() {
        others.sort_unstable();
        others.dedup();
    }
    neighbours
}

fn most_probable_other(posterior: &[f64], given: usize) -> usize {
    let others = (0..posterior.len()).filter(|&class| class != given);
    // Of equal classes the first one.
    others.max_by(|&a, &b| posterior[a].total_cmp(&posterior[b]).then(b.cmp(&a))).unwrap_or(given)
}

/// Expected number of images, `[label][true class]`.
fn joint(posteriors: &[Vec<f64>], labels: &[i64], classes: usize) -> Vec<Vec<f64>> {
    let mut joint = vec![vec![0.0; classes]; classes];
    for (posterior, &label) in posteriors.iter().zip(labels) {
        joint[label as usize].iter_mut().zip(posterior).for_each(|(sum, probability)| *sum += probability);
    }
    joint
}

fn noise_by_label(joint: &[Vec<f64>], classes: &[String]) -> Vec<(String, Option<f64>)> {
    let mut noise = Vec::with_capacity(classes.len());
    for (label, row) in joint.iter().enumerate() {
        let images: f64 = row.iter().sum();
        let share = (images > 0.0).then(|| 100.0 * (1.0 - row[label] / images));
        noise.push((classes[label].clone(), share));
    }
    noise
}

fn wrong_pairs(joint: &[Vec<f64>], classes: &[String]) -> Vec<WrongPair> {
    let mut pairs = Vec::new();
    for (label, row) in joint.iter().enumerate() {
        for (class, &expected) in row.iter().enumerate() {
            if class != label && expected >= 1.0 {
                pairs.push(WrongPair { given: classes[label].clone(), truth: classes[class].clone(), expected });
            }
        }
    }
    pairs.sort_by(|a, b| b.expected.total_cmp(&a.expected));
    pairs
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};

    /// Predictions of `seeds` networks, right on nine of ten images, and labels of which every twentieth is wrong: that of image
    /// 20 i is one class too high.
    pub fn predictions(n: usize, seeds: usize) -> OutOfFold {
        let classes = ["cat", "dog", "fish"].map(String::from).to_vec();
        let mut stream = Stream::new(5, Purpose::Resample, 0, 0);
        let labels = (0..n).map(|image| ((image % 3 + usize::from(image % 20 == 0)) % 3) as i64).collect();
        let mut logits = Vec::new();
        for _ in 0..seeds {
            let mut rows = Vec::new();
            for image in 0..n {
                let is_right = stream.uniform() < 0.9;
                let top = if is_right { image % 3 } else { stream.below(3) as usize };
                let margin = if is_right { 4.0 + stream.normal() } else { 1.0 } as f32;
                rows.extend((0..3).map(|class| if class == top { margin } else { 0.0 }));
            }
            logits.push(rows);
        }
        let names = (0..n).map(|image| format!("train/{image:05}.png")).collect();
        let losses = (0..n).map(|image| vec![1.0, image as f64]).collect();
        OutOfFold { classes, names, labels, seeds: logits, losses }
    }

    #[test]
    fn the_list_holds_the_wrong_labels_and_suggests_the_true_ones() {
        let suspects = SuspectLabels::of(&predictions(3000, 3), &[]);
        let list = &suspects.suspect_labels;
        let number = |suspect: &SuspectLabel| suspect.name[6..11].parse::<usize>().unwrap();
        let hits: Vec<&SuspectLabel> = list.iter().filter(|suspect| number(suspect) % 20 == 0).collect();
        assert!(hits.len() >= 140 && list.len() <= 165, "{} of {}", hits.len(), list.len());
        for suspect in &hits {
            assert_eq!(suspect.suggested, suspects.classes[number(suspect) % 3]);
        }
        assert!((suspects.expected_wrong - 150.0).abs() < 20.0, "{}", suspects.expected_wrong);
        assert_eq!((suspects.images, suspects.seeds), (3000, 3));
        assert!(list[0].seeds_against >= 2 && list[0].loss > 2.0, "{:?}", list[0]);
        assert_eq!(list[0].loss_by_epoch, [1.0, number(&list[0]) as f64]);
    }

    #[test]
    fn scores_fall_and_precision_is_their_running_mean() {
        let suspects = SuspectLabels::of(&predictions(1000, 1), &[]).suspect_labels;
        let mut sum = 0.0;
        for (index, suspect) in suspects.iter().enumerate() {
            sum += suspect.score;
            assert!((suspect.precision - sum / (index + 1) as f64).abs() < 1e-12);
            assert!(index == 0 || suspect.score <= suspects[index - 1].score);
        }
    }

    #[test]
    fn a_near_duplicate_with_another_label_is_evidence_and_is_named() {
        let predictions = predictions(1000, 1);
        let alone = SuspectLabels::of(&predictions, &[]).suspect_labels.pop().unwrap();
        // The suspect with the lowest score, and an image that bears the suggested label and is none.
        let class = predictions.classes.iter().position(|class| *class == alone.suggested).unwrap();
        let other = (0..1000).find(|image| image % 3 == class && image % 20 > 0).unwrap();
        let other = predictions.names[other].clone();
        // A pair of an image with itself, or with one that was not predicted, says nothing.
        let near = [(alone.name.clone(), other.clone()), (alone.name.clone(), alone.name.clone())];
        let near = [near.as_slice(), &[(alone.name.clone(), "elsewhere.png".into())]].concat();
        let together = SuspectLabels::of(&predictions, &near).suspect_labels;
        let together = together.iter().find(|suspect| suspect.name == alone.name).unwrap();
        assert!(together.score > alone.score, "{} {}", together.score, alone.score);
        let expected = NearDuplicate { name: other, label: alone.suggested };
        assert_eq!((alone.near_duplicates.len(), together.near_duplicates.as_slice()), (0, [expected].as_slice()));
    }

    #[test]
    fn json_holds_the_ranked_list() {
        let json = serde_json::to_value(SuspectLabels::of(&predictions(1000, 1), &[])).unwrap();
        for key in ["name", "given", "suggested", "score", "precision"] {
            assert!(!json["suspect_labels"][0][key].is_null(), "{json}");
        }
        assert!(json.get("out_of_fold").is_none() && json.get("warning").is_none());
    }

    #[test]
    fn networks_that_recognise_less_than_half_are_not_trusted() {
        let mut guesses = predictions(300, 1);
        // Labels that say nothing about the images.
        guesses.labels = (0..300).map(|image| i64::from(image) * 7 / 5 % 3).collect();
        let suspects = SuspectLabels::of(&guesses, &[]);
        assert!(suspects.out_of_fold_accuracy < 50.0);
        let warning = suspects.warning.unwrap();
        assert!(warning.contains(&format!("{:.1} %", suspects.out_of_fold_accuracy)), "{warning}");
    }
}
