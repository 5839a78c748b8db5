//! The order of the training images in an epoch; balanced over classes for `--balanced-sampling`.
//!
//! | | |
//! |---|---|
//! | What | Each image of an epoch is drawn by its class first, every class as likely, and then within the class, with replacement. An epoch has as many images as before. |
//! | When it helps | As class weights, with steadier gradients: batches hold every class. |
//! | Costs | Images of rare classes come again and again, those of frequent ones not in every epoch: rare classes are memorised sooner, unless augmentation helps. |
//! | Usual values | On or off. |
//! | Reference | PyTorch's `WeightedRandomSampler`; Kang et al. 2020, "Decoupling representation and classifier for long-tailed recognition". |

use crate::{
    random::{Purpose, Stream},
    recipe::Recipe,
};

/// The positions in train of the images of `epoch` (from 1), in order. `labels` are the classes of all training images.
pub fn order(recipe: &Recipe, labels: &[u32], epoch: u32) -> Vec<u32> {
    let mut draws = Stream::new(recipe.seed, Purpose::Order, epoch, 0);
    if recipe.balanced_sampling {
        return balanced(labels, &mut draws);
    }
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    draws.shuffle(&mut order);
    order
}

/// For each place in `order`, how often its image occurs before. Each of the first 4,096 gets its own draws of augmentation.
pub fn repeats(order: &[u32]) -> Vec<u32> {
    let mut times = vec![0; order.iter().max().map_or(0, |&position| position as usize + 1)];
    let mut repeats = Vec::with_capacity(order.len());
    for &position in order {
        repeats.push(times[position as usize]);
        times[position as usize] += 1;
    }
    repeats
}

/// Draws as many images as `labels` has, each time first a class and then one of its images.
fn balanced(labels: &[u32], draws: &mut Stream) -> Vec<u32> {
    let classes = labels.iter().max().map_or(0, |&class| class as usize + 1);
    let mut members = vec![Vec::new(); classes];
    for (position, &class) in (0..).zip(labels) {
        members[class as usize].push(position);
    }
    members.retain(|class| !class.is_empty());
    let mut order = Vec::with_capacity(labels.len());
    for _ in labels {
        let class: &Vec<u32> = &members[draws.below(members.len() as u32) as usize];
        order.push(class[draws.below(class.len() as u32) as usize]);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<u32> {
        (0..6000).map(|position| if position % 60 == 0 { 2 } else { position % 2 }).collect()
    }

    #[test]
    fn an_epoch_holds_every_image_once_in_an_order_of_its_own() {
        let (first, second) = (order(&Recipe::default(), &labels(), 1), order(&Recipe::default(), &labels(), 2));
        assert_ne!(first, second);
        let mut sorted = first;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..6000));
    }

    #[test]
    fn repeats_count_the_times_before() {
        assert_eq!(repeats(&[3, 1, 3, 3, 1, 0]), [0, 0, 1, 2, 1, 0]);
        assert!(repeats(&order(&Recipe::default(), &labels(), 1)).iter().all(|&times| times == 0));
    }

    #[test]
    fn balanced_sampling_draws_every_class_and_every_image_of_a_class_equally_often() {
        let recipe = Recipe { balanced_sampling: true, ..Recipe::default() };
        let (labels, mut classes, mut images) = (labels(), [0u32; 3], vec![0u32; 6000]);
        for epoch in 1..=10 {
            for position in order(&recipe, &labels, epoch) {
                classes[labels[position as usize] as usize] += 1;
                images[position as usize] += 1;
            }
        }
        // 20,000 draws of each class; five standard deviations are 578.
        assert!(classes.iter().all(|count| count.abs_diff(20_000) < 578), "{classes:?}");
        // The rare class has 100 images: 200 draws of each; five standard deviations are 71.
        assert!((0..6000).step_by(60).all(|position| images[position].abs_diff(200) < 75));
    }
}
