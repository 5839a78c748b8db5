//! Streams of random numbers, each a function of (seed, purpose, epoch, index) alone.
//!
//! The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the seed is
//! its key; purpose, epoch, index and the number of the draw are its counter. No stream carries state from one step to the
//! next, any draw can be repeated alone, and the order in which threads draw has no influence.

/// The purpose of a stream. Two purposes never share a draw.
///
/// Recorded runs depend on the numbers: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// Initial weights; index = index of the parameter.
    Init = 1,
    /// Order of the training images in an epoch.
    Order = 2,
    /// Augmentation of one image; index = sample.
    Augment = 3,
    /// Mixing of a batch; index = step.
    Mix = 4,
    /// Noise inside the network (dropout, drop path, DropBlock); index = step.
    Network = 5,
    /// Split of one folder into train and val; index = class. Images in groups are drawn as folds.
    Split = 6,
    /// The fraction of the training images in use; index = class.
    Fraction = 7,
    /// Choice of the probe; index = class.
    Probe = 8,
    /// Halves of val for cross-fitting; index = class. Images in groups are drawn as folds.
    Halves = 9,
    /// Generated faces; index = sample.
    Faces = 10,
    /// Resampling for intervals; epoch and index identify the interval.
    Resample = 11,
    /// Planes that divide images into candidates for near-duplicates; epoch = tree, index = node. Pairs that tell copies from look-alikes; epoch = the largest, index =
    /// first image.
    NearDuplicates = 12,
    /// Folds of a cross-validation; index = class, or epoch 1 for groups.
    Folds = 13,
    /// Training images that a control does without; epoch = number of the fix, index = class.
    Control = 14,
    /// Resamples of a test set that choose the best of several models; epoch = the figure (0 accuracy, 1 loss).
    Optimism = 15,
    /// The copies of an image that AugMix mixes with it; index = sample.
    AugMix = 16,
}

/// A stream of random numbers.
///
/// ```text
/// let mut draws = Stream::new(seed, Purpose::Augment, epoch, sample);
/// let flip = draws.uniform() < 0.5;
/// let angle = draws.range(-12.0, 12.0);
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    /// [block, purpose, epoch, index]; the block counts the groups of four words already drawn.
    counter: [u32; 4],
    words: [u32; 4],
    used: usize,
}

impl Stream {
    /// Starts the stream of `(seed, purpose, epoch, index)`. Purposes outside the epochs pass epoch 0.
    pub fn new(seed: u64, purpose: Purpose, epoch: u32, index: u32) -> Self {
        let key = [seed as u32, (seed >> 32) as u32];
        Self { key, counter: [0, purpose as u32, epoch, index], words: [0; 4], used: 4 }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox4x32_10(self.counter, self.key);
            self.counter[0] += 1;
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in 0..n, with exactly equal probabilities (Lemire 2019, with rejection). `n` must be positive.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "no number lies below 0");
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            // Only the first 2³² mod n values of the low word are biased.
            if product as u32 >= n.wrapping_neg() % n {
                return (product >> 32) as u32;
            }
        }
    }

    /// Standard normal (Box–Muller, one of the pair).
    pub fn normal(&mut self) -> f64 {
        // 1 - uniform lies in (0, 1]: its logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Chooses places in `0..count` independently, each with probability `share`, and returns them in order. The gaps
    /// between chosen places are geometric, so that one number is drawn per chosen place and one more; none for a share of 0
    /// or 1.
    pub fn chosen(&mut self, count: u64, share: f64) -> Vec<u64> {
        if share >= 1.0 {
            return (0..count).collect();
        }
        let mut places = Vec::new();
        if share <= 0.0 {
            return places;
        }
        let scale = 1.0 / (-share).ln_1p();
        let mut place = 0.0;
        loop {
            // 1 - uniform lies in (0, 1]. Integers below 2⁵³ are exact in a float.
            place += ((1.0 - self.uniform()).ln() * scale).floor();
            if place >= count as f64 {
                return places;
            }
            places.push(place as u64);
            place += 1.0;
        }
    }

    /// A variate from Beta(alpha, alpha), in [0, 1]; alpha above 0. It is the share of one of two Gamma variates in their sum.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        let (first, second) = (self.log_gamma(alpha), self.log_gamma(alpha));
        // Logarithms avoid underflow: for a small alpha both variates may be too small for a float.
        1.0 / (1.0 + (second - first).exp())
    }

    /// The logarithm of a variate from Gamma(shape, 1) (Marsaglia and Tsang 2000).
    fn log_gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = (1.0 - self.uniform()).ln() / shape;
            return self.log_gamma(shape + 1.0) + boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.uniform()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return (d * v).ln();
            }
        }
    }

    /// Shuffles `items` (Fisher–Yates); all orders are equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// Ten rounds of Philox on `counter` under `key`: four random words, with no state.
fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(counter[0]) * 0xD251_1F53;
        let second = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that the paper's authors publish with Random123 (kat_vectors).
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
        assert_eq!(philox4x32_10([u32::MAX; 4], [u32::MAX; 2]), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
        assert_eq!(
            philox4x32_10([0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0]),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }

    #[test]
    fn a_stream_is_a_function_of_its_four_numbers() {
        let draw = |seed, purpose, epoch, index| Stream::new(seed, purpose, epoch, index).next_u64();
        let first = draw(1, Purpose::Order, 2, 3);
        assert_eq!(first, draw(1, Purpose::Order, 2, 3));
        for other in [
            draw(2, Purpose::Order, 2, 3),
            draw(1 << 32 | 1, Purpose::Order, 2, 3),
            draw(1, Purpose::Probe, 2, 3),
            draw(1, Purpose::Order, 3, 3),
            draw(1, Purpose::Order, 2, 4),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let n = 200_000;
        let mut draws = Stream::new(7, Purpose::Init, 0, 0);
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        // Five standard errors of each mean.
        assert!((mean(&mut || draws.uniform()) - 0.5).abs() < 0.0033);
        assert!(mean(&mut || draws.normal()).abs() < 0.0112);
        assert!((mean(&mut || draws.normal().powi(2)) - 1.0).abs() < 0.0159);
        assert!((mean(&mut || f64::from(draws.below(7))) - 3.0).abs() < 0.0224);
    }

    #[test]
    fn places_are_chosen_independently_with_their_probability() {
        let mut counts = [0u32; 10];
        let mut both = 0;
        for index in 0..20_000 {
            let places = Stream::new(1, Purpose::Network, 0, index).chosen(10, 0.3);
            assert!(places.is_sorted_by(|a, b| a < b));
            places.iter().for_each(|&place| counts[place as usize] += 1);
            both += u32::from(places.contains(&3) && places.contains(&4));
        }
        // 6,000 expected of each place and 1,800 of two neighbours; five standard deviations are 325 and 203.
        assert!(counts.iter().all(|count| count.abs_diff(6000) < 325), "{counts:?}");
        assert!(both.abs_diff(1800) < 203, "{both}");
        let mut draws = Stream::new(1, Purpose::Network, 0, 0);
        assert_eq!((draws.chosen(3, 0.0), draws.chosen(3, 1.0)), (vec![], vec![0, 1, 2]));
    }

    #[test]
    fn a_beta_variate_has_its_mean_and_variance() {
        for alpha in [0.1, 0.2, 1.0, 4.0] {
            let n = 100_000;
            let mut draws = Stream::new(9, Purpose::Mix, 0, 0);
            let sample: Vec<f64> = (0..n).map(|_| draws.beta(alpha)).collect();
            assert!(sample.iter().all(|share| (0.0..=1.0).contains(share)));
            let mean = sample.iter().sum::<f64>() / f64::from(n);
            let variance = sample.iter().map(|share| (share - 0.5).powi(2)).sum::<f64>() / f64::from(n);
            let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            // The standard deviation of a share, and of its square, is at most a half.
            assert!((mean - 0.5).abs() < 0.008 && (variance - expected).abs() < 0.004, "{alpha}: {mean} {variance}");
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_is_uniform() {
        let mut places = [[0u32; 5]; 5];
        for index in 0..50_000 {
            let mut items = [0, 1, 2, 3, 4];
            Stream::new(0, Purpose::Order, 0, index).shuffle(&mut items);
            for (place, item) in items.into_iter().enumerate() {
                places[item][place] += 1;
            }
        }
        // 10,000 expected in each cell; five standard deviations are 447.
        assert!(places.as_flattened().iter().all(|count| count.abs_diff(10_000) < 447), "{places:?}");
    }
}
