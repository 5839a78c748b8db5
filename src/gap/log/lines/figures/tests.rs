//! Figures in single lines.

use super::*;

fn of(line: &str) -> Vec<(String, f64)> {
    let mut table = Table::new(&[]);
    let epoch = epoch::find(line);
    let setting = Setting { epoch: epoch.as_ref(), side: None, mark: Mark::Point };
    let found = find(line, &setting, &mut table, &mut Known::default()).unwrap();
    let pair = |figure: Figure| (table.columns[figure.column as usize].clone(), figure.cell.number().unwrap());
    found.into_iter().map(pair).collect()
}

fn pairs(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn a_side_holds_for_the_names_behind_it() {
    let both = pairs(&[("train_loss", 0.5), ("train_acc", 0.8), ("val_loss", 0.7), ("val_acc", 0.6)]);
    for line in [
        "Epoch 3 | Train Loss: 0.5 | Acc: 0.8 | Val Loss: 0.7 | Acc: 0.8",
        "Epoch 3 - Train: loss 0.5, acc 0.8; Val: loss 0.7, acc 0.6",
        "[Train] Loss: 0.5 Acc: 0.8 [Val] Loss: 0.7 Acc: 0.6",
    ] {
        let names: Vec<String> = of(line).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, both.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), "{line}");
    }
    assert_eq!(of("val Loss: 0.7 Acc: 0.6"), both[2..]);
    assert_eq!(of("Epoch 3 | Train loss (acc): 0.5 (0.8) | Val loss (acc): 0.7 (0.6)"), both);
    assert_eq!(of("LOSS train 0.5 valid 0.7"), pairs(&[("loss_train", 0.5), ("val_loss", 0.7)]));
    assert_eq!(of("val_loss=0.7, loss=0.5"), pairs(&[("val_loss", 0.7), ("loss", 0.5)]));
    let all = pairs(&[("loss", 0.5), ("val_loss", 0.7), ("acc", 0.8), ("val_acc", 0.6)]);
    assert_eq!(of("Loss: 0.5 | Val Loss: 0.7 | Acc: 0.8 | Val Acc: 0.6"), all);
}

#[test]
fn prose_summaries_and_other_losses_are_none() {
    for line in [
        "While loss: high, it was fine",
        "the loss is 0.743",
        "loss of unknown: 0.743",
        "best val loss: 0.3",
        "regularization loss: 0.1",
        "val_loss improved from 0.9 to 0.8",
        "Best val Acc: 0.95",
        "10/10 - 12ms/step",
    ] {
        assert_eq!(of(line), [], "{line}");
    }
}

#[test]
fn means_fractions_and_log_levels() {
    assert_eq!(of("Epoch: [0][10/50]\tLoss 6.9 (6.5)\tAcc@1 1.5 (2.5)"), pairs(&[("loss", 6.5), ("acc@1", 2.5)]));
    assert_eq!(
        of("Test set: Average loss: 0.05, Accuracy: 98/100 (98%)"),
        pairs(&[("test_set_average_loss", 0.05), ("test_accuracy", 98.0)])
    );
    assert_eq!(of("INFO Training loss 0.5"), pairs(&[("training_loss", 0.5)]));
    assert_eq!(of("Training loss for epoch 3: 0.5"), pairs(&[("training_loss", 0.5)]));
    assert_eq!(of("Val loss at epoch 3 = 0.5"), pairs(&[("val_loss", 0.5)]));
    for accuracy in ["3302 / 10000 (33.02%)", "3302 of 10000 (33.02%)", "3302/10000"] {
        assert_eq!(of(&format!("val accuracy: {accuracy}")), pairs(&[("val_accuracy", 33.02)]));
    }
    assert_eq!(
        of("val loss: tensor([0.5]), acc: Array(0.25, dtype=float32)"),
        pairs(&[("val_loss", 0.5), ("val_acc", 0.25)])
    );
    assert_eq!(of("Saved epoch=3-val_loss=1.4.ckpt"), []);
}
