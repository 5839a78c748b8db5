//! One training in the forms in which trainers log it: twelve epochs, a gap of 0.5 nats after the last.

use std::collections::BTreeMap;

use super::*;

const EPOCHS: usize = 12;

fn train(at: usize) -> f64 {
    2.0 - 0.15 * at as f64
}

fn val(at: usize) -> f64 {
    train(at) + 0.5 * (at + 1) as f64 / EPOCHS as f64
}

/// A share.
fn acc(at: usize) -> f64 {
    0.3 + 0.05 * at as f64
}

/// The texts of all epochs below each other; `one` is given the epoch, from 0, and its figures.
fn all(one: impl Fn(usize, f64, f64, f64) -> String) -> String {
    (0..EPOCHS).map(|at| one(at, train(at), val(at), acc(at))).collect()
}

/// The texts of all epochs below each other; `one` is given the epoch, from 1, and its figures, accuracy in percent.
fn counted(one: impl Fn(usize, f64, f64, f64) -> String) -> String {
    all(|e, t, v, a| one(e + 1, t, v, 100.0 * a))
}

fn headed(head: &str, one: impl Fn(usize, f64, f64, f64) -> String) -> String {
    format!("{head}\n{}", all(one))
}

fn console() -> Vec<(&'static str, String)> {
    vec![
        (
            "PyTorch's tutorial",
            all(|e, t, v, a| {
                format!("Epoch {e}/11\n----------\ntrain Loss: {t:.4} Acc: {a:.4}\nval Loss: {v:.4} Acc: {a:.4}\n\n")
            }) + "Training complete in 1m 7s\nBest val Acc: 0.990000\n",
        ),
        (
            "two lines an epoch",
            counted(|e, t, v, a| {
                format!(
                    "Epoch [{e}/12] Train Loss: {t:.4} | Train Acc: {a:.2}%\nEpoch [{e}/12] Val Loss: {v:.4} | Val Acc: {a:.2}%\n"
                )
            }),
        ),
        ("no colons", counted(|e, t, v, _| format!("Epoch {e}, Training loss {t:.4}, Validation loss {v:.4}\n"))),
        (
            "labels",
            all(|e, t, v, a| format!("[Epoch {e}] Train - loss: {t:.4}, acc: {a}; Valid - loss: {v:.4}, acc: {a}\n")),
        ),
        ("kind first", counted(|e, t, v, _| format!("EPOCH {e}:\n  batch 1000 loss: 9.9\nLOSS train {t} valid {v}\n"))),
        (
            "saved where better",
            counted(|e, t, v, _| {
                format!(
                    "Epoch {e} \tTraining Loss: {t:.6} \tValidation Loss: {v:.6}\nValidation loss decreased (9.0 --> {v:.6}).  Saving model ...\n"
                )
            }) + "Early stopping at epoch 12\nBest epoch: 3, best val loss: 0.1\n",
        ),
        (
            "Keras with bars",
            all(|e, t, v, a| {
                let begun = format!("\r1/10 [=>....] - ETA: 0s - loss: 9.0000 - accuracy: {a:.4}");
                format!(
                    "Epoch {}/12\n{begun}\r10/10 [====] - 1s 12ms/step - loss: {t:.4} - accuracy: {a:.4} - val_loss: {v:.4} - val_accuracy: {a:.4}\n",
                    e + 1
                )
            }) + "32/32 [====] - 0s 2ms/step - loss: 2.4000 - accuracy: 0.2000\n",
        ),
        (
            "a bar that is redrawn",
            all(|e, t, v, _| {
                format!("Epoch {e}: 100%|##| 9/9 [00:01<00:00, 9.9it/s, v_num=0, train_loss={t:.4}, val_loss={v:.4}]\r")
            }),
        ),
        (
            "bars of two sides",
            counted(|e, t, v, _| {
                format!(
                    "Epoch {e}/12 [Train]: 100%|##| 9/9 [00:01<00:00, loss={t:.4}]\rEpoch {e}/12 [Val]: 100%|##| 9/9 [00:01<00:00, loss={v:.4}]\r"
                )
            }),
        ),
        (
            "PyTorch's MNIST",
            counted(|e, t, v, a| {
                let first = format!("Train Epoch: {e} [0/60000 (0%)]\tLoss: {:.6}\n", t + 0.2);
                let last = format!("Train Epoch: {e} [30000/60000 (50%)]\tLoss: {:.6}\n", t - 0.2);
                let right = 100.0 * a;
                format!("{first}{last}\nTest set: Average loss: {v:.4}, Accuracy: {right:.0}/10000 ({a:.0}%)\n\n")
            }),
        ),
        (
            "PyTorch's ImageNet",
            counted(|e, t, v, a| {
                format!(
                    "Epoch: [{}][199/200]\tTime  0.5 ( 0.6)\tLoss 9.9e+00 ({t:.4e})\tAcc@1  {a:.2} ({a:.2})\nTest: [49/50]\tLoss 9.9e+00 ({v:.4e})\tAcc@1 1.0 ({a:.2})\n *   Acc@1 {a:.3} Acc@5 89.0\n",
                    e - 1
                )
            }),
        ),
        (
            "timm's console",
            all(|e, t, v, _| {
                format!(
                    "Train: {e} [1250/1251 (100%)]  Loss: 9.9 ({t:.3})  Time: 1.2s  LR: 1.0e-3\nTest: [  48/48]  Time: 1.0 (1.0)  Loss:  9.9 ({v:.3})  Acc@1: 10.0 ( 10.0)\n"
                )
            }) + "*** Best metric: 99 (epoch 3)\n",
        ),
        (
            "transformers' console",
            String::from("  Num Epochs = 12\n")
                + &all(|e, t, v, a| {
                    let e = e + 1;
                    format!(
                        "{{'loss': {t:.4}, 'learning_rate': 4.5e-05, 'epoch': {e}.0}}\n{{'eval_loss': {v:.4}, 'eval_accuracy': {a:.3}, 'epoch': {e}.0}}\n"
                    )
                })
                + "{'train_runtime': 120.5, 'train_loss': 1.2, 'epoch': 12.0}\n{'eval_loss': 0.1, 'eval_accuracy': 0.9, 'epoch': 12.0}\n",
        ),
        (
            "OpenMMLab's console",
            counted(|e, t, v, _| {
                format!(
                    "2023/01/01 10:00:00 - mmengine - INFO - Epoch(train)  [{e}][100/100]  lr: 1.0e-01  time: 0.1  loss: {t:.4}\n2023/01/01 - mmengine - INFO - Epoch(val) [{e}][10/10]    loss: {v:.4}  accuracy/top1: 70.0\n"
                )
            }),
        ),
        (
            "a script that ends with a summary",
            counted(|e, t, v, _| format!("Epoch {e}/12 | Train Loss: {t:.4} | Val Loss: {v:.4}\n"))
                + "Loading best weights\nFinal evaluation | Train Loss: 0.9000 | Test Loss: 2.4000\n",
        ),
        (
            "figures below each epoch, and a summary",
            counted(|e, t, v, _| format!("Epoch {e}/12\nTrain Loss: {t:.4}\nVal Loss: {v:.4}\n"))
                + "Done.\nTrain Loss: 0.9 Test Loss: 2.4\n",
        ),
        (
            "no epochs named",
            all(|_, t, v, a| format!("train loss: {t:.4} acc: {a:.3}\nval loss: {v:.4} acc: {a:.3}\n")),
        ),
        (
            "tensors",
            all(|e, t, v, _| {
                format!("Epoch {e}: train_loss=tensor({t:.4}, device='cuda:0', grad_fn=<X>) val_loss=tensor({v:.4})\n")
            }),
        ),
    ]
}

fn tables() -> Vec<(&'static str, String)> {
    vec![
        (
            "val beside test",
            headed("epoch,train_loss,train_acc,val_loss,val_acc,test_loss,test_acc", |e, t, v, a| {
                format!("{e},{t},{a},{v},{a},{},0.1\n", v + 1.0)
            }),
        ),
        (
            "fastai",
            headed("epoch     train_loss  valid_loss  accuracy  time    ", |e, t, v, a| {
                format!("{e:<9} {t:.6}    {v:.6}    {a:.6}  00:12     \n")
            }),
        ),
        (
            "a model card",
            headed(
                "| Training Loss | Epoch | Step | Validation Loss | Accuracy |\n|:---:|:---:|:---:|:---:|:---:|",
                |e, t, v, a| format!("| {t:.4} | {}.0 | {} | {v:.4} | {a:.4} |\n", e + 1, 100 * (e + 1)),
            ),
        ),
        (
            "Markdown in prose",
            format!(
                "Some words, and then:\n\n{}\nMore words.\n",
                headed("| epoch | train loss | val loss |\n|---|---|---|", |e, t, v, _| format!(
                    "| {e} | {t} | {v} |\n"
                ))
            ),
        ),
        (
            "drawn lines",
            headed(
                "┏━━━┳━━━┓\n┃ Epoch ┃ Train Loss ┃ Val Loss ┃\n┡━━━╇━━━┩",
                |e, t, v, _| format!("│ {e} │ {t:.4} │ {v:.4} │\n"),
            ),
        ),
        (
            "transformers' history",
            headed("loss,learning_rate,epoch,step,eval_loss,eval_accuracy,train_loss", |e, t, v, a| {
                let end = e + 1;
                let first = format!("{},1e-4,{e}.5,{},,,\n", t + 0.1, 100 * e + 50);
                let second = format!("{},1e-4,{end}.0,{end}00,,,\n", t - 0.1);
                format!("{first}{second},,{end}.0,{end}00,{v},{a},\n")
            }) + ",,12.0,1200,,,1.1\n,,12.0,1200,0.1,0.9,\n",
        ),
        (
            "Ultralytics",
            headed(
                "  epoch,   train/loss, metrics/accuracy_top1, metrics/accuracy_top5,  val/loss,  lr/pg0,  lr/pg1",
                |e, t, v, a| format!("  {e},  {t},  {a},  1,  {v},  0.01,  0.02\n"),
            ),
        ),
        (
            "Weights & Biases",
            headed(
                "\"Step\",\"sunny-1 - train_loss\",\"sunny-1 - train_loss__MIN\",\"sunny-1 - val_loss\",\"sunny-1 - val_loss__MAX\"",
                |e, t, v, _| format!("\"{e}\",\"{t}\",\"{t}\",\"{v}\",\"{v}\"\n"),
            ),
        ),
        (
            "MLflow",
            headed("run_id,key,value,step,timestamp", |e, t, v, _| {
                format!("abc,train_loss,{t},{e},17\nabc,val_loss,{v},{e},17\n")
            }),
        ),
        ("tags", headed("epoch,Loss/train,Loss/val", |e, t, v, _| format!("{e},{t},{v}\n"))),
        ("camel case", headed("epoch,trainLoss,valLoss", |e, t, v, _| format!("{e},{t},{v}\n"))),
        (
            "decimal commas",
            headed("epoch;train_loss;val_loss", |e, t, v, _| format!("{e};{t:.4};{v:.4}\n").replace('.', ",")),
        ),
        (
            "newest first",
            headed("epoch,train_loss,val_loss", |e, _, _, _| {
                let at = EPOCHS - 1 - e;
                format!("{at},{},{}\n", train(at), val(at))
            }),
        ),
        (
            "one block a side",
            headed("epoch,train_loss,val_loss", |e, t, _, _| format!("{e},{t},\n"))
                + &all(|e, _, v, _| format!("{e},,{v}\n")),
        ),
        (
            "one row a side",
            headed("epoch,phase,loss,acc", |e, t, v, a| format!("{e},train,{t},{a}\n{e},val,{v},{a}\n")),
        ),
        (
            "a row of means",
            headed("epoch,train_loss,val_loss", |e, t, v, _| format!("{e},{t},{v}\n")) + "mean,1.0,9.0\n",
        ),
        ("no epochs", headed("train_loss,val_loss", |_, t, v, _| format!("{t},{v}\n"))),
        (
            "a test after all",
            headed("epoch,step,train_loss,val_loss,test_loss", |e, t, v, _| {
                format!("{e},{},,{v},\n{e},{},{t},,\n", 10 * e + 9, 10 * e + 9)
            }) + "12,120,,,3.0\n",
        ),
    ]
}

fn documents() -> Vec<(&'static str, String)> {
    let list = |value: fn(usize) -> f64| format!("{:?}", (0..EPOCHS).map(value).collect::<Vec<_>>());
    let (trains, vals, accs) = (list(train), list(val), list(acc));
    let history = all(|e, t, v, a| {
        let comma = if e == 0 { "" } else { "," };
        let e = e + 1;
        format!(
            "{comma}{{\"epoch\": {e}.0, \"loss\": {t}, \"step\": {e}}},{{\"epoch\": {e}.0, \"eval_loss\": {v}, \"eval_accuracy\": {a}, \"step\": {e}}}"
        )
    });
    vec![
        (
            "Keras' history",
            format!("{{\"loss\": {trains}, \"accuracy\": {accs}, \"val_loss\": {vals}, \"val_accuracy\": {accs}}}"),
        ),
        ("Keras' history, printed", format!("{{'loss': {trains}, 'val_loss': {vals}}}\n")),
        ("lists", format!("train_losses = {trains}\nval_losses = {vals}\n")),
        ("transformers' state", format!("{{\"best_metric\": null, \"epoch\": 12.0, \"log_history\": [{history}]}}")),
        (
            "objects in objects",
            format!(
                "[{}]",
                all(|e, t, v, a| format!(
                    "{}{{\"epoch\": {e}, \"train\": {{\"loss\": {t}, \"acc\": {a}}}, \"val\": {{\"loss\": {v}, \"acc\": {a}}}}}",
                    if e == 0 { "" } else { "," }
                ))
            ),
        ),
        (
            "DeiT, MAE, ConvNeXt",
            all(|e, t, v, a| {
                format!(
                    "{{\"train_lr\": 0.001, \"train_loss\": {t}, \"test_loss\": {v}, \"test_acc1\": {}, \"epoch\": {e}, \"n_parameters\": 86000000}}\n",
                    100.0 * a
                )
            }),
        ),
        (
            "OpenMMLab's lines, old",
            String::from("{\"env_info\": \"linux\"}\n")
                + &counted(|e, t, v, a| {
                    format!(
                        "{{\"mode\": \"train\", \"epoch\": {e}, \"iter\": 100, \"lr\": 0.1, \"loss\": {t}}}\n{{\"mode\": \"val\", \"epoch\": {e}, \"iter\": 50, \"lr\": 0.1, \"loss\": {v}, \"accuracy_top-1\": {a}}}\n"
                    )
                }),
        ),
        (
            "OpenMMLab's lines, new",
            counted(|e, t, v, a| {
                format!(
                    "{{\"lr\": 0.1, \"loss\": {t}, \"epoch\": {e}, \"iter\": {e}00, \"step\": {e}00}}\n{{\"accuracy/top1\": {a}, \"loss\": {v}, \"step\": {e}}}\n"
                )
            }),
        ),
        (
            "mindgap's own lines",
            counted(|e, t, v, a| {
                format!(
                    "{{\"epoch\":{e},\"lr\":0.1,\"batch_loss\":9.9,\"probe_loss\":{t},\"probe_acc\":{a},\"val_loss\":{v},\"val_acc\":{a},\"gap_loss\":0.1,\"val_half_losses\":[1,2]}}\n"
                )
            }),
        ),
    ]
}

/// All forms by name.
fn forms() -> BTreeMap<&'static str, String> {
    console().into_iter().chain(tables()).chain(documents()).collect()
}

#[test]
fn every_form_tells_the_same_training() {
    let mut wrong = Vec::new();
    for (name, text) in forms() {
        match read_text(&text) {
            Ok(curves) => {
                let gap = curves.last().map_or(f64::NAN, LossPoint::gap);
                if curves.points.len() != EPOCHS || (gap - 0.5).abs() > 2e-3 {
                    wrong.push(format!("{name}: {} epochs, gap {gap}", curves.points.len()));
                }
            }
            Err(error) => wrong.push(format!("{name}: {error:#}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn accuracies_belong_to_the_side_that_the_form_means() {
    let mut known = BTreeMap::new();
    for (name, text) in forms() {
        let last = *points(&text).last().unwrap();
        known.insert(name, (last.train_acc.is_finite(), last.val_acc.is_finite()));
        let is_right = |accuracy: f64| accuracy.is_nan() || (accuracy - 85.0).abs() < 1e-6 || accuracy == 70.0;
        // The console of timm was made up with a constant.
        if name != "timm's console" {
            assert!(is_right(last.train_acc) && is_right(last.val_acc), "{name}: {} {}", last.train_acc, last.val_acc);
        }
    }
    for name in ["fastai", "a model card", "Ultralytics", "transformers' state", "DeiT, MAE, ConvNeXt"] {
        assert_eq!(known[name], (false, true), "{name}");
    }
    for name in ["PyTorch's tutorial", "Keras' history", "labels", "one row a side", "no epochs named"] {
        assert_eq!(known[name], (true, true), "{name}");
    }
}
