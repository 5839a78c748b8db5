//! What consoles print between, below and beside the figures of an epoch.

use super::*;

fn gap(text: &str) -> f64 {
    let curves = read_text(text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    assert_eq!(curves.points.len(), 3, "{text}");
    (1e6 * curves.last().unwrap().gap()).round() / 1e6
}

/// Three epochs below each other, the last with losses of 1.0 and 1.25; `one` is given the epoch and both losses.
fn three(one: impl Fn(usize, f64, f64) -> String) -> String {
    [(1, 1.5, 1.6), (2, 1.2, 1.3), (3, 1.0, 1.25)].map(|(epoch, train, val)| one(epoch, train, val)).concat()
}

#[test]
fn an_evaluation_behind_what_a_callback_says_is_no_epochs() {
    let epochs = three(|e, t, v| format!("Epoch {e}/9\n5/5 [===] - 1s 9ms/step - loss: {t} - val_loss: {v}\n"));
    for said in [
        "Epoch 3: early stopping",
        "Epoch 00003: early stopping",
        "Epoch 3: val_loss did not improve from 1.1",
        "Epoch 3: val_loss improved from inf to 1.25, saving model to best.h5",
        "Epoch 3: saving model to w-03-1.25.hdf5",
        "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.0005.",
        "Epoch 2: early stopping",
    ] {
        assert_eq!(gap(&format!("{epochs}{said}\n4/4 [===] - 0s - loss: 7.5\n8/8 [===] - 0s - loss: 5.5\n")), 0.25);
    }
}

#[test]
fn a_line_of_figures_may_say_that_they_improved() {
    let text = three(|e, t, v| format!("Epoch {e}: train_loss={t} val_loss={v} (improved from 9.0, saving model)\n"));
    assert_eq!(gap(&text), 0.25);
}

#[test]
fn a_loss_for_each_batch_means_their_mean() {
    let lines: [fn(usize, usize, f64) -> String; 6] = [
        |e, b, loss| format!("Training Epoch: {e} [{b}/2]\tLoss: {loss}\n"),
        |e, b, loss| format!("Epoch [{e}/3], Step [{b}/2], Loss: {loss}\n"),
        |e, b, loss| format!("2026-01-01 08:00:00,123 - INFO - Epoch [{e}][{b}/2]\tlr: 1e-1, loss: {loss}\n"),
        |e, b, loss| format!("Epoch(train)  [{e}][ {b}/2]  lr: 1e-1  loss: {loss}\n"),
        |e, b, loss| format!("[{e},  {b}] loss: {loss}\n"),
        |e, b, loss| format!("{{'loss': {loss}, 'epoch': {}}}\n", e as f64 - 1.0 + 0.5 * b as f64),
    ];
    for (at, batch) in lines.iter().enumerate() {
        let text = three(|e, t, v| {
            let val =
                if at == 5 { format!("{{'eval_loss': {v}, 'epoch': {e}.0}}\n") } else { format!("val loss: {v}\n") };
            batch(e, 1, t + 0.3) + &batch(e, 2, t - 0.3) + &val
        });
        assert_eq!(gap(&text), 0.25, "{text}");
    }
    // The epoch's own figure, a running mean in brackets and a bar that is redrawn count as they stand.
    for text in [
        three(|e, t, v| {
            format!("Epoch {e} [1/2] loss: 9\nEpoch {e} [2/2] loss: 9\nEpoch {e} loss: {t} val_loss: {v}\n")
        }),
        three(|e, t, v| format!("Epoch: [{e}][1/2] Loss 9 (8)\nEpoch: [{e}][2/2] Loss 9 ({t})\nval loss: {v}\n")),
        three(|e, t, v| {
            format!(
                "Epoch {e}: 50%|# | 1/2 [00:01, loss=9]\rEpoch {e}: 100%|##| 2/2 [00:01, loss={t}]\nval loss: {v}\n"
            )
        }),
    ] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn the_number_of_a_test_batch_is_no_epoch() {
    let text = three(|e, t, v| {
        let e = e - 1;
        format!(
            "INFO Train: [{e}/3][0/5]\teta 0:11:01 lr 0.1\tloss 9 (9)\nINFO Train: [{e}/3][4/5]\tlr 0.1\tloss 9 ({t})\n\
             INFO EPOCH {e} training takes 0:08:00\nINFO Test: [0/9]\tTime 1 (1)\tLoss 9 (9)\nINFO Test: [8/9]\tLoss 9 ({v})\n"
        )
    });
    assert_eq!(gap(&text), 0.25);
}

#[test]
fn timms_running_means_are_those_of_the_last_line() {
    let text = three(|e, t, v| {
        format!(
            "Train: {e} [   0/101 (  0%)]  Loss: 2.65 (2.65)  LR: 5e-2\nTrain: {e} [ 100/101 (100%)]  Loss: 0.6 ({t})\n\
             Test: [   0/10]  Loss:   1.0 (3.0)\nTest: [  10/10]  Loss:   1.3 ({v})\n"
        )
    });
    assert_eq!(gap(&text), 0.25);
    // The weights that are trained are judged, not their average.
    let both = text.replace("Test: [  10/10]", "Test (EMA): [  10/10]  Loss: 5 (5)\nTest: [  10/10]");
    assert_eq!(gap(&both), 0.25);
    let after =
        three(|e, t, v| format!("Epoch {e}: train_loss={t}\n [Student] val loss: {v}\n [Teacher] val loss: 5\n"));
    assert_eq!(gap(&after), 0.25);
}

#[test]
fn of_two_val_sets_none_is_taken_without_a_word() {
    let text = three(|e, t, v| format!("Epoch {e}: train_loss={t}\nval (near) loss: {v}\nval (far) loss: 5\n"));
    let error = format!("{:#}", read_text(&text).unwrap_err());
    assert!(error.contains("`val_near_loss`") && error.contains("`val_far_loss`"), "{error}");
    let columns = Columns { val_loss: Some("val_near_loss".to_owned()), ..Columns::default() };
    let (curves, _) = read_with(&text, &LogOptions { columns, ..LogOptions::default() }).unwrap();
    assert_eq!(curves.last().unwrap().val_loss, 1.25);
}

#[test]
fn labels_on_lines_of_their_own_and_results() {
    let ignite = three(|e, t, v| {
        format!(
            "Training Results - Epoch: {e}  Avg loss: {t}\nValidation Results - Epoch: {e}  Avg accuracy: 0.5 Avg loss: {v}\n"
        )
    });
    let quickstart = three(|e, t, v| {
        format!(
            "Epoch {e}\n-----\nloss: {}  [   64/60000]\nloss: {}  [ 6464/60000]\nTest Error: \n Accuracy: 50.1%, Avg loss: {v} \n\n",
            t + 0.2,
            t - 0.2
        )
    });
    let lasagne =
        three(|e, t, v| format!("Epoch {e} of 3 took 1.2s\n  training loss:\t\t{t}\n  validation loss:\t\t{v}\n"));
    let settings = String::from("Namespace(loss='ce', lr=0.1)\n")
        + &three(|e, t, v| format!("Epoch {e}: train_loss={t}, val_loss={v}\n"));
    for text in [ignite, quickstart, lasagne, settings] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn a_notebook_is_what_it_printed() {
    let printed = three(|e, t, v| format!("Epoch {e}/3 - loss: {t} - val_loss: {v}\n"));
    let lines: Vec<String> = printed.lines().map(|line| format!("{line}\n")).collect();
    for text in [serde_json::json!(printed), serde_json::json!(lines)] {
        let cell = serde_json::json!({"cell_type": "code", "outputs": [{"output_type": "stream", "text": text}]});
        assert_eq!(gap(&serde_json::json!({"cells": [cell], "nbformat": 4}).to_string()), 0.25);
    }
}
