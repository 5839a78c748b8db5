//! Other learning rates for a recipe, such as a range test suggests.

use super::{Curve, Recipe, phase::tidy};

/// A cycle that does not climb at least threefold is hardly one: Smith (2017) has it climb three- or fourfold.
const LEAST_CLIMB: f64 = 3.0;

impl Recipe {
    /// The recipe with peak rate `lr`. Its phases keep their shape, which they give as factors of the peak; only cyclic
    /// ones that climb to it begin at the rate `low`, where that leaves a climb of three times at least.
    pub fn with_rates(&self, lr: f64, low: f64) -> Self {
        let mut recipe = Self { lr, ..self.clone() };
        if LEAST_CLIMB * low <= lr {
            for phase in &mut recipe.schedule {
                if let Curve::Cyclic { low: bottom, high: 1.0, .. } = &mut phase.curve {
                    *bottom = tidy(low / lr);
                }
            }
        }
        recipe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::schedule::rate;

    #[test]
    fn cyclic_phases_swing_between_the_two_rates_and_later_ones_keep_their_factors() {
        let recipe = Recipe::default().with_rates(0.2, 0.03);
        let at_epoch = |epoch: u64| rate(&recipe, epoch * 10, 10);
        assert_eq!([0, 2, 4, 20, 30].map(at_epoch), [0.03, 0.2, 0.03, 0.02, 0.002]);
        recipe.validate().unwrap();
    }

    #[test]
    fn a_bound_too_near_the_peak_leaves_the_cycle_as_it_was() {
        let recipe = Recipe::default().with_rates(0.2, 0.1);
        assert_eq!(recipe, Recipe { lr: 0.2, ..Recipe::default() });
    }
}
