//! Which keys differ from their default, and which knobs of regularisation are on.

use serde_json::Value;

use super::{
    Recipe,
    keys::{self, Key, KeyRole, KnobFamily},
};

impl Recipe {
    /// The keys whose values differ from the default, with these values, in the order of the table of keys.
    pub fn changed(&self) -> Vec<(&'static Key, Value)> {
        let json = |recipe: &Self| serde_json::to_value(recipe).expect("every field of a recipe has a JSON form");
        let (own, default) = (json(self), json(&Self::default()));
        let changed = keys::all().filter(|key| own[key.name] != default[key.name]);
        changed.map(|key| (key, own[key.name].clone())).collect()
    }

    /// The knobs that are on, as `key value`, in the order of the table of keys: those that differ from the default and are
    /// read.
    pub fn knobs_on(&self) -> Vec<String> {
        let changed = self.changed().into_iter();
        let on = changed.filter(|(key, _)| key.role == KeyRole::Knob && (key.is_read)(self));
        on.map(|(key, value)| format!("{} {}", key.name, value.to_string().replace('"', ""))).collect()
    }

    /// The keys that differ from their default and are not read, since what they go with is off.
    pub fn unread(&self) -> Vec<&'static Key> {
        let changed = self.changed().into_iter().map(|(key, _)| key);
        changed.filter(|key| !key.with.is_empty() && !(key.is_read)(self)).collect()
    }

    /// Whether a knob of `family` is on.
    pub fn has_on(&self, family: KnobFamily) -> bool {
        self.changed().iter().any(|(key, _)| key.family == Some(family))
    }

    /// Whether augmentation moves the pixels of training images by more than mirroring.
    pub fn moves_pixels(&self) -> bool {
        let is_one =
            |key: &Key| key.family == Some(KnobFamily::Augmentation) && !["hflip", "vflip"].contains(&key.name);
        self.changed().iter().any(|(key, _)| is_one(key))
    }

    /// Whether batches are mixed, by mixup or by CutMix.
    pub fn mixes(&self) -> bool {
        self.mixup > 0.0 || self.cutmix > 0.0
    }

    /// Whether weights are averaged.
    pub fn averages_weights(&self) -> bool {
        self.model_ema || self.swa_start > 0
    }

    /// Whether a network teaches this one: a trained one, or its own average.
    pub fn is_taught(&self) -> bool {
        self.teacher.is_some() || (self.kd_average && self.averages_weights())
    }

    /// Whether classes count in training by other shares than those of their images.
    pub fn weighs_classes(&self) -> bool {
        self.balanced_sampling || self.class_weights.is_on()
    }

    /// Strengths of brightness, contrast, saturation and hue. One number stands for the first three, as in timm; two
    /// for the first two.
    pub fn jitter(&self) -> [f64; 4] {
        match self.color_jitter[..] {
            [] => [0.0; 4],
            [strength] => [strength, strength, strength, 0.0],
            ref strengths => std::array::from_fn(|index| strengths.get(index).copied().unwrap_or(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Aa, ClassWeights, presets};

    #[test]
    fn knobs_are_listed_when_they_are_on() {
        assert_eq!(Recipe::default().knobs_on(), Vec::<String>::new());
        let recipe =
            Recipe { hflip: 0.5, zoom: [0.9, 1.1], class_weights: ClassWeights::Balanced, ..Recipe::default() };
        assert_eq!(recipe.knobs_on(), ["class_weights balanced", "hflip 0.5", "zoom [0.9,1.1]"]);
        let idle =
            Recipe { sam_every: 3, ratio: [1.0, 1.0], color_jitter: vec![0.0], norm_decay: true, ..Recipe::default() };
        assert_eq!(idle.knobs_on(), Vec::<String>::new());
    }

    #[test]
    fn keys_that_nothing_reads_are_named() {
        let unread = |recipe: &Recipe| recipe.unread().into_iter().map(|key| key.name).collect::<Vec<_>>();
        let recipe = Recipe { aa_ops: 3, kd_alpha: 0.9, model_ema_decay: 0.9, ..Recipe::default() };
        assert_eq!(unread(&recipe), ["kd_alpha", "aa_ops", "model_ema_decay"]);
        let recipe = Recipe { aa: Aa::Rand, teacher: Some("t".into()), model_ema: true, ..recipe };
        assert!(unread(&recipe).is_empty());
        for preset in presets::ALL {
            assert_eq!(unread(&Recipe::preset(preset.name).unwrap()), [""; 0], "{}", preset.name);
        }
    }

    #[test]
    fn one_strength_stands_for_three() {
        let jitter = |strengths: &[f64]| Recipe { color_jitter: strengths.to_vec(), ..Recipe::default() }.jitter();
        assert_eq!(jitter(&[]), [0.0; 4]);
        assert_eq!(jitter(&[0.4]), [0.4, 0.4, 0.4, 0.0]);
        assert_eq!(jitter(&[0.4, 0.2]), [0.4, 0.2, 0.0, 0.0]);
        assert_eq!(jitter(&[0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.4]);
    }
}
