//! The report is one page that is whole in itself, shows what there is, and believes no name.

use std::{fs, process::Stdio};

use crate::support::{Finished, Place, interposed::Stopping};

const NET: &[&str] =
    &["--width", "4", "--stem-stride", "2", "--batch-size", "8", "--threads", "1", "--model", "resnet8"];

fn train(place: &Place, words: &[&str]) -> Finished {
    place.mindgap(&[&["train", "--data", "data", "--epochs", "3"], words, NET].concat())
}

fn page(place: &Place, path: &str) -> String {
    fs::read_to_string(place.path(path)).unwrap()
}

/// What every page promises.
fn check_whole(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'"));
    assert!(
        !page.contains("<script") && !page.contains("http://") && !page.contains("https://"),
        "something is fetched"
    );
    for chart in ["chart-loss", "chart-accuracy", "chart-gap", "chart-trade-off", "chart-seeds"] {
        assert!(page.contains(chart), "{chart} is missing");
    }
    assert!(page.matches("<svg").count() >= 5 && page.matches("<svg").count() == page.matches("</svg>").count());
    // Colours are the page's, so that the charts follow its theme.
    let charts = page.split("<svg").skip(1).map(|rest| rest.split("</svg>").next().unwrap());
    charts.for_each(|chart| assert!(!chart.contains("=\"#"), "{chart}"));
}

#[test]
fn a_run_has_its_page_which_no_longer_reloads_itself() {
    let place = Place::with_images(12, 5);
    train(&place, &["--out", "run", "--mixup", "0.2"]).succeed();
    let page = page(&place, "run/report.html");
    check_whole(&page);
    assert!(!page.contains("http-equiv=\"refresh\"") && page.contains("Finished."));
    assert!(page.contains("After epoch 3 of 3 validation loss lies") && page.contains("mixup 0.2"), "{page}");
    assert!(page.contains("What this run shows") && page.contains("<article class=\"finding"), "{page}");
    assert_eq!(page.matches("data:image/png;base64,").count(), 12);
    assert!(page.contains("mindgap train --data data --epochs 3"));
}

#[test]
fn an_open_page_shows_the_run_live() {
    let place = Place::with_images(12, 5);
    let words = [&["train", "--data", "data", "--out", "run", "--epochs", "500"], NET].concat();
    let mut command = place.command(&words);
    let run = Stopping::start(command.stdout(Stdio::null()).stderr(Stdio::null()), &["run/report.html"], u32::MAX >> 1);
    let path = place.path("run/report.html");
    let live = loop {
        run.wait_for_stop();
        let page = fs::read_to_string(&path).unwrap();
        if !page.contains("Running: 0 of") {
            break page;
        }
        run.proceed();
    };
    check_whole(&live);
    assert!(live.contains("http-equiv=\"refresh\"") && live.contains("of 500 epochs done, about"), "{live}");
    run.send(libc::SIGTERM);
    run.proceed();
    while run.has_stopped() {
        run.proceed();
    }
    assert_eq!(run.finish().status.code(), Some(75));
    let page = page(&place, "run/report.html");
    assert!(!page.contains("http-equiv=\"refresh\"") && page.contains("Not finished: it ended after"), "{page}");
}

#[test]
fn a_comparison_ends_with_a_page_of_all_its_runs() {
    let place = Place::with_images(12, 5);
    let words = ["compare", "--data", "data", "--presets", "smoothing,seed", "--baseline", "seed", "--seeds", "3"];
    place.mindgap(&[&words[..], &["--out", "cmp", "--epochs", "2"], NET].concat()).succeed();
    let first = page(&place, "cmp/report.html");
    check_whole(&first);
    for part in
        ["seed, smoothing on data", "6 of 6 runs are finished", "chart-differences", "<code>smoothing</code></th>"]
    {
        assert!(first.contains(part), "{part} is missing");
    }
    assert!(first.contains("seed (baseline)") && first.contains("seeds 0, 1, 2"));
    assert!(!first.contains("<code>seed</code></th>"), "the seed is no key in which recipes differ");
    // `report` writes the same page again, and takes another baseline.
    let end = place.mindgap(&["report", "cmp"]).succeed();
    assert_eq!(end.stdout(), "cmp/report.html\n");
    assert!(page(&place, "cmp/report.html") == first);
    place.mindgap(&["report", "cmp", "--baseline", "smoothing", "--out", "other.html"]).succeed();
    assert!(page(&place, "other.html").contains("smoothing (baseline)"));
    place.mindgap(&["report", "cmp", "--baseline", "never"]).refuse(&["baseline never", "smoothing, seed"]);

    // Loose runs are put together by their recipes.
    let runs = ["cmp/seed-seed0", "cmp/seed-seed1", "cmp/smoothing-seed0"];
    place.mindgap(&[&["report"], &runs[..], &["--out", "loose.html"]].concat()).succeed();
    let loose = page(&place, "loose.html");
    assert!(loose.contains("seed, smoothing on data") && loose.contains("seeds 0, 1<"), "{loose}");

    // What is gone is named.
    fs::remove_dir_all(place.path("cmp/smoothing-seed2")).unwrap();
    place.mindgap(&["report", "cmp"]).succeed();
    let page = page(&place, "cmp/report.html");
    assert!(page.contains("5 of 6 runs are finished") && page.contains("<code>smoothing-seed2</code>: "), "{page}");
}

#[test]
fn names_are_shown_and_never_believed() {
    let place = Place::with_images(12, 5);
    let evil = "<script>alert(1)</script>".replace('/', "\u{2215}");
    for split in ["train", "val"] {
        fs::rename(place.path(format!("data/{split}/even")), place.path(format!("data/{split}/{evil}\"'&"))).unwrap();
    }
    train(&place, &["--out", "a<b>&c"]).succeed();
    let page = page(&place, "a<b>&c/report.html");
    check_whole(&page);
    assert!(page.contains("&#60;script&#62;alert(1)") && page.contains("<title>a&#60;b&#62;&#38;c"), "{page}");
}

#[test]
fn images_that_are_gone_are_said_to_be_gone() {
    let place = Place::with_images(12, 5);
    train(&place, &["--out", "run"]).succeed();
    fs::remove_dir_all(place.path("data")).unwrap();
    place.mindgap(&["report", "run"]).succeed();
    let page = page(&place, "run/report.html");
    check_whole(&page);
    assert!(page.contains("Not shown: the data ") && !page.contains("data:image"), "{page}");
}

#[test]
fn nothing_that_is_no_report_is_overwritten() {
    let place = Place::with_images(12, 5);
    train(&place, &["--out", "run"]).succeed();
    fs::write(place.path("notes.html"), "my notes").unwrap();
    place.mindgap(&["report", "run", "--out", "notes.html"]).refuse(&["notes.html", "no report", "--out"]);
    assert_eq!(page(&place, "notes.html"), "my notes");
    place.mindgap(&["report", "data"]).refuse(&["data", "no run"]);
    place.mindgap(&["report", "nowhere"]).refuse(&["nowhere"]);
}
