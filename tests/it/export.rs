//! What `mindgap export` writes is the network that was trained: read back, and used by a program of another language.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::Place;

fn trained() -> Place {
    Place::with_run(12, 6, "run", &["--epochs=2"])
}

fn export(place: &Place, words: &[&str]) -> Value {
    let mut all = vec!["export", "run", "--json"];
    all.extend(words);
    serde_json::from_str(&place.mindgap(&all).succeed().stdout()).unwrap()
}

#[test]
fn every_form_is_read_back_with_the_same_logits() {
    let place = trained();
    for out in ["a.pt", "a.safetensors", "a.onnx"] {
        let report = export(&place, &["--out", out]);
        assert!(report["largest_difference"].as_f64().unwrap() <= 1e-5, "{report}");
        assert_eq!(report["bytes"].as_u64().unwrap(), fs::metadata(place.path(out)).unwrap().len());
        let half = export(&place, &["--half", "--out", &format!("half-{out}")]);
        assert!(half["largest_difference"].as_f64().unwrap() > 0.0, "{half}");
        assert!(half["bytes"].as_u64() < report["bytes"].as_u64());
    }
    // An exported file can be exported again, in another form.
    place.mindgap(&["export", "a.safetensors", "--out", "b.pt"]).succeed();
}

#[test]
fn a_network_with_all_options_is_exported_in_every_form() {
    let place = Place::with_run(12, 6, "run", &["--epochs=2", "--se=16", "--blur-pool", "--resnet-d"]);
    for out in ["a.pt", "a.safetensors", "a.onnx"] {
        let report = export(&place, &["--out", out]);
        assert!(report["largest_difference"].as_f64().unwrap() <= 1e-5, "{report}");
    }
    place.mindgap(&["export", "a.safetensors", "--out", "b.onnx"]).succeed();
}

#[test]
fn training_leaves_a_torchscript_file() {
    let place = trained();
    assert!(fs::metadata(place.path("run/model.pt")).unwrap().len() > 10_000);
}

#[test]
fn a_run_outlives_a_model_file_that_cannot_be_written() {
    let place = Place::with_images(12, 6);
    // A folder in the way stands for whatever may go wrong there.
    fs::create_dir_all(place.path("run/model.pt")).unwrap();
    place.train("run", &["--epochs=1"]).refuse(&["not empty"]);
    place.train("other", &["--epochs=1"]).succeed();
    fs::remove_file(place.path("other/model.pt")).unwrap();
    fs::create_dir_all(place.path("other/model.pt/in the way")).unwrap();
    let finished = place.mindgap(&["train", "--resume", "--out=other", "--epochs=2"]).succeed();
    assert!(finished.stderr().contains("model.pt was not written"), "{}", finished.stderr());
    assert!(place.path("other/done.json").exists());
    assert_eq!(place.epochs("other").len(), 2);
}

#[test]
fn what_is_there_is_replaced_only_by_force() {
    let place = trained();
    fs::write(place.path("mine.pt"), "mine").unwrap();
    place.mindgap(&["export", "run", "--out", "mine.pt"]).refuse(&["--force"]);
    assert_eq!(fs::read_to_string(place.path("mine.pt")).unwrap(), "mine");
    place.mindgap(&["export", "run", "--out", "mine.pt", "--force"]).succeed();
    place.mindgap(&["export", "run", "--out", "no/such/folder.pt"]).refuse(&["there is no folder no/such"]);
    place
        .mindgap(&["export", "run", "--out", "run/best.safetensors", "--force"])
        .refuse(&["the run needs to continue"]);
    place.mindgap(&["export", "run/model.pt", "--out", "x.onnx"]).refuse(&["cannot be exported", "run folder"]);
    place.mindgap(&["export", "run", "--out", "x.bin"]).refuse(&["--format"]);
    place.mindgap(&["export", "data", "--out", "x.pt"]).refuse(&["holds no run"]);
    place.mindgap(&["export", "run", "--out", "x.safetensors", "--calibrated"]).refuse(&["--calibrated"]);
    let left = fs::read_dir(place.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".mindgap-tmp"));
    assert_eq!(left.count(), 0);
}

/// A C++ program on libtorch alone loads the file, predicts, and trains it one step further.
/// `examples/use_model.cpp` as a program, compiled against the libtorch in `lib` unless that was done since either changed: reading
/// libtorch's headers takes the compiler most of a minute.
fn compiled_use_model(lib: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/use_model.cpp");
    let which = lib.display().to_string().replace('/', "_");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("use_model{which}"));
    let time = |file: &Path| file.metadata().and_then(|about| about.modified()).ok();
    let parts = [time(&source), time(&lib.join("libtorch_cpu.so"))];
    if time(&program).is_some_and(|compiled| parts.iter().all(|part| part.is_some_and(|part| part < compiled))) {
        return program;
    }
    let root = lib.parent().unwrap();
    let new = PathBuf::from(format!("{}.new", program.display()));
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++20", "-O1", "-D_GLIBCXX_USE_CXX11_ABI=1"]).arg(&source).arg("-o").arg(&new);
    compiler.arg("-isystem").arg(root.join("include"));
    compiler.arg("-isystem").arg(root.join("include/torch/csrc/api/include"));
    compiler.arg("-L").arg(lib).args(["-ltorch_cpu", "-lc10"]).arg(format!("-Wl,-rpath,{}", lib.display()));
    let compiled = compiler.output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    fs::rename(&new, &program).unwrap();
    program
}

#[test]
fn a_program_in_cpp_runs_the_torchscript_file() {
    // libtorch's own gradients of 1×1 kernels with fewer than 8 channels, with AVX-512 fewer than 16, write beyond their
    // memory (2.13).
    let place = Place::with_images(12, 6);
    place.mindgap(&["train", "--data=data", "--out=run", "--width=16", "--batch-size=8", "--epochs=2"]).succeed();
    let expected = export(&place, &["--out", "model.pt"]);
    assert!(expected["epoch"].as_u64().unwrap() >= 1);
    let lib = Path::new(env!("MINDGAP_LIBTORCH_LIB"));
    let program = compiled_use_model(lib);
    let used = Command::new(&program).arg(place.path("model.pt")).output().unwrap();
    let text = String::from_utf8_lossy(&used.stdout);
    assert!(used.status.success(), "{text}{}", String::from_utf8_lossy(&used.stderr));
    assert!(text.contains("classes: [\"bright\",\"dark\",\"even\"]"), "{text}");
    assert!(text.contains("probabilities of 5 images: [5, 3]"), "{text}");
    let losses: Vec<f64> = text.lines().filter_map(|line| line.strip_prefix("loss ")?.parse().ok()).collect();
    assert!(losses.len() == 10 && losses[9] < losses[0], "{text}");
}

/// `HOSTILE=500` for the long form; `scripts/torture` sets it.
#[test]
fn a_torchscript_file_that_was_tampered_with_is_an_answer_or_an_error_never_a_crash() {
    let place = trained();
    let good = fs::read(place.path("run/model.pt")).unwrap();
    let tries: usize = std::env::var("HOSTILE").ok().and_then(|tries| tries.parse().ok()).unwrap_or(12);
    for number in 0..tries {
        let mut bytes = good.clone();
        let at = number.wrapping_mul(2_654_435_761) % bytes.len();
        match number % 4 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (number % 8),
            2 => bytes[at..].iter_mut().take(40).for_each(|byte| *byte = 255),
            // The directory of the archive, at its end, decides where everything lies.
            _ => {
                let end = bytes.len() - 1 - at % 3000;
                bytes[end] = bytes[end].wrapping_add(number as u8 | 1);
            }
        }
        fs::write(place.path("x.pt"), bytes).unwrap();
        let end = place.mindgap(&["predict", "x.pt", "data/val/dark/1000.png", "--script-time", "60"]);
        let text = end.stderr();
        assert!([0, 2].contains(&end.code()), "{number}: {} {text}", end.code());
        assert!(!text.contains("panicked"), "{number}: {text}");
        assert!(end.code() == 0 || text.contains("error: "), "{number}: {text}");
    }
}
