//! Logs as the trainers write them.

mod columns;
mod consoles;
mod forms;
mod runs;
mod sides;

use super::*;

/// The curves of a log, and the remarks on it.
fn read_with(text: &str, options: &LogOptions) -> Result<(Curves, String)> {
    let table = files::of_text(&text::decode(text.as_bytes()), "log", &options.columns.names())?;
    let (curves, notes) = curves(&groups::stacked(modes::spread(table)?)?, options)?;
    Ok((curves, notes.join(" ")))
}

fn read_text(text: &str) -> Result<Curves> {
    Ok(read_with(text, &LogOptions::default())?.0)
}

fn points(text: &str) -> Vec<LossPoint> {
    read_text(text).unwrap().points
}

#[test]
fn the_reference_recipes_lines_are_found_inside_any_text() {
    let text = "I trained.\nWhile loss: high, epoch 3 was fine\n\n\
        Epoch: 20/50..  Training Loss: 1.402..  Validation Loss: 1.432..  Training Accuracy:  48.128..  Validation \
        Accuracy: 47.815\nSome words.\n\
        Epoch: 22/50.. Training Loss: 1.331.. Validation Loss: 1.387.. Training Accuracy: 50.989.. Validation \
        Accuracy: 49.582\nEpoch 40: the loss is 0.743\n";
    let curves = read_text(text).unwrap();
    assert_eq!((curves.points.len(), curves.training), (2, TrainingLoss::Running));
    let first = curves.points[0];
    assert_eq!((first.epoch, first.train_loss, first.val_loss), (20, 1.402, 1.432));
    assert_eq!((first.train_acc, first.val_acc), (48.128, 47.815));
    assert!(first.lr.is_nan() && (first.gap() - 0.03).abs() < 1e-12);
    assert_eq!(curves.points[1].epoch, 22);
}

#[test]
fn the_gap_at_the_end_of_a_line_tells_that_training_means_the_probe() {
    let line = "Epoch: 1/3.. Training Loss: 1.9.. Validation Loss: 2.0.. Training Accuracy: 20.0.. Validation Accuracy: \
                18.0.. Gap: 0.1";
    assert_eq!(read_text(line).unwrap().training, TrainingLoss::Probe);
}

#[test]
fn kerass_console_and_csv_are_read() {
    let console = "Epoch 1/2\n10/10 - 1s - loss: 1.5 - accuracy: 0.40 - val_loss: 1.6 - val_accuracy: 0.35\nEpoch 2/2\n\
                   10/10 - 1s - loss: 1.2 - accuracy: 0.50 - val_loss: 1.5 - val_accuracy: 0.41\n";
    let csv = "epoch,accuracy,loss,learning_rate,val_accuracy,val_loss\n0,0.40,1.5,0.01,0.35,1.6\n\
               1,0.50,1.2,0.01,0.41,1.5\n";
    let (console, csv) = (points(console), points(csv));
    assert_eq!((console.len(), csv.len(), csv[1].lr), (2, 2, 0.01));
    assert_eq!((console[1].val_acc, csv[1].val_acc), (41.0, 41.0));
    assert_eq!((console[1].train_loss, csv[1].train_loss), (1.2, 1.2));
    assert_eq!((console[0].epoch, csv[0].epoch), (1, 0));
}

#[test]
fn lightnings_rows_of_one_epoch_are_put_together() {
    let text = "epoch,step,train_loss_step,train_loss_epoch,val_loss,val_acc,lr-SGD\n\
                0,9,2.0,,,,\n0,19,1.8,,,,\n0,19,,,1.9,0.3,\n0,19,,1.85,,,\n,20,,,,,0.1\n\
                1,29,1.7,,,,\n1,39,,,1.7,0.4,\n1,39,,1.6,,,\n";
    let points = points(text);
    assert_eq!((points.len(), points[0].train_loss, points[0].val_loss), (2, 1.85, 1.9));
    // The rate of step 20 is that of the epoch whose rows come at steps 29 and 39.
    assert!(points[0].lr.is_nan());
    assert_eq!((points[1].lr, points[1].train_loss, points[1].val_acc), (0.1, 1.6, 40.0));
}

#[test]
fn timm_fastai_and_semicolons() {
    let timm = points("epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\n0,2.1,2.0,30.5,80.0,0.1\n");
    assert_eq!((timm[0].val_acc, timm[0].lr, timm[0].epoch), (30.5, 0.1, 0));
    let fastai = points("epoch,train_loss,valid_loss,accuracy,time\n0,0.9,1.1,0.61,00:12\n");
    assert_eq!((fastai[0].val_acc, fastai[0].train_acc.is_nan()), (61.0, true));
    let other = points("Epoch;Train Loss;Validation Loss\n1;0.9;1.1\n2;nan;inf\n");
    assert_eq!((other[1].train_loss, other[1].val_loss), (f64::INFINITY, f64::INFINITY));
}

#[test]
fn what_is_no_log_is_refused_with_what_was_looked_for() {
    let message = |text: &str| format!("{:#}", read_text(text).unwrap_err());
    assert!(message("").contains("no epoch was found"));
    assert!(message("a poem\nabout epochs: none").contains("no epoch was found"));
    assert!(message("Epoch 1 train 0.9 val 1.0\nEpoch 2 train 0.8 val 0.9\n").contains("it names epochs, but no loss"));
    assert!(message("epoch,train_loss\n1,0.5\n").contains("no validation loss"));
    assert!(message("epoch,val_loss\n1,0.5\n").contains("no training loss"));
}
