//! What an epoch of finished runs took.

use std::path::Path;

use mindgap::{run::RunFolder, stats};

/// The mean seconds of an epoch over the finished runs in `folders`; None where one is not finished.
pub fn epoch_seconds(folders: &[impl AsRef<Path>]) -> Option<f64> {
    let mut means = Vec::new();
    for folder in folders {
        let records = RunFolder::open(folder.as_ref()).ok()?.epochs().ok()?.records;
        means.push(mean_of_whole(records.iter().map(|record| record.seconds).collect()));
    }
    let mean = stats::mean(&means);
    (mean > 0.0).then_some(mean)
}

/// The mean of the times of epochs that are not far shorter than the others: an epoch in which a run was resumed has the time since then. Those
/// of a run whose images grow (`progressive`) are no shorter than that.
fn mean_of_whole(mut seconds: Vec<f64>) -> f64 {
    const FAR_SHORTER: f64 = 0.4;
    seconds.sort_by(f64::total_cmp);
    let Some(middle) = seconds.get(seconds.len() / 2).copied() else { return f64::NAN };
    seconds.retain(|time| *time >= FAR_SHORTER * middle);
    stats::mean(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_was_resumed_does_not_count() {
        assert_eq!(mean_of_whole(vec![40.0, 4.0, 44.0]), 42.0);
        assert_eq!(mean_of_whole(vec![9.0, 40.0]), 40.0);
        assert_eq!(mean_of_whole(vec![20.0, 30.0, 44.0, 44.0]), 34.5);
        assert!(mean_of_whole(Vec::new()).is_nan());
    }
}
