//! A run leaves a complete folder, prints the gap in the reference recipe's form, and can be repeated from what it recorded.

use std::fs;

use crate::support::{CLASSES, Place, train_words};
use mindgap::durable::Archive;
use serde_json::Value;

#[test]
fn a_run_leaves_a_complete_folder() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    for file in [
        "recipe.toml",
        "environment.json",
        "epochs.jsonl",
        "summary.csv",
        "images.csv",
        "predictions.safetensors",
        "last.safetensors",
        "previous.safetensors",
        "best.safetensors",
        "model.safetensors",
        "run.lock",
        "done.json",
        "events.out.tfevents.0.mindgap",
        "train/events.out.tfevents.0.mindgap",
        "val/events.out.tfevents.0.mindgap",
    ] {
        assert!(place.path("run").join(file).exists(), "{file} is missing");
    }
    let summary = String::from_utf8(place.bytes("run", "summary.csv")).unwrap();
    let mut lines = summary.lines();
    assert_eq!(
        lines.next(),
        Some("epoch,train_loss,train_top1,eval_loss,eval_top1,gap_loss,gap_top1,batch_loss,lr,seconds")
    );
    assert_eq!(lines.count(), 2);
}

#[test]
fn a_pipe_gets_the_reference_recipes_line_with_the_gap_at_its_end() {
    let place = Place::with_images(12, 5);
    let text = place.train("run", &["--epochs", "2"]).succeed().stdout();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("Epoch: ")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, record) in lines.iter().zip(place.epochs("run")) {
        let figure = |key: &str| record[key].as_f64().unwrap();
        let expected = format!(
            "Epoch: {}/2.. Training Loss: {:.3}.. Validation Loss: {:.3}.. Training Accuracy: {:.3}.. \
             Validation Accuracy: {:.3}.. Gap: {:.3}",
            record["epoch"],
            figure("probe_loss"),
            figure("val_loss"),
            figure("probe_acc"),
            figure("val_acc"),
            figure("gap_loss")
        );
        assert_eq!(**line, expected);
    }
    let summary = text.split_once("\n\n").unwrap().1;
    for part in
        ["After epoch 2: loss ", "Gap: ", "Lowest val loss: ", "optimistic", "cross-fitted", "Run folder: run\n"]
    {
        assert!(summary.contains(part), "`{part}` is not in: {summary}");
    }
}

#[test]
fn the_gap_is_val_loss_minus_probe_loss_of_the_recorded_outputs() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    let predictions = Archive::load(&place.path("run/predictions.safetensors")).unwrap();
    // Plain cross-entropy by hand from the logits that the run wrote down.
    let loss = |set: &str| {
        let numbers = |name: &str| predictions.array(&format!("{set}.{name}")).unwrap().bytes.clone();
        let logits: Vec<f64> =
            numbers("logits").chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect();
        let labels: Vec<usize> =
            numbers("labels").chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as usize).collect();
        let rows = logits.chunks(3).zip(&labels);
        let losses = rows.map(|(row, &label)| row.iter().map(|x| x.exp()).sum::<f64>().ln() - row[label]);
        losses.sum::<f64>() / labels.len() as f64
    };
    let last = place.epochs("run").pop().unwrap();
    let recorded = |key: &str| last[key].as_f64().unwrap();
    assert!((recorded("val_loss") - loss("last.val")).abs() < 1e-6);
    assert!((recorded("probe_loss") - loss("last.probe")).abs() < 1e-6);
    assert!((recorded("gap_loss") - (loss("last.val") - loss("last.probe"))).abs() < 1e-6);
}

#[test]
fn a_val_image_that_also_appears_in_train_is_counted_left_out_of_the_probe_and_reported_both_ways() {
    let place = Place::with_images(12, 5);
    for (class, name) in CLASSES.into_iter().enumerate() {
        // The pixels of a training image under another name.
        place.write_image(&format!("data/val/{name}/same.png"), class as u32, 3);
    }
    let text = place.train("run", &["--epochs", "1"]).succeed();
    assert!(text.stderr().contains("3 val images also appear in train"), "{}", text.stderr());
    let environment: Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    assert_eq!(environment["data"]["val_in_train"], 3);
    let record = place.epochs("run").pop().unwrap();
    assert!(record["val_loss_without_leaks"].is_number() && record["gap_loss_without_leaks"].is_number());
    let predictions = Archive::load(&place.path("run/predictions.safetensors")).unwrap();
    let ids = &predictions.array("last.probe.ids").unwrap().bytes;
    // Image 3 of each class: ids 3, 15 and 27 of the sorted listing.
    let ids: Vec<i64> = ids.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect();
    assert!([3, 15, 27].iter().all(|leak| !ids.contains(leak)), "{ids:?}");
}

#[test]
fn the_recorded_recipe_repeats_the_run() {
    let place = Place::with_images(12, 5);
    let flags = ["--epochs", "2", "--opt", "adamw", "--lr", "0.01", "--seed", "5", "--clip-grad", "1"];
    place.train("first", &flags).succeed();
    let words = ["train", "--data", "data", "--recipe", "first/recipe.toml", "--out", "again", "--threads", "1"];
    place.mindgap(&words).succeed();
    assert_eq!(place.epochs("again"), place.epochs("first"));
    for file in ["recipe.toml", "model.safetensors", "last.safetensors", "predictions.safetensors"] {
        assert!(place.bytes("again", file) == place.bytes("first", file), "{file} differs");
    }
}

#[test]
fn accumulated_small_batches_count_every_image_once() {
    let place = Place::with_images(12, 5);
    // 36 images: 4 batches of 8 (the rest dropped), in updates of 3 and 1.
    place.train("run", &["--epochs", "1", "--grad-accum-steps", "3"]).succeed();
    assert_eq!(place.epochs("run")[0]["steps"], 2);
}

#[test]
fn with_json_the_figures_are_alone_on_stdout() {
    let place = Place::with_images(12, 5);
    let json: Value =
        serde_json::from_str(&place.train("run", &["--epochs", "1", "--json"]).succeed().stdout()).unwrap();
    assert_eq!((&json["run"], &json["last"]["epoch"]), (&"run".into(), &1.into()));
    assert_eq!(json["best"]["selected_on_val"], true);
    let done: Value = serde_json::from_slice(&place.bytes("run", "done.json")).unwrap();
    assert_eq!(done["last"], json["last"]);
}

#[test]
fn a_data_set_larger_than_the_cache_gives_the_same_run() {
    let place = Place::with_run(12, 5, "resident", &["--epochs", "2"]);
    place.train("streamed", &["--epochs", "2", "--cache-limit", "0", "--workers", "2"]).succeed();
    assert_eq!(place.epochs("streamed"), place.epochs("resident"));
    assert!(place.bytes("streamed", "model.safetensors") == place.bytes("resident", "model.safetensors"));
}

#[test]
fn words_that_nobody_can_read_do_not_stop_the_training() {
    let place = Place::with_images(12, 5);
    let mut command = place.command(&train_words("run", &["--epochs", "1"]));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.stdout(full.try_clone().unwrap()).stderr(full);
    assert!(command.status().unwrap().success());
    assert!(place.path("run/done.json").exists());
}

#[test]
fn averaged_weights_are_the_model_and_the_trained_ones_stand_beside_it() {
    let place = Place::with_images(12, 5);
    let text = place.train("run", &["--epochs", "3", "--model-ema"]).succeed().stdout();
    assert!(text.contains("those of the averaged weights"), "{text}");
    for record in place.epochs("run") {
        let figure = |key: &str| record[key].as_f64().unwrap();
        assert_ne!(figure("raw_val_loss"), figure("val_loss"));
    }
    let best = Archive::load(&place.path("run/best.safetensors")).unwrap();
    let model = Archive::load(&place.path("run/model.safetensors")).unwrap();
    for array in model.arrays.iter().filter(|array| !array.name.ends_with("num_batches_tracked")) {
        let of = |mark: &str| best.array(&format!("{mark}/{}", array.name)).unwrap().bytes.clone();
        assert!(array.bytes == of("average"), "{} is not the average", array.name);
        assert!(array.bytes != of("model"), "{} was not averaged", array.name);
    }
}

#[test]
fn a_run_without_a_lower_val_loss_stops_early_and_says_so() {
    let place = Place::with_images(12, 5);
    let words = ["--epochs", "30", "--early-stop", "2", "--lr", "3", "--clip-grad", "1"];
    let text = place.train("run", &words).succeed().stdout();
    let losses: Vec<f64> = place.epochs("run").iter().map(|record| record["val_loss"].as_f64().unwrap()).collect();
    let lowest = losses.iter().position(|loss| losses.iter().all(|other| loss <= other)).unwrap();
    assert!(losses.len() < 30 && lowest + 3 == losses.len(), "{losses:?}");
    assert!(text.contains("Stopped early"), "{text}");
    let done: Value = serde_json::from_slice(&place.bytes("run", "done.json")).unwrap();
    assert_eq!(done["early_stopped"], true);
    // It is finished: there is nothing to resume.
    place.mindgap(&["train", "--resume", "--out", "run"]).succeed();
    assert_eq!(place.epochs("run").len(), losses.len());
    place
        .mindgap(&["train", "--resume", "--out", "run", "--epochs", "40"])
        .refuse(&["stopped early", "another folder"]);
    // Nor is it where its last epoch is the one after which it would stop.
    let epochs = losses.len().to_string();
    let words = ["--epochs", &epochs, "--early-stop", "2", "--lr", "3", "--clip-grad", "1"];
    place.train("exact", &words).succeed();
    place
        .mindgap(&["train", "--resume", "--out", "exact", "--epochs", "40"])
        .refuse(&["stopped early", "another folder"]);
}

#[test]
fn views_give_a_second_figure_and_leave_the_first_alone() {
    let place = Place::with_run(12, 5, "plain", &["--epochs", "2"]);
    let text = place.train("views", &["--epochs", "2", "--tta", "ten-crop"]).succeed().stdout();
    assert!(text.contains("Averaged over views (ten-crop)"), "{text}");
    assert_eq!(place.epochs("views"), place.epochs("plain"));
    let done: Value = serde_json::from_slice(&place.bytes("views", "done.json")).unwrap();
    assert_eq!(done["tta"]["views"], "ten-crop");
    assert_ne!(done["tta"]["val_loss"], done["last"]["val_loss"]);
}
