//! What two keys of a recipe mean for each other: which values do not go together.

use super::{
    AmpDtype, Family, FirstTrained, Opt, Recipe, Stem, family, progressive, train_crop,
    validation::{Validator, quoted},
};

impl Recipe {
    /// Reports to `validator` the values that do not go together.
    pub(super) fn check_conflicts(&self, validator: &mut Validator) {
        self.check_optimiser(validator);
        match family(&self.model) {
            Ok(family) => self.check_network(family, validator),
            Err(error) => validator.refuse("model", quoted(&self.model), format!("{error:#}"), "give one of these"),
        }
        self.check_pretrained(validator);
        self.check_targets(validator);
        self.check_mirroring(validator);
        self.check_jitter(validator);
        self.check_averages(validator);
        self.check_sharpness(validator);
        self.check_folds(validator);
    }

    fn check_folds(&self, validator: &mut Validator) {
        match (self.folds, self.fold) {
            (Some(folds), Some(fold)) if fold >= folds => {
                validator.refuse("fold", fold, format!("there are {folds} folds"), format!("give 0 to {}", folds - 1));
            }
            (Some(folds), None) => {
                let remedy = format!("give fold = 0 to {}, or train all of them by a comparison", folds - 1);
                validator.refuse("folds", folds, "one run validates on one of them", remedy);
            }
            _ => {}
        }
    }

    fn check_optimiser(&self, validator: &mut Validator) {
        if self.nesterov && self.opt != Opt::Sgd {
            let wrong = format!("opt is {}", self.opt);
            validator.refuse("nesterov", true, wrong, "set opt = \"sgd\", or leave nesterov out");
        } else if self.nesterov && self.momentum == 0.0 {
            let wrong = "there is no momentum to look ahead with";
            validator.refuse("nesterov", true, wrong, "set momentum = 0.9, or leave nesterov out");
        }
    }

    fn check_network(&self, family: Family, validator: &mut Validator) {
        match (family, self.stem.or(family.default_stem())) {
            (Family::Cifar, Some(stem)) => {
                let wrong = format!("{} has its one stem, 3×3", self.model);
                let remedy = "leave it out, or choose resnet18, resnet34, resnet50 or resnet101";
                validator.refuse("stem", quoted(stem), wrong, remedy);
            }
            (Family::Imagenet, Some(Stem::Imagenet)) if self.stem_stride != 1 => {
                let wrong = "the imagenet stem has a stride of its own";
                validator.refuse("stem_stride", self.stem_stride, wrong, "give 1, or set stem = \"small\"");
            }
            _ => {}
        }
        if family == Family::Cifar && self.freeze_until == FirstTrained::Layer4 {
            let wrong = format!("{} has three stages", self.model);
            let remedy = "give conv1, layer1, layer2, layer3 or fc";
            validator.refuse("freeze_until", quoted(self.freeze_until), wrong, remedy);
        }
        self.check_sizes(family, validator);
    }

    /// Images must be large enough for the strides of the network, those of the first epochs too.
    fn check_sizes(&self, family: Family, validator: &mut Validator) {
        let Some(size) = self.img_size.filter(|_| !validator.refused("img_size")) else { return };
        let stride = family.total_stride(self.stem, self.stem_stride);
        if size < stride && !validator.refused("stem_stride") {
            let wrong = format!("{} with this stem makes one pixel of {stride}×{stride}", self.model);
            validator.refuse("img_size", size, wrong, format!("give at least {stride}, or a smaller stride"));
        }
        let sides = [
            ("progressive", self.progressive, progressive::first_side(self, size)),
            ("train_crop", self.train_crop, train_crop::side(self, size)),
        ];
        for (key, given, side) in sides.into_iter().filter(|(_, given, _)| *given > 0.0) {
            if given >= 1.0 && given.fract() != 0.0 {
                let remedy = "give whole pixels, or a share of the side below 1";
                validator.refuse(key, given, "there are no parts of pixels", remedy);
            } else if size <= stride {
                let wrong = format!(
                    "{} makes one pixel of {stride}×{stride}, and the images are {size} pixels wide",
                    self.model
                );
                validator.refuse(key, given, wrong, "give 0 for none");
            } else if side >= size {
                let wrong = format!("the images are {size} pixels wide");
                validator.refuse(key, given, wrong, format!("give fewer than {size}, or 0 for none"));
            }
            if side < stride && stride < size {
                let wrong = format!("{} makes one pixel of {stride}×{stride}", self.model);
                validator.refuse(key, given, wrong, format!("give at least {stride} pixels"));
            }
        }
        if self.batch_size == 1 && size <= stride {
            let wrong =
                format!("{} makes one pixel of {stride}×{stride}, and a norm needs two values or more", self.model);
            validator.refuse("batch_size", self.batch_size, wrong, "give 2 or more, larger images or a smaller stride");
        }
        if self.train_crop > 0.0 && self.progressive > 0.0 {
            let wrong = "progressive changes the size of the training images too";
            validator.refuse("train_crop", self.train_crop, wrong, "use one of them");
        }
    }

    fn check_pretrained(&self, validator: &mut Validator) {
        if self.pretrained.is_none() && self.freeze_until != FirstTrained::Conv1 {
            let wrong = "there are no pretrained weights that freezing could keep";
            let remedy = "give pretrained, or leave freeze_until out";
            validator.refuse("freeze_until", quoted(self.freeze_until), wrong, remedy);
        }
    }

    fn check_mirroring(&self, validator: &mut Validator) {
        if self.hflip_alternate && self.hflip != 0.5 {
            let wrong = format!("hflip is {}, where turns mirror a half of the images", self.hflip);
            validator.refuse("hflip_alternate", true, wrong, "set hflip = 0.5, or leave hflip_alternate out");
        }
    }

    fn check_targets(&self, validator: &mut Validator) {
        if self.logit_adjust > 0.0 && self.weighs_classes() {
            let wrong = "class_weights or balanced_sampling weighs the classes already";
            validator.refuse("logit_adjust", self.logit_adjust, wrong, "use one of them");
        }
        if self.kd_average && self.teacher.is_some() {
            let wrong = "a trained network teaches already (teacher is given)";
            validator.refuse("kd_average", true, wrong, "use one of them");
        }
        if !self.class_weights.is_on() {
            return;
        }
        if self.is_taught() {
            let wrong = "what a teacher teaches has no weights (teacher or kd_average is given)";
            let remedy = "use balanced_sampling, or leave the teacher out";
            validator.refuse("class_weights", quoted(&self.class_weights), wrong, remedy);
        }
        if self.mixes() {
            let wrong = "a mixed image has no one class whose weight it could take (mixup or cutmix is on)";
            let remedy = "use balanced_sampling, or switch mixup and cutmix off";
            validator.refuse("class_weights", quoted(&self.class_weights), wrong, remedy);
        }
        if self.balanced_sampling {
            let wrong = "class_weights weighs the classes already";
            validator.refuse("balanced_sampling", true, wrong, "use one of the two");
        }
    }

    fn check_jitter(&self, validator: &mut Validator) {
        let value = format!("{:?}", self.color_jitter);
        let [.., saturation, hue] = self.jitter();
        if hue > 0.5 {
            validator.refuse("color_jitter", &value, "the fourth, hue, turns by 0.5 at most", "give at most 0.5");
        }
        // One number stands for saturation too, as in timm; grey images leave that part out.
        let names_colour = matches!(self.color_jitter.len(), 3 | 4) && (saturation > 0.0 || hue > 0.0);
        if names_colour && self.in_chans == Some(1) {
            let wrong = "grey images have no saturation and no hue";
            validator.refuse("color_jitter", value, wrong, "give brightness and contrast alone");
        }
    }

    fn check_averages(&self, validator: &mut Validator) {
        if self.swa_start > self.epochs {
            let wrong = format!("the run ends after epoch {}", self.epochs);
            validator.refuse("swa_start", self.swa_start, wrong, "give an epoch of the last quarter, or 0 for none");
        }
        if self.swa_start > 0 && self.model_ema {
            let wrong = "model_ema averages the weights already";
            validator.refuse("swa_start", self.swa_start, wrong, "use one of the two");
        }
    }

    fn check_sharpness(&self, validator: &mut Validator) {
        if self.sam <= 0.0 {
            return;
        }
        if self.amp && self.amp_dtype == AmpDtype::Float16 {
            let wrong = "sharpness-aware updates need gradients that are not scaled, float16 needs scaled ones";
            validator.refuse("sam", self.sam, wrong, "set amp_dtype = \"bfloat16\", or leave sam or amp out");
        }
        if self.grad_accum_steps > 1 {
            let wrong = "the second pass of sam needs the whole batch of an update at once";
            validator.refuse("sam", self.sam, wrong, "set grad_accum_steps = 1, or sam = 0");
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
    fn values_that_do_not_go_together_are_refused_under_one_key() {
        type Change = fn(&mut Recipe);
        let bad: [(&str, Change); 34] = [
            ("nesterov", |r| (r.nesterov, r.momentum) = (true, 0.0)),
            ("nesterov", |r| (r.nesterov, r.opt) = (true, Opt::Adamw)),
            ("stem", |r| r.stem = Some(Stem::Small)),
            ("stem", |r| r.stem = Some(Stem::Imagenet)),
            ("stem_stride", |r| {
                (r.model, r.stem, r.stem_stride) = ("resnet18".into(), Some(Stem::Imagenet), 2);
            }),
            ("img_size", |r| r.img_size = Some(0)),
            ("img_size", |r| (r.img_size, r.stem_stride) = (Some(7), 2)),
            ("model", |r| r.model = "resnet19".into()),
            ("freeze_until", |r| r.freeze_until = FirstTrained::Layer2),
            ("freeze_until", |r| (r.freeze_until, r.pretrained) = (FirstTrained::Layer4, Some("w".into()))),
            ("class_weights", |r| (r.class_weights, r.mixup) = (ClassWeights::Balanced, 0.2)),
            ("class_weights", |r| (r.class_weights, r.cutmix) = (ClassWeights::Balanced, 1.0)),
            ("class_weights", |r| (r.class_weights, r.teacher) = (ClassWeights::Balanced, Some("t".into()))),
            ("kd_average", |r| (r.kd_average, r.teacher) = (true, Some("t".into()))),
            ("balanced_sampling", |r| (r.class_weights, r.balanced_sampling) = (ClassWeights::Balanced, true)),
            ("logit_adjust", |r| (r.logit_adjust, r.balanced_sampling) = (1.0, true)),
            ("logit_adjust", |r| (r.logit_adjust, r.class_weights) = (1.0, ClassWeights::Balanced)),
            ("hflip_alternate", |r| (r.hflip, r.hflip_alternate) = (0.3, true)),
            ("color_jitter", |r| (r.color_jitter, r.in_chans) = (vec![0.1, 0.1, 0.1, 0.6], Some(3))),
            ("color_jitter", |r| r.color_jitter = vec![0.1, 0.1, 0.1]),
            ("swa_start", |r| r.swa_start = 51),
            ("swa_start", |r| (r.swa_start, r.model_ema) = (40, true)),
            ("sam", |r| (r.sam, r.grad_accum_steps) = (0.05, 2)),
            ("sam", |r| (r.sam, r.amp, r.amp_dtype) = (0.05, true, AmpDtype::Float16)),
            ("progressive", |r| r.progressive = 48.0),
            ("progressive", |r| r.progressive = 64.0),
            ("progressive", |r| r.progressive = 3.0),
            ("progressive", |r| r.progressive = 32.5),
            ("train_crop", |r| r.train_crop = 48.0),
            ("train_crop", |r| r.train_crop = 0.05),
            ("train_crop", |r| r.train_crop = 40.5),
            ("train_crop", |r| (r.train_crop, r.progressive) = (40.0, 24.0)),
            ("seed", |r| r.seed = u64::MAX),
            ("schedule", |r| r.schedule.clear()),
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
            (r.zoom, r.scale, r.progressive) = ([0.5, 0.5], [0.1, 1.0], 47.0);
            r.color_jitter = vec![2.0, 0.0];
        });
        assert_eq!(refused, Vec::<String>::new());
    }
}
