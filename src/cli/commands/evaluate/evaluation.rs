//! All results of an evaluation, in the form that `--json` prints.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    figures::{Both, Leaks},
    sealed_figures::SealedFigures,
};
use mindgap::{
    recipe::Tta,
    run::Outputs,
    stats::{ClassScore, Confusion, Logits},
};

/// The groups of the images of a split, such as patients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Groups<'a> {
    /// The group of each image, where the images have groups.
    pub of_images: Option<&'a [u32]>,
    /// How many images are of groups that also have images in the model's train, where that is known.
    pub leaks: Option<usize>,
}

/// The results of a model on one split.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The model, as the user named it.
    pub model: String,
    /// The data, as the user or the run named them.
    pub data: String,
    /// The split: `train`, `val` or `test`.
    pub split: String,
    /// Images that also appear in the model's train; null where that is not known, because the data have no train split or
    /// not the model's.
    pub leaks: Option<usize>,
    /// Images whose group also has images in the model's train; absent where the images have no groups, or that is not
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_leaks: Option<usize>,
    /// Groups to which the images belong; absent where they have no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<usize>,
    /// Near leaks: images with a near-duplicate, but no equal image, in the model's train; null where that is not known.
    pub near_leaks: Option<usize>,
    /// Why the leaks are not known.
    #[serde(skip)]
    pub why_unknown: &'static str,
    #[serde(flatten)]
    pub figures: Both,
    /// How well each class is recognised, in the model's order.
    pub classes: Vec<Class>,
    /// `[true class][predicted class]`
    pub confusion: Vec<Vec<usize>>,
    /// Figures of predictions averaged over views, where they were asked for.
    pub tta: Option<ViewFigures>,
    /// What the ledger of the test set says; absent where it is not sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealedFigures>,
}

/// How well one class is recognised.
#[derive(Clone, Debug, Serialize)]
pub struct Class {
    pub name: String,
    #[serde(flatten)]
    pub score: ClassScore,
}

/// Figures of predictions averaged over views of each image, given in addition to the plain ones.
#[derive(Clone, Debug, Serialize)]
pub struct ViewFigures {
    /// The views: `flip` or `ten-crop`.
    pub views: String,
    #[serde(flatten)]
    pub figures: Both,
}

impl Evaluation {
    /// Evaluates the `outputs` over `classes`; the first argument names model, data and split. `leaks` says which images
    /// also appear in train, `groups` which belong together.
    pub fn new(
        [model, data, split]: [String; 3],
        outputs: &Outputs,
        classes: &[String],
        temperature: Option<f64>,
        leaks: &Leaks,
        groups: &Groups,
    ) -> Self {
        let known = leaks.as_ref().ok();
        let count = |leaks: &[bool]| leaks.iter().filter(|&&leak| leak).count();
        let predicted = Logits::new(&outputs.logits, &outputs.labels, classes.len()).predicted();
        let confusion = Confusion::new(classes.len(), &outputs.labels, &predicted);
        let scores = classes.iter().zip(confusion.scores());
        Self {
            model,
            data,
            split,
            leaks: known.map(|leaks| count(&leaks.exact)),
            group_leaks: groups.leaks,
            groups: groups.of_images.map(|groups| groups.iter().collect::<HashSet<_>>().len()),
            near_leaks: known.and_then(|leaks| leaks.near.as_deref()).map(count),
            why_unknown: leaks.as_ref().err().copied().unwrap_or_default(),
            figures: Both::of(outputs, classes.len(), temperature, known, groups.of_images),
            classes: scores.map(|(name, score)| Class { name: name.clone(), score }).collect(),
            confusion: confusion.counts,
            tta: None,
            seal: None,
        }
    }

    /// Adds the figures of `outputs` that were averaged over the views `kind`.
    pub fn with_views(self, kind: Tta, outputs: &Outputs, leaks: &Leaks, groups: &Groups) -> Self {
        let figures = Both::of(outputs, self.classes.len(), None, leaks.as_ref().ok(), groups.of_images);
        Self { tta: Some(ViewFigures { views: kind.to_string(), figures }), ..self }
    }

    /// The confusion counts as a [`Confusion`].
    pub fn matrix(&self) -> Confusion {
        Confusion { counts: self.confusion.clone(), unread: vec![0; self.classes.len()] }
    }
}
