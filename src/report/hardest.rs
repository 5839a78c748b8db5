//! The images with the highest loss, as the page shows them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Answers, Report, RunGroup};

/// Images shown of each group.
const MOST: usize = 12;
/// Longer side of an image, in pixels.
const SIDE: u32 = 96;

/// The images of one group with the highest loss.
pub struct Hardest {
    pub name: String,
    /// The images, hardest first.
    pub images: Vec<HardImage>,
}

/// One image.
pub struct HardImage {
    /// A PNG file as a data address.
    pub address: String,
    /// File of the image, or its line in the table of images.
    pub name: String,
    pub label: String,
    /// The class that was predicted, with the number of runs that predicted it.
    pub given: String,
    /// Loss in nats.
    pub loss: String,
}

impl Report {
    /// The images of these groups with the highest loss, or the reason why they cannot be shown.
    pub(super) fn hardest_of(&self, groups: &[&RunGroup]) -> Result<Vec<Hardest>, String> {
        let gallery = self.gallery.as_ref().map_err(Clone::clone)?;
        let data = &self.groups[0].runs[0].environment.data;
        let mut all = Vec::new();
        for group in groups {
            for run in group.shown() {
                let is_first = run.job == group.shown()[0].job;
                if let Some(answers) = run.val.as_ref().filter(|_| is_first || run.job.fold.is_some()) {
                    gallery.check(&answers.ids, &answers.labels).map_err(|error| error.to_string())?;
                }
            }
            let mut images = Vec::new();
            for hard in hardest(group, MOST) {
                let file = gallery
                    .thumbnail(hard.id, data.channels.unwrap_or(3), SIDE)
                    .map_err(|error| format!("{error:#}"))?;
                let mut given = hard.given.map_or("nothing".to_owned(), |class| class_name(&data.classes, class));
                if hard.runs > 1 {
                    given += &format!(" ({} of {} runs)", hard.votes, hard.runs);
                }
                images.push(HardImage {
                    address: format!("data:image/png;base64,{}", STANDARD.encode(file)),
                    name: gallery.name(hard.id).map_err(|error| error.to_string())?,
                    label: class_name(&data.classes, hard.label),
                    given,
                    loss: format!("{:.2}", hard.loss),
                });
            }
            all.push(Hardest { name: group.name.clone(), images });
        }
        Ok(all)
    }
}

fn class_name(classes: &[String], class: usize) -> String {
    classes.get(class).cloned().unwrap_or_default()
}

/// A val image with the predictions of a group's runs.
struct Hard {
    /// Sample id in val.
    id: i64,
    label: usize,
    /// The class that most of the runs predict; None where most predictions are not a number.
    given: Option<usize>,
    /// How many runs predict that class.
    votes: usize,
    runs: usize,
    /// Mean loss over the runs \[nats\].
    loss: f64,
}

/// The `most` val images of highest mean loss over the shown runs of `group`.
fn hardest(group: &RunGroup, most: usize) -> Vec<Hard> {
    let shown = group.shown();
    let mut folds: Vec<Option<u32>> = shown.iter().map(|run| run.job.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    let mut all = Vec::new();
    for fold in folds {
        let of_fold = shown.iter().filter(|run| run.job.fold == fold);
        all.extend(on_same_images(&of_fold.filter_map(|run| run.val.as_ref()).collect::<Vec<_>>()));
    }
    all.retain(|hard| !hard.loss.is_nan());
    all.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    all.truncate(most);
    all
}

/// The images of the first of `runs`, in their order, with the predictions of all runs that measured the same images.
fn on_same_images(runs: &[&Answers]) -> Vec<Hard> {
    let Some(&first) = runs.first() else { return Vec::new() };
    let runs: Vec<&Answers> = runs.iter().copied().filter(|answers| answers.ids == first.ids).collect();
    let mut images = Vec::with_capacity(first.ids.len());
    for image in 0..first.ids.len() {
        let sum: f64 = runs.iter().map(|answers| f64::from(answers.measured.losses[image])).sum();
        let predictions: Vec<Option<usize>> = runs.iter().map(|answers| answers.predicted[image]).collect();
        let given = *predictions.iter().max_by_key(|class| votes(&predictions, **class)).unwrap_or(&None);
        images.push(Hard {
            id: first.ids[image],
            label: first.labels[image] as usize,
            given,
            votes: votes(&predictions, given),
            runs: runs.len(),
            loss: sum / runs.len() as f64,
        });
    }
    images
}

fn votes(predictions: &[Option<usize>], class: Option<usize>) -> usize {
    predictions.iter().filter(|&&predicted| predicted == class).count()
}
