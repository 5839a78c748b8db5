//! Concludes a recorded run: a run that another training loop trained and a recorder wrote into a folder. The final
//! figures are computed here, from the files of the folder, so that they have one home.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Done, Environment, EpochRecord, Events, Images, Outputs, Predictions, Recorder, RunCost, RunFolder};

/// A loss in `epochs.jsonl` and the mean of the losses in the predictions are the same figure, computed by two programs:
/// they may differ by this share.
const TOLERANCE: f64 = 1e-3;

/// Ends the recorded run in the folder at `path`: writes `summary.csv`, the TensorBoard events and `done.json`, the last
/// of all. A run that is concluded already is concluded again, to the same bytes.
///
/// # Errors
/// mindgap itself trained the run, another process holds the folder, a file is missing or damaged, or the files
/// contradict each other; nothing is changed then.
pub fn conclude(path: &Path) -> Result<Done> {
    let environment = RunFolder::open(path)?.environment()?;
    let Some(recorder) = &environment.recorder else {
        anyhow::bail!(
            "mindgap itself trained the run in {}: `mindgap train --resume --out` finishes it, and this command concludes \
             runs that other training loops recorded",
            path.display()
        );
    };
    let folder = RunFolder::create(path, true)?;
    let conclusion = || format!("the run in {} cannot be concluded", path.display());
    let (records, done) = compute(&folder, &environment, recorder).with_context(conclusion)?;
    folder.reopen()?;
    folder.write_summary(&records)?;
    Events::new(path, environment.began(), &records)?;
    folder.write_done(&done)?;
    Ok(done)
}

/// The records of the run and its final figures.
fn compute(folder: &RunFolder, environment: &Environment, recorder: &Recorder) -> Result<(Vec<EpochRecord>, Done)> {
    ensure!(
        !folder.file(RunFolder::RECIPE).exists(),
        "it holds {}, which a recorded run does not have",
        RunFolder::RECIPE
    );
    let log = folder.epochs()?;
    ensure!(log.torn.is_none(), "the last line of {} is cut short", RunFolder::EPOCHS);
    let records = log.records;
    ensure!(!records.is_empty(), "{} holds no epoch", RunFolder::EPOCHS);
    for pair in records.windows(2) {
        let [before, after] = [pair[0].epoch, pair[1].epoch];
        ensure!(before < after, "{} has epoch {after} after epoch {before}", RunFolder::EPOCHS);
    }
    let predictions = folder.predictions()?;
    let images = folder.images()?;
    images.check(&predictions)?;
    check_sizes(environment, &images, &predictions)?;

    let last = &records[records.len() - 1];
    let best = super::best_epoch(&records).unwrap_or(last);
    check_loss("last.val", &predictions.last_val, last, last.val_loss)?;
    check_loss("last.probe", &predictions.last_probe, last, last.probe_loss)?;
    // A recorder may have lost the outputs of the best epoch.
    if !predictions.best_val.ids.is_empty() {
        check_loss("best.val", &predictions.best_val, best, best.val_loss)?;
        check_loss("best.probe", &predictions.best_probe, best, best.probe_loss)?;
    }

    let seconds = records.iter().map(|record| record.seconds).sum();
    let mut done = Done::conclude(
        &records,
        &predictions.last_val,
        predictions.classes,
        &images.leaks,
        images.near_leaks.as_deref(),
        &images.in_first_half,
        RunCost { parameters: recorder.parameters, macs: None, seconds },
    )?;
    if let Some(groups) = images.group_numbers() {
        done.cluster_gap(&predictions, &groups, &images.leaks);
    }
    Ok((records, done))
}

/// Checks that what `environment.json` says of the data is what the other files hold.
fn check_sizes(environment: &Environment, images: &Images, predictions: &Predictions) -> Result<()> {
    let data = &environment.data;
    let leaks = images.leaks.iter().filter(|&&leak| leak).count();
    for (what, stated, found) in [
        ("val", data.val, images.val.len()),
        ("probe", data.probe, images.probe.len()),
        ("val_in_train", data.val_in_train, leaks),
        ("classes", data.classes.len(), predictions.classes),
    ] {
        ensure!(
            stated == found,
            "{} says data.{what}: {stated}, and {} hold {found}",
            RunFolder::ENVIRONMENT,
            if what == "classes" { "the predictions" } else { "the rows of images.csv" }
        );
    }
    ensure!(!images.val.is_empty() && !images.probe.is_empty(), "val or the probe has no image");
    Ok(())
}

/// Checks that the loss that the log states for an epoch is the mean loss of its predictions.
fn check_loss(set: &str, outputs: &Outputs, record: &EpochRecord, stated: f64) -> Result<()> {
    let found = outputs.measured().mean_loss();
    let is_same =
        (found - stated).abs() <= TOLERANCE * found.abs().max(1.0) || !found.is_finite() && !stated.is_finite();
    ensure!(
        is_same,
        "{} states a loss of {stated} after epoch {}, and the predictions {set} have one of {found}: they are not of one \
         epoch",
        RunFolder::EPOCHS,
        record.epoch
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::{EpochTraining, Versions, environment::tests::environment, images::tests::images};

    /// A recorded run of three epochs over four val images, the first a leak, and two images of the probe.
    fn recorded(path: &Path) {
        let images = images();
        let outputs = |labels: Vec<i64>, ids: Vec<i64>, margin: f32| Outputs {
            logits: labels.iter().flat_map(|&label| if label == 0 { [margin, 0.0] } else { [0.0, margin] }).collect(),
            labels,
            ids,
        };
        let val = |margin| outputs(vec![0, 1, 0, 1], vec![0, 1, 2, 3], margin);
        let probe = |margin| outputs(vec![1, 1], vec![5, 3], margin);
        for (epoch, margin) in [(1, 0.5), (2, 1.5), (3, 1.0)] {
            let training = EpochTraining { epoch, seconds: 2.0, ..EpochTraining::default() };
            let (val, probe) = (val(margin).measured(), probe(2.0 * margin).measured());
            let record = EpochRecord::new(&training, &probe, &val, &images.leaks, None, &images.in_first_half);
            let line = serde_json::to_string(&EpochRecord { steps: None, ..record }).unwrap();
            crate::durable::append_line(&path.join(RunFolder::EPOCHS), &line).unwrap();
        }
        let mut environment = environment();
        environment.recorder = Some(Recorder {
            package: "mindgap 0.1.0 (Python 3.11)".into(),
            framework: "plain loop".into(),
            model: "Net".into(),
            parameters: 17,
        });
        environment.versions = Versions { tch: None, ..environment.versions };
        environment.data.val = 4;
        environment.data.probe = 2;
        environment.data.val_in_train = 1;
        fs::write(path.join(RunFolder::ENVIRONMENT), serde_json::to_string(&environment).unwrap()).unwrap();
        images.save(&path.join(RunFolder::IMAGES)).unwrap();
        let predictions = Predictions {
            classes: 2,
            last_val: val(1.0),
            last_probe: probe(2.0),
            best_val: val(1.5),
            best_probe: probe(3.0),
            val_losses: Vec::new(),
        };
        predictions.save(&path.join(RunFolder::PREDICTIONS)).unwrap();
    }

    #[test]
    fn the_error_of_the_gap_is_clustered_where_the_recorder_wrote_groups() {
        let folder = tempfile::tempdir().unwrap();
        recorded(folder.path());
        let plain = conclude(folder.path()).unwrap();
        let path = folder.path().join(RunFolder::IMAGES);
        let mut images = Images::load(&path).unwrap();
        for (number, image) in images.val.iter_mut().chain(&mut images.probe).enumerate() {
            image.group = Some(format!("patient {number}"));
        }
        // Where every image is its own group, nothing changes but by rounding.
        images.save(&path).unwrap();
        let apart = conclude(folder.path()).unwrap();
        assert!((apart.last.gap_loss_se - plain.last.gap_loss_se).abs() < 1e-6);
        assert_eq!((apart.last.gap_loss, apart.temperature), (plain.last.gap_loss, plain.temperature));
        // The losses of val's four images in one group, of which there must be two for an error.
        images.val.iter_mut().for_each(|image| image.group = Some("patient 0".into()));
        images.save(&path).unwrap();
        assert!(conclude(folder.path()).unwrap().last.gap_loss_se.is_nan());
    }

    #[test]
    fn files_that_contradict_each_other_are_refused_and_nothing_is_written() {
        let refused = |change: &dyn Fn(&Path), expected: &str| {
            let folder = tempfile::tempdir().unwrap();
            recorded(folder.path());
            change(folder.path());
            let message = format!("{:#}", conclude(folder.path()).unwrap_err());
            assert!(message.contains(expected), "{message}");
            assert!(!folder.path().join(RunFolder::DONE).exists() && !folder.path().join(RunFolder::SUMMARY).exists());
        };
        let replace = |path: &Path, file: &str, from: &str, to: &str| {
            let text = fs::read_to_string(path.join(file)).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(path.join(file), text.replacen(from, to, 1)).unwrap();
        };
        refused(&|path| replace(path, "environment.json", "\"val\":4", "\"val\":5"), "data.val: 5");
        refused(&|path| replace(path, "environment.json", "\"recorder\"", "\"other\""), "mindgap itself trained");
        refused(&|path| replace(path, "images.csv", ",0,1,1\n", ",0,0,1\n"), "val_in_train: 1");
        refused(&|path| replace(path, "images.csv", ",1,0,2", ",0,0,2"), "row 1 is sample 1 of class 1");
        refused(&|path| fs::remove_file(path.join("images.csv")).unwrap(), "images.csv");
        refused(&|path| fs::write(path.join("recipe.toml"), "").unwrap(), "recipe.toml");
        refused(&|path| replace(path, "epochs.jsonl", "\"epoch\":3", "\"epoch\":2"), "epoch 2 after epoch 2");
        let last = |path: &Path| {
            let text = fs::read_to_string(path.join("epochs.jsonl")).unwrap();
            let lines: Vec<&str> = text.lines().take(2).collect();
            fs::write(path.join("epochs.jsonl"), lines.join("\n") + "\n").unwrap();
        };
        refused(&last, "not of one epoch");
        refused(&|path| fs::write(path.join("epochs.jsonl"), "{\"epoch\":").unwrap(), "cut short");
    }

    #[test]
    fn a_folder_that_its_recorder_still_holds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        recorded(folder.path());
        let _held = RunFolder::create(folder.path(), true).unwrap();
        assert!(format!("{:#}", conclude(folder.path()).unwrap_err()).contains("is locked by process"));
    }
}
