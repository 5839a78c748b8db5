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

/// Text of the epoch that comes at place `at` in a table whose epochs are not in order.
fn shuffled(at: usize, one: impl Fn(usize, f64, f64) -> String) -> String {
    let epoch = 5 * at % EPOCHS;
    one(epoch, train(epoch), val(epoch))
}

fn headed(head: &str, one: impl Fn(usize, f64, f64, f64) -> String) -> String {
    format!("{head}\n{}", all(one))
}

/// A table with a row for each figure; `name` is the head of an epoch's column.
fn sideways(head: &str, name: impl Fn(usize) -> String) -> String {
    let row = |first: &str, cell: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = (0..EPOCHS).map(cell).collect();
        format!("{first},{}\n", cells.join(","))
    };
    row(head, &name)
        + &row("train_loss", &|e| train(e).to_string())
        + &row("val_loss", &|e| val(e).to_string())
        + &row("val_acc", &|e| acc(e).to_string())
}

/// The training run above the validation run; `one` is given the run, the epoch, and its figures.
fn by_run(head: &str, one: impl Fn(&str, usize, f64, f64) -> String) -> String {
    format!("{head}\n{}{}", all(|e, t, _, a| one("train", e, t, a)), all(|e, _, v, a| one("validation", e, v, a)))
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
        (
            "the time of an epoch between its figures",
            counted(|e, t, v, _| {
                format!("Epoch {e}/12\ntrain loss: {t:.4}\nTime taken for 1 epoch 12.3 sec\nval loss: {v:.4}\n")
            }),
        ),
        (
            "a scheduler's remark on the epoch before",
            counted(|e, t, v, _| {
                let before = e - 1;
                format!(
                    "Epoch {e}/12\ntrain loss: {t:.4}\nEpoch {before:05}: reducing learning rate of group 0 to 1.0000e-03.\nval loss: {v:.4}\n"
                )
            }),
        ),
        (
            "another epoch in passing",
            counted(|e, t, v, _| {
                format!("Epoch {e}/12\ntrain loss: {t:.4}\nmixup is off after epoch 6\nval loss: {v:.4}\n")
            }),
        ),
        (
            "a bar over epochs that is drawn before and after its count grows",
            counted(|e, t, v, _| {
                [e - 1, e]
                    .map(|n| {
                        format!(
                            "\rEpochs:  {}%|█  | {n}/12 [00:20<02:20, 20s/it, train_loss={t:.4}, val_loss={v:.4}]",
                            100 * n / 12
                        )
                    })
                    .concat()
            }) + "\n",
        ),
        (
            "mpirun",
            counted(|e, t, v, _| {
                format!(
                    "[1,0]<stdout>:Epoch {e}/12\n[1,0]<stdout>:train loss: {t:.4}\n[1,0]<stdout>:val loss: {v:.4}\n"
                )
            }),
        ),
        (
            "loguru",
            counted(|e, t, v, _| {
                format!(
                    "INFO | engine:train_epoch:42 - Epoch {e}: train loss: {t:.4}\nINFO | engine:val_epoch:57 - Epoch {e}: val loss: {v:.4}\n"
                )
            }),
        ),
        (
            "accuracies before losses",
            counted(|e, t, v, a| {
                format!("Epoch {e}/12 - Acc: {a:.2}% | Val Acc: {a:.2}% | Loss: {t:.4} | Val Loss: {v:.4}\n")
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
            "polars",
            format!(
                "┌───────┬────────────┬──────────┐\n{}└───────┴────────────┴──────────┘\n",
                headed(
                    "│ epoch ┆ train_loss ┆ val_loss │\n│ ---   ┆ ---        ┆ ---      │\n│ i64   ┆ f64        ┆ f64      │\n╞═══════╪════════════╪══════════╡",
                    |e, t, v, _| format!("│ {e}     ┆ {t:.4}     ┆ {v:.4}   │\n")
                )
            ),
        ),
        ("a comma at the end of each row", headed("epoch,train_loss,val_loss", |e, t, v, _| format!("{e},{t},{v},\n"))),
        (
            "val in the middle of an epoch too",
            headed("epoch,step,train_loss,val_loss", |e, t, v, _| {
                let step = 100 * e;
                format!("{e},{},,{}\n{e},{},,{v}\n{e},{},{t},\n", step + 49, v + 0.4, step + 99, step + 99)
            }),
        ),
        (
            "val beside test",
            headed("epoch,train_loss,train_acc,val_loss,val_acc,test_loss,test_acc", |e, t, v, a| {
                format!("{e},{t},{a},{v},{a},{},0.1\n", v + 1.0)
            }),
        ),
        ("a column for each epoch", sideways("epoch", |e| (e + 1).to_string())),
        ("pandas' table, transposed", sideways("", |e| e.to_string())),
        ("a column for each epoch, by name", sideways("metric", |e| format!("epoch_{}", e + 1))),
        (
            "TensorBoard's runs, a figure a row",
            by_run("run,tag,step,value", |run, e, loss, acc| {
                format!("{run},epoch_loss,{e},{loss}\n{run},epoch_accuracy,{e},{acc}\n")
            }),
        ),
        (
            "TensorBoard's runs, a row an epoch",
            by_run("run,step,epoch_loss,epoch_accuracy", |run, e, loss, acc| {
                format!("resnet/{run},{e},{loss},{acc}\n")
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
            "pandas, printed",
            headed("    epoch  train_loss  val_loss", |e, t, v, _| format!("{e:<2}  {:5}  {t:10.4}  {v:8.4}\n", e + 1)),
        ),
        (
            "pandas, printed without epochs",
            headed("    loss  accuracy  val_loss  val_accuracy", |e, t, v, a| {
                format!("{e:<2}  {t:.4}  {a:.4}  {v:.4}  {a:.4}\n")
            }),
        ),
        (
            "pandas, printed in two parts, with a named index",
            headed("       train_loss  train_acc  \\\nepoch", |e, t, _, a| format!("{e:<5}  {t:10.4}  {a:9.4}   \n"))
                + "\n"
                + &headed("       val_loss  val_acc  \nepoch", |e, _, v, a| format!("{e:<5}  {v:8.4}  {a:7.4}  \n")),
        ),
        (
            "skorch, with blank cells",
            headed("  epoch    train_loss    valid_acc    valid_loss    cp     dur\n-------  ----", |e, t, v, a| {
                let saved = if e % 2 == 0 { "+" } else { " " };
                format!("{:7}  {t:12.4}  {a:11.4}  {v:12.4}  {saved:>4}  0.1234\n", e + 1)
            }),
        ),
        (
            "YOLOv5's rows before bars",
            headed("     Epoch   GPU_mem  train_loss    val_loss    top1_acc", |e, t, v, a| {
                let row = format!("{:>10}{:>10}{t:>12.4}", format!("{}/12", e + 1), "0.35G");
                format!("{row}{:40}: 50%|##  | 1/2\n{row}{v:>12.4}{a:>12.4}: 100%|####| 2/2\n", "")
            }),
        ),
        (
            "sorted by val loss",
            headed("epoch,train_loss,val_loss", |e, _, _, _| shuffled(e, |e, t, v| format!("{e},{t},{v}\n"))),
        ),
        (
            "pandas' index, sorted",
            headed(",train_loss,val_loss", |e, _, _, _| shuffled(e, |e, t, v| format!("{e},{t},{v}\n"))),
        ),
        (
            "R's data frame of Keras' history",
            String::from("\"\",\"epoch\",\"value\",\"metric\",\"data\"\n")
                + &all(|e, t, _, a| {
                    format!("\"1\",{e},{t},\"loss\",\"training\"\n\"2\",{e},{a},\"accuracy\",\"training\"\n")
                })
                + &all(|e, _, v, a| {
                    format!("\"3\",{e},{v},\"loss\",\"validation\"\n\"4\",{e},{a},\"accuracy\",\"validation\"\n")
                }),
        ),
        (
            "Comet",
            headed("metricName,metricValue,runContext,step,epoch", |e, t, v, _| {
                format!("train_loss,{t},train,{e}0,{e}\nval_loss,{v},validate,{e}0,{e}\n")
            }),
        ),
        (
            "a side before the name of a part",
            headed("epoch,train/main/loss,val/main/loss,test/loss,train/main/acc,val/main/acc", |e, t, v, a| {
                format!("{e},{t},{v},9.9,{a},{a}\n")
            }),
        ),
        (
            "Chainer",
            headed("epoch       main/loss   validation/main/loss", |e, t, v, _| {
                format!("{:<11} {t:<11.4} {v:.4}\n", e + 1)
            }),
        ),
        (
            "tabulate, with names of two words",
            headed(
                "  Epoch    Train Loss    Val Loss    Time\n-------  ------------  ----------  ------",
                |e, t, v, _| format!("{e:7}  {t:12.4}  {v:10.4}  12.3 s\n"),
            ),
        ),
        (
            "MATLAB",
            headed(
                "|====|\n|  Epoch  |  Time  |  Mini-batch  |  Validation  |  Mini-batch  |  Validation  |\n|         |  (hh:mm)  |   Accuracy   |   Accuracy   |     Loss     |     Loss     |\n|====|",
                |e, t, v, a| {
                    let a = 100.0 * a;
                    format!("|  {} |  00:01 |  {a:.2}% |  {a:.2}% |  {t:.4} |  {v:.4} |\n", e + 1)
                },
            ),
        ),
        (
            "sides above figures",
            headed(",train,train,val,val\n,loss,acc,loss,acc\nepoch,,,,", |e, t, v, a| {
                format!("{e},{t},{a},{v},{a}\n")
            }),
        ),
        (
            "HTML of a data frame",
            format!(
                "<div>\n<table><thead><tr><th></th><th>epoch</th><th>train_loss</th><th>val_loss</th></tr></thead>{}</table>",
                all(|e, t, v, _| format!("<tr><th>{e}</th><td>{e}</td><td>{t}</td><td>{v}</td></tr>\n"))
            ),
        ),
        (
            "a test after all",
            headed("epoch,step,train_loss,val_loss,test_loss", |e, t, v, _| {
                format!("{e},{},,{v},\n{e},{},{t},,\n", 10 * e + 9, 10 * e + 9)
            }) + "12,120,,,3.0\n",
        ),
    ]
}

/// The texts of all epochs behind each other, in the order of their numbers as texts: 0, 1, 10, 11, 2.
fn by_text(one: impl Fn(usize) -> String) -> String {
    let mut epochs: Vec<usize> = (0..EPOCHS).collect();
    epochs.sort_by_key(usize::to_string);
    epochs.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A list of NumPy's numbers, as Python prints it.
fn numpy(value: fn(usize) -> f64) -> String {
    let numbers: Vec<String> = (0..EPOCHS).map(|at| format!("np.float32({:.4})", value(at))).collect();
    format!("[{}]", numbers.join(", "))
}

/// An array, as NumPy prints it: without commas, and in lines.
fn array(value: fn(usize) -> f64) -> String {
    let numbers: Vec<String> = (0..EPOCHS).map(|at| format!("{:.4}", value(at))).collect();
    format!("[{}\n {}]", numbers[..7].join(" "), numbers[7..].join(" "))
}

/// A table in HTML of some epochs.
fn progress(epoch: &str, train_loss: &str, val_loss: &str, epochs: std::ops::Range<usize>) -> String {
    let mut table = format!("<table><tr><th>{epoch}</th><th>{train_loss}</th><th>{val_loss}</th></tr>");
    for at in epochs {
        table += &format!("\n<tr>\n<td>{at}</td>\n<td>{:.4}</td>\n<td>{:.4}</td>\n</tr>", train(at), val(at));
    }
    table + "</table><p>"
}

/// A notebook with an output for each text.
fn notebook(texts: &[String]) -> String {
    let mut outputs = Vec::new();
    for text in texts {
        outputs.push(if text.starts_with('<') {
            serde_json::json!({"data": {"text/html": [text], "text/plain": ["<IPython.core.display.HTML object>"]}})
        } else {
            serde_json::json!({"text": text})
        });
    }
    serde_json::json!({"cells": [{"outputs": outputs}]}).to_string()
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
            "objects behind each other",
            all(|e, t, v, _| format!("{{\"epoch\": {e}, \"train_loss\": {t}, \"val_loss\": {v}}}")),
        ),
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
        ("Keras' history of NumPy's numbers", format!("{{'loss': {}, 'val_loss': {}}}", numpy(train), numpy(val))),
        ("NumPy's arrays", format!("done\ntrain_losses = {}\nval_losses = {}\n", array(train), array(val))),
        (
            "a dictionary among other output",
            format!(
                "Loading ...\nhistory: defaultdict(<class 'list'>, {{'loss': {trains},\n 'val_loss': {vals}}})\nDone.\n"
            ),
        ),
        (
            "rows in Python",
            format!("[{}]\n", all(|e, t, v, _| format!("{{'epoch': {e}, 'train_loss': {t}, 'val_loss': {v}}}, "))),
        ),
        (
            "an object for each epoch",
            format!(
                "{{{}}}",
                by_text(|e| format!("\"{e}\": {{\"train_loss\": {}, \"val_loss\": {}}}", train(e), val(e)))
            ),
        ),
        (
            "an object for each named epoch",
            format!(
                "{{\"net\": \"resnet\", \"epochs\": {{{}}}}}",
                by_text(|e| format!(
                    "\"epoch_{e}\": {{\"train\": {{\"loss\": {}}}, \"val\": {{\"loss\": {}}}}}",
                    train(e),
                    val(e)
                ))
            ),
        ),
        (
            "pandas' columns",
            format!(
                "{{\"train_loss\": {{{}}}, \"val_loss\": {{{}}}}}",
                by_text(|e| format!("\"{e}\": {}", train(e))),
                by_text(|e| format!("\"{e}\": {}", val(e)))
            ),
        ),
        (
            "pandas' split",
            format!(
                "{{\"columns\": [\"epoch\", \"train_loss\", \"val_loss\"], \"index\": [0], \"data\": [{}]}}",
                by_text(|e| format!("[{e}, {}, {}]", train(e), val(e)))
            ),
        ),
        (
            "lists by side",
            format!(
                "{{\"history\": {{\"train\": {{\"loss\": {trains}, \"acc\": {accs}}}, \"val\": {{\"loss\": {vals}, \"acc\": {accs}}}}}}}"
            ),
        ),
        (
            "lists by figure",
            format!("{{\"config\": {{\"lr\": [0.1]}}, \"loss\": {{\"train\": {trains}, \"val\": {vals}}}}}"),
        ),
        (
            "rows by side",
            format!(
                "{{\"best\": {{\"epoch\": 3, \"train_loss\": 0.1, \"val_loss\": 0.2}}, \"train\": [{}], \"val\": [{}]}}",
                by_text(|e| format!("{{\"epoch\": {e}, \"loss\": {}}}", train(e))),
                by_text(|e| format!("{{\"epoch\": {e}, \"loss\": {}}}", val(e)))
            ),
        ),
        (
            "a training loss for each batch",
            format!(
                "{{\"train_losses\": {:?}, \"val_losses\": {vals}}}",
                (0..3 * EPOCHS).map(|at| train(at / 3)).collect::<Vec<_>>()
            ),
        ),
        (
            "Sacred",
            format!(
                "{{\"train.loss\": {{\"steps\": {0}, \"values\": {trains}}}, \"val.loss\": {{\"steps\": {0}, \"values\": {vals}}}}}",
                list(|e| e as f64)
            ),
        ),
        (
            "MLflow's metrics",
            counted(|e, t, v, _| {
                format!(
                    "{{\"key\": \"train_loss\", \"value\": {t}, \"step\": {e}}}\n{{\"key\": \"val_loss\", \"value\": {v}, \"step\": {e}}}\n"
                )
            }),
        ),
        ("a notebook of fastai's", notebook(&[progress("epoch", "train_loss", "valid_loss", 0..EPOCHS)])),
        (
            "a notebook of transformers'",
            notebook(&[
                progress("Epoch", "Training Loss", "Validation Loss", 0..EPOCHS),
                "{'train_loss': 0.1}".to_owned(),
            ]),
        ),
        (
            "a notebook that ends with a table of the last epochs",
            notebook(&[
                counted(|e, t, v, _| format!("Epoch {e}/12\nloss: {t:.4} - val_loss: {v:.4}\n")),
                progress("epoch", "loss", "val_loss", 7..EPOCHS),
            ]),
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

#[test]
fn rows_that_a_table_leaves_out_are_said() {
    let rows = |epochs: std::ops::Range<usize>| -> String {
        epochs.map(|e| format!("{e:<2}  {e:5}  {:10.4}  {:8.4}\n", train(e), val(e))).collect()
    };
    let text = format!("    epoch  train_loss  val_loss\n{}..    ...  ...  ...\n{}", rows(0..3), rows(9..12));
    let (curves, notes) = read_with(&text, &LogOptions::default()).unwrap();
    assert_eq!(curves.points.iter().map(|point| point.epoch).collect::<Vec<_>>(), [0, 1, 2, 9, 10, 11]);
    assert!(notes.contains("epochs 3 to 8 are not known"), "{notes}");
}

#[test]
fn histories_of_several_models_are_several_runs() {
    let history = |gap: f64| serde_json::json!({"loss": [2.0, 1.5, 1.0], "val_loss": [2.1, 1.7, 1.0 + gap]});
    let (small, large) = (history(0.9), history(0.5));
    for document in [
        serde_json::json!({"small": small, "large": large}),
        serde_json::json!([small, large]),
        serde_json::json!({"1": small, "2": large}),
    ] {
        let (curves, notes) = read_with(&document.to_string(), &LogOptions::default()).unwrap();
        assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9 && curves.points.len() == 3, "{document}");
        assert!(notes.contains("several runs: 2"), "{notes}");
    }
}
