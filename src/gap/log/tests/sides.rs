//! How lines say which images their figures are about, and how evaluations close.

use super::{
    consoles::{gap, three},
    *,
};

#[test]
fn the_figures_over_all_processes_are_those_of_an_evaluation() {
    for (label, star) in [("Test: ", "* Acc@1 75.5 Acc@5 92.3 loss"), ("val: ", "INFO  * Prec@1 75.5 Prec@5 92.3 loss")]
    {
        let text = three(|e, t, v| {
            format!(
                "Epoch: [{e}]  [0/2]  eta: 0:01:00  lr: 0.1  loss: 6.9 (6.9)  time: 1.0\n\
                 Epoch: [{e}]  [1/2]  eta: 0:00:00  lr: 0.1  loss: 2.0 (2.1)  time: 1.0\n\
                 Averaged stats: lr: 0.1  loss: 2.0 ({t})\n\
                 {label} [0/2]  eta: 0:00:10  loss: 6.1 (6.1)  acc1: 1.6 (1.6)\n\
                 {label} [1/2]  eta: 0:00:00  loss: 6.2 (6.3)  acc1: 1.6 (1.7)\n\
                 {star} {v}\nAccuracy of the model on the 5000 test images: 75.5%\n"
            )
        });
        assert_eq!(gap(&text), 0.25, "{label}");
        assert_eq!(read_text(&text).unwrap().last().unwrap().val_acc, 75.5);
    }
}

#[test]
fn two_epochs_with_the_same_loss_are_two() {
    let bar = |e: usize, t: f64| format!("Train Epoch {e}: 100%|###| 30/30 [00:04<00:00,  7.2it/s, Loss={t}]\n");
    let val = "Validate: 100%|###| 8/8 [00:00<00:00, 19.1it/s, Val Loss=1.25]\n";
    let text =
        [bar(0, 1.5), val.into(), bar(1, 1.2), bar(2, 1.2), val.into(), bar(3, 1.1), bar(4, 1.0), val.into()].concat();
    let epochs: Vec<u32> = points(&text).iter().map(|point| point.epoch).collect();
    assert_eq!(epochs, [0, 1, 2, 3, 4]);
}

#[test]
fn sides_are_named_in_many_ways() {
    let forms: [fn(usize, f64, f64) -> String; 7] = [
        |e, t, v| format!("[train] epoch: {e}/3, loss: {t}\n[test] epoch: {e}/3\n- total loss: {v}\n- Accuracy: 0.5\n"),
        |e, t, v| format!("Train Epoch: {e}/3\nloss: {t}\nTest Epoch: {e}/3\nloss: {v}\n"),
        |e, t, v| {
            format!(
                "Epoch {e} ====\ntrain took 25.95 sec | loss = {t} | acc = 51\nvalid took 4.19 sec | loss = {v} | acc = 50\n"
            )
        },
        |e, t, v| format!("TRAIN in epoch {e} , step 0, loss = {t}\nTEST in epoch{e}, loss = {v}, acc = 44.1%\n"),
        |e, t, v| format!("Training in epoch {e}, loss = {t}\nTesting in epoch {e}, loss = {v}\n"),
        |e, t, v| {
            format!(
                "Epoch [{e}]/[9]\tTraining Phase Loss: {t}\tAcc: 0.5\nEpoch [{e}]/[9]\tValidation Phase Loss: {v}\tAcc: 0.4\n"
            )
        },
        |e, t, v| {
            format!(
                "***Epoch: 00{e}/003 | Train. Acc.: 32.4% | Loss: {t}\n***Epoch: 00{e}/003 | Valid. Acc.: 33.3% | Loss: {v}\n"
            )
        },
    ];
    for form in forms {
        assert_eq!(gap(&three(form)), 0.25);
    }
    let last = points(&three(forms[6]))[2];
    assert_eq!((last.train_acc, last.val_acc), (32.4, 33.3));
}

#[test]
fn an_evaluation_alone_has_no_training_loss() {
    for below in ["   Test Loss           : 0.6863\n   Test Accuracy       : 84.53%\n", "Test loss: 0.6863\n"] {
        let text = format!("395/395 [======] - 19s 48ms/step - loss: 0.6863 - accuracy: 0.8453\n{below}");
        let error = read_text(&text).err().unwrap().to_string();
        assert!(error.contains("no training loss"), "{error}");
    }
}
