//! Whether mirroring changes what an image shows: of digits and letters it does, of faces and most photographs not.

use serde::{Deserialize, Serialize};

use crate::stats::{student_quantile, wilson_bounds};

/// Share of the recognised images of a class that a network which never saw a mirrored one still recognises when they are mirrored,
/// below which mirroring changes the class.
const CHANGED: f64 = 0.5;

/// What a network that was trained without mirroring makes of mirrored images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirroring {
    /// Images that the network recognises as they are.
    pub recognised: usize,
    /// How many of them it still recognises when they are mirrored.
    pub mirrored: usize,
    /// The classes whose images it no longer recognises.
    pub changed: Vec<String>,
}

impl Mirroring {
    /// The judgement over `classes`, of whose recognised images `counts` says how many there are and how many of these are still
    /// recognised when they are mirrored. A class is changed where the interval of that share lies below a half. The intervals hold together with 95 %
    /// (Bonferroni), since one class decides for all: neither a few images of a class nor one of many classes by chance.
    pub fn of(classes: &[String], counts: &[[usize; 2]]) -> Self {
        let asked = counts.iter().filter(|count| count[0] > 0).count().max(1);
        let z = student_quantile(1.0 - 0.025 / asked as f64, f64::INFINITY);
        let is_changed = |[recognised, mirrored]: [usize; 2]| {
            wilson_bounds(mirrored as f64 / recognised as f64, recognised as f64, z)[1] < CHANGED
        };
        let changed = classes.iter().zip(counts).filter(|(_, count)| is_changed(**count));
        Self {
            recognised: counts.iter().map(|count| count[0]).sum(),
            mirrored: counts.iter().map(|count| count[1]).sum(),
            changed: changed.map(|(class, _)| class.clone()).collect(),
        }
    }

    /// Whether training may show mirrored images: they keep their class.
    pub fn keeps_classes(&self) -> bool {
        self.changed.is_empty()
    }

    /// The judgement in a sentence.
    pub fn sentence(&self) -> String {
        let Self { recognised, mirrored, changed } = self;
        let found = format!(
            "Of {recognised} val images that the reference recognises, it still recognises {mirrored} when they are mirrored"
        );
        match changed.len() {
            0 => format!("{found}: candidates may mirror images."),
            count => {
                let plural = if count == 1 { "class" } else { "classes" };
                format!("{found}, and fewer than half of {plural} {}: no candidate mirrors images.", first_of(changed))
            }
        }
    }
}

/// The first few names, and how many more there are.
fn first_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(counts: &[[usize; 2]]) -> Mirroring {
        let classes: Vec<String> = (0..counts.len()).map(|class| format!("class{class}")).collect();
        Mirroring::of(&classes, counts)
    }

    #[test]
    fn a_class_whose_mirrored_images_are_not_recognised_is_changed() {
        let digits = judged(&[[90, 85], [80, 12], [70, 60]]);
        assert_eq!((digits.recognised, digits.mirrored, &*digits.changed), (240, 157, &["class1".to_owned()][..]));
        assert!(!digits.keeps_classes());
        assert!(digits.sentence().ends_with("fewer than half of class class1: no candidate mirrors images."));
        let faces = judged(&[[90, 70], [80, 60]]);
        assert!(faces.keeps_classes() && faces.sentence().ends_with("candidates may mirror images."));
    }

    #[test]
    fn a_few_images_decide_nothing() {
        // Interval of 1 of 4: 0.05 to 0.70; of 0 of 4: 0 to 0.49.
        assert!(judged(&[[4, 1], [3, 0], [0, 0]]).keeps_classes());
        assert_eq!(judged(&[[4, 0]]).changed, ["class0"]);
        // Of ten classes one has 0 of 4 by chance; 0 of 9 it has not.
        let mut counts = [[4, 2]; 10];
        counts[3] = [4, 0];
        assert!(judged(&counts).keeps_classes());
        counts[3] = [9, 0];
        assert_eq!(judged(&counts).changed, ["class3"]);
    }

    #[test]
    fn many_classes_are_named_in_part() {
        let sentence = judged(&[[50, 0]; 6]).sentence();
        assert!(sentence.contains("classes class0, class1, class2, class3 and 2 more"), "{sentence}");
    }
}
