//! Errors of a run that has begun.

use mindgap::train::Failure;

/// `error` as a [`Failure`], with advice where memory ran out.
pub fn failure(error: anyhow::Error) -> anyhow::Error {
    if error.downcast_ref::<Failure>().is_some() {
        return error;
    }
    let text = format!("{error:#}");
    let memory = ["out of memory", "not enough memory", "can't allocate memory"];
    let advice = if memory.iter().any(|words| text.to_lowercase().contains(words)) {
        "; a smaller --batch-size needs less memory, and --grad-accum-steps keeps the batch that the optimizer sees"
    } else {
        ""
    };
    Failure(format!("{text}{advice}")).into()
}
