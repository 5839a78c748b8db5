//! A diagnosis names what a run or a log shows, and what to do about it.

use std::fs;

use crate::support::Place;
use serde_json::Value;

/// The log of the reference recipe as its author posted it, without the words around the figures.
const ORIGIN: [(u32, f64, f64); 19] = [
    (20, 1.402, 1.432),
    (21, 1.359, 1.398),
    (22, 1.331, 1.387),
    (23, 1.305, 1.360),
    (24, 1.273, 1.354),
    (25, 1.244, 1.358),
    (26, 1.209, 1.346),
    (27, 1.184, 1.297),
    (28, 1.154, 1.321),
    (29, 1.114, 1.330),
    (30, 1.084, 1.291),
    (31, 1.052, 1.273),
    (32, 1.018, 1.362),
    (33, 0.980, 1.217),
    (34, 0.940, 1.290),
    (35, 0.904, 1.237),
    (36, 0.858, 1.265),
    (37, 0.824, 1.266),
    (39, 0.743, 1.213),
];

fn origin() -> String {
    let line = |(epoch, train, val): &(u32, f64, f64)| {
        format!("Epoch: {epoch}/50..  Training Loss: {train:.3}..  Validation Loss: {val:.3}\n")
    };
    format!("I trained a network.\n\n{}\nWhere is the mistake?\n", ORIGIN.iter().map(line).collect::<String>())
}

fn json(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.mindgap(&[&["diagnose", "--json"], words].concat()).succeed().stdout()).unwrap()
}

fn finding<'a>(diagnosis: &'a Value, id: &str) -> &'a Value {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["id"] == id).unwrap_or_else(|| panic!("{id} is not in {diagnosis:#}"))
}

#[test]
fn the_log_of_the_reference_recipe_is_diagnosed() {
    let place = Place::with_images(1, 1);
    fs::write(place.path("thread.txt"), origin()).unwrap();
    let diagnosis = json(&place, &["thread.txt"]);
    assert_eq!((&diagnosis["epochs"], &diagnosis["gap_loss_se"]), (&19.into(), &Value::Null));
    let points = diagnosis["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["epoch"], &points[0]["val_loss"]), (19, &20.into(), &1.432.into()));
    let opens = finding(&diagnosis, "gap-opens");
    let epoch = opens["figures"]["epoch"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&epoch), "{opens}");
    let evidence = opens["evidence"].as_str().unwrap();
    assert!(evidence.contains("0.030 after epoch 20") && evidence.contains("0.470 after epoch 39"), "{evidence}");
    assert!(evidence.contains("learning rate is not known"), "{evidence}");
    assert!(finding(&diagnosis, "gap-benign")["title"].as_str().unwrap().contains("still falls"));
    finding(&diagnosis, "val-noise");
    // What the log does not hold is said.
    let notes = diagnosis["notes"].to_string();
    for words in ["running mean", "nor the size of val", "begins with epoch 20", "1 epoch is missing"] {
        assert!(notes.contains(words), "`{words}` is not in {notes}");
    }
    let next = finding(&diagnosis, "next")["advice"].as_str().unwrap();
    assert!(next.starts_with("mindgap compare --data DIR --presets"), "{next}");

    let text = place.mindgap(&["diagnose", "thread.txt"]).succeed().stdout();
    let too_long = |line: &&str| line.chars().count() > 80 && !line.trim_start().starts_with("mindgap ");
    assert_eq!(text.lines().find(too_long), None);
}

#[test]
fn a_gap_above_the_limit_fails_a_pipeline() {
    let place = Place::with_images(1, 1);
    fs::write(place.path("thread.txt"), origin()).unwrap();
    let end = place.mindgap(&["diagnose", "thread.txt", "--fail-on-gap", "0.4"]);
    assert_eq!(end.code(), 1);
    assert!(end.stderr().contains("0.470") && end.stderr().contains("--fail-on-gap 0.4"), "{}", end.stderr());
    place.mindgap(&["diagnose", "thread.txt", "--fail-on-gap", "0.5"]).succeed();
    place.mindgap(&["diagnose", "thread.txt", "--fail-on-gap", "NaN"]).refuse(&["--fail-on-gap"]);
}

#[test]
fn advice_knows_which_knobs_are_on() {
    let place = Place::with_images(12, 9);
    // Val images under a wrong label: a gap that no training closes.
    for number in 2000..2009 {
        place.write_image(&format!("data/val/bright/{number}.png"), 2, number);
    }
    let common = ["--epochs", "12", "--model", "resnet8", "--lr", "0.1"];
    place.train("plain", &common).succeed();
    place.train("mixed", &[&common[..], &["--mixup", "0.2", "--hflip", "0.5"]].concat()).succeed();
    let next = |run: &str| finding(&json(&place, &[run]), "next")["advice"].as_str().unwrap().to_owned();
    assert_ne!(next("plain"), next("mixed"));
    // The command that is proposed can be typed as it stands.
    for run in ["plain", "mixed"] {
        let command = next(run);
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let end = place.mindgap(&[&words[..], &["--help"]].concat());
        assert_eq!(end.code(), 0, "{command}: {}", end.stderr());
    }
}

#[test]
fn a_run_and_its_own_logs_have_the_same_gap() {
    let place = Place::with_images(12, 9);
    let end = place.train("run", &["--epochs", "7", "--model", "resnet8"]).succeed();
    fs::write(place.path("lines.txt"), end.stdout()).unwrap();
    let of_run = json(&place, &["run"]);
    let gap = of_run["gap_loss"].as_f64().unwrap();
    assert!(of_run["gap_loss_se"].is_number());
    for log in ["lines.txt", "run/summary.csv"] {
        let diagnosis = json(&place, &[log]);
        assert!((diagnosis["gap_loss"].as_f64().unwrap() - gap).abs() < 1.1e-3, "{log}");
        // Training means the probe there, so nothing is said about a running mean.
        assert!(!diagnosis["notes"].to_string().contains("running mean"), "{log}: {diagnosis:#}");
    }
}

/// A table of `epochs` rows; `row` gives training and val loss, and val accuracy, of an epoch from 0.
fn table(epochs: u32, row: impl Fn(f64) -> (f64, f64, f64)) -> String {
    let line = |epoch: u32| {
        let (train, val, accuracy) = row(f64::from(epoch));
        format!("{epoch},{train:.4},{val:.4},{accuracy:.4}\n")
    };
    format!("epoch,train_loss,val_loss,val_acc\n{}", (0..epochs).map(line).collect::<String>())
}

/// Noise between −1 and 1 that looks drawn.
fn noise(at: f64) -> f64 {
    (12.9898 * (at + 1.0)).sin() * 43758.545 % 1.0
}

#[test]
fn what_val_loss_does_lately_decides() {
    let place = Place::with_images(1, 1);
    let train = |at: f64| 1.2 * 0.8f64.powf(at) + 0.01;
    let early = |at: f64| 0.785 + 0.32 * 0.25f64.powf(at);
    type Row<'a> = Box<dyn Fn(f64) -> (f64, f64, f64) + 'a>;
    let cases: [(&str, u32, Row, &str, &str, &str); 9] = [
        ("falls", 20, Box::new(|at| (train(at), 1.6 - 0.03 * at, 0.5)), "falls", "gap-benign", "still falls"),
        (
            "falls slowly, with noise",
            60,
            Box::new(|at| (train(at), 1.6 - 0.008 * at + 0.02 * noise(at), 0.5)),
            "falls",
            "gap-benign",
            "still falls",
        ),
        (
            "stands",
            20,
            Box::new(|at| (train(at), early(at) + 0.01 * noise(at), 0.5)),
            "stands",
            "gap-harmful",
            "stood still since epoch",
        ),
        (
            "stands to the last digit",
            20,
            Box::new(|at| (train(at), (1.6 - 0.08 * at).max(0.8), 0.5)),
            "stands",
            "gap-harmful",
            "stood still since epoch 10",
        ),
        (
            "drifts",
            20,
            Box::new(|at| (train(at), early(at) - 0.0003 * at, 0.5)),
            "stands",
            "gap-harmful",
            "stood still since epoch",
        ),
        (
            "rises",
            30,
            Box::new(|at| (train(at), 1.0 + 0.4 * 0.6f64.powf(at) + 0.01 * (at - 9.0).max(0.0), 0.5)),
            "rises",
            "gap-harmful",
            "has risen since epoch",
        ),
        (
            "rises with accuracy",
            20,
            Box::new(|at| (train(at), 1.0 + 0.5 * 0.5f64.powf(at) + 0.045 * (at - 3.0).max(0.0), 0.55 + 0.012 * at)),
            "rises",
            "overconfident",
            "while validation accuracy rises",
        ),
        (
            "rises with falling accuracy",
            20,
            Box::new(|at| (train(at), 1.0 + 0.5 * 0.5f64.powf(at) + 0.045 * (at - 3.0).max(0.0), 0.7 - 0.01 * at)),
            "rises",
            "gap-harmful",
            "has risen since epoch",
        ),
        ("noise", 16, Box::new(|at| (train(at), 1.2 + 0.3 * noise(at), 0.5)), "unclear", "gap-unclear", "Noise hides"),
    ];
    for (name, epochs, row, course, id, words) in cases {
        fs::write(place.path("log.csv"), table(epochs, row)).unwrap();
        let diagnosis = json(&place, &["log.csv"]);
        assert_eq!(diagnosis["val_loss_lately"]["course"], course, "{name}: {diagnosis:#}");
        let found = finding(&diagnosis, id);
        assert!(found["title"].as_str().unwrap().contains(words), "{name}: {found}");
        let ids = diagnosis["findings"].to_string();
        assert!(course == "falls" || !ids.contains("gap-benign"), "{name}");
        assert!(id == "overconfident" || !ids.contains("overconfident"), "{name}");
    }
    // With accuracy in view, stopping early has a price.
    fs::write(place.path("log.csv"), table(20, |at| (train(at), 1.0 + 0.045 * (at - 3.0).max(0.0), 0.55 + 0.012 * at)))
        .unwrap();
    let text = place.mindgap(&["diagnose", "log.csv"]).succeed().stdout().replace("\n  ", " ");
    assert!(text.contains("would lose these points"), "{text}");
}

#[test]
fn guessing_is_known_from_classes_and_accuracies_alone() {
    let place = Place::with_images(1, 1);
    let tuned = "epoch,train_loss,train_acc,val_loss,val_acc\n";
    let rows: String = (0..12)
        .map(|at| {
            let left = 0.8f64.powi(at);
            format!(
                "{at},{:.4},{:.4},{:.4},{:.4}\n",
                0.2 + 0.14 * left,
                0.93 - 0.07 * left,
                0.15 + 0.04 * left,
                0.955 - 0.02 * left
            )
        })
        .collect();
    fs::write(place.path("log.csv"), format!("{tuned}{rows}")).unwrap();
    let text = place.mindgap(&["diagnose", "log.csv"]).succeed().stdout();
    assert!(!text.contains("under-fits") && !text.contains("guessing is"), "{text}");
    // Where it is said how many classes there are, and nothing is learnt.
    fs::write(place.path("log.csv"), table(12, |at| (1.4 - 0.001 * at, 1.39 - 0.001 * at, f64::NAN))).unwrap();
    assert!(!place.mindgap(&["diagnose", "log.csv"]).succeed().stdout().contains("[underfit]"));
    let text = place.mindgap(&["diagnose", "log.csv", "--classes", "4"]).succeed().stdout();
    assert!(text.contains("guessing is 1.386: ln 4") && text.contains("[underfit]"), "{text}");
    assert!(text.contains("lies 0.010 below it") && !text.contains("only -"), "{text}");
}

#[test]
fn tiny_losses_and_val_below_training_are_no_warnings() {
    let place = Place::with_images(1, 1);
    let grave = |text: &str| {
        fs::write(place.path("log.csv"), text).unwrap();
        let diagnosis = json(&place, &["log.csv"]);
        let grave = diagnosis["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "info");
        grave.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let tiny = table(50, |at| {
        (
            0.036 + 0.18 * 0.75f64.powf(at) + 0.003 * noise(at),
            0.05 + 0.04 * 0.75f64.powf(at) + 0.003 * noise(at + 0.5),
            0.986,
        )
    });
    assert_eq!(grave(&tiny), Vec::<String>::new());
    // A loud one stays one.
    assert!(grave(&table(50, |at| (0.5, 0.6 + 0.2 * noise(at), 0.8))).contains(&"val-noise".to_owned()));
    let below = table(20, |at| (1.9 - 0.05 * at, 1.7 - 0.05 * at, 0.5));
    grave(&below);
    let text = place.mindgap(&["diagnose", "log.csv"]).succeed().stdout().replace("\n  ", " ");
    assert!(text.contains("lies 0.200 nats below") && !text.contains("-0.200 above"), "{text}");
}

#[test]
fn a_training_loss_that_is_a_sum_is_not_compared_with_a_mean() {
    let place = Place::with_images(1, 1);
    let row = |scale: f64| move |at: f64| (scale * (1.5 - 0.03 * at), 1.4 - 0.01 * at, 0.1);
    fs::write(place.path("sums.csv"), table(20, row(100.0))).unwrap();
    let warned = json(&place, &["sums.csv"]);
    assert_eq!(finding(&warned, "artefact")["severity"], "warning");
    assert!(warned["findings"].as_array().unwrap().iter().all(|finding| finding["id"] != "healthy"), "{warned:#}");
    // Twice as large is what augmentation and dropout do.
    fs::write(place.path("augmented.csv"), table(20, row(2.0))).unwrap();
    assert_eq!(finding(&json(&place, &["augmented.csv"]), "artefact")["severity"], "info");
}

#[test]
fn a_log_has_a_page_and_its_columns_can_be_named() {
    let place = Place::with_images(1, 1);
    fs::write(place.path("log.csv"), "nr,Fehler,Pruefung <b>\n1,2.0,2.2\n2,1.5,1.9\n").unwrap();
    place.mindgap(&["diagnose", "log.csv"]).refuse(&["log.csv", "`Fehler`", "--train-loss COLUMN"]);
    let words = [
        "diagnose",
        "log.csv",
        "--train-loss",
        "Fehler",
        "--val-loss",
        "pruefung b",
        "--epoch",
        "nr",
        "--html",
        "page.html",
    ];
    place.mindgap(&words).succeed();
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    for part in ["chart-loss", "chart-gap", "id=\"findings\"", "0.400"] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    place.mindgap(&words).succeed();
    fs::write(place.path("page.html"), "mine").unwrap();
    place.mindgap(&words).refuse(&["page.html", "--html"]);
}

#[test]
fn event_files_tell_what_the_run_tells() {
    let place = Place::with_images(12, 9);
    place.train("run", &["--epochs", "6", "--model", "resnet8"]).succeed();
    let gap = |subject: &str| json(&place, &[subject])["gap_loss"].as_f64().unwrap();
    for part in ["train", "val"] {
        fs::create_dir_all(place.path(format!("board/{part}"))).unwrap();
        let name = format!("{part}/events.out.tfevents.0.mindgap");
        fs::copy(place.path(format!("run/{name}")), place.path(format!("board/{name}"))).unwrap();
    }
    assert!((gap("board") - gap("run")).abs() < 1e-5);
    let lines = json(&place, &["run/epochs.jsonl"]);
    assert!((lines["gap_loss"].as_f64().unwrap() - gap("run")).abs() < 1e-9);
    assert!(!lines["notes"].to_string().contains("running mean"), "{lines:#}");
    place.mindgap(&["diagnose", "run", "--html", "run.html"]).succeed();
    assert!(fs::read_to_string(place.path("run.html")).unwrap().contains("chart-seeds"));
    place.mindgap(&["diagnose", "run", "--run", "1"]).refuse(&["--run", "run folder"]);
    // One side alone is no gap.
    place.mindgap(&["diagnose", "board/train"]).refuse(&["no validation loss"]);
}

/// What README.md and docs/logs.md quote is what is printed.
#[test]
fn the_worked_answers_are_those_of_the_program() {
    let root = env!("CARGO_MANIFEST_DIR");
    let place = Place::with_images(1, 1);
    for (page, answers) in [("README.md", 1), ("docs/logs.md", 5)] {
        let text = fs::read_to_string(format!("{root}/{page}")).unwrap();
        let parts: Vec<&str> = text.split("```text\n$ mindgap diagnose ").skip(1).collect();
        assert_eq!(parts.len(), answers, "{page}");
        for part in parts {
            let (log, quoted) = part.split("\n```").next().unwrap().split_once('\n').unwrap();
            let printed = place.mindgap(&["diagnose", &format!("{root}/{log}")]).succeed().stdout();
            for paragraph in quoted.split("\n…\n") {
                assert!(
                    printed.contains(paragraph.trim_matches('\n')),
                    "{log}\n--- is quoted in {page}\n{paragraph}\n--- is printed\n{printed}"
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_diagnosed_is_refused_by_name() {
    let place = Place::with_images(1, 1);
    fs::write(place.path("poem.txt"), "no epochs here").unwrap();
    fs::write(place.path("half.csv"), "epoch,train_loss\n1,0.5\n").unwrap();
    place.mindgap(&["diagnose", "poem.txt"]).refuse(&["poem.txt", "no epoch", "Training Loss"]);
    place.mindgap(&["diagnose", "half.csv"]).refuse(&["half.csv", "no validation loss", "val_loss"]);
    place.mindgap(&["diagnose", "data"]).refuse(&["data", "no run"]);
    place.mindgap(&["diagnose", "nowhere"]).refuse(&["nowhere"]);
}

#[test]
fn a_learning_curve_trains_what_is_missing_and_forecasts() {
    let place = Place::with_images(60, 12);
    place.train("run", &["--epochs", "2", "--model", "resnet8", "--batch-size", "4"]).succeed();
    let words = ["diagnose", "run", "--learning-curve", "--json", "--threads", "1"];
    let diagnosis: Value = serde_json::from_str(&place.mindgap(&words).succeed().stdout()).unwrap();
    let more = finding(&diagnosis, "more-data");
    let evidence = more["evidence"].as_str().unwrap();
    for images in ["with 18", "with 33", "with 57", "with 102", "with 180"] {
        assert!(evidence.contains(images), "`{images}` is not in {evidence}");
    }
    assert!(more["figures"]["gain_twice"].as_f64().unwrap() >= 0.0, "{more}");
    assert_eq!(diagnosis["findings"].as_array().unwrap().last().unwrap()["id"], "next");
    // As many updates on a tenth of the images: ten times the epochs.
    let steps = |run: &str| place.epochs(run).last().unwrap()["steps"].as_f64().unwrap();
    assert!((steps("run/learning-curve/10-percent") / steps("run") - 1.0).abs() < 0.15);
    // Nothing is trained twice.
    let before = fs::metadata(place.path("run/learning-curve/32-percent/done.json")).unwrap().modified().unwrap();
    place.mindgap(&words).succeed();
    assert_eq!(
        fs::metadata(place.path("run/learning-curve/32-percent/done.json")).unwrap().modified().unwrap(),
        before
    );

    fs::write(place.path("thread.txt"), origin()).unwrap();
    place.mindgap(&["diagnose", "thread.txt", "--learning-curve"]).refuse(&["--learning-curve", "thread.txt"]);
}

#[test]
fn too_little_is_not_called_healthy() {
    let place = Place::with_images(12, 5);
    let few = "epoch,train_loss,val_loss\n0,1.5,1.6\n1,1.2,4.9\n";
    fs::write(place.path("few.csv"), few).unwrap();
    let text = place.mindgap(&["diagnose", "few.csv"]).succeed().stdout();
    assert!(text.contains("2 epochs, gap 3.700") && text.contains("2 epochs are too few"), "{text}");
    assert!(!text.contains("Healthy"), "{text}");
    let wide = "epoch,train_loss,val_loss\n0,1.7,1.8\n1,1.1,1.2\n2,0.7,1.1\n3,0.3,1.1\n";
    fs::write(place.path("wide.csv"), wide).unwrap();
    assert!(!place.mindgap(&["diagnose", "wide.csv"]).succeed().stdout().contains("Healthy"));
    fs::write(place.path("negative.csv"), "epoch,train_loss,val_loss\n0,-1,-2\n1,-2,-3\n").unwrap();
    place.mindgap(&["diagnose", "negative.csv"]).refuse(&["a loss below 0"]);
}

#[test]
fn the_next_command_keeps_what_the_run_was_made_with() {
    let place = Place::with_images(20, 6);
    place.train("run", &["--epochs", "6", "--data-seed", "3", "--hflip", "0.5", "--lr", "0.0001"]).succeed();
    let text = place.mindgap(&["diagnose", "run"]).succeed().stdout();
    let next = text.lines().last().unwrap();
    let keeps_all = next.contains("--recipe run/recipe.toml");
    assert!(keeps_all || next.contains("--batch-size 8") && next.contains("--img-size 16"), "{next}");
    assert!(keeps_all || next.contains("--data-seed 3"), "{next}");
    assert!(next.contains("--data data"), "{next}");
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let place = Place::with_images(12, 5);
    fs::write(place.path("log.csv"), "epoch,train_loss,val_loss\n0,1.5,1.6\n1,1.2,1.4\n").unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let end = place.command(&["diagnose", "log.csv"]).stdout(full).output().unwrap();
    assert_eq!(end.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&end.stderr).contains("stdout cannot be written to"));
}
