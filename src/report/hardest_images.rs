//! The images with the highest loss, as the page shows them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Report, RunGroup, hardest::hardest};

/// Images shown of each group.
const MOST: usize = 12;
/// Longer side of an image, in pixels.
const SIDE: u32 = 96;

/// The images of one group with the highest loss.
pub struct Hardest {
    /// The group.
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
    /// True class.
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
