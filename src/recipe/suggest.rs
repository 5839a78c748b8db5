//! "Did you mean …?"

/// Names under which other trainers know our keys, where the spelling gives no hint.
const ELSEWHERE: [(&str, &str); 9] = [
    ("learning_rate", "lr"),
    ("wd", "weight_decay"),
    ("optimizer", "opt"),
    ("optim", "opt"),
    ("arch", "model"),
    ("lr_scheduler", "sched"),
    ("gradient_accumulation_steps", "grad_accum_steps"),
    ("max_norm", "clip_grad"),
    ("n_epochs", "epochs"),
];

/// The known name nearest to `wrong`, as the end of an error: "; did you mean `lr`?", or nothing if none is near.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let synonym = ELSEWHERE.iter().find(|(other, _)| *other == wrong).map(|(_, ours)| *ours);
    let likeness = |name: &str| match synonym {
        Some(ours) if ours == name => 2.0,
        _ => strsim::jaro_winkler(&wrong, &name.replace('-', "_")),
    };
    let best = known.into_iter().map(|name| (likeness(name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, name)) if likeness > 0.8 => format!("; did you mean `{name}`?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_or_another_trainers_name_finds_the_name_that_was_meant() {
        let known = ["lr", "epochs", "batch_size", "weight_decay", "norm_decay"];
        assert_eq!(nearest("epoch", known), "; did you mean `epochs`?");
        assert_eq!(nearest("batch-size", known), "; did you mean `batch_size`?");
        assert_eq!(nearest("wieght_decay", known), "; did you mean `weight_decay`?");
        assert_eq!(nearest("learning_rate", known), "; did you mean `lr`?");
        assert_eq!(nearest("banana", known), "");
    }
}
