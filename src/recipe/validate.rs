//! Is every number of a recipe in its range, and do they go together? All complaints at once.

use super::{
    AmpDtype, Complaints, Curve, Family, FirstTrained, Opt, Phase, Recipe, Stem,
    complaint::{Check, quoted},
    family,
};

impl Recipe {
    /// Checks every range and every combination.
    ///
    /// What only the data can tell (is a batch larger than the training set?) is checked where the data are.
    ///
    /// # Errors
    /// All complaints together.
    pub fn validate(&self) -> Result<(), Complaints> {
        let mut check = Check::default();
        self.check_budget(&mut check);
        self.check_optimiser(&mut check);
        self.check_network(&mut check);
        self.check_pretrained(&mut check);
        self.check_knobs(&mut check);
        check.that(!self.schedule.is_empty(), "schedule", "[]", "there is no phase", "give one, or set sched");
        for (index, phase) in self.schedule.iter().enumerate() {
            check_phase(phase, &format!("schedule[{index}]"), &mut check);
        }
        check.conclude()
    }

    fn check_budget(&self, check: &mut Check) {
        for (key, number) in
            [("epochs", self.epochs), ("batch_size", self.batch_size), ("grad_accum_steps", self.grad_accum_steps)]
        {
            check.that(number > 0, key, number, "it must be at least 1", "give a whole number from 1 up");
        }
        let most = 1_000_000;
        check.that(self.epochs <= most, "epochs", self.epochs, "no run is that long", format!("give at most {most}"));
        let fraction = self.train_fraction;
        let fits = fraction > 0.0 && fraction <= 1.0;
        check.that(fits, "train_fraction", fraction, "it must lie above 0, at most at 1", "give 1 for all images");
        for (key, seed) in [("seed", self.seed), ("data_seed", self.data_seed)] {
            check.that(i64::try_from(seed).is_ok(), key, seed, "a recipe file cannot hold it", "give one below 2^63");
        }
    }

    fn check_optimiser(&self, check: &mut Check) {
        check.above_zero("lr", self.lr, "give a rate such as 0.05");
        let fits = (0.0..1.0).contains(&self.momentum);
        check.that(fits, "momentum", self.momentum, "it must lie in [0, 1)", "give 0.9, or 0 for none");
        check.not_negative("weight_decay", self.weight_decay, "give 0 for none, 5e-4 for some");
        if let Some(limit) = self.clip_grad {
            check.above_zero("clip_grad", limit, "give the largest norm allowed, or leave it out for no clipping");
        }
        let scaled_sam = self.amp && self.amp_dtype == AmpDtype::Float16 && self.sam > 0.0;
        let wrong = "sharpness-aware updates need gradients that are not scaled, float16 needs scaled ones";
        check.that(!scaled_sam, "sam", self.sam, wrong, "set amp_dtype = \"bfloat16\", or leave sam or amp out");
        if self.nesterov {
            let (sgd, momentum) = (self.opt == Opt::Sgd, self.momentum > 0.0);
            check.that(
                sgd,
                "nesterov",
                true,
                format!("opt is {}", self.opt),
                "set opt = \"sgd\", or leave nesterov out",
            );
            let wrong = "there is no momentum to look ahead with";
            check.that(!sgd || momentum, "nesterov", true, wrong, "set momentum = 0.9, or leave nesterov out");
        }
    }

    fn check_network(&self, check: &mut Check) {
        if let Some(width) = self.width {
            check.that(width > 0, "width", width, "a stage needs channels", "give at least 1, or leave it out");
            check.that(width <= 4096, "width", width, "no memory holds such a network", "give at most 4096");
        }
        if let Some(channels) = self.in_chans {
            let fits = [1, 3].contains(&channels);
            check.that(fits, "in_chans", channels, "images are grey or RGB", "give 1 or 3, or leave it out");
        }
        if let Some([low, high]) = self.range_16bit {
            let (value, wrong) = (format!("[{low}, {high}]"), "no value lies between");
            check.that(low < high, "range_16bit", value, wrong, "give the lower one first, or leave it out");
        }
        let stride_fits = [1, 2, 4].contains(&self.stem_stride);
        check.that(stride_fits, "stem_stride", self.stem_stride, "no stem has it", "give 1, 2 or 4");
        let family = match family(&self.model) {
            Ok(family) => family,
            Err(error) => {
                return check.that(false, "model", quoted(&self.model), error, "`mindgap train --help` lists them");
            }
        };
        match (family, self.stem) {
            (Family::Cifar, Some(stem)) => {
                let wrong = format!("{} has its one stem, 3×3", self.model);
                check.that(
                    false,
                    "stem",
                    quoted(stem),
                    wrong,
                    "leave it out, or choose resnet18, resnet34 or resnet50",
                );
            }
            (Family::Imagenet, Some(Stem::Imagenet)) => {
                let wrong = "the imagenet stem has a stride of its own";
                check.that(
                    self.stem_stride == 1,
                    "stem_stride",
                    self.stem_stride,
                    wrong,
                    "give 1, or set stem = \"small\"",
                );
            }
            _ => {}
        }
        if let (Some(size), true) = (self.img_size, stride_fits) {
            let stride = family.total_stride(self.stem, self.stem_stride);
            let wrong = format!("{} with this stem makes one pixel of {stride}×{stride}", self.model);
            check.that(size >= stride, "img_size", size, wrong, format!("give at least {stride}, or a smaller stride"));
        }
    }

    fn check_pretrained(&self, check: &mut Check) {
        let first = self.freeze_until;
        let kept = self.pretrained.is_some() || first == FirstTrained::Conv1;
        let wrong = "there are no pretrained weights that freezing could keep";
        check.that(kept, "freeze_until", quoted(first), wrong, "give pretrained, or leave freeze_until out");
        if let Ok(Family::Cifar) = family(&self.model) {
            let wrong = format!("{} has three stages", self.model);
            let remedy = "give conv1, layer1, layer2, layer3 or fc";
            check.that(first != FirstTrained::Layer4, "freeze_until", quoted(first), wrong, remedy);
        }
        check.up_to_one("layer_decay", self.layer_decay, "give 1 for one rate everywhere, 0.75 for lower ones");
    }
}

fn check_phase(phase: &Phase, path: &str, check: &mut Check) {
    let at = |key: &str| format!("{path}.{key}");
    let (length, rate) = ("give a number of epochs", "give a factor of lr, 1 for the peak rate");
    check.above_zero(at("epochs"), phase.epochs, length);
    match &phase.curve {
        Curve::Constant { factor } => check.not_negative(at("factor"), *factor, rate),
        Curve::Step { factor, decay, every, milestones } => {
            check.not_negative(at("factor"), *factor, rate);
            check.up_to_one(at("decay"), *decay, "give 0.1 for a tenth");
            let both = "a step phase needs one of every and milestones";
            check.that(every.is_some() != milestones.is_some(), path, "step", both, "give exactly one of them");
            if let Some(every) = every {
                check.above_zero(at("every"), *every, length);
            }
            let milestones = milestones.as_deref().unwrap_or_default();
            let increasing =
                milestones.is_sorted_by(|a, b| a < b) && milestones.iter().all(|m| m.is_finite() && *m > 0.0);
            let wrong = "milestones must be above 0 and increase";
            check.that(increasing, at("milestones"), format!("{milestones:?}"), wrong, "put them in order, in epochs");
        }
        Curve::Cosine { from, to } | Curve::Warmup { from, to } => {
            check.not_negative(at("from"), *from, rate);
            check.not_negative(at("to"), *to, rate);
        }
        Curve::OneCycle { start, peak, end, rise } => {
            for (key, factor) in [("start", start), ("peak", peak), ("end", end)] {
                check.not_negative(at(key), *factor, rate);
            }
            let inside = *rise > 0.0 && *rise < 1.0;
            check.that(inside, at("rise"), rise, "it must lie between 0 and 1", "give 0.3 for the first 30 %");
        }
        Curve::Cyclic { low, high, up, down, gamma, .. } => {
            check.not_negative(at("low"), *low, rate);
            check.not_negative(at("high"), *high, rate);
            let crossed = low > high;
            check.that(!crossed, at("low"), low, format!("it lies above high = {high}"), "exchange the two");
            check.above_zero(at("up"), *up, length);
            check.above_zero(at("down"), *down, length);
            check.up_to_one(at("gamma"), *gamma, "give 1 for no decay");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(recipe: &Recipe) -> Vec<String> {
        recipe.validate().err().map_or(Vec::new(), |complaints| complaints.0.into_iter().map(|c| c.key).collect())
    }

    /// The origin's recipe with one thing changed.
    fn with(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let mut recipe = Recipe::default();
        change(&mut recipe);
        recipe
    }

    #[test]
    fn the_origins_recipe_is_sound() {
        assert_eq!(Recipe::default().validate(), Ok(()));
    }

    #[test]
    fn each_bad_value_is_complained_about_under_its_key() {
        type Change = fn(&mut Recipe);
        let bad: [(&str, Change); 33] = [
            ("lr", |r| r.lr = 0.0),
            ("lr", |r| r.lr = -1.0),
            ("lr", |r| r.lr = f64::NAN),
            ("lr", |r| r.lr = f64::INFINITY),
            ("momentum", |r| r.momentum = 1.0),
            ("momentum", |r| r.momentum = -0.1),
            ("weight_decay", |r| r.weight_decay = -1e-4),
            ("epochs", |r| r.epochs = 0),
            ("batch_size", |r| r.batch_size = 0),
            ("grad_accum_steps", |r| r.grad_accum_steps = 0),
            ("clip_grad", |r| r.clip_grad = Some(0.0)),
            ("nesterov", |r| (r.nesterov, r.momentum) = (true, 0.0)),
            ("nesterov", |r| (r.nesterov, r.opt) = (true, Opt::Adamw)),
            ("train_fraction", |r| r.train_fraction = 0.0),
            ("train_fraction", |r| r.train_fraction = 1.5),
            ("width", |r| r.width = Some(0)),
            ("stem_stride", |r| r.stem_stride = 3),
            ("stem", |r| r.stem = Some(Stem::Small)),
            ("stem", |r| r.stem = Some(Stem::Imagenet)),
            ("stem_stride", |r| {
                (r.model, r.stem, r.stem_stride) = ("resnet18".into(), Some(Stem::Imagenet), 2);
            }),
            ("img_size", |r| r.img_size = Some(0)),
            ("img_size", |r| (r.img_size, r.stem_stride) = (Some(7), 2)),
            ("in_chans", |r| r.in_chans = Some(2)),
            ("range_16bit", |r| r.range_16bit = Some([7, 7])),
            ("model", |r| r.model = "resnet19".into()),
            ("freeze_until", |r| r.freeze_until = FirstTrained::Layer2),
            ("freeze_until", |r| (r.freeze_until, r.pretrained) = (FirstTrained::Layer4, Some("w".into()))),
            ("layer_decay", |r| r.layer_decay = 0.0),
            ("layer_decay", |r| r.layer_decay = 1.5),
            ("seed", |r| r.seed = u64::MAX),
            ("schedule", |r| r.schedule.clear()),
            ("schedule[1].epochs", |r| r.schedule[1].epochs = 0.0),
            ("schedule[2].factor", |r| r.schedule[2].curve = Curve::Constant { factor: -0.1 }),
        ];
        for (key, change) in bad {
            assert_eq!(keys(&with(change)), [key]);
        }
    }

    #[test]
    fn each_bad_phase_is_complained_about_under_its_key() {
        let step = |every, milestones| Curve::Step { factor: 1.0, decay: 0.1, every, milestones };
        let cyclic = |low, up, gamma| {
            let mode = crate::recipe::CycleMode::ExpRange;
            Curve::Cyclic { low, high: 1.0, up, down: 1.0, mode, gamma }
        };
        for (key, curve) in [
            ("schedule[0]", step(None, None)),
            ("schedule[0]", step(Some(1.0), Some(vec![1.0]))),
            ("schedule[0].every", step(Some(0.0), None)),
            ("schedule[0].milestones", step(None, Some(vec![2.0, 1.0]))),
            ("schedule[0].decay", Curve::Step { factor: 1.0, decay: 2.0, every: Some(1.0), milestones: None }),
            ("schedule[0].low", cyclic(2.0, 1.0, 1.0)),
            ("schedule[0].up", cyclic(0.0, 0.0, 1.0)),
            ("schedule[0].gamma", cyclic(0.0, 1.0, 1.1)),
            ("schedule[0].rise", Curve::OneCycle { start: 0.0, peak: 1.0, end: 0.0, rise: 1.0 }),
            ("schedule[0].to", Curve::Cosine { from: 1.0, to: f64::INFINITY }),
            ("schedule[0].from", Curve::Warmup { from: f64::NAN, to: 1.0 }),
        ] {
            assert_eq!(keys(&with(|r| r.schedule = vec![Phase { epochs: 50.0, curve }])), [key]);
        }
    }

    #[test]
    fn all_complaints_come_at_once_and_say_what_to_do() {
        let recipe = with(|r| (r.lr, r.batch_size, r.momentum) = (-1.0, 0, 1.0));
        let message = recipe.validate().unwrap_err().to_string();
        insta::assert_snapshot!(message, @r#"
        the recipe cannot be trained with:
          batch_size = 0: it must be at least 1; give a whole number from 1 up
          lr = -1: it must be a finite number above 0; give a rate such as 0.05
          momentum = 1: it must lie in [0, 1); give 0.9, or 0 for none
        "#);
    }
}
