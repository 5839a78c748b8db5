//! An exponential moving average of the weights, for `--model-ema` and `--model-ema-decay D`.
//!
//! | | |
//! |---|---|
//! | What | After every update each averaged tensor moves by 1 − d towards the trained one, batch norm's running statistics included. d grows to D as (1 + t) / (10 + t) over the updates t, from 0.18 on, so that the beginning is soon forgotten. The average is the model: every figure is its own. |
//! | When it helps | Whenever the learning rate is still high: the average sits where a lower rate would have led, and val loss moves less from epoch to epoch. +0.25 points on ResNet-50. |
//! | Costs | One pass over the weights an update (under 1 % here), a second copy of them, a second measurement of val. |
//! | Usual values | D such that 1 / (1 − D) updates are a few epochs: 0.998 for short runs, 0.9998 for long ones. |
//! | Reference | Polyak and Juditsky 1992; Tarvainen and Valpola 2017, "Mean teachers are better role models"; timm's `ModelEmaV3`. |
//! | Measured here | On `faces` in 22 epochs, three seeds, D 0.998 with a rate that falls to a thousandth: the last epoch is the same; the best epoch, cross-fitted, 1.069 ± 0.064 against 1.110 ± 0.041. |

/// Share of the way to the trained weights by which update number `update` (from 1) moves the average.
pub fn share_at(decay: f64, update: u64) -> f64 {
    let t = update as f64;
    1.0 - decay.min((1.0 + t) / (10.0 + t))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decay_is_warmed_up() {
        assert_eq!(share_at(0.998, 1), 1.0 - 2.0 / 11.0);
        assert_eq!(share_at(0.998, 90), 1.0 - 0.91);
        assert_eq!(share_at(0.998, 100_000), 1.0 - 0.998);
        assert_eq!(share_at(0.0, 5), 1.0);
    }

    #[test]
    fn the_average_equals_its_closed_form() {
        let (decay, values) = (0.1, [1.0, -2.0, 4.0, 0.5]);
        let average = (1..)
            .zip(values)
            .fold(5.0, |average, (update, value)| average + share_at(decay, update) * (value - average));
        // decay⁴ · start + Σ (1 − decay) · decay^(4 − i) · value i; a decay this small is the whole one from the start.
        let sum: f64 = (1..).zip(values).map(|(i, value)| (1.0 - decay) * decay.powi(4 - i) * value).sum();
        assert!((average - (decay.powi(4) * 5.0 + sum)).abs() < 1e-12);
    }
}
