//! What to do about a finding, for somebody whose knobs are as they are.

use super::Case;
use crate::recipe::{
    Recipe,
    keys::{self, KnobFamily},
};

/// A family of knobs against over-fitting: what it is called, and the keys by which it is turned on.
struct Family {
    name: &'static str,
    family: KnobFamily,
    keys: &'static [&'static str],
}

/// The most helpful first, by what was published and measured.
const FAMILIES: [Family; 5] = [
    Family { name: "augmentation", family: KnobFamily::Augmentation, keys: &["hflip", "rotate", "translate", "zoom"] },
    Family { name: "mixup or CutMix", family: KnobFamily::Mixing, keys: &["mixup"] },
    Family { name: "label smoothing", family: KnobFamily::Smoothing, keys: &["smoothing"] },
    Family { name: "weight decay", family: KnobFamily::WeightDecay, keys: &["weight_decay"] },
    Family { name: "dropout", family: KnobFamily::Dropout, keys: &["drop"] },
];

impl Family {
    /// The flags that turn it on, with usual values: `--hflip 0.5 --rotate 10`.
    fn flags(&self) -> String {
        let keys = self.keys.iter().filter_map(|name| keys::get(name));
        keys.map(|key| format!("{} {}", key.flag(), key.usual)).collect::<Vec<_>>().join(" ")
    }
}

/// Whether images are changed at random beyond colour.
pub fn augments(recipe: &Recipe) -> bool {
    recipe.has_on(KnobFamily::Augmentation)
}

/// Against a gap that harms.
pub fn against_overfit(case: &Case) -> String {
    let Some(recipe) = case.recipe() else {
        let unknown = match case.run {
            Some(_) => "The recipe is not recorded, so it is not known which regularisation was on.",
            None => "The log does not say which regularisation was on.",
        };
        return format!(
            "{unknown} Whatever of these is off comes first, in this order: augmentation, mixup, label smoothing, weight decay; then \
             more images. Longer training or a larger network alone widen this gap."
        );
    };
    let (on, off): (Vec<&Family>, Vec<&Family>) = FAMILIES.iter().partition(|family| recipe.has_on(family.family));
    match (&on[..], &off[..]) {
        (_, []) => "All families of knobs are on. Raise them (mixup and augmentation first), take a smaller network, or collect \
                    images: mindgap diagnose --learning-curve shows whether images would help."
            .to_owned(),
        ([], [first, ..]) => format!(
            "No regularisation is on. Begin with {} ({}); then {}. Longer training or a larger network alone widen this gap.",
            first.name,
            first.flags(),
            names(&off[1..3])
        ),
        (_, [first, ..]) => format!(
            "{} on already: raise what is mild. Off is {}: try {} next ({}).",
            capitalised(&names(&on)),
            names(&off),
            first.name,
            first.flags()
        ),
    }
}

/// Against a network that has memorised its training images.
pub fn against_memory(case: &Case) -> String {
    let first = match case.recipe() {
        Some(recipe) if augments(recipe) => {
            "Augment more strongly (--aa trivial, --reprob 0.25) or mix images (--mixup 0.2)".to_owned()
        }
        Some(_) => format!("Augment, so that no image comes twice the same ({})", FAMILIES[0].flags()),
        None => "Augment, so that no image comes twice the same; where images are augmented already, do it more strongly or mix them".to_owned(),
    };
    format!("{first}, or stop earlier: epochs after this point cost time and confidence.")
}

/// While val still gains.
pub fn while_val_falls(case: &Case) -> String {
    let rest = match case.recipe() {
        None => {
            "Regularisation that is off (augmentation first) would allow longer training before val loss turns round."
                .to_owned()
        }
        Some(recipe) => match FAMILIES.iter().find(|family| !recipe.has_on(family.family)) {
            Some(family) => {
                format!(
                    "To gain more from the same images turn on {} ({}) and give it longer.",
                    family.name,
                    family.flags()
                )
            }
            None => "All families of knobs are on: longer training may still gain.".to_owned(),
        },
    };
    format!("Do not stop because of the gap. {rest}")
}

/// Against under-fitting; `still_falls` says whether training loss does.
pub fn against_underfit(case: &Case, still_falls: bool) -> String {
    let Some(recipe) = case.recipe() else {
        let last = if still_falls { "Train longer" } else { "Take a wider or deeper network" };
        return format!("{last}, or weaken the regularisation, if any is on; more of it would only make it worse.");
    };
    let on = FAMILIES.iter().filter(|family| recipe.has_on(family.family));
    let regularised: Vec<&str> = on.map(|family| family.name).collect();
    let last = if still_falls { "Train longer" } else { "Take a wider or deeper network (--width, --model)" };
    if regularised.is_empty() {
        format!("{last}; more regularisation would only make it worse.")
    } else {
        format!("{last}, or weaken what is on ({}).", regularised.join(", "))
    }
}

/// Against a loss that never leaves that of guessing.
pub fn against_guessing(case: &Case) -> String {
    let rate = match case.recipe() {
        Some(recipe) => format!("--lr {:.2e}", recipe.lr / 10.0),
        None => "a tenth of it".to_owned(),
    };
    format!(
        "Look for what keeps it from learning, in this order: a learning rate that is far too high ({rate} shows it at once) or \
         zero; labels that do not belong to their images; softmax before a cross-entropy that applies its own; frozen or \
         dead layers. A working network memorises 20 images within a minute: try that first."
    )
}

/// Against noise in the weights.
pub fn against_noise(case: &Case) -> String {
    let Some(recipe) = case.recipe() else {
        return "Average the weights (EMA), if they are not averaged yet, or let the rate end near zero; do not read a single epoch's \
                figure."
            .to_owned();
    };
    let averages = recipe.model_ema || recipe.swa_start > 0;
    let rates = case.curves.series(|point| point.lr);
    let highest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let is_high = rates.last().is_none_or(|(_, last)| *last > 0.1 * highest);
    match (averages, is_high) {
        (false, true) => {
            "Average the weights (--model-ema) or let the rate end near zero; do not read a single epoch's figure."
        }
        (false, false) => "Average the weights (--model-ema); do not read a single epoch's figure.",
        (true, true) => {
            "Averaging is on: let the rate end near zero, or average over more steps (--model-ema-decay 0.999)."
        }
        (true, false) => "Averaging is on and the rate is low: a larger batch or a larger val set is what is left.",
    }
    .to_owned()
}

/// Against overconfidence.
pub fn against_confidence(case: &Case, temperature: f64) -> String {
    let first = match case.recipe() {
        Some(recipe) if recipe.smoothing > 0.0 => "Raise --smoothing, add --mixup 0.2",
        Some(_) => "Train with --smoothing 0.1",
        None => "Train with label smoothing of 0.1 (more, where it is on already)",
    };
    format!(
        "{first}, or divide the logits by {temperature:.2}: it recovers these nats without training and changes no answer."
    )
}

fn names(families: &[&Family]) -> String {
    families.iter().map(|family| family.name).collect::<Vec<_>>().join(", ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
