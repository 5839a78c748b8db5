//! The hardest images as the page shows them.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Report, RunGroup, hardest::hardest};

/// Images shown of each group.
const MOST: usize = 12;
/// Longer side of an image, in pixels.
const SIDE: u32 = 96;

/// The hardest images of one group.
pub struct Hardest {
    /// The group.
    pub name: String,
    /// Its images.
    pub images: Vec<Picture>,
}

/// One image.
pub struct Picture {
    /// A PNG file as a data address.
    pub address: String,
    /// Its file, or the line of its table.
    pub name: String,
    /// Its class.
    pub label: String,
    /// The class it was given.
    pub given: String,
    /// Its loss, in nats.
    pub loss: String,
}

impl Report {
    /// The hardest images of these groups, or why there are none to show.
    pub(super) fn hardest_of(&self, groups: &[&RunGroup]) -> Result<Vec<Hardest>, String> {
        let gallery = self.gallery.as_ref().map_err(Clone::clone)?;
        let data = &self.groups[0].runs[0].environment.data;
        let class = |class: usize| data.classes.get(class).cloned().unwrap_or_default();
        let mut all = Vec::new();
        for group in groups {
            let answers = group.shown().into_iter().find_map(|run| run.val.as_ref());
            let Some(answers) = answers else { continue };
            gallery.check(&answers.ids, &answers.labels).map_err(|error| error.to_string())?;
            let mut images = Vec::new();
            for hard in hardest(group, MOST) {
                let file = gallery.thumbnail(hard.id, data.channels, SIDE).map_err(|error| format!("{error:#}"))?;
                let given = hard.given.map_or("nothing".to_owned(), class);
                let votes =
                    if hard.runs > 1 { format!(" ({} of {} runs)", hard.votes, hard.runs) } else { String::new() };
                images.push(Picture {
                    address: format!("data:image/png;base64,{}", STANDARD.encode(file)),
                    name: gallery.name(hard.id).map_err(|error| error.to_string())?,
                    label: class(hard.label),
                    given: given + &votes,
                    loss: format!("{:.2}", hard.loss),
                });
            }
            all.push(Hardest { name: group.name.clone(), images });
        }
        Ok(all)
    }
}
