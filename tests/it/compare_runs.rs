//! Models that are trained already are compared by the same statistics, whatever trained them; what cannot be paired is
//! refused with the names of the images.

use std::{fs, path::Path};

use mindgap::{
    run::{Images, Outputs, Predictions},
    stats::McNemar,
};
use serde_json::Value;

use crate::support::{
    Finished, Place, TINY,
    recorded::{read, record},
};

/// A finished comparison of two presets over three seeds in `cmp`.
fn compared() -> Place {
    let place = Place::with_images(12, 5);
    let words =
        ["compare", "--data", "data", "--presets", "seed,smoothing", "--seeds", "3", "--epochs", "2", "--out", "cmp"];
    place.mindgap(&[&words[..], TINY].concat()).succeed();
    place
}

fn folders(prefix: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for preset in ["seed", "smoothing"] {
        folders.extend((0..3).map(|seed| format!("{prefix}/{preset}-seed{seed}")));
    }
    folders
}

fn compare_runs(place: &Place, folders: &[String], more: &[&str]) -> Finished {
    let mut words = vec!["compare", "--runs"];
    words.extend(folders.iter().map(String::as_str));
    words.extend(more);
    place.mindgap(&words)
}

fn json(end: &Finished) -> Value {
    serde_json::from_str(&end.stdout()).unwrap()
}

/// The figures of a comparison that its models decide alone.
fn statistics(comparison: &Value) -> Vec<Value> {
    let mut presets = comparison["presets"].as_array().unwrap().clone();
    for preset in &mut presets {
        preset.as_object_mut().unwrap().remove("recipe");
        preset.as_object_mut().unwrap().remove("macs");
        preset.as_object_mut().unwrap().remove("parameters");
        if let Some(against) = preset.get_mut("against") {
            against.as_object_mut().unwrap().remove("mcnemar");
        }
    }
    presets
}

#[test]
fn the_runs_of_a_comparison_compared_again_give_its_figures_to_the_last_bit() {
    let place = compared();
    let planned = read(&place.path("cmp/compare.json"));
    let again = json(&compare_runs(&place, &folders("cmp"), &["--json"]).succeed());
    assert_eq!(statistics(&again), statistics(&planned));
    assert_eq!(again["presets"][1]["seeds"], serde_json::json!([0, 1, 2]));
    assert_eq!((&again["models"]["paired_by"], &again["models"]["images"]), (&"sample-id".into(), &15.into()));
    assert_eq!(again["models"]["runs"][4]["group"], "smoothing");

    // Recorded in another training loop, with other fingerprints and one of them shuffled, they are paired by name.
    for folder in folders("cmp") {
        let to = folder.replace("cmp/", "recorded/");
        record(&place, &folder, &to);
        place.mindgap(&["conclude", &to]).succeed();
    }
    let mut mixed = folders("recorded");
    mixed[..3].clone_from_slice(&folders("cmp")[..3]);
    let by_name = ["--group-by", "name", "--json"];
    let end = compare_runs(&place, &mixed, &by_name).succeed();
    assert_eq!(statistics(&json(&end)), statistics(&planned));
    assert_eq!(json(&end)["models"]["paired_by"], "name");
    shuffle(&place.path("recorded/smoothing-seed1"));
    place.mindgap(&["conclude", "recorded/smoothing-seed1"]).succeed();
    let end = compare_runs(&place, &mixed, &by_name).succeed();
    let (found, expected) = (statistics(&json(&end)), statistics(&planned));
    let of = |all: &[Value]| all[1]["against"]["val_loss"]["ci_images"][0].as_f64().unwrap();
    assert!((of(&found) - of(&expected)).abs() < 1e-9, "{found:?}");

    // The seeds of what is not recorded are not guessed.
    compare_runs(&place, &mixed, &[]).refuse(&[
        "smoothing-seed0",
        "two seeds of one recipe",
        "--group-by name",
        "--group-by run",
    ]);
}

/// Reverses the order of val in a recorded run.
fn shuffle(folder: &Path) {
    let mut images = Images::load(&folder.join("images.csv")).unwrap();
    images.val.reverse();
    images.leaks.reverse();
    images.in_first_half.reverse();
    images.save(&folder.join("images.csv")).unwrap();
    let mut predictions = Predictions::load(&folder.join("predictions.safetensors")).unwrap();
    for outputs in [&mut predictions.last_val, &mut predictions.best_val] {
        let classes = outputs.logits.len() / outputs.ids.len();
        outputs.logits = outputs.logits.chunks(classes).rev().flatten().copied().collect();
        outputs.ids.reverse();
        outputs.labels.reverse();
    }
    predictions.save(&folder.join("predictions.safetensors")).unwrap();
}

#[test]
fn a_comparison_of_runs_is_kept_and_shown() {
    let place = compared();
    let end = compare_runs(&place, &folders("cmp"), &["--out", "kept", "--baseline", "smoothing"]).succeed();
    assert!(end.stdout().contains("| model ") && end.stdout().contains("McNemar"), "{}", end.stdout());
    assert_eq!(fs::read_to_string(place.path("kept/compare.md")).unwrap(), end.stdout());
    let page = fs::read_to_string(place.path("kept/report.html")).unwrap();
    for words in ["chart-loss", "Images and accuracy", "McNemar", "paired by sample id", "smoothing (baseline)"] {
        assert!(page.contains(words), "{words}");
    }
    place.mindgap(&["report", "kept"]).succeed();
    assert_eq!(read(&place.path("kept/compare.json"))["baseline"], "smoothing");
    // It is not written over something else.
    for out in ["cmp", "cmp/seed-seed0"] {
        compare_runs(&place, &folders("cmp"), &["--out", out]).refuse(&["--out", out, "choose another folder"]);
    }
    let best = compare_runs(&place, &folders("cmp"), &["--which", "best"]).succeed().stdout();
    assert!(best.contains("optimistic"), "{best}");
    let by_key = compare_runs(&place, &folders("cmp"), &["--group-by", "smoothing"]).succeed().stdout();
    assert!(by_key.contains("`smoothing=0.1`"), "{by_key}");
    assert!(!by_key.contains("mixture"), "{by_key}");
    // A group of other runs than the seeds of one recipe is called so.
    let mixed = ["cmp/seed-seed0", "cmp/smoothing-seed1"].map(str::to_owned);
    let text = compare_runs(&place, &mixed, &["--group-by", "epochs"]).succeed().stdout();
    assert!(text.contains("The runs of `epochs=2` differ in smoothing, not in the seed alone"), "{text}");
    compare_runs(&place, &folders("cmp"), &["--group-by", "colour"]).refuse(&["colour", "environment.json"]);
    compare_runs(&place, &folders("cmp"), &["--group-by", "model"]).refuse(&["both seed 0", "smoothing"]);
    compare_runs(&place, &folders("cmp"), &["--baseline", "longer"]).refuse(&[
        "--baseline",
        "longer",
        "seed, smoothing",
    ]);
    compare_runs(&place, &folders("cmp")[..1], &[]).refuse(&["two or more"]);
    let twice = ["cmp/seed-seed0".to_owned(), "cmp/../cmp/seed-seed0".to_owned()];
    compare_runs(&place, &twice, &[]).refuse(&["named twice"]);
    compare_runs(&place, &folders("cmp"), &["--lr", "0.1"]).refuse(&["--runs", "recipe flags"]);
    assert_eq!(compare_runs(&place, &folders("cmp"), &["--data", "data"]).code(), 2);
    fs::remove_file(place.path("cmp/seed-seed1/done.json")).unwrap();
    compare_runs(&place, &folders("cmp"), &[]).refuse(&["seed-seed1", "not finished", "--resume"]);
}

#[test]
fn runs_on_other_images_are_refused_with_their_names_or_compared_on_the_common_ones() {
    let place = Place::with_run(12, 5, "run", &["--epochs", "2"]);
    fs::remove_file(place.path("data/val/even/1003.png")).unwrap();
    place.write_image("data/val/dark/2000.png", 2, 7);
    place.train("other", &["--epochs", "2"]).succeed();
    let folders = ["run".to_owned(), "other".to_owned()];
    let refusal = compare_runs(&place, &folders, &[]);
    let refusal =
        refusal.refuse(&["run lacks 1 of 16: val/dark/2000.png", "other lacks 1 of 16: val/even/1003.png", "--common"]);
    assert!(!refusal.stderr().contains("options."));
    let end = json(&compare_runs(&place, &folders, &["--common", "--json", "--group-by", "run"]).succeed());
    assert_eq!((&end["models"]["images"], &end["models"]["left_out"]), (&14.into(), &2.into()));
    // By hand: the losses of the common images.
    let images = Images::load(&place.path("run/images.csv")).unwrap();
    let val = Predictions::load(&place.path("run/predictions.safetensors")).unwrap().last_val;
    let common = val.only(|image| images.val[image].name != "val/even/1003.png");
    let loss = end["presets"][0]["figures"]["val_loss"]["mean"].as_f64().unwrap();
    assert!((loss - common.measured().mean_loss()).abs() < 1e-12);
    let text = compare_runs(&place, &folders, &["--common", "--group-by", "run"]).succeed().stdout();
    assert!(
        text.contains("Compared on the 14 val images that all have, paired by name; 2 that some lack are left out."),
        "{text}"
    );
    // A label that differs is named, whatever else is common.
    let list = place.path("other/images.csv");
    let changed = fs::read_to_string(&list).unwrap().replace("val/bright/1000.png,0,", "val/bright/1000.png,1,");
    fs::write(&list, changed).unwrap();
    compare_runs(&place, &folders, &["--common"]).refuse(&["other", "images.csv", "val/bright/1000.png"]);
    fs::remove_file(&list).unwrap();
    compare_runs(&place, &folders, &["--common"]).refuse(&["other has no images.csv"]);
}

/// The outputs as a table, with one cell written by `cell`.
fn table(outputs: &Outputs, names: &[String], classes: &[&str], cell: impl Fn(&[f32], usize) -> String) -> String {
    let mut text = format!("name,label,{}\n", classes.join(","));
    for (image, name) in names.iter().enumerate() {
        let row = &outputs.logits[image * classes.len()..][..classes.len()];
        let cells: Vec<String> = (0..row.len()).map(|class| cell(row, class)).collect();
        text += &format!("{name},{},{}\n", classes[outputs.labels[image] as usize], cells.join(","));
    }
    text
}

fn compare_tables(place: &Place, tables: &[&str], more: &[&str]) -> Finished {
    place.mindgap(&[&["compare", "--predictions"], tables, more].concat())
}

#[test]
fn tables_of_predictions_give_the_figures_of_the_runs_that_they_come_from() {
    let place = compared();
    let classes = ["bright", "dark", "even"];
    let mut tables = Vec::new();
    let mut hits = Vec::new();
    for folder in folders("cmp") {
        let images = Images::load(&place.path(&folder).join("images.csv")).unwrap();
        let names: Vec<String> = images.val.iter().map(|image| image.name.clone()).collect();
        let val = Predictions::load(&place.path(&folder).join("predictions.safetensors")).unwrap().last_val;
        let name = format!("{}.csv", folder.replace("cmp/", ""));
        // Half of them as logits, half as probabilities.
        let as_logits = folder.ends_with('1');
        let text = table(&val, &names, &classes, |row, class| match as_logits {
            true => row[class].to_string(),
            false => mindgap::stats::softmax(row, 1.0)[class].to_string(),
        });
        fs::write(place.path(&name), text).unwrap();
        tables.push(name);
        hits.push(val.measured().correct);
    }
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let end = json(&compare_tables(&place, &tables, &["--group-by", "name", "--json"]).succeed());
    let planned = read(&place.path("cmp/compare.json"));
    let close = |pointer: &str| {
        let [found, expected] = [&end, &planned].map(|all| all.pointer(pointer).and_then(Value::as_f64).unwrap());
        assert!((found - expected).abs() < 1e-5, "{pointer}: {found} {expected}");
    };
    for pointer in [
        "/presets/0/figures/val_loss/mean",
        "/presets/1/figures/val_acc/mean",
        "/presets/1/figures/calibration_error/mean",
        "/presets/1/against/val_loss/ci_images/0",
        "/presets/1/against/val_loss/ci_seeds/1",
        "/presets/1/against/val_loss/p_holm",
    ] {
        close(pointer);
    }
    assert!(end["presets"][0]["figures"].get("probe_loss").is_none() && end.get("data").is_none());
    let test = &end["presets"][1]["against"]["mcnemar"][2];
    let expected = McNemar::test(&hits[5], &hits[2]);
    assert_eq!(test["seed"], 2);
    assert_eq!(test["right_here_only"], expected.first_only);
    assert_eq!(test["right_in_baseline_only"], expected.second_only);
    assert_eq!(test["p"], expected.p);

    let end = compare_tables(&place, &tables[..1], &[tables[3], "--out", "kept"]).succeed();
    assert!(
        end.stdout().contains("No recipe is shown to be better than `seed-seed0` with one model each"),
        "{}",
        end.stdout()
    );
    assert!(!end.stdout().contains("gap") && end.stdout().contains("paired by name"), "{}", end.stdout());
    let page = fs::read_to_string(place.path("kept/report.html")).unwrap();
    assert!(
        page.contains("chart-differences") && page.contains("McNemar") && page.contains("seed-seed0.csv"),
        "{page}"
    );
    place.mindgap(&["report", "kept"]).succeed();
    // mindgap's own tables are read too.
    for (run, table) in [("cmp/seed-seed0", "a.csv"), ("cmp/smoothing-seed0", "b.csv")] {
        place.mindgap(&["evaluate", run, "--which", "last", "--threads", "1", "--predictions", table]).succeed();
    }
    let own = json(&compare_tables(&place, &["a.csv", "b.csv"], &["--json"]).succeed());
    let expected = planned["presets"][1]["figures"]["val_loss"]["values"][0].as_f64().unwrap();
    assert!((own["presets"][1]["figures"]["val_loss"]["mean"].as_f64().unwrap() - expected).abs() < 1e-5);
}

#[test]
fn a_table_that_cannot_be_read_is_refused_with_its_line() {
    let place = Place::with_images(1, 1);
    let good = "name,label,cat,dog\na.png,cat,0.8,0.2\nb.png,dog,0.4,0.6\nc.png,dog,0.5,0.5\n";
    fs::write(place.path("good.csv"), good).unwrap();
    let refused = |text: &[u8], words: &[&str]| {
        fs::write(place.path("bad.csv"), text).unwrap();
        compare_tables(&place, &["good.csv", "bad.csv"], &[]).refuse(&[&["bad.csv"], words].concat());
    };
    let swap = |from: &str, to: &str| good.replace(from, to).into_bytes();
    refused(&swap("0.4,0.6", "nan,0.6"), &["line 3", "\"cat\"", "no finite number"]);
    refused(&swap("0.4,0.6", "0.4,"), &["line 3", "\"dog\"", "empty"]);
    refused(&swap("0.4,0.6", "0.4"), &["line 3", "3 columns", "4"]);
    refused(&swap("b.png", "a.png"), &["line 3", "a.png", "line 2"]);
    refused(&swap("b.png,dog", "b.png,cow"), &["line 3", "cow", "cat, dog"]);
    refused(&swap("b.png,dog", "b.png,1"), &["line 3", "\"1\"", "cat, dog"]);
    refused(&swap("b.png", ""), &["line 3", "no name"]);
    refused(&swap("0.4,0.6", "0.4,0.9"), &["line 3", "1.3", "--values"]);
    refused(&swap("0.4,0.6", "\"0,4\",0.6"), &["line 3", "decimal point"]);
    refused(&swap("label", "truth"), &["line 1", "label", "\"truth\""]);
    refused(&swap("dog\n", "cat\n"), &["line 1", "\"cat\""]);
    refused(b"name,label,cat\na,cat,1\n", &["line 1", "each class"]);
    refused(b"name,label,cat,dog\n", &["no row"]);
    refused(b"", &["empty"]);
    refused(b"\xff\xfen\0a\0", &["UTF-16"]);
    refused(b"name,label,cat,dog\na.png,cat,0.5,0.5\n\xff.png,cat,0.5,0.5\n", &["line 3", "UTF-8"]);
    refused(&swap("c.png,dog,0.5,0.5\n", ""), &["bad.csv lacks 1 of 3: c.png", "--common"]);
    refused(&swap("c.png,dog", "c.png,cat"), &["c.png", "\"cat\"", "\"dog\"", "good.csv"]);
    refused(&swap("dog", "cow"), &["class", "cow", "good.csv"]);
    refused(b"name,label,a,b,c\na.png,0,1,0,0\n", &["3 classes", "2"]);
    fs::write(place.path("other.csv"), good).unwrap();
    compare_tables(&place, &["good.csv", "other.csv"], &["--which", "best"]).refuse(&["--which", "--runs"]);
    place.mindgap(&["compare", "--runs", "a", "b", "--values", "logits"]).refuse(&["--values", "--predictions"]);
    compare_tables(&place, &["good.csv"], &[]).refuse(&["two or more"]);
    compare_tables(&place, &["good.csv", "good.csv"], &[]).refuse(&["named twice"]);
    compare_tables(&place, &["good.csv", "data"], &[]).refuse(&["data is a folder"]);
    compare_tables(&place, &["good.csv", "absent.csv"], &[]).refuse(&["absent.csv"]);
    place.mindgap(&["compare", "--common", "--presets", "seed,mixup"]).refuse(&["--common", "--runs"]);
}

#[test]
fn tables_are_read_in_the_forms_in_which_programs_write_them() {
    let place = Place::with_images(1, 1);
    let good = "name,label,cat,dog\na.png,cat,0.8,0.2\nb.png,dog,0.4,0.6\nc.png,dog,0.5,0.5\n";
    fs::write(place.path("good.csv"), good).unwrap();
    let losses = |text: &[u8], more: &[&str]| {
        fs::write(place.path("other.csv"), text).unwrap();
        let end = compare_tables(&place, &["good.csv", "other.csv"], &[more, &["--json"]].concat()).succeed();
        json(&end)["presets"][1]["figures"]["val_loss"]["mean"].as_f64().unwrap()
    };
    let expected = -(0.8f64.ln() + 0.6f64.ln() + 0.5f64.ln()) / 3.0;
    let forms: [Vec<u8>; 8] = [
        good.replace('\n', "\r\n").into_bytes(),
        good.replace(',', ";").into_bytes(),
        good.replace(',', "\t").into_bytes(),
        format!("\u{feff}{good}").into_bytes(),
        good.replace("a.png", "\"a.png\"").replace(",cat,0.8", " , cat , 0.8").into_bytes(),
        // pandas with its index, labels as numbers, classes in another order, rows in another order.
        b",path,target,p_cat,p_dog\n0,c.png,1,0.5,0.5\n1,a.png,0,0.8,0.2\n2,b.png,1.0,0.4,0.6\n".to_vec(),
        b"name,dog,cat,label\na.png,0.2,0.8,cat\nb.png,0.6,0.4,dog\nc.png,0.5,0.5,dog\n".to_vec(),
        b"name,label,0,1\na.png,0,0.8,0.2\nb.png,1,0.4,0.6\nc.png,1,0.5,0.5\n".to_vec(),
    ];
    for form in forms {
        let found = losses(&form, &[]);
        assert!((found - expected).abs() < 1e-6, "{}: {found}", String::from_utf8_lossy(&form));
    }
    // Logits show themselves by a negative value, or are stated.
    let logits = b"name,label,cat,dog\na.png,cat,2,-1\nb.png,dog,0.5,0.5\nc.png,dog,0,0\n";
    let expected = ((-3f64).exp().ln_1p() + 2.0 * 2f64.ln()) / 3.0;
    assert!((losses(logits, &[]) - expected).abs() < 1e-6);
    let positive = b"name,label,cat,dog\na.png,cat,4,1\nb.png,dog,0.5,0.5\nc.png,dog,0,0\n";
    assert!((losses(positive, &["--values", "logits"]) - expected).abs() < 1e-6);
    // Rounded probabilities are scaled to a sum of 1, and a 0 of the true class is not infinite.
    let rounded = b"name,label,cat,dog\na.png,cat,0.80,0.19\nb.png,dog,1.00,0.00\nc.png,dog,0.5,0.5\n";
    let expected = -((0.80f64 / 0.99).ln() + (1e-7f64).ln() + 0.5f64.ln()) / 3.0;
    assert!((losses(rounded, &[]) - expected).abs() < 1e-4);
    let text = compare_tables(&place, &["good.csv", "other.csv"], &[]).succeed().stdout();
    assert!(text.contains("other.csv: in 1 of 3 rows the probability of the true class is below 1e-7"), "{text}");
}
