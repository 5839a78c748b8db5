//! What two keys of a recipe mean for each other: which values do not go together.

use super::{
    AmpDtype, ClassWeights, Family, FirstTrained, Opt, Recipe, Stem, family,
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
        self.check_jitter(validator);
        self.check_averages(validator);
        self.check_sharpness(validator);
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
        match (family, self.stem) {
            (Family::Cifar, Some(stem)) => {
                let wrong = format!("{} has its one stem, 3×3", self.model);
                let remedy = "leave it out, or choose resnet18, resnet34 or resnet50";
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
        let Some(size) = self.img_size else { return };
        let stride = family.total_stride(self.stem, self.stem_stride);
        if size < stride && !validator.refused("stem_stride") {
            let wrong = format!("{} with this stem makes one pixel of {stride}×{stride}", self.model);
            validator.refuse("img_size", size, wrong, format!("give at least {stride}, or a smaller stride"));
        }
        if self.progressive == 0 {
            return;
        }
        if self.progressive >= size {
            let (wrong, remedy) =
                (format!("the images are {size} pixels wide"), format!("give fewer than {size}, or 0 for none"));
            validator.refuse("progressive", self.progressive, wrong, remedy);
        }
        if self.progressive < stride {
            let wrong = format!("{} makes one pixel of {stride}×{stride}", self.model);
            validator.refuse("progressive", self.progressive, wrong, format!("give at least {stride}"));
        }
    }

    fn check_pretrained(&self, validator: &mut Validator) {
        if self.pretrained.is_none() && self.freeze_until != FirstTrained::Conv1 {
            let wrong = "there are no pretrained weights that freezing could keep";
            let remedy = "give pretrained, or leave freeze_until out";
            validator.refuse("freeze_until", quoted(self.freeze_until), wrong, remedy);
        }
    }

    fn check_targets(&self, validator: &mut Validator) {
        if self.class_weights != ClassWeights::Balanced {
            return;
        }
        if self.mixes() {
            let wrong = "a mixed image has no one class whose weight it could take (mixup or cutmix is on)";
            let remedy = "use balanced_sampling, or switch mixup and cutmix off";
            validator.refuse("class_weights", quoted(self.class_weights), wrong, remedy);
        }
        if self.balanced_sampling {
            let wrong = "class_weights balances the classes already";
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
