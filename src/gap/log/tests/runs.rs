//! Several runs in one log, and rows that are not an epoch.

use super::*;

/// Epochs `from..to` of a run whose val loss lies `gap` above training at its end.
fn rows(from: u32, to: u32, gap: f64) -> String {
    (from..to)
        .map(|epoch| format!("{epoch},{:.3},{:.3}\n", 2.0 - 0.1 * f64::from(epoch), 2.0 - 0.1 * f64::from(epoch) + gap))
        .collect()
}

const HEAD: &str = "epoch,train_loss,val_loss\n";

fn judged(text: &str, run: Option<usize>) -> Result<(Curves, String)> {
    read_with(text, &LogOptions { run, ..LogOptions::default() })
}

#[test]
fn of_several_runs_the_last_is_judged_and_their_number_is_said() {
    let appended = format!("{HEAD}{}{}", rows(0, 12, 1.0), rows(0, 8, 0.3));
    let headed_again = format!("{HEAD}{}{HEAD}{}", rows(0, 12, 1.0), rows(0, 8, 0.3));
    let without_epochs = "train_loss,val_loss\n1.0,2.0\n0.9,1.9\ntrain_loss,val_loss\n0.8,1.1\n0.7,1.0\n";
    for text in [&appended, &headed_again] {
        let (curves, notes) = judged(text, None).unwrap();
        assert_eq!(curves.points.len(), 8);
        assert!((curves.last().unwrap().gap() - 0.3).abs() < 1e-9);
        assert!(notes.contains("several runs: 2") && notes.contains("--run N"), "{notes}");
        let (first, _) = judged(text, Some(1)).unwrap();
        assert_eq!(first.points.len(), 12);
        assert!(judged(text, Some(3)).unwrap_err().to_string().contains("2 runs"));
    }
    let (curves, notes) = judged(without_epochs, None).unwrap();
    assert_eq!((curves.points.len(), notes.contains("several runs")), (2, true));
}

#[test]
fn folds_and_exports_of_several_runs_are_told_apart() {
    let fold =
        |fold: u32, gap: f64| -> String { rows(0, 8, gap).lines().map(|line| format!("{fold},{line}\n")).collect() };
    let (curves, notes) = judged(&format!("fold,{HEAD}{}{}", fold(0, 1.0), fold(1, 0.5)), None).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9 && notes.contains("several runs: 2"), "{notes}");
    let exported =
        "Step,a-1 - train_loss,a-1 - val_loss,b-2 - train_loss,b-2 - val_loss\n0,1,2,1,1.5\n1,0.9,1.9,0.8,1.2\n";
    let (curves, notes) = judged(exported, None).unwrap();
    assert!((curves.last().unwrap().gap() - 0.4).abs() < 1e-9 && notes.contains("1 (a-1, 2 epochs)"), "{notes}");
    let lines: String = (1..3)
        .map(|fold| format!("Fold {fold}/2\nEpoch 1/2 train loss: 1.0 val loss: {fold}.5\nEpoch 2/2 train loss: 0.9 val loss: {fold}.4\n"))
        .collect();
    let (curves, notes) = judged(&lines, None).unwrap();
    assert!((curves.last().unwrap().gap() - 1.5).abs() < 1e-9 && notes.contains("fold 2, 2 epochs"), "{notes}");
}

#[test]
fn a_resumed_run_is_one() {
    let (curves, notes) = judged(&format!("{HEAD}{}{}", rows(0, 9, 1.0), rows(5, 12, 0.3)), None).unwrap();
    let gaps: Vec<f64> = curves.points.iter().map(|point| (10.0 * point.gap()).round() / 10.0).collect();
    assert_eq!(gaps, [[1.0; 5].as_slice(), &[0.3; 7]].concat());
    assert!(notes.contains("resumed at 5") && !notes.contains("several runs"), "{notes}");
}

#[test]
fn a_resumed_run_may_repeat_one_epoch() {
    let (curves, notes) = judged(&format!("{HEAD}{}{}", rows(0, 6, 1.0), rows(5, 12, 0.3)), None).unwrap();
    let gaps: Vec<f64> = curves.points.iter().map(|point| (10.0 * point.gap()).round() / 10.0).collect();
    assert_eq!(gaps, [[1.0; 5].as_slice(), &[0.3; 7]].concat());
    assert!(notes.contains("states 5 more than once") && notes.contains("the last are taken"), "{notes}");
}

/// Eight epochs, each in one line that begins with what `opening` makes of its number.
fn eight(opening: impl Fn(u32) -> String) -> String {
    let loss = |epoch: u32| 2.0 - 0.1 * f64::from(epoch);
    (1..=8)
        .map(|epoch| format!("{} train_loss: {:.2} val_loss: {:.2}\n", opening(epoch), loss(epoch), loss(epoch) + 0.3))
        .collect()
}

#[test]
fn a_line_that_looks_back_in_other_words_ends_no_run() {
    let epochs = eight(|epoch| format!("INFO Epoch {epoch}/8"));
    for closing in [
        "Final model (epoch 5): train_loss: 1.50 val_loss: 1.80 test_loss: 1.85",
        "INFO Result: epoch=5 train_loss: 1.49 val_loss: 1.81 acc=0.5",
        "I tried another rate, but at epoch 3 val_loss: 2.5 lr: 0.01",
        "Checkpoint of epoch 2: train_loss: 1.8 val_loss: 2.1 test_loss: 2.2\nCheckpoint B of epoch 5: train_loss: 1.5 val_loss: 1.8 lr: 0.1",
    ] {
        let (curves, notes) = judged(&format!("{epochs}{closing}\n"), None).unwrap();
        assert_eq!((curves.points.len(), curves.last().unwrap().val_loss), (8, 1.5), "{closing}");
        assert!(notes.contains("it looks back, and is left out"), "{notes}");
    }
    // Where the epochs continue, or the words are those of the others, the run was resumed.
    for resumed in [
        "Continued, epoch 5: train_loss: 1.1 val_loss: 1.2\nEpoch 6: train_loss: 1.0 val_loss: 1.1\n",
        "INFO Epoch 5/8 train_loss: 1.1 val_loss: 1.2\n",
    ] {
        let (curves, notes) = judged(&(epochs.clone() + resumed), None).unwrap();
        assert_eq!((curves.points.len(), curves.points[4].val_loss), (4 + resumed.lines().count(), 1.2), "{notes}");
    }
}

#[test]
fn numbers_at_the_beginning_of_lines_are_epochs() {
    for opening in
        [|epoch: u32| format!("[  {epoch}/100]"), |epoch| format!("{epoch}/100:"), |epoch| format!("({epoch}/100)")]
    {
        let one = eight(opening);
        let (curves, notes) = judged(&one, None).unwrap();
        assert_eq!((curves.points.len(), curves.points[7].epoch), (8, 8), "{notes}");
        assert!(notes.contains("those with which its lines begin are taken for epochs"), "{notes}");
        let (curves, notes) = judged(&(one.clone() + &one.replace("loss: ", "loss: 1")), None).unwrap();
        assert!(curves.points.len() == 8 && notes.contains("several runs: 2"), "{notes}");
    }
    let every_tenth = eight(|epoch| format!("[{}/100]", 10 * epoch));
    assert_eq!(judged(&every_tenth, None).unwrap().0.points[7].epoch, 80);
    // Batches have no val loss.
    let batches = "1/3: loss 1.0\n2/3: loss 0.9\n3/3: loss 0.8\nval_loss 1.2\n1/3: loss 0.7\n2/3: loss 0.6\n3/3: loss 0.5\nval_loss 1.1\n";
    assert_eq!(judged(batches, None).unwrap().0.points.len(), 2);
}

#[test]
fn of_several_processes_the_first_counts() {
    for marks in [["[rank0] ", "[rank1] "], ["Rank 0 | ", "Rank 1 | "], ["worker-0: ", "worker-1: "], ["0: ", "1: "]] {
        let line = |process: usize, epoch: u32| {
            let loss = 2.0 - 0.1 * f64::from(epoch) + 0.05 * process as f64;
            format!("{}Epoch {epoch}: train_loss={loss:.2}, val_loss={:.2}\n", marks[process], loss + 0.3)
        };
        let text: String = (1..=6)
            .map(
                |epoch| {
                    if epoch % 2 == 0 { line(0, epoch) + &line(1, epoch) } else { line(1, epoch) + &line(0, epoch) }
                },
            )
            .collect();
        let (curves, notes) = judged(&text, None).unwrap();
        let losses: Vec<f64> = curves.points.iter().map(|point| point.train_loss).collect();
        assert_eq!(losses, [1.9, 1.8, 1.7, 1.6, 1.5, 1.4], "{}", marks[0]);
        assert!(notes.contains("2 processes, whose figures differ: those of process 0 count"), "{notes}");
    }
}

#[test]
fn batches_before_an_interruption_are_no_part_of_the_epoch() {
    let batches = |epoch: u32, loss: f64, count: u32| -> String {
        (1..=count).map(|batch| format!("Epoch {epoch} batch {batch}/3 loss: {loss:.2}\n")).collect()
    };
    let whole =
        |epoch: u32| batches(epoch, 2.0 - 0.1 * f64::from(epoch), 3) + &format!("Epoch {epoch} val_loss: 2.{epoch}\n");
    let text = whole(1)
        + &whole(2)
        + &batches(3, 9.0, 2)
        + "KeyboardInterrupt\nresumed from epoch 2\n"
        + &whole(3)
        + &whole(4);
    let losses: Vec<f64> =
        judged(&text, None).unwrap().0.points.iter().map(|point| (100.0 * point.train_loss).round() / 100.0).collect();
    assert_eq!(losses, [1.9, 1.8, 1.7, 1.6]);
}

#[test]
fn of_val_measured_within_an_epoch_the_last_counts() {
    let epoch = |epoch: u32| -> String {
        (1..=3)
            .map(|step| {
                let step = 100 * step;
                format!(
                    "Epoch {epoch} step {step} loss: 1.{epoch}0\n>> eval @ step {step}: val_loss 2.{epoch}{}\n",
                    step / 100
                )
            })
            .collect()
    };
    let points = judged(&(epoch(1) + &epoch(2) + &epoch(3)), None).unwrap().0.points;
    assert_eq!(points.iter().map(|point| point.val_loss).collect::<Vec<_>>(), [2.13, 2.23, 2.33]);
    // Batches of val behind those of training are batches.
    let apart = |epoch: u32| {
        (1..=2).map(|batch| format!("Epoch {epoch} batch {batch}/2 loss: 1.{epoch}\n")).collect::<String>()
            + &(1..=2).map(|batch| format!("Epoch {epoch} batch {batch}/2 val_loss: 2.{batch}\n")).collect::<String>()
    };
    let points = judged(&(apart(1) + &apart(2)), None).unwrap().0.points;
    assert!(points.iter().all(|point| (point.val_loss - 2.15).abs() < 1e-12), "{points:?}");
}

#[test]
fn of_student_and_teacher_the_student_is_judged() {
    for (trained, other) in [("student", "teacher"), ("online", "momentum")] {
        for is_first in [true, false] {
            let line = |epoch: u32| {
                let parts = [format!("{trained} val loss 2.{epoch}"), format!("{other} val loss 0.25")];
                let [one, two] = if is_first { parts } else { [parts[1].clone(), parts[0].clone()] };
                format!("Epoch {epoch}: train loss 1.{epoch}, {one}, {two}\n")
            };
            let points = judged(&(line(5) + &line(6) + &line(7) + &line(8)), None).unwrap().0.points;
            let losses: Vec<f64> = points.iter().map(|point| point.val_loss).collect();
            assert_eq!(losses, [2.5, 2.6, 2.7, 2.8], "{trained}");
        }
    }
}

#[test]
fn a_batch_that_a_heading_names_is_no_epoch() {
    let epoch = |epoch: u32| -> String {
        let batches =
            (1..=3).map(|batch| format!("[epoch={epoch}][batch={batch}/3]:\n\t Train time: 0\n\t loss: 1.{batch}\n"));
        batches.collect::<String>() + "val_loss: 1.9\n"
    };
    let points = judged(&(epoch(1) + &epoch(2)), None).unwrap().0.points;
    assert_eq!(points.len(), 2);
    assert!(points.iter().all(|point| (point.train_loss - 1.2).abs() < 1e-12), "{points:?}");
}

#[test]
fn one_run_is_one() {
    for text in [
        format!("{HEAD}{}", rows(0, 12, 0.5)),
        // Rows of one epoch, and a run that begins later.
        format!("{HEAD}{}", rows(7, 12, 0.5).lines().map(|line| format!("{line}\n{line}\n")).collect::<String>()),
    ] {
        let (_, notes) = judged(&text, None).unwrap();
        assert!(!notes.contains("several runs") && !notes.contains("resumed"), "{notes}");
    }
}

#[test]
fn epochs_in_fractions_and_steps_are_counted() {
    let quarters = "epoch,loss,eval_loss\n0.25,2.0,\n0.25,,2.1\n0.5,1.5,\n0.5,,1.7\n0.75,1.2,\n0.75,,1.5\n";
    let (curves, notes) = judged(quarters, None).unwrap();
    assert_eq!((curves.points.len(), curves.points[2].train_loss), (3, 1.2));
    assert!(notes.contains("epochs in fractions"), "{notes}");
    let steps = "step,train_loss,val_loss\n50,2.0,\n100,1.8,\n100,,2.1\n150,1.5,\n200,1.3,\n200,,1.8\n250,1.0,\n";
    let (curves, notes) = judged(steps, None).unwrap();
    let losses: Vec<f64> = curves.points.iter().map(|point| point.train_loss).collect();
    assert_eq!(losses, [1.9, 1.4]);
    assert!(notes.contains("steps, not epochs: each of the 2 measurements"), "{notes}");
}

#[test]
fn not_measured_is_not_infinite() {
    let (curves, _) = judged(&format!("{HEAD}0,2.0,nan\n1,1.8,1.9\n2,1.6,nan\n3,1.4,1.6\n4,1.2,nan\n"), None).unwrap();
    assert!(curves.points.iter().all(|point| point.val_loss.is_nan() || point.val_loss < 2.0));
    for nothing in ["", "-", "None", "N/A", "No log"] {
        let (curves, _) = judged(&format!("{HEAD}0,2.0,{nothing}\n1,1.8,1.9\n2,1.6,{nothing}\n"), None).unwrap();
        assert_eq!((curves.points.len(), curves.last().unwrap().epoch), (3, 1), "{nothing}");
    }
    let (curves, _) = judged(&format!("{HEAD}0,2.0,2.1\n1,1.8,1.9\n2,nan,nan\n3,nan,nan\n"), None).unwrap();
    assert_eq!((curves.points[2].train_loss, curves.points[3].val_loss), (f64::INFINITY, f64::INFINITY));
    let never = judged(&format!("{HEAD}0,2.0,nan\n1,1.8,nan\n2,1.6,nan\n"), None).unwrap_err().to_string();
    assert!(never.contains("never measured"), "{never}");
}

/// Two runs whose rows alternate, with gaps of 1.0 and 0.5 at every epoch; `one` is given the run and a row.
fn alternating(one: impl Fn(usize, &str) -> String) -> String {
    let (first, second) = (rows(0, 8, 1.0), rows(0, 8, 0.5));
    first.lines().zip(second.lines()).map(|(a, b)| one(0, a) + &one(1, b)).collect()
}

#[test]
fn runs_side_by_side_are_told_apart_by_any_column_that_does() {
    for column in
        ["seed", "trial_id", "name", "run_name", "run_id", "model", "task", "dataset", "client", "learning_rate"]
    {
        let name = |run: usize| match column {
            "learning_rate" => ["0.1", "0.01"][run],
            "seed" | "task" | "client" => ["0", "1"][run],
            _ => ["one", "two"][run],
        };
        let text = format!("{column},{HEAD}") + &alternating(|run, row| format!("{},{row}\n", name(run)));
        let (curves, notes) = judged(&text, None).unwrap();
        assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9, "{column}: {notes}");
        assert!(curves.points.len() == 8 && notes.contains("several runs: 2"), "{column}: {notes}");
        assert!((judged(&text, Some(1)).unwrap().0.last().unwrap().gap() - 1.0).abs() < 1e-9, "{column}");
        // A value that is the same in every row, or different in each, does not separate runs.
        for of_row in [|_: usize| 42, |at: usize| at] {
            let numbered = rows(0, 8, 0.5)
                .lines()
                .enumerate()
                .map(|(at, row)| format!("{},{row}\n", of_row(at)))
                .collect::<String>();
            let (curves, notes) = judged(&format!("{column},{HEAD}{numbered}"), None).unwrap();
            let is_a_runs = column.starts_with("run");
            assert!(is_a_runs || curves.points.len() == 8 && !notes.contains("several"), "{column}: {notes}");
        }
    }
    let lines = alternating(|run, row| {
        let figures: Vec<&str> = row.split(',').collect();
        format!("[seed {run}] Epoch {}/8 train_loss: {} val_loss: {}\n", figures[0], figures[1], figures[2])
    });
    let (curves, notes) = judged(&lines, None).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9 && notes.contains("seed 1, 8 epochs"), "{notes}");
}

#[test]
fn runs_that_nothing_tells_apart_are_not_averaged() {
    let error =
        judged(&(String::from(HEAD) + &alternating(|_, row| format!("{row}\n"))), None).unwrap_err().to_string();
    assert!(error.contains("it states every epoch 2 times"), "{error}");
}

#[test]
fn rows_of_a_summary_are_no_epoch() {
    let whole = format!("{HEAD}{}", rows(0, 8, 0.5));
    let (curves, _) = judged(&format!("{whole},0.1,5.0\n"), None).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9);
    let (curves, notes) = judged(&format!("{whole}7,0.1,5.0\n"), None).unwrap();
    assert!((curves.last().unwrap().gap() - 0.5).abs() < 1e-9 && notes.contains("the first is taken"), "{notes}");
    let lines = "{\"epoch\": 0, \"train_loss\": 2.0, \"val_loss\": 2.1}\n{\"epoch\": 1, \"train_loss\": 1.0, \"val_loss\": 1.5}\n\
                 {\"best_epoch\": 0, \"train_loss\": 0.1, \"val_loss\": 9.0}\n";
    assert!((judged(lines, None).unwrap().0.last().unwrap().gap() - 0.5).abs() < 1e-9);
}

#[test]
fn a_first_run_may_have_one_epoch() {
    let head = "epoch     train_loss  valid_loss  time\n";
    let spaced = |text: &str| text.replace(',', "  ").replace('\n', "  00:10\n");
    let headed = format!("{head}{}{head}{}", spaced("0,2.5,2.6\n"), spaced(&rows(0, 6, 0.3)));
    let appended = format!("{HEAD}0,2.5,2.6\n{}", rows(0, 6, 0.3));
    for text in [headed, appended] {
        let (curves, notes) = judged(&text, None).unwrap();
        assert_eq!((curves.points.len(), curves.points[0].train_loss), (6, 2.0), "{notes}");
        assert!(notes.contains("several runs: 2"), "{notes}");
        assert_eq!(judged(&text, Some(1)).unwrap().0.points.len(), 1);
    }
}
