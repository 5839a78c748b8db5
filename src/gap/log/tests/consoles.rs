//! What consoles print between, below and beside the figures of an epoch.

use super::*;

pub(super) fn gap(text: &str) -> f64 {
    let curves = read_text(text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    assert_eq!(curves.points.len(), 3, "{text}");
    (1e6 * curves.last().unwrap().gap()).round() / 1e6
}

/// Three epochs below each other, the last with losses of 1.0 and 1.25; `one` is given the epoch and both losses.
pub(super) fn three(one: impl Fn(usize, f64, f64) -> String) -> String {
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
    for said in ["", "New best! ", "Best! ", "[BEST] ", "(best so far) "] {
        assert_eq!(
            gap(&three(|e, t, v| format!("Epoch {e}/3\n{said}train loss: {t} val loss: {v}\n"))),
            0.25,
            "{said}"
        );
    }
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

/// Three epochs on a line each, with both losses; `one` adds what a line says besides.
fn beside(one: impl Fn(usize, f64, f64) -> String) -> String {
    three(|e, t, v| format!("Epoch {e}/3 train_loss: {t} val_loss: {v}{}\n", one(e, t, v)))
}

/// Three epochs with their figures below them, and `end` below all.
fn below(end: &str) -> String {
    three(|e, t, v| format!("Epoch {e}/3\ntrain loss: {t}\nval loss: {v}\n")) + end
}

#[test]
fn decimal_commas_and_thousands() {
    let comma = |number: f64| number.to_string().replace('.', ",");
    assert_eq!(gap(&three(|e, t, v| format!("Epoch {e}/3 - loss: {} - val_loss: {}\n", comma(t), comma(v)))), 0.25);
    let thousands = three(|e, t, v| format!("Epoch {e}: train_loss: 1,00{t:.3} val_loss: 1,00{v:.3}\n"));
    assert_eq!(gap(&thousands), 0.25);
    let mixed = three(|e, t, v| format!("Epoch {e}: train_loss: {t:.1} val_loss: {}\n", comma(v)));
    assert!(format!("{:#}", read_text(&mixed).unwrap_err()).contains("decimal point"));
}

#[test]
fn other_figures_of_a_side_are_no_loss() {
    for other in [
        ", train error 0.7, val error 0.8",
        " val_metric=0.3",
        " | F1: train 0.3, val 0.4",
        " TIME train 12.3 valid 2.1",
        " | train 12.3 sec | val 2.1 sec",
        " aux val loss 0.1",
        ", age val loss 0.3, sex val loss 0.4",
        ", prev val loss 9.0",
        " class 0 val loss: 0.3",
        " (best val loss: 0.9)",
        " || Best | val loss 0.9",
        " | best: train_loss 0.1 val_loss 0.9",
        " (+0.125)",
        " (-0.125)",
        " run: 12.5 s",
        " (task 0.9 reg 0.1)",
        " -> saved at epoch 1",
    ] {
        assert_eq!(gap(&beside(|_, _, _| other.to_owned())), 0.25, "{other}");
        let kind_first = three(|e, t, v| format!("Epoch {e}: LOSS train {t} valid {v}{other}\n"));
        assert_eq!(gap(&kind_first), 0.25, "{other}");
    }
    let accuracies = three(|e, t, _| format!("Epoch: {e}, Train Loss: {t}, Train: 0.3, Val: 0.4, Test: 0.5\n"));
    assert!(format!("{:#}", read_text(&accuracies).unwrap_err()).contains("no validation loss"));
    let two = three(|e, t, _| format!("Epoch {e}: train loss {t}, age val loss 0.3, sex val loss 0.4\n"));
    assert!(format!("{:#}", read_text(&two).unwrap_err()).contains("`val_age_loss`"));
}

#[test]
fn of_two_numbers_the_mean_and_the_later_one_count() {
    for text in [
        three(|e, t, v| format!("Epoch {e} - train loss: 9 (avg {t}) - val loss: 9 (avg: {v})\n")),
        three(|e, t, v| format!("Epoch {e}\ntrain loss: {t}\nval loss: {v}\nval loss: 9.0 --> {v}, saving\n")),
        three(|e, t, v| format!("Epoch {e}: Loss (train): {t}, Loss (val): {v}\n")),
        three(|e, t, v| format!("Epoch {e}: train loss (CE): {t} | val loss (CE): {v} | val loss (best): 0.1\n")),
        three(|e, t, v| format!("Epoch {e} | train loss {t} | val loss {v}\nEpoch {e} | EMA model | val loss 9\n")),
        three(|e, t, v| format!("Epoch {e} | running loss 9 | train eval loss {t} | val loss {v}\n")),
    ] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn an_epoch_in_passing_is_not_the_lines() {
    for before in
        ["[BEST] ", "/home/me/Downloads/train.py:88 - ", "[dataloader 1.2s] ", "[total 1m 3s] ", "my restoration: "]
    {
        assert_eq!(
            gap(&three(|e, t, v| format!("{before}Epoch {e}/3 train_loss: {t} val_loss: {v}\n"))),
            0.25,
            "{before}"
        );
    }
    for aside in
        ["lr 0.1 (next drop at epoch 7)", "No improvement since epoch 1", "Best epoch: 1", "Weights reset at epoch 1"]
    {
        let text = three(|e, t, v| {
            format!("Epoch {e}\n{aside}\ntrain loss: {t}\n{aside}\nval loss: {v} (best: 0.9 @ epoch 1)\n")
        });
        assert_eq!(gap(&text), 0.25, "{aside}");
    }
}

#[test]
fn what_comes_after_the_last_epoch_changes_none() {
    for end in [
        "Final val loss: 0.1",
        "Reloaded weights with val loss 0.1",
        "Training finished.\nval loss: 0.1",
        "Final results: train loss 0.1, val loss 0.2",
        "wandb: Run summary:\nwandb: epoch 2\nwandb: train_loss 0.1\nwandb: val_loss 0.2",
        "Selected epoch 2: val_loss 1.3, test_loss 1.4",
        "Top checkpoints:\n  epoch 2 val_loss 1.3\n  epoch 3 val_loss 1.25",
        "Model saved: epoch 2, loss 1.2, val loss 1.3",
        "Early stop at epoch 3 with val loss 0.1",
        "Final evaluation at epoch 3: val loss 0.1",
        "Best so far:\n  epoch 2\n  val loss 0.1",
    ] {
        assert_eq!(gap(&below(end)), 0.25, "{end}");
        // Of two trainings in one log the second is judged; the first has its end too.
        assert_eq!(gap(&format!("{}\n{}", below(end), below(end))), 0.25, "{end}");
    }
    let stopped = beside(|_, _, _| String::new()) + "Epoch 2: train_loss: 1.2 val_loss: 1.3\n";
    assert_eq!(gap(&stopped), 0.25);
}

#[test]
fn val_may_be_measured_several_times_in_each_epoch() {
    let text = three(|e, t, v| format!("Epoch {e}/3\ntrain loss: 9\nval loss: 9\ntrain loss: {t}\nval loss: {v}\n"));
    assert_eq!(gap(&text), 0.25);
    let steps = three(|e, t, v| {
        format!(
            "Epoch {e}/3\nStep 50: train loss: {}\nval loss: 9\nStep 100: train loss: {}\nval loss: {v}\n",
            t + 0.5,
            t - 0.5
        )
    });
    assert_eq!(gap(&steps), 0.25);
    let lines = three(|e, t, v| {
        let line = |step: usize, t: f64, v: f64| format!("Epoch {e} Step {step}: train loss {t}, val loss {v}\n");
        line(50, t + 0.5, 9.0) + &line(100, t - 0.5, v)
    });
    assert_eq!(gap(&lines), 0.25);
}

#[test]
fn the_line_of_an_epoch_may_be_below_its_figures() {
    for text in [
        three(|e, t, v| format!("Training: loss {t}\nValidation: loss {v}\nEpoch {e} finished in 12.1s\n")),
        three(|e, t, v| {
            format!("train ({e}/3) loss: {t} | lr: 0.1\nvalid ({e}/3) loss: {v}\n* Epoch ({e}/3) lr: 0.1\n")
        }),
        three(|e, t, v| format!("train loss: {t}\nEpoch {e} val_loss: {v}\n")),
    ] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn a_test_loss_after_the_training_is_no_val_loss() {
    let text = three(|e, t, _| format!("Epoch {e}: train loss {t}\n")) + "Test loss: 1.4\n";
    assert!(format!("{:#}", read_text(&text).unwrap_err()).contains("no validation loss"));
}

#[test]
fn headings_and_bars_name_a_side() {
    for (train, val) in [
        ("Train", "Validation"),
        ("--- Train ---", "--- Validation ---"),
        ("Training...", "Evaluating..."),
        ("Training begins", "Eval begin..."),
    ] {
        let text = three(|e, t, v| format!("Epoch {e}\n{train}\n  loss: {t}\n{val}\n  loss: {v}\n"));
        assert_eq!(gap(&text), 0.25, "{train}");
    }
    for val in ["Evaluating", "Validating", "Validation DataLoader 0"] {
        let text = three(|e, t, v| {
            format!("Epoch {e}: 100%|##| 9/9 [00:01, loss={t}]\r{val}: 100%|##| 5/5 [00:00, loss={v}]\r")
        });
        assert_eq!(gap(&text), 0.25, "{val}");
    }
}

#[test]
fn a_bar_over_epochs_and_an_epoch_that_has_not_ended() {
    let outer =
        three(|e, t, v| format!("Epochs: {}%|##| {e}/200 [00:10<00:50, train_loss={t}, val_loss={v}]\r", e / 2));
    assert_eq!(gap(&outer), 0.25);
    let bars = three(|e, t, v| format!("Epoch {e}: 100%|##| 9/9 [00:01, train_loss={t}, val_loss={v}]\r"));
    assert_eq!(gap(&(bars + "Epoch 4: 50%|# | 4/9 [00:01, train_loss=0.5, val_loss=1.25]\r")), 0.25);
}

#[test]
fn batches_in_the_ways_in_which_they_are_counted() {
    for batch in
        ["(#/2)", ", #/2,", " | #/2 |", ", minibatch #:", " it #", " [#%]", " global_step=#", " - #/2 -", " (iters: #)"]
    {
        let text = three(|e, t, v| {
            let line = |number: &str, loss: f64| format!("Epoch {e}{} loss: {loss}\n", batch.replace('#', number));
            line("1", t + 0.3) + &line("2", t - 0.3) + &format!("val loss: {v}\n")
        });
        assert_eq!(gap(&text), 0.25, "{text}");
    }
    let monai = three(|e, t, v| {
        format!("epoch {e}/3\n1/2, train_loss: {}\n2/2, train_loss: {}\nepoch {e} val loss: {v}\n", t + 0.3, t - 0.3)
    });
    let done = three(|e, t, v| format!("epoch {e} - iter 1/2 - loss 9\nEPOCH {e} done: loss {t}\nDEV : loss {v}\n"));
    for text in [monai, done] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn loggers_and_full_width_punctuation() {
    for text in [
        three(|e, t, v| {
            format!("10:00:00 me INFO Epoch {e}\n10:00:00 me INFO loss: {t}\n10:00:01 me INFO val_loss: {v}\n")
        }),
        three(|e, t, v| format!("Epoch {e} finished: loss={t}, val_loss={v}\n")),
        three(|e, t, v| format!("Epoch：{e}，train_loss：{t}，val_loss：{v}\n")),
        three(|e, t, v| format!("Epoch: {e}   Train: (loss = {t}f0)   Test: (loss = {v}f0)\n")),
        three(|e, t, v| {
            format!("9 img/s Epoch: {e} train.loss : {t} 9 img/s val.loss : {v} 9 img/s val.top1 : 30 %\n")
        }),
    ] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn an_epoch_whose_bar_has_not_reached_its_end_is_left_out_with_a_note() {
    let epoch = |e, t, v| format!("Epoch {e}: 100%|##| 10/10 [00:01<00:00, 9it/s, train_loss={t}, val_loss={v}]\n");
    let begun = "Epoch 4: 40%|##| 4/10 [00:01<00:00, 9it/s, train_loss=0.7, val_loss=1.25]\n";
    let text = three(epoch) + begun;
    assert_eq!(gap(&text), 0.25);
    let (_, notes) = read_with(&text, &LogOptions::default()).unwrap();
    assert!(notes.contains("has not reached its end"), "{notes}");

    let keras = |e, t, v| format!("Epoch {e}/9\n40/40 [=====] - 1s 9ms/step - loss: {t} - val_loss: {v}\n");
    let begun = "Epoch 4/9\n 5/40 [>....] - ETA: 3s - loss: 0.9\r20/40 [==>..] - ETA: 2s - loss: 0.8";
    let (curves, notes) = read_with(&(three(keras) + begun), &LogOptions::default()).unwrap();
    assert_eq!(curves.points.len(), 3);
    assert!(notes.contains("has not reached its end"), "{notes}");
}

#[test]
fn the_figure_of_a_whole_epoch_counts_before_the_mean_of_its_batches() {
    let batches = |e| format!("Train Epoch: {e} [0/640 (0%)] Loss: 9.0\nTrain Epoch: {e} [320/640 (50%)] Loss: 8.0\n");
    let template = three(|e, t, v| batches(e) + &format!("    epoch : {e}\n    loss : {t}\n    val_loss : {v}\n"));
    let vae = three(|e, t, v| batches(e) + &format!("====> Epoch: {e} Average loss: {t}\n====> Test set loss: {v}\n"));
    let monai = three(|e, t, v| {
        format!("epoch {e}/3\n1/9, train_loss: 9.0\n2/9, train_loss: 8.0\nepoch {e} average loss: {t}\nval loss: {v}\n")
    });
    for text in [template, vae, monai] {
        assert_eq!((gap(&text), points(&text)[2].train_loss), (0.25, 1.0), "{text}");
    }
}

#[test]
fn the_weights_that_are_trained_are_judged_and_not_their_average() {
    for [average, own] in
        [["val[ema]:", "val[raw]:"], ["val_ema:", "val_raw:"], ["val(ema):", "val:"], ["val_ema:", "val:"]]
    {
        for order in [[average, own], [own, average]] {
            let text = three(|e, t, v| {
                let side = |label: &str| match label == own {
                    true => format!("{label} loss {v} acc 0.{e}1\n"),
                    false => format!("{label} loss 7.0 acc 0.99\n"),
                };
                format!("Epoch {e}\ntrain: loss {t}\n") + &order.map(side).concat()
            });
            assert_eq!((gap(&text), points(&text)[2].val_acc), (0.25, 31.0), "{text}");
        }
    }
}

#[test]
fn headings_hold_for_the_bar_below_them() {
    let text = three(|e, t, v| {
        let bar = |all, loss| {
            format!(
                "\rEpoch {e}/3: 50%|# | 1/{all} [00:01, loss=9.0]\rEpoch {e}/3: 100%|##| {all}/{all} [00:02, loss={loss}]\n"
            )
        };
        format!(
            "Start Train\n{}Finish Train\nStart Validation\n{}Finish Validation\nEpoch:{e}/3\n",
            bar(8, t),
            bar(2, v)
        )
    });
    assert_eq!((gap(&text), points(&text).len()), (0.25, 3), "{text}");
}

#[test]
fn a_list_of_all_folds_below_the_last_one_is_no_epochs() {
    let fold = |k| {
        format!("Training for fold {k} ...\n") + &three(|e, t, v| format!("Epoch {e}/3 - loss: {t} - val_loss: {v}\n"))
    };
    let list = "Score per fold\n> Fold 1 - Loss: 9.1 - Accuracy: 51.0%\n> Fold 2 - Loss: 9.2 - Accuracy: 52.0%\n> Loss: 9.15\n";
    assert_eq!(gap(&(fold(1) + &fold(2) + list)), 0.25);
}

#[test]
fn words_between_a_name_and_its_number_and_shares_behind_a_loss() {
    assert_eq!(gap(&three(|e, t, v| format!("epoch {e}: train loss is {t}, val loss was {v}\n"))), 0.25);
    assert_eq!(gap(&three(|e, t, v| format!("Epoch {e} Train BCE: {t} Val BCE: {v}\n"))), 0.25);
    let shares = three(|e, t, _| format!("Epoch {e}: train loss {t}, val {}0%\n", e + 2));
    assert!(format!("{:#}", read_text(&shares).unwrap_err()).contains("no validation loss"));
    let apart = "time,metric,value\n0,train_loss,1.5\n1,train_loss,1.2\n2,val_loss,1.6\n3,val_loss,1.4\n";
    assert!(read_text(apart).is_err());
}

#[test]
fn names_in_chinese_japanese_and_korean() {
    for text in [
        three(|e, t, v| format!("第 {e}/3 轮，训练损失：{t}，训练准确率：80%，验证损失：{v}，验证准确率：70%\n")),
        three(|e, t, v| {
            format!("轮次 {e}/3\n训练集 损失: {t} 准确率: 0.8\n验证集 损失: {v} 准确率: 0.7\n最佳验证准确率: 0.9\n")
        }),
        three(|e, t, v| format!("Epoch [{e}/3] 訓練損失: {t}, 驗證損失: {v}, 學習率: 0.1\n")),
        three(|e, t, v| format!("エポック {e}/3 | 訓練損失 {t} | 検証損失 {v} | 検証正解率 0.7\n")),
        three(|e, t, v| format!("에포크 {e}/3 - 훈련 손실: {t} - 검증 손실: {v}\n")),
        "轮次,训练损失,验证损失\n".to_owned() + &three(|e, t, v| format!("{e},{t},{v}\n")),
    ] {
        assert_eq!((gap(&text), points(&text).len()), (0.25, 3), "{text}");
    }
}

#[test]
fn remarks_between_training_and_validation_begin_no_epoch() {
    for remark in [
        "SWA starts at epoch 2",
        "Saving checkpoint epoch 1",
        "best: 'epoch=1-val_loss=9.9.ckpt'",
        "Learning rate decays at epochs 2, 3",
        "epochs: 100, lr: 0.1",
        "ETA 00:10:00 (epoch 100)",
    ] {
        let epoch = |e, t, v| format!("Epoch {e}/100\ntrain loss: {t}\n{remark}\nval loss: {v}\n");
        let text = three(epoch);
        assert_eq!((gap(&text), points(&text).len()), (0.25, 3), "{remark}");
    }
}

#[test]
fn epochs_that_no_word_names() {
    let steps = three(|at, train, val| format!("step {}: train loss {train}, val loss {val}\n", 100 * at));
    for text in [
        steps.clone(),
        steps + "Final train loss 0.1, final val loss 5.0\n",
        three(|at, train, val| {
            let bar = |at: usize| {
                format!("\rTraining: {}%|#  | {at}/3 [00:01<00:02, train_loss={train}, val_loss={val}]", 33 * at)
            };
            bar(at - 1) + &bar(at)
        }),
    ] {
        assert_eq!(gap(&text), 0.25, "{text}");
    }
}

#[test]
fn a_block_of_lines_for_each_epoch_may_be_sorted_by_name() {
    for (first, other, end, of) in [("", "", "\n", ": "), ("- ", "  ", "", ": "), ("", "", "---\n", " = ")] {
        let text = three(|epoch, train, val| {
            let acc = 10 * epoch;
            format!(
                "{first}acc{of}{acc}%\n{other}epoch{of}{epoch}\n{other}loss{of}{train}\n{other}val_loss{of}{val}\n{end}"
            )
        });
        assert_eq!((gap(&text), points(&text)[0].train_acc), (0.25, 10.0), "{text}");
    }
    let objects = three(|epoch, train, val| {
        format!("{{\n  \"acc\": 0.{epoch},\n  \"epoch\": {epoch},\n  \"loss\": {train},\n  \"val_loss\": {val}\n}}\n")
    });
    assert_eq!((gap(&objects), points(&objects)[0].train_acc), (0.25, 10.0));
}
