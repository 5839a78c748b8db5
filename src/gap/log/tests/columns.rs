//! Which column is which figure, and the messages where names do not say it.

use super::*;

fn judged(text: &str, columns: Columns) -> Result<(Curves, String)> {
    read_with(text, &LogOptions { columns, ..LogOptions::default() })
}

fn with(val_loss: &str) -> Columns {
    Columns { val_loss: Some(val_loss.to_owned()), ..Columns::default() }
}

#[test]
fn val_wins_over_test_and_test_is_noted() {
    let table = "epoch,train_loss,val_loss,test_loss,test_acc\n0,2.0,2.1,3.0,0.2\n1,1.0,1.5,2.5,0.3\n";
    let lines = "Epoch 1, Train Loss: 2.0, Test Loss: 3.0, Val Loss: 2.1\nEpoch 2, Train Loss: 1.0, Test Loss: 2.5, Val Loss: 1.5\n";
    for text in [table, lines] {
        let (curves, notes) = judged(text, Columns::default()).unwrap();
        assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9);
        assert!(notes.contains("test loss: 2.500"), "{notes}");
    }
    let (curves, notes) = judged("epoch,train_loss,test_loss\n0,2.0,3.0\n1,1.0,2.5\n", Columns::default()).unwrap();
    assert!((curves.last().unwrap().gap() - 1.5).abs() < 1e-9 && notes.contains("no longer a test"), "{notes}");
}

#[test]
fn unclear_names_are_refused_with_the_columns_listed() {
    let text = "epoch,train_loss,val_loss,valid_loss\n0,2.0,2.1,3.0\n1,1.0,1.5,2.5\n";
    let error = judged(text, Columns::default()).unwrap_err().to_string();
    for words in ["`val_loss` and `valid_loss`", "--val-loss COLUMN", "`train_loss`"] {
        assert!(error.contains(words), "`{words}` is not in {error}");
    }
    let (curves, _) = judged(text, with("valid_loss")).unwrap();
    assert!((curves.last().unwrap().gap() - 1.5).abs() < 1e-9);
    let error = judged(text, with("vloss")).unwrap_err().to_string();
    assert!(error.contains("--val-loss vloss") && error.contains("`valid_loss`"), "{error}");
    // Equal numbers are one figure.
    assert!(judged("epoch,train_loss,val_loss,valid_loss\n0,2,3,3\n1,1,2,2\n", Columns::default()).is_ok());
}

#[test]
fn columns_of_any_name_are_read_where_they_are_named() {
    let text = "nr;Fehler;Pruefung;Rate X\n1;2.0;2.2;0.1\n2;1.5;1.9;0.01\n";
    let error = judged(text, Columns::default()).unwrap_err().to_string();
    assert!(error.contains("`Fehler`") && error.contains("--train-loss COLUMN"), "{error}");
    let name = |name: &str| Some(name.to_owned());
    let columns = Columns {
        train_loss: name("Fehler"),
        val_loss: name("pruefung"),
        lr: name("Rate X"),
        epoch: name("nr"),
        val_acc: None,
    };
    let (curves, _) = judged(text, columns).unwrap();
    let last = curves.last().unwrap();
    assert_eq!((last.epoch, last.train_loss, last.val_loss, last.lr), (2, 1.5, 1.9, 0.01));
}

#[test]
fn shares_and_percentages_are_told_apart_by_the_column() {
    let text = "epoch,train_loss,val_loss,train_acc,val_acc\n0,2,2,0.5,0.9\n1,1,1,0.9,12.5\n2,1,1,1.0,40\n";
    let (curves, _) = judged(text, Columns::default()).unwrap();
    let last = curves.last().unwrap();
    assert_eq!((curves.points[0].val_acc, last.train_acc, last.val_acc), (0.9, 100.0, 40.0));
    let signed = "Epoch 1 train_loss: 2 val_loss: 2 val_acc: 0.4%\nEpoch 2 train_loss: 2 val_loss: 2 val_acc: 0.9%\n";
    assert_eq!(judged(signed, Columns::default()).unwrap().0.points[1].val_acc, 0.9);
}

#[test]
fn a_rate_row_before_its_epoch_is_that_epochs() {
    let head = "epoch,lr-SGD,step,train_loss,val_loss\n";
    let epoch =
        |at: u32, lr: f64| format!(",{lr},{},,\n{at},,{},,2.0\n{at},,{},1.0,\n", 10 * at, 10 * at + 9, 10 * at + 9);
    let text = format!("{head}{}{}{}", epoch(0, 0.1), epoch(1, 0.1), epoch(2, 0.01));
    let (curves, _) = judged(&text, Columns::default()).unwrap();
    assert_eq!(curves.points.iter().map(|point| point.lr).collect::<Vec<_>>(), [0.1, 0.1, 0.01]);
}

#[test]
fn a_list_of_names_is_no_table() {
    let text = "dict_keys(['loss', 'accuracy', 'val_loss', 'val_accuracy'])\nEpoch 1/2\nloss: 1.5 - val_loss: 1.6\nEpoch 2/2\n\
                loss: 1.2 - val_loss: 1.5\n";
    assert_eq!(judged(text, Columns::default()).unwrap().0.points.len(), 2);
    // Lines whose figures have names of their own are read where they are named.
    let columns = Columns { train_loss: Some("tl".into()), val_loss: Some("vl".into()), ..Columns::default() };
    let lines = "Epoch 1: tl 1.5, vl=1.6\nEpoch 2: tl 1.2, vl=1.5\n";
    let (curves, _) = judged(lines, columns).unwrap();
    assert!((curves.last().unwrap().gap() - 0.3).abs() < 1e-9);
}

#[test]
fn losses_of_other_tasks_are_no_classifiers() {
    let detector = "epoch,train/box_loss,train/cls_loss,val/box_loss,val/cls_loss\n1,1,2,3,4\n";
    let error = judged(detector, Columns::default()).unwrap_err().to_string();
    assert!(error.contains("`train/box_loss`"), "{error}");
    let error = judged("Epoch: 001, Loss: 1.8, Train: 0.7, Val: 0.5, Test: 0.4\n", Columns::default()).unwrap_err();
    assert!(error.to_string().contains("no validation loss"), "{error}");
}

#[test]
fn one_column_is_not_both_sides() {
    let error = judged("epoch,avg_loss,acc\n0,2.0,0.1\n1,1.0,0.2\n", with("avg_loss")).unwrap_err().to_string();
    assert!(error.contains("`avg_loss` cannot be both"), "{error}");
    let lines = "(1/2) tl=2.0 vl=2.1\n(2/2) tl=1.0 vl=1.5\n";
    let columns = Columns { train_loss: Some("tl".into()), ..with("vl") };
    assert_eq!(judged(lines, columns).unwrap().0.points.len(), 2);
}

#[test]
fn losses_that_cannot_be_told_apart_are_refused() {
    let error = judged("epoch,loss,acc,loss,acc\n0,2.0,0.1,2.1,0.1\n", Columns::default()).unwrap_err().to_string();
    assert!(error.contains("two of its columns have the name `loss`"), "{error}");
    let lists = "{\"train_loss\": [2.0, 1.9, 1.8, 1.7, 1.6], \"val_loss\": [2.1, 1.9]}";
    let error = judged(lists, Columns::default()).unwrap_err().to_string();
    assert!(error.contains("5 and 2 entries"), "{error}");
    // Of accuracies with one name none is read.
    let (curves, _) = judged("epoch,loss,val_loss,acc,acc\n0,2.0,2.1,0.1,0.9\n", Columns::default()).unwrap();
    assert!(curves.points[0].train_acc.is_nan() && curves.points[0].val_acc.is_nan());
}

#[test]
fn a_column_of_any_name_may_say_the_side() {
    let text = "epoch,which,loss\n0,train,2.0\n0,val,2.5\n1,train,1.0\n1,val,1.5\n";
    let (curves, _) = judged(text, Columns::default()).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9);
    // It does not where the names of the figures say it.
    let text = "epoch,loss,val_loss,saved by\n0,2.0,2.5,val\n1,1.0,1.5,val\n";
    let (curves, _) = judged(text, Columns::default()).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9);
}

#[test]
fn rows_that_are_models_are_no_epochs() {
    for head in [
        "model,train_loss,val_loss",
        "method,train_loss,val_loss",
        ",train_loss,val_loss",
        "Name,epoch,train_loss,val_loss",
    ] {
        let epochs = head.contains("epoch");
        let row = |name: &str, epoch: &str| {
            if epochs { format!("{name},{epoch},1.0,1.5\n") } else { format!("{name},1.0,1.5\n") }
        };
        let text = format!("{head}\n{}{}{}", row("small", "40"), row("large", "35"), row("huge", "50"));
        let error = judged(&text, Columns::default()).unwrap_err().to_string();
        assert!(error.contains("`small`, `large`"), "{head}: {error}");
    }
    // The weights of each epoch may have a name too, and a comparison may stand below the epochs.
    let named = "name,epoch,train_loss,val_loss\na.pt,0,2.0,2.5\nb.pt,1,1.0,1.5\n";
    let below = "Epoch 1: train_loss=2.0 val_loss=2.5\nEpoch 2: train_loss=1.0 val_loss=1.5\n\
                 | model | train_loss | val_loss |\n|---|---|---|\n| a | 5 | 6 |\n| b | 5 | 6 |\n| c | 5 | 6 |\n";
    for text in [named, below] {
        let (curves, _) = judged(text, Columns::default()).unwrap();
        assert!(curves.points.len() == 2 && (curves.last().unwrap().gap() - 0.5).abs() < 1e-9, "{text}");
    }
}

#[test]
fn columns_may_change_below_another_head() {
    let charts = "epoch,train_loss\n0,2.0\n1,1.0\n\nepoch,val_loss\n0,2.5\n1,1.5\n";
    let appended = "epoch,loss,val_loss\n0,9,9\n1,9,9\nepoch,accuracy,loss,val_loss\n0,0.1,2.0,2.5\n1,0.2,1.0,1.5\n";
    for text in [charts, appended] {
        let (curves, _) = judged(text, Columns::default()).unwrap();
        assert!(curves.points.len() == 2 && (curves.last().unwrap().gap() - 0.5).abs() < 1e-9, "{text}");
    }
}

#[test]
fn the_epoch_is_a_number_beside_other_words() {
    let text = "epoch,train_loss,val_loss\nEpoch 1/3,2.0,2.5\n2 (best),1.5,2.0\n*3,1.0,1.5\n";
    let (curves, _) = judged(text, Columns::default()).unwrap();
    assert_eq!(curves.points.iter().map(|point| point.epoch).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn training_counted_in_batches_and_val_in_epochs_are_put_together() {
    let train: String = (0..40).map(|batch| format!("{batch},{},\n", 2.0 - 0.01 * f64::from(batch))).collect();
    let val: String = (0..4).map(|epoch| format!("{epoch},,{}\n", 2.1 - 0.05 * f64::from(epoch))).collect();
    let (curves, notes) =
        read_with(&format!("step,train_loss,val_loss\n{train}{val}"), &LogOptions::default()).unwrap();
    let last = curves.last().unwrap();
    assert_eq!((curves.points.len(), last.epoch), (4, 3));
    assert!((last.val_loss - 1.95).abs() < 1e-9);
    // The mean of batches 30 to 39.
    assert!((last.train_loss - 1.655).abs() < 1e-9 && notes.contains("counts training in batches"), "{notes}");
}
