//! An audit counts what will mislead, names it, and lists what training leaves out.

use std::{fs, os::unix::ffi::OsStrExt, path::Path};

use crate::support::{CLASSES, Finished, Place};
use image::{DynamicImage, GrayImage, ImageFormat};
use serde_json::{Value, json};

/// Six training and three val images a class, and a known number of every offence.
fn place_of_offenders() -> Place {
    let place = Place::with_images(6, 3);
    let copy = |from: &str, to: &str| {
        fs::create_dir_all(place.path(to).parent().unwrap()).unwrap();
        fs::copy(place.path(from), place.path(to)).unwrap();
    };
    let open = |path: &str| image::open(place.path(path)).unwrap().into_luma8();
    let save = |image: DynamicImage, path: &str| image.save(place.path(path)).unwrap();

    copy("data/train/bright/0000.png", "data/train/bright/same.png");
    copy("data/val/even/1000.png", "data/val/even/same.png");
    // One image of train twice in val, another one in test.
    copy("data/train/dark/0001.png", "data/val/dark/leak.png");
    copy("data/train/dark/0001.png", "data/val/even/leak.png");
    copy("data/train/dark/0002.png", "data/test/dark/leak.png");
    copy("data/train/even/0003.png", "data/train/dark/conflict.png");
    // Duplicates in other kinds of files: three equal channels, 16 bits, and what a JPEG decodes to.
    let grey = open("data/train/bright/0004.png");
    save(DynamicImage::ImageLuma8(grey).to_rgb8().into(), "data/train/bright/rgb.png");
    let deep: Vec<u16> = open("data/train/bright/0005.png").iter().map(|&value| u16::from(value) << 8 | 9).collect();
    let deep = image::ImageBuffer::from_raw(16, 16, deep).unwrap();
    save(DynamicImage::ImageLuma16(deep), "data/train/bright/deep.png");
    save(DynamicImage::ImageLuma8(open("data/train/even/0000.png")), "data/train/even/lossy.jpg");
    save(DynamicImage::ImageLuma8(open("data/train/even/lossy.jpg")), "data/train/even/lossless.png");

    save(DynamicImage::ImageLuma8(GrayImage::from_pixel(16, 16, image::Luma([7]))), "data/train/dark/blank.png");
    save(DynamicImage::ImageLuma8(GrayImage::from_pixel(16, 16, image::Luma([8]))), "data/val/dark/blank.png");
    let jpeg = fs::read(place.path("data/train/even/lossy.jpg")).unwrap();
    fs::write(place.path("data/train/even/cut.jpg"), &jpeg[..jpeg.len() - 3]).unwrap();
    fs::write(place.path("data/val/even/words.png"), "no image").unwrap();
    fs::write(place.path("data/train/dark/sideways.jpg"), turned(&place, "data/train/dark/0004.png")).unwrap();
    let colour = image::RgbImage::from_fn(20, 16, |x, y| image::Rgb([x as u8 * 12, y as u8 * 15, 90]));
    save(DynamicImage::ImageRgb8(colour), "data/train/bright/colour.png");
    // The same photograph in other light.
    let brighter = image::imageops::brighten(&open("data/train/even/0004.png"), 3);
    save(DynamicImage::ImageLuma8(brighter), "data/val/even/brighter.png");
    place
}

/// A JPEG whose EXIF orientation says that the camera was held upright (6).
fn turned(place: &Place, path: &str) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::open(place.path(path)).unwrap().write_to(&mut file, ImageFormat::Jpeg).unwrap();
    let jpeg = file.into_inner();
    let tiff = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let segment = [&b"\xff\xe1"[..], &(8 + tiff.len() as u16).to_be_bytes(), b"Exif\0\0", tiff].concat();
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

fn audit(place: &Place, words: &[&str]) -> Value {
    let finished = place.mindgap(&[&["inspect", "--json"], words].concat()).succeed();
    serde_json::from_str(&finished.stdout()).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[test]
fn every_offence_is_counted() {
    let place = place_of_offenders();
    let found = audit(&place, &["data"]);
    // same.png, conflict, rgb, deep, and one of the two that began as a JPEG.
    assert_eq!(found["surplus_duplicates"], json!({"train": 5, "val": 2, "test": 0}));
    assert_eq!((&found["val_in_train"], &found["test_in_train"]), (&json!(2), &json!(1)));
    assert_eq!((&found["conflicting_groups"], &found["blank"]), (&json!(1), &json!(2)));
    assert_eq!(found["exif_rotated"], 1);
    assert_eq!(found["channels"], json!({"grey": 41, "colour": 1}));
    assert_eq!(
        found["sizes"],
        json!([{"width": 16, "height": 16, "count": 41}, {"width": 20, "height": 16, "count": 1}])
    );
    assert_eq!(found["classes"], json!(["bright", "dark", "even"]));
    assert_eq!(found["counts"]["train"], json!({"bright": 10, "dark": 9, "even": 8}));
    assert_eq!(found["balance"]["train"], 1.25);
    assert_eq!(found["balance"]["test"], Value::Null);
    let split: u64 = found["images"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(split, 42);
}

#[test]
fn every_offender_is_named() {
    let place = place_of_offenders();
    let found = audit(&place, &["data", "--limit", "0"]);
    assert_eq!(names(&found["leaks"]), ["val/dark/leak.png", "val/even/leak.png", "test/dark/leak.png"]);
    assert_eq!(names(&found["leaks"][1]["in_train"]), ["train/dark/0001.png"]);
    assert_eq!(found["leaks"][1]["class"], "even");
    assert_eq!(names(&found["conflicts"][0]), ["train/dark/conflict.png", "train/even/0003.png"]);
    assert_eq!(names(&found["blanks"]), ["train/dark/blank.png", "val/dark/blank.png"]);
    assert_eq!(names(&found["broken"]), ["train/even/cut.jpg", "val/even/words.png"]);
    assert!(found["broken"][0]["reason"].as_str().unwrap().contains("cut off"), "{}", found["broken"]);
    assert!(found["broken"][1]["reason"].as_str().unwrap().contains("not JPEG"), "{}", found["broken"]);
    assert_eq!(names(&found["exif_rotated_files"]), ["train/dark/sideways.jpg"]);
    let groups: Vec<_> = found["exact_groups"].as_array().unwrap().iter().map(names).collect();
    assert!(groups.contains(&vec!["train/bright/0004.png", "train/bright/rgb.png"]), "{groups:?}");
    assert!(groups.contains(&vec!["train/bright/0005.png", "train/bright/deep.png"]), "{groups:?}");
    assert!(groups.contains(&vec!["train/even/lossless.png", "train/even/lossy.jpg"]), "{groups:?}");
    let pairs = found["near_duplicate_pairs"].as_array().unwrap();
    let brighter = |pair: &&Value| pair["b"] == "val/even/brighter.png" && pair["a"] == "train/even/0004.png";
    let pair = pairs.iter().find(brighter).expect("the brighter picture looks like the other");
    assert_eq!((&pair["splits"], &pair["labels"]), (&json!(["train", "val"]), &json!(["even", "even"])));
    assert_eq!(found["near_duplicates"], pairs.len());
    assert_eq!(found["cut"], json!([]));
}

#[test]
fn a_list_that_is_cut_says_so_and_the_count_stays() {
    let found = audit(&place_of_offenders(), &["data", "--limit", "1"]);
    assert_eq!((found["leaks"].as_array().unwrap().len(), &found["val_in_train"]), (1, &json!(2)));
    assert!(found["cut"].as_array().unwrap().contains(&json!("leaks")));
    assert!(!found["cut"].as_array().unwrap().contains(&json!("conflicts")));
}

#[test]
fn json_is_complete_unless_it_is_limited() {
    let place = Place::with_images(60, 60);
    for class in CLASSES {
        for number in 0..60 {
            let from = place.path(format!("data/train/{class}/{number:04}.png"));
            fs::copy(from, place.path(format!("data/val/{class}/leak{number}.png"))).unwrap();
            let image = GrayImage::from_pixel(20 + number, 20, image::Luma([number as u8]));
            image.save(place.path(format!("data/train/{class}/blank{number}.png"))).unwrap();
        }
    }
    let found = audit(&place, &["data", "--html", "page.html"]);
    assert!(found["val_in_train"].as_u64().unwrap() >= 180);
    assert_eq!(found["leaks"].as_array().unwrap().len() as u64, found["val_in_train"].as_u64().unwrap());
    assert_eq!(found["blanks"].as_array().unwrap().len(), 180);
    assert_eq!(found["sizes"].as_array().unwrap().len(), 61);
    assert_eq!(found["cut"], json!([]));
    assert!(place.path("page.html").exists());

    let few = audit(&place, &["data", "--limit", "3"]);
    assert_eq!(few["leaks"].as_array().unwrap().len(), 3);
    assert!(few["notes"].as_array().unwrap().iter().any(|note| note.as_str().unwrap().contains("--limit 0")));
}

#[test]
fn an_audit_counts_what_training_counts() {
    let place = place_of_offenders();
    let found = audit(&place, &["data"]);
    place.train("run", &["--epochs", "1", "--skip-bad"]).succeed();
    let environment: Value = serde_json::from_slice(&place.bytes("run", "environment.json")).unwrap();
    let data = &environment["data"];
    for key in ["fingerprint", "val_in_train", "mean", "std", "classes"] {
        assert_eq!(found[key], data[key], "{key}");
    }
    assert_eq!((&found["images"]["train"], &found["images"]["val"]), (&data["train"], &data["val"]));
}

#[test]
fn the_text_fits_80_columns_and_reads_well() {
    let place = place_of_offenders();
    let text = place.mindgap(&["inspect", "data"]).succeed().stdout();
    let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80 && !line.contains(": the ")).collect();
    assert!(long.is_empty(), "{long:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_table_is_inspected_by_its_lines() {
    let place = Place::with_images(0, 0);
    let row = |label: u32, first: u32, usage: &str| {
        let pixels: Vec<String> = (0..16).map(|i| ((first * 37 + i * i * 11) % 256).to_string()).collect();
        format!("{label},{},{usage}\n", pixels.join(" "))
    };
    let rows = [
        row(0, 1, "Training"),
        row(1, 2, "Training"),
        row(0, 3, "Training"),
        row(1, 3, "Training"),   // line 5: conflict with line 4
        row(0, 1, "Training"),   // line 6: a duplicate of line 2
        row(1, 2, "PublicTest"), // line 7: leak
        row(0, 4, "PublicTest"),
        "1,1 2 x 4,Training\n".to_owned(), // line 9
        row(0, 1, "PrivateTest"),          // line 10: leak
        row(1, 5, "Training"),
        row(0, 6, "Training"),
        row(0, 7, "Training"),
        row(1, 8, "Training"),
    ];
    fs::write(place.path("t.csv"), "emotion,pixels,Usage\n".to_owned() + &rows.concat()).unwrap();
    let found = audit(&place, &["t.csv", "--write-exclude", "list.txt"]);
    assert_eq!(found["surplus_duplicates"], json!({"train": 2, "val": 0, "test": 0}));
    assert_eq!((&found["val_in_train"], &found["test_in_train"]), (&json!(1), &json!(1)));
    assert_eq!((&found["conflicting_groups"], names(&found["broken"])), (&json!(1), vec!["line 9"]));
    assert_eq!(entries(&place, "list.txt"), ["line 9", "line 4", "line 5", "line 2", "line 3", "line 6"]);

    let left = audit(&place, &["t.csv", "--exclude", "list.txt"]);
    assert_eq!((&left["val_in_train"], &left["test_in_train"]), (&json!(0), &json!(0)));
    assert_eq!((&left["broken"], &left["images"]["train"]), (&json!([]), &json!(4)));
    // The broken row is left out too, so that nothing need be skipped.
    let words = ["train", "--data", "t.csv", "--exclude", "list.txt", "--batch-size", "2", "--epochs", "1"];
    let net = ["--width", "4", "--model", "resnet8", "--threads", "1", "--out", "run"];
    place.mindgap(&[&words[..], &net].concat()).succeed();
}

/// The lines of a list that name a sample.
fn entries(place: &Place, list: &str) -> Vec<String> {
    let text = fs::read_to_string(place.path(list)).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_list_names_what_harms_and_val_stays_whole() {
    let place = place_of_offenders();
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    let expected = [
        "train/even/cut.jpg",
        "val/even/words.png",
        "train/dark/blank.png",
        "train/dark/conflict.png",
        "train/even/0003.png",
        "train/dark/0001.png",
        "train/dark/0002.png",
        "train/bright/deep.png",
        "train/bright/rgb.png",
        "train/bright/same.png",
        "train/even/lossy.jpg",
        "train/even/0004.png",
    ];
    assert_eq!(entries(&place, "list.txt"), expected);
    let before = audit(&place, &["data"]);
    place
        .mindgap(&["inspect", "data", "--exclude", "list.txt", "--exclude", "other.txt"])
        .refuse(&["--exclude is given twice", "put what both say into one"]);
    let after = audit(&place, &["data", "--exclude", "list.txt"]);
    for key in ["val_in_train", "test_in_train", "conflicting_groups"] {
        assert_eq!(after[key], 0, "{key}");
    }
    assert_eq!((&after["broken"], &after["surplus_duplicates"]["train"]), (&json!([]), &json!(0)));
    assert_eq!(names(&after["blanks"]), ["val/dark/blank.png"]);
    assert_eq!(
        (&after["images"]["val"], &after["images"]["test"]),
        (&before["images"]["val"], &before["images"]["test"])
    );
    assert_ne!(after["fingerprint"], before["fingerprint"]);
}

fn data_of(place: &Place, run: &str) -> Value {
    let environment: Value = serde_json::from_slice(&place.bytes(run, "environment.json")).unwrap();
    environment["data"].clone()
}

#[test]
fn a_run_without_what_the_list_names_has_no_leak_and_finds_the_list_again() {
    let place = place_of_offenders();
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    let run = place.train("run", &["--epochs", "2", "--exclude", "list.txt"]).succeed();
    assert!(run.stderr().contains("note: 12 samples were left out (--exclude list.txt)."), "{}", run.stderr());
    assert!(!run.stderr().contains("leaks"), "{}", run.stderr());
    let data = data_of(&place, "run");
    let list = fs::canonicalize(place.path("list.txt")).unwrap();
    assert_eq!((&data["val_in_train"], &data["exclude"]), (&json!(0), &json!(list.to_str().unwrap())));

    // From another folder, and without a word of data or list.
    let run = place.path("run");
    let words = ["train", "--resume", "--out", run.to_str().unwrap(), "--epochs", "3"];
    let resumed = Finished(place.command(&words).current_dir("/").output().unwrap()).succeed();
    assert!(resumed.stderr().contains("12 samples were left out"), "{}", resumed.stderr());
    assert_eq!(place.epochs("run").len(), 3);
    let again = place.train("run", &["--resume", "--epochs", "3", "--exclude", "list.txt"]).succeed();
    assert!(again.stderr().contains("finished"), "{}", again.stderr());
    place.mindgap(&["report", "run"]).succeed();
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(!page.contains("Not shown:"), "the val images are not found");

    fs::write(place.path("other.txt"), "train/even/cut.jpg\nval/even/words.png\n").unwrap();
    place.train("run", &["--resume", "--epochs", "3", "--exclude", "other.txt"]).refuse(&["other data"]);
    fs::remove_file(list).unwrap();
    place.train("run", &["--resume", "--epochs", "4"]).refuse(&["list.txt", "cannot be read"]);
}

#[test]
fn a_run_with_leaks_says_how_to_be_rid_of_them() {
    let place = place_of_offenders();
    let text = place.train("run", &["--epochs", "1", "--skip-bad"]).succeed().stderr();
    let leaks: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("leaks")).take(2).collect();
    assert!(leaks[0].contains("2 val images also appear in train"), "{text}");
    assert!(leaks[1].contains("mindgap inspect") && leaks[1].contains("--exclude"), "{text}");
}

#[test]
fn a_comparison_hands_the_list_to_its_runs() {
    let place = place_of_offenders();
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    let words = "compare --presets seed,mixup --seeds 1 --data data --exclude list.txt --out cmp --epochs 1 --width 4 \
                 --stem-stride 2 --batch-size 8 --threads 1";
    let words: Vec<&str> = words.split_whitespace().collect();
    place.mindgap(&words).succeed();
    for run in ["cmp/seed-seed0", "cmp/mixup-seed0"] {
        assert_eq!(data_of(&place, run)["val_in_train"], 0, "{run}");
    }
}

#[test]
fn a_list_that_does_not_fit_the_data_is_refused() {
    let place = Place::with_images(12, 5);
    let refuse = |list: &str, words: &[&str]| {
        fs::write(place.path("list.txt"), list).unwrap();
        place.train("run", &["--epochs", "1", "--exclude", "list.txt"]).refuse(words);
        place.mindgap(&["inspect", "data", "--exclude", "list.txt"]).refuse(words);
        assert!(!place.path("run").exists());
    };
    refuse(
        "train/bright/0000.png\ntrain/bright/gone.png\n",
        &["list.txt", "1 of its 2 lines", "train/bright/gone.png"],
    );
    refuse("# fine\n\ntrain\\bright\\0000.png\n", &["list.txt, line 3", "\\x5c"]);
    let bright: String = (0..12).map(|i| format!("train/bright/{i:04}.png\r\n")).collect();
    refuse(&bright, &["train lacks", "bright"]);
    fs::remove_file(place.path("list.txt")).unwrap();
    place.train("run", &["--exclude", "list.txt"]).refuse(&["list.txt"]);
}

#[test]
fn a_val_split_drawn_from_what_the_list_leaves_has_no_leak_whatever_the_seed() {
    let place = Place::with_images(20, 0);
    fs::remove_dir_all(place.path("data/val")).ok();
    for class in CLASSES {
        for number in 0..10 {
            let file = |name: &str| place.path(format!("data/train/{class}/{name}.png"));
            fs::copy(file(&format!("{number:04}")), file(&format!("same{number}"))).unwrap();
        }
    }
    assert!(audit(&place, &["data"])["is_val_drawn"] == true);
    place.mindgap(&["inspect", "data", "--data-seed", "3", "--write-exclude", "list.txt"]).succeed();
    assert_eq!(entries(&place, "list.txt").len(), 30);
    for seed in ["0", "1", "2", "3"] {
        let after = audit(&place, &["data", "--exclude", "list.txt", "--data-seed", seed]);
        assert_eq!((&after["val_in_train"], &after["duplicate_groups"]), (&json!(0), &json!(0)), "{seed}");
    }
}

#[test]
fn any_file_name_survives_the_list() {
    let place = Place::with_images(4, 2);
    let first = place.path("data/train/bright/0000.png");
    let odd = [&b"same\nof\r it.png"[..], b"\xff\xfe.png", b"back\\slash.png", b" \xc3\x9cbung #1 .png"];
    for name in odd {
        fs::copy(&first, place.path("data/train/bright").join(Path::new(std::ffi::OsStr::from_bytes(name)))).unwrap();
    }
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    assert_eq!(entries(&place, "list.txt").len(), 4);
    let after = audit(&place, &["data", "--exclude", "list.txt"]);
    assert_eq!(after["surplus_duplicates"]["train"], 0);
    assert_eq!(after["images"]["train"], 12);
}

#[test]
fn the_page_shows_the_offenders_and_believes_no_name() {
    let place = place_of_offenders();
    let strange = "data/train/dark/<script>alert(1)&.png";
    fs::copy(place.path("data/train/dark/0005.png"), place.path(strange)).unwrap();
    place.mindgap(&["inspect", "data", "--html", "page.html"]).succeed();
    let page = fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("&#60;script&#62;alert(1)&#38;.png"), "the name is not shown");
    for section in ["leaks", "conflicts", "duplicates", "near", "blank", "turned", "broken"] {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "{section} is missing");
    }
    assert!(page.matches("src=\"data:image/png;base64,").count() > 20);
    // Its own page is replaced.
    place.mindgap(&["inspect", "data", "--html", "page.html"]).succeed();
}

#[test]
fn files_that_are_none_of_ours_are_not_overwritten() {
    let place = Place::with_images(4, 2);
    for flag in ["--html", "--write-exclude"] {
        fs::write(place.path("thesis.txt"), "work").unwrap();
        place.mindgap(&["inspect", "data", flag, "thesis.txt"]).refuse(&["thesis.txt", flag]);
        assert_eq!(fs::read(place.path("thesis.txt")).unwrap(), b"work");
    }
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    place.mindgap(&["inspect", "data", "--exclude", "list.txt", "--write-exclude", "list.txt"]).refuse(&["in use"]);
}

#[test]
fn a_list_that_somebody_changed_is_replaced_only_by_force() {
    let place = Place::with_images(4, 2);
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).succeed();
    let mut list = fs::read_to_string(place.path("list.txt")).unwrap();
    list += "train/dark/0001.png\n";
    fs::write(place.path("list.txt"), &list).unwrap();
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt"]).refuse(&["list.txt", "--force"]);
    assert_eq!(fs::read_to_string(place.path("list.txt")).unwrap(), list);
    place.mindgap(&["inspect", "data", "--write-exclude", "list.txt", "--force"]).succeed();
    assert!(!fs::read_to_string(place.path("list.txt")).unwrap().contains("0001.png"));
}

#[test]
fn data_that_cannot_be_used_are_refused_and_clean_data_are_called_clean() {
    let place = Place::with_images(4, 2);
    place.mindgap(&["inspect", "nowhere"]).refuse(&["nowhere"]);
    fs::create_dir(place.path("empty")).unwrap();
    place.mindgap(&["inspect", "empty"]).refuse(&["empty"]);
    let text = place.mindgap(&["inspect", "data"]).succeed().stdout();
    assert!(text.contains("\n\nNothing needs to be left out.\nVal has 6 images: "), "{text}");
    assert!(audit(&place, &["data"])["test_in_train"].is_null());
    place.mindgap(&["inspect", "faces"]).succeed();
}
