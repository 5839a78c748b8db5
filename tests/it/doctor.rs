//! `mindgap doctor` tells what is wrong with CUDA and how to put it right. A stand-in for the NVIDIA driver
//! (one C file, compiled here) shows what machines with a GPU show.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Answers the driver calls that mindgap asks, as the variables FAKE_* say.
const DRIVER: &str = r#"
#include <stdlib.h>
#include <string.h>
static int number(const char* name, int usual) { char* text = getenv(name); return text ? atoi(text) : usual; }
int cuInit(unsigned flags) { return number("FAKE_INIT", 0); }
int cuDriverGetVersion(int* version) { *version = number("FAKE_VERSION", 13010); return 0; }
int cuDeviceGetCount(int* count) { *count = number("FAKE_GPUS", 1); return 0; }
int cuDeviceGetName(char* name, int size, int device) { strncpy(name, "Fake GPU", size); return 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = (size_t)16 << 30; return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) { *value = attribute == 75 ? 7 : 5; return 0; }
int cuGetErrorString(int code, const char** text) { *text = code == 999 ? "unknown error" : 0; return 0; }
"#;

fn fake_driver() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("driver.c");
    fs::write(&source, DRIVER).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(folder.path().join("libcuda.so.1"))
        .arg(&source)
        .status()
        .unwrap();
    assert!(compiled.success());
    folder
}

fn doctor(arguments: &[&str], driver: Option<&Path>, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mindgap"));
    command
        .args(["doctor", "--threads", "1"])
        .args(arguments)
        .env_remove("CUDA_VISIBLE_DEVICES")
        .envs(variables.iter().copied());
    if let Some(folder) = driver {
        command.env("LD_LIBRARY_PATH", folder);
    }
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"))
}

#[test]
fn the_cpu_trains_and_the_report_says_on_what() {
    let output = doctor(&["--device", "cpu", "--json"], None, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["devices"][0]["device"], "cpu");
    assert!(report["devices"][0]["loss_after"].as_f64() < report["devices"][0]["loss_before"].as_f64());
    assert_eq!(report["threads"], 1);
    assert_eq!(report["failures"], Value::Array(vec![]));
    let loaded = report["libtorch"]["loaded"].as_array().unwrap();
    assert!(loaded.iter().any(|file| file.as_str().unwrap().ends_with("libtorch_cpu.so")), "{loaded:?}");

    let text = doctor(&["--device", "cpu"], None, &[]);
    assert!(String::from_utf8_lossy(&text.stdout).ends_with("\nReady to train.\n"));
}

#[test]
fn a_mistyped_device_is_a_user_error_that_lists_the_values() {
    let output = doctor(&["--device", "gpu"], None, &[]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("'gpu'") && message.contains("auto, cpu, cuda or cuda:N"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn each_way_in_which_cuda_can_be_missing_has_its_fix() {
    let driver = fake_driver();
    let failures = |variables: &[(&str, &str)]| {
        let output = doctor(&["--device", "cuda", "--json"], Some(driver.path()), variables);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let report = json(&output);
        let failures = report["failures"].to_string();
        assert!(failures.contains("use device cpu"), "{failures}");
        (failures, report["cuda"]["needed"].is_string())
    };
    let (no_start, _) = failures(&[("FAKE_INIT", "999")]);
    assert!(
        no_start.contains("does not start (CUDA error 999: unknown error). See what nvidia-smi says"),
        "{no_start}"
    );

    let (no_device, _) = failures(&[("FAKE_GPUS", "0"), ("CUDA_VISIBLE_DEVICES", "7")]);
    assert!(no_device.contains("CUDA_VISIBLE_DEVICES is '7'; change or unset it"), "{no_device}");

    let (too_old, libtorch_has_cuda) = failures(&[("FAKE_VERSION", "11080")]);
    let expected = if libtorch_has_cuda { "serves CUDA up to 11.8" } else { "Run scripts/libtorch --cuda" };
    assert!(too_old.contains(expected), "{too_old}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_gpu_that_stands_idle_is_told_and_fails_nothing_that_was_not_asked_for() {
    let driver = fake_driver();
    let output = doctor(&["--json"], Some(driver.path()), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = json(&output);
    assert_eq!(report["cuda"]["driver"], "13.1");
    assert_eq!(report["cuda"]["gpus"][0], "Fake GPU, 16.0 GiB, compute capability 7.5");
    assert!(report["advice"][0].as_str().unwrap().starts_with("The GPU is not used: "), "{report}");
}
