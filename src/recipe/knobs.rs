//! Which knobs of regularisation are on.

use super::{
    Recipe,
    keys::{self, KnobFamily, Role},
    record::to_table,
};

impl Recipe {
    /// The knobs that are on, as `key value`, in the order of the recipe's fields: those that differ from the default and
    /// are read.
    pub fn knobs_on(&self) -> Vec<String> {
        let json = |recipe: &Self| serde_json::to_value(recipe).expect("every field of a recipe has a JSON form");
        let (own, default) = (json(self), json(&Self::default()));
        let on = keys::all().filter(|key| key.role == Role::Knob && own[key.name] != default[key.name]);
        let read = on.filter(|key| (key.is_read)(self));
        read.map(|key| format!("{} {}", key.name, own[key.name].to_string().replace('"', ""))).collect()
    }

    /// Whether a knob of `family` is on.
    pub fn has_on(&self, family: KnobFamily) -> bool {
        let (own, default) = (to_table(self), to_table(&Self::default()));
        keys::all().any(|key| key.family == Some(family) && own.get(key.name) != default.get(key.name))
    }

    /// Whether batches are mixed, by mixup or by CutMix.
    pub fn mixes(&self) -> bool {
        self.mixup > 0.0 || self.cutmix > 0.0
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
    use crate::recipe::ClassWeights;

    fn keys(change: impl FnOnce(&mut Recipe)) -> Vec<String> {
        let mut recipe = Recipe { img_size: Some(48), in_chans: Some(1), ..Recipe::default() };
        change(&mut recipe);
        recipe.validate().err().map_or(Vec::new(), |errors| errors.0.into_iter().map(|error| error.key).collect())
    }

    #[test]
    fn each_bad_value_is_refused_under_its_key() {
        type Change = fn(&mut Recipe);
        let bad: [(&str, Change); 45] = [
            ("drop", |r| r.drop = 1.0),
            ("drop", |r| r.drop = -0.1),
            ("drop_path", |r| r.drop_path = 1.0),
            ("drop_path", |r| r.drop_path = f64::NAN),
            ("drop_block", |r| r.drop_block = 1.5),
            ("smoothing", |r| r.smoothing = 1.0),
            ("smoothing", |r| r.smoothing = -0.1),
            ("mixup", |r| r.mixup = -0.2),
            ("mixup", |r| r.mixup = f64::INFINITY),
            ("cutmix", |r| r.cutmix = f64::NAN),
            ("mixup_prob", |r| r.mixup_prob = 1.1),
            ("mixup_switch_prob", |r| r.mixup_switch_prob = -0.5),
            ("class_weights", |r| (r.class_weights, r.mixup) = (ClassWeights::Balanced, 0.2)),
            ("class_weights", |r| (r.class_weights, r.cutmix) = (ClassWeights::Balanced, 1.0)),
            ("balanced_sampling", |r| (r.class_weights, r.balanced_sampling) = (ClassWeights::Balanced, true)),
            ("hflip", |r| r.hflip = 1.5),
            ("hflip", |r| r.hflip = -0.5),
            ("rotate", |r| r.rotate = -1.0),
            ("rotate", |r| r.rotate = 181.0),
            ("translate", |r| r.translate = 1.1),
            ("zoom", |r| r.zoom = [0.0, 1.0]),
            ("zoom", |r| r.zoom = [1.0, 1e9]),
            ("zoom", |r| r.zoom = [1.2, 0.8]),
            ("zoom", |r| r.zoom = [0.9, f64::NAN]),
            ("scale", |r| r.scale = [0.5, 1.1]),
            ("scale", |r| r.scale = [0.9, 0.5]),
            ("ratio", |r| r.ratio = [-1.0, 1.0]),
            ("crop_pad", |r| r.crop_pad = 5000),
            ("color_jitter", |r| r.color_jitter = vec![0.1; 5]),
            ("color_jitter", |r| r.color_jitter = vec![-0.4]),
            ("color_jitter", |r| (r.color_jitter, r.in_chans) = (vec![0.1, 0.1, 0.1, 0.6], Some(3))),
            ("color_jitter", |r| r.color_jitter = vec![0.1, 0.1, 0.1]),
            ("blur", |r| r.blur = f64::NAN),
            ("reprob", |r| r.reprob = 2.0),
            ("model_ema_decay", |r| r.model_ema_decay = 1.0),
            ("swa_start", |r| r.swa_start = 51),
            ("swa_start", |r| (r.swa_start, r.model_ema) = (40, true)),
            ("sam", |r| r.sam = -0.05),
            ("sam", |r| (r.sam, r.grad_accum_steps) = (0.05, 2)),
            ("sam_every", |r| r.sam_every = 0),
            ("progressive", |r| r.progressive = 48),
            ("progressive", |r| r.progressive = 64),
            ("progressive", |r| r.progressive = 3),
            ("model_ema_decay", |r| r.model_ema_decay = f64::NAN),
            ("sam", |r| r.sam = f64::NAN),
        ];
        for (number, (key, change)) in bad.into_iter().enumerate() {
            assert_eq!(keys(change), [key], "change {number}");
        }
    }

    #[test]
    fn values_at_the_ends_of_their_ranges_are_taken() {
        let refused = keys(|r| {
            (r.hflip, r.reprob, r.mixup_prob, r.translate, r.rotate) = (1.0, 1.0, 0.0, 1.0, 180.0);
            (r.drop, r.smoothing, r.model_ema_decay, r.swa_start) = (0.99, 0.0, 0.0, 50);
            (r.zoom, r.scale, r.progressive) = ([0.5, 0.5], [0.1, 1.0], 47);
            r.color_jitter = vec![2.0, 0.0];
        });
        assert_eq!(refused, Vec::<String>::new());
    }

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
    fn one_strength_stands_for_three() {
        let jitter = |strengths: &[f64]| Recipe { color_jitter: strengths.to_vec(), ..Recipe::default() }.jitter();
        assert_eq!(jitter(&[]), [0.0; 4]);
        assert_eq!(jitter(&[0.4]), [0.4, 0.4, 0.4, 0.0]);
        assert_eq!(jitter(&[0.4, 0.2]), [0.4, 0.2, 0.0, 0.0]);
        assert_eq!(jitter(&[0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.4]);
    }

    #[test]
    fn all_errors_come_at_once() {
        let bad = |r: &mut Recipe| (r.hflip, r.drop_path, r.sam) = (-0.5, 1.0, -1.0);
        assert_eq!(keys(bad), ["drop_path", "hflip", "sam"]);
    }
}
