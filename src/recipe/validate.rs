//! Is every number of a recipe in its range, and do they go together? All errors at once.

use super::{
    Curve, Phase, Recipe, keys,
    keys::Range,
    record::to_table,
    validation::{ValidationErrors, Validator},
};

impl Recipe {
    /// Checks every range, by the table of keys, and every combination.
    ///
    /// What only the data can tell (is a batch larger than the training set?) is checked where the data are.
    ///
    /// # Errors
    /// All errors together.
    pub fn validate(&self) -> Result<(), ValidationErrors> {
        let mut validator = Validator::default();
        // Seeds beyond TOML's integers would keep the other values from being written as a table.
        let most = i64::MAX as u64;
        for (key, seed) in [("seed", self.seed), ("data_seed", self.data_seed)] {
            if seed > most {
                validator.refuse(key, seed, "a recipe file cannot hold it", "give one below 2^63");
            }
        }
        let (seed, data_seed) = (self.seed.min(most), self.data_seed.min(most));
        let values = to_table(&Self { seed, data_seed, ..self.clone() });
        for key in keys::all() {
            if let Some(value) = values.get(key.name) {
                key.check(value, &mut validator);
            }
        }
        self.check_conflicts(&mut validator);
        if self.schedule.is_empty() {
            validator.refuse("schedule", "[]", "there is no phase", "give one, or set sched");
        }
        for (index, phase) in self.schedule.iter().enumerate() {
            check_phase(phase, &format!("schedule[{index}]"), &mut validator);
        }
        validator.conclude()
    }
}

fn check_phase(phase: &Phase, path: &str, validator: &mut Validator) {
    let mut lengths = vec![("epochs", phase.epochs)];
    match &phase.curve {
        Curve::Step { every: Some(every), .. } => lengths.push(("every", *every)),
        Curve::Cyclic { up, down, .. } => lengths.extend([("up", *up), ("down", *down)]),
        _ => {}
    }
    for (key, epochs) in lengths {
        validator.within(Range::ABOVE_0, format!("{path}.{key}"), epochs, "give a number of epochs");
    }
    let rates = match &phase.curve {
        Curve::Constant { factor } | Curve::Step { factor, .. } => vec![("factor", *factor)],
        Curve::Cosine { from, to } | Curve::Linear { from, to } => vec![("from", *from), ("to", *to)],
        Curve::OneCycle { start, peak, end, .. } => vec![("start", *start), ("peak", *peak), ("end", *end)],
        Curve::Cyclic { low, high, .. } => vec![("low", *low), ("high", *high)],
    };
    for (key, factor) in rates {
        validator.within(Range::FROM_0, format!("{path}.{key}"), factor, "give a factor of lr, 1 for the peak rate");
    }
    match &phase.curve {
        Curve::Step { decay, every, milestones, .. } => {
            validator.within(Range::ABOVE_0_TO_1, format!("{path}.decay"), *decay, "give 0.1 for a tenth");
            if every.is_some() == milestones.is_some() {
                let wrong = "a step phase needs one of every and milestones";
                validator.refuse(path, "step", wrong, "give exactly one of them");
            }
            let milestones = milestones.as_deref().unwrap_or_default();
            if !(milestones.is_sorted_by(|a, b| a < b) && milestones.iter().all(|m| Range::ABOVE_0.holds(*m))) {
                let wrong = "milestones must be above 0 and increase";
                let value = format!("{milestones:?}");
                validator.refuse(format!("{path}.milestones"), value, wrong, "put them in order, in epochs");
            }
        }
        Curve::OneCycle { rise, .. } if !(*rise > 0.0 && *rise < 1.0) => {
            let wrong = "it must lie between 0 and 1";
            validator.refuse(format!("{path}.rise"), rise, wrong, "give 0.3 for the first 30 %");
        }
        Curve::Cyclic { low, high, gamma, .. } => {
            if low > high {
                let wrong = format!("it lies above high = {high}");
                validator.refuse(format!("{path}.low"), low, wrong, "exchange the two");
            }
            validator.within(Range::ABOVE_0_TO_1, format!("{path}.gamma"), *gamma, "give 1 for no decay");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;
    use crate::recipe::keys::Kind;

    fn keys(recipe: &Recipe) -> Vec<String> {
        recipe.validate().err().map_or(Vec::new(), |errors| errors.0.into_iter().map(|error| error.key).collect())
    }

    /// The reference recipe with one thing changed.
    fn with(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let mut recipe = Recipe::default();
        change(&mut recipe);
        recipe
    }

    /// The reference recipe with another value of `key`.
    fn with_value(key: &str, value: Value) -> Recipe {
        let mut keys = to_table(&Recipe { in_chans: Some(1), ..Recipe::default() });
        keys.insert(key.to_owned(), value);
        keys.try_into().unwrap()
    }

    #[test]
    fn numbers_are_taken_within_the_range_of_their_row_and_refused_outside() {
        let numbers = [-1.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 1.1, 10.0, 11.0, 180.0, 181.0, 1e9, f64::INFINITY, f64::NAN];
        let shorthand = |key: &keys::Key| keys::SHORTHAND.iter().any(|row| row.name == key.name);
        for key in keys::all().filter(|key| !shorthand(key)) {
            for number in numbers {
                let (range, value) = match &key.kind {
                    Kind::Number(range) => (range, Value::Float(number)),
                    Kind::Pair(range) => (range, vec![number, number].into()),
                    Kind::List(_, range) => (range, vec![number].into()),
                    _ => continue,
                };
                let refused = keys(&with_value(key.name, value)).contains(&key.name.to_owned());
                assert_eq!(refused, !range.holds(number), "{} = {number}", key.name);
            }
        }
    }

    #[test]
    fn other_bad_values_are_refused_under_their_key() {
        let bad: [(&str, Value); 14] = [
            ("epochs", 0.into()),
            ("epochs", 1_000_001.into()),
            ("batch_size", 0.into()),
            ("grad_accum_steps", 0.into()),
            ("width", 0.into()),
            ("width", 4097.into()),
            ("stem_stride", 3.into()),
            ("in_chans", 2.into()),
            ("range_16bit", vec![7, 7].into()),
            ("zoom", vec![1.2, 0.8].into()),
            ("zoom", vec![0.9, f64::NAN].into()),
            ("crop_pad", 5000.into()),
            ("color_jitter", vec![0.1; 5].into()),
            ("sam_every", 0.into()),
        ];
        for (key, value) in bad {
            assert_eq!(keys(&with_value(key, value)), [key]);
        }
        assert_eq!(keys(&with(|r| r.schedule[1].epochs = 0.0)), ["schedule[1].epochs"]);
        assert_eq!(keys(&with(|r| r.schedule[2].curve = Curve::Constant { factor: -0.1 })), ["schedule[2].factor"]);
    }

    #[test]
    fn each_bad_phase_is_refused_under_its_key() {
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
            ("schedule[0].from", Curve::Linear { from: f64::NAN, to: 1.0 }),
        ] {
            assert_eq!(keys(&with(|r| r.schedule = vec![Phase { epochs: 50.0, curve }])), [key]);
        }
    }

    #[test]
    fn all_errors_come_at_once_and_say_what_to_do() {
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
