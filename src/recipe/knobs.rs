//! Are the knobs of regularisation in their ranges, and do they go together?

use super::{Aa, ClassWeights, Recipe, complaint::Check};

/// The keys that act against over-fitting, in the order of the recipe's fields.
const KNOBS: [&str; 36] = [
    "pretrained",
    "freeze_until",
    "layer_decay",
    "weight_decay",
    "norm_decay",
    "clip_grad",
    "drop",
    "drop_path",
    "drop_block",
    "smoothing",
    "mixup",
    "cutmix",
    "mixup_prob",
    "mixup_switch_prob",
    "mixup_off_epoch",
    "class_weights",
    "balanced_sampling",
    "hflip",
    "rotate",
    "translate",
    "zoom",
    "scale",
    "ratio",
    "crop_pad",
    "border",
    "color_jitter",
    "blur",
    "reprob",
    "aa",
    "model_ema",
    "model_ema_decay",
    "swa_start",
    "sam",
    "sam_every",
    "progressive",
    "early_stop",
];

impl Recipe {
    /// Whether the knob `key` has an effect beside the others: some are read only where another is on.
    fn is_read(&self, key: &str) -> bool {
        match key {
            "norm_decay" => self.weight_decay > 0.0,
            "mixup_prob" | "mixup_off_epoch" => self.mixes(),
            "mixup_switch_prob" => self.mixup > 0.0 && self.cutmix > 0.0,
            "ratio" => self.scale != [1.0, 1.0],
            "border" => {
                let moves = self.rotate > 0.0 || self.translate > 0.0 || self.zoom != [1.0, 1.0] || self.crop_pad > 0;
                moves || self.aa == Aa::Trivial
            }
            "color_jitter" => self.jitter() != [0.0; 4],
            "model_ema_decay" => self.model_ema,
            "sam_every" => self.sam > 0.0,
            _ => true,
        }
    }

    /// The knobs that are on, as `key value`, in the order of the recipe's fields.
    pub fn knobs_on(&self) -> Vec<String> {
        let json = |recipe: &Self| serde_json::to_value(recipe).expect("every field of a recipe has a JSON form");
        let (own, default) = (json(self), json(&Self::default()));
        let on = KNOBS.into_iter().filter(|key| own[key] != default[key] && self.is_read(key));
        on.map(|key| format!("{key} {}", own[key].to_string().replace('"', ""))).collect()
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

    pub(super) fn check_knobs(&self, check: &mut Check) {
        self.check_network_noise(check);
        self.check_targets(check);
        self.check_images(check);
        self.check_weights(check);
        self.check_course(check);
    }

    fn check_network_noise(&self, check: &mut Check) {
        for (key, share, usual) in
            [("drop", self.drop, 0.2), ("drop_path", self.drop_path, 0.1), ("drop_block", self.drop_block, 0.1)]
        {
            check.below_one(key, share, &format!("give 0 for none, {usual} for some"));
        }
    }

    fn check_targets(&self, check: &mut Check) {
        check.below_one("smoothing", self.smoothing, "give 0 for none, 0.1 for some");
        check.not_negative("mixup", self.mixup, "give 0 for none, 0.2 for some");
        check.not_negative("cutmix", self.cutmix, "give 0 for none, 1 for the paper's");
        check.probability("mixup_prob", self.mixup_prob);
        check.probability("mixup_switch_prob", self.mixup_switch_prob);
        let weighted = self.class_weights == ClassWeights::Balanced;
        let wrong = "a mixed image has no one class whose weight it could take (mixup or cutmix is on)";
        let remedy = "use balanced_sampling, or switch mixup and cutmix off";
        check.that(!(weighted && self.mixes()), "class_weights", "\"balanced\"", wrong, remedy);
        let wrong = "class_weights balances the classes already";
        check.that(!(weighted && self.balanced_sampling), "balanced_sampling", true, wrong, "use one of the two");
    }

    fn check_images(&self, check: &mut Check) {
        for (key, probability) in [("hflip", self.hflip), ("blur", self.blur), ("reprob", self.reprob)] {
            check.probability(key, probability);
        }
        let fits = (0.0..=180.0).contains(&self.rotate);
        check.that(fits, "rotate", self.rotate, "it must lie in [0, 180]", "give degrees, such as 10");
        let fits = (0.0..=1.0).contains(&self.translate);
        check.that(fits, "translate", self.translate, "it must lie in [0, 1]", "give a share of the side, such as 0.1");
        check.range("zoom", self.zoom, 10.0, "give two factors around 1, such as 0.9 1.1");
        check.range("scale", self.scale, 1.0, "give two shares of the area, such as 0.6 1");
        check.range("ratio", self.ratio, 10.0, "give two ratios around 1, such as 0.75 1.33");
        let most = 4096;
        check.that(self.crop_pad <= most, "crop_pad", self.crop_pad, "no image is that wide", "give 4, or 0 for none");
        self.check_jitter(check);
    }

    fn check_jitter(&self, check: &mut Check) {
        let (strengths, value) = (&self.color_jitter, format!("{:?}", self.color_jitter));
        let wrong = "there are four strengths at most";
        let order = "give brightness, contrast, saturation, hue";
        check.that(strengths.len() <= 4, "color_jitter", &value, wrong, order);
        let sound = strengths.iter().all(|strength| strength.is_finite() && *strength >= 0.0);
        check.that(sound, "color_jitter", &value, "each must be a finite number from 0 up", "give 0.2 to 0.4");
        let [.., saturation, hue] = self.jitter();
        let far = hue > 0.5;
        check.that(!far, "color_jitter", &value, "the fourth, hue, turns by 0.5 at most", "give at most 0.5");
        let coloured = matches!(strengths.len(), 3 | 4) && (saturation > 0.0 || hue > 0.0);
        let wrong = "grey images have no saturation and no hue";
        let remedy = "give brightness and contrast alone";
        check.that(!(coloured && self.in_chans == Some(1)), "color_jitter", &value, wrong, remedy);
    }

    fn check_weights(&self, check: &mut Check) {
        check.below_one("model_ema_decay", self.model_ema_decay, "give 0.998, or 0.9998 for long runs");
        let started = self.swa_start > 0;
        let late = self.swa_start > self.epochs;
        let wrong = format!("the run ends after epoch {}", self.epochs);
        check.that(!late, "swa_start", self.swa_start, wrong, "give an epoch of the last quarter, or 0 for none");
        let wrong = "model_ema averages the weights already";
        check.that(!(started && self.model_ema), "swa_start", self.swa_start, wrong, "use one of the two");
        check.not_negative("sam", self.sam, "give 0 for none, 0.05 for the paper's");
        check.that(self.sam_every > 0, "sam_every", self.sam_every, "it must be at least 1", "give 1 for every update");
        let accumulates = self.sam > 0.0 && self.grad_accum_steps > 1;
        let wrong = "the second pass of sam needs the whole batch of an update at once";
        let remedy = "set grad_accum_steps = 1, or sam = 0";
        check.that(!accumulates, "sam", self.sam, wrong, remedy);
    }

    fn check_course(&self, check: &mut Check) {
        if let (Some(size), true) = (self.img_size, self.progressive > 0) {
            let wrong = format!("the images are {size} pixels wide");
            let remedy = format!("give fewer than {size}, or 0 for none");
            check.that(self.progressive < size, "progressive", self.progressive, wrong, remedy);
            if let Ok(family) = super::family(&self.model) {
                let stride = family.total_stride(self.stem, self.stem_stride);
                let wrong = format!("{} makes one pixel of {stride}×{stride}", self.model);
                let remedy = format!("give at least {stride}");
                check.that(self.progressive >= stride, "progressive", self.progressive, wrong, remedy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(change: impl FnOnce(&mut Recipe)) -> Vec<String> {
        let mut recipe = Recipe { img_size: Some(48), in_chans: Some(1), ..Recipe::default() };
        change(&mut recipe);
        recipe.validate().err().map_or(Vec::new(), |complaints| complaints.0.into_iter().map(|c| c.key).collect())
    }

    #[test]
    fn each_bad_value_is_complained_about_under_its_key() {
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
        let sound = keys(|r| {
            (r.hflip, r.reprob, r.mixup_prob, r.translate, r.rotate) = (1.0, 1.0, 0.0, 1.0, 180.0);
            (r.drop, r.smoothing, r.model_ema_decay, r.swa_start) = (0.99, 0.0, 0.0, 50);
            (r.zoom, r.scale, r.progressive) = ([0.5, 0.5], [0.1, 1.0], 47);
            r.color_jitter = vec![2.0, 0.0];
        });
        assert_eq!(sound, Vec::<String>::new());
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
        let json = serde_json::to_value(Recipe::with_every_key()).unwrap();
        assert!(KNOBS.iter().all(|key| json.get(key).is_some()));
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
    fn all_complaints_come_at_once() {
        let bad = |r: &mut Recipe| (r.hflip, r.drop_path, r.sam) = (-0.5, 1.0, -1.0);
        assert_eq!(keys(bad), ["drop_path", "hflip", "sam"]);
    }
}
