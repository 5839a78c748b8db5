//! Renders the report of `mindgap doctor` as text of at most 80 columns.

use super::report::{Check, Decoded, Report};
use crate::cli::output::say::count;
use mindgap::torch::Installation;

const COLUMNS: usize = 80;
/// Column where values start.
const INDENT: usize = 13;

/// Renders the whole report. The last line says whether mindgap is ready.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let mut row = |label: &str, value: &str| out.push_str(&wrap(label, value, INDENT));

    row("mindgap", &format!("{} with tch {}", report.mindgap, report.tch));
    match &report.installation {
        Installation::Build => {}
        Installation::Wheel { version, folder } => {
            row("  wheel", &format!("{version}, installed by pip in"));
            row("", &folder.display().to_string());
        }
        Installation::Archive { folder } => row("  archive", &folder.display().to_string()),
    }
    row("libtorch", report.libtorch.build.as_deref().unwrap_or(report.libtorch.version));
    row("", &report.libtorch.folder.display().to_string());
    let (beside, elsewhere): (Vec<_>, Vec<_>) =
        report.libtorch.loaded.iter().partition(|file| file.parent() == Some(&report.libtorch.folder));
    let names: Vec<_> = beside.iter().filter_map(|file| file.file_name()).map(|name| name.to_string_lossy()).collect();
    row("  loaded", &names.join(", "));
    for file in elsewhere {
        row("", &file.display().to_string());
    }

    let machine = &report.machine;
    row("processor", machine.processor.as_deref().unwrap_or("unknown"));
    row("", &format!("{}, {}", count(machine.cores, "core"), count(machine.hardware_threads, "hardware thread")));
    if machine.bfloat16 {
        row("", "instructions for bfloat16: --amp trains wide networks faster");
    }
    row("threads", &report.threads.to_string());
    if let (Some(all), Some(available)) = (machine.memory, machine.memory_available) {
        row("memory", &format!("{:.1} GiB, of which {:.1} GiB available", gibibytes(all), gibibytes(available)));
    }

    row(
        "processes",
        if report.distributed { "several can train one run" } else { "one trains a run; see --features distributed" },
    );
    if let Some(Decoded { folder, bytes, limit }) = &report.decoded {
        row("cache", &format!("{:.1} of at most {:.1} GiB of decoded images", gibibytes(*bytes), gibibytes(*limit)));
        row("", &folder.display().to_string());
    }

    let cuda = &report.cuda;
    let built = cuda.needed.as_ref().map_or("no CUDA".to_string(), |version| format!("CUDA {version}"));
    let kernels = if cuda.kernels.is_some() { "present" } else { "absent" };
    row("CUDA", &format!("libtorch is built for {built}; libtorch_cuda.so is {kernels}"));
    match &cuda.driver {
        Some(version) => row("  driver", &format!("serves CUDA up to {version}")),
        None => row("  driver", "none that works"),
    }
    for gpu in &cuda.gpus {
        row("  GPU", gpu);
    }
    row("  never run", &format!("{}.", cuda.never_run));
    // If CUDA was asked for or a GPU is idle, the lists below contain the reason.
    if let (Some(missing), true, true) = (&cuda.missing, report.failures.is_empty(), report.advice.is_empty()) {
        row("  not usable", &format!("{missing}."));
    }

    out.push_str("\nTraining check: two steps of a small network\n");
    for check in &report.devices {
        out.push_str(&wrap(&format!("  {}", check.device), &outcome(check), INDENT));
    }
    for (title, items) in [("Must be fixed", &report.failures), ("Advice", &report.advice)] {
        if !items.is_empty() {
            out.push_str(&format!("\n{title}\n"));
        }
        for item in items {
            out.push_str(&wrap("  -", item, 4));
        }
    }
    out.push_str(if report.failures.is_empty() { "\nReady to train.\n" } else { "\nNot ready.\n" });
    out
}

fn outcome(check: &Check) -> String {
    match (&check.step, &check.error) {
        (Some(step), _) => format!(
            "works: {:.1} ms a step, loss {:.3} to {:.3}",
            step.seconds * 1e3,
            step.loss_before,
            step.loss_after
        ),
        (None, Some(error)) => format!("fails: {error}"),
        (None, None) => "not checked".to_string(),
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Wraps `value` after `label` at spaces; every line starts at column `indent`. A word longer than a line, such as a path,
/// is not broken, so that it can be copied.
fn wrap(label: &str, value: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut line = format!("{label:indent$}");
    let mut is_empty = true;
    for word in value.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::doctor::{
        machine::Machine,
        report::{Cuda, Libtorch, NEVER_RUN},
        step::Step,
    };

    /// A machine whose GPU has too old a driver.
    fn report() -> Report {
        Report {
            mindgap: "0.1.0",
            tch: "0.26.0",
            installation: Installation::Wheel {
                version: "0.1.0.post213".into(),
                folder: "/home/ada/venv/lib/python3.12/site-packages".into(),
            },
            libtorch: Libtorch {
                version: "2.13.0",
                build: Some("2.13.0+cu130".into()),
                folder: "/home/ada/venv/lib/python3.12/site-packages/torch/lib".into(),
                loaded: ["lib/libc10.so", "lib/libtorch_cpu.so"]
                    .map(|file| format!("/home/ada/venv/lib/python3.12/site-packages/torch/{file}").into())
                    .to_vec(),
            },
            machine: Machine {
                processor: Some("Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz".into()),
                cores: 16,
                hardware_threads: 32,
                bfloat16: true,
                memory: Some(64 << 30),
                memory_available: Some(61 << 30),
            },
            threads: 16,
            distributed: false,
            decoded: Some(Decoded {
                folder: "/home/ada/.cache/mindgap/decoded".into(),
                bytes: 1_500 << 20,
                limit: 8 << 30,
            }),
            cuda: Cuda {
                kernels: Some("/home/ada/venv/lib/python3.12/site-packages/torch/lib/libtorch_cuda.so".into()),
                needed: Some("13.0".into()),
                driver: Some("12.4".into()),
                gpus: vec!["Tesla V100-SXM2-16GB, 15.8 GiB, compute capability 7.0".into()],
                missing: Some("the NVIDIA driver is too old. Update it".into()),
                never_run: NEVER_RUN,
            },
            devices: vec![Check {
                device: "cpu".into(),
                step: Some(Step { seconds: 0.0042, loss_before: 2.1234, loss_after: 2.0126 }),
                error: None,
            }],
            failures: vec![],
            advice: vec!["The GPU is not used: the NVIDIA driver is too old. Update it.".into()],
        }
    }

    #[test]
    fn a_report_reads_well() {
        insta::assert_snapshot!(render(&report()));
    }

    #[test]
    fn lines_break_before_column_81_and_paths_stay_whole() {
        let path = format!("/{}", "a".repeat(100));
        let text = wrap("label", &format!("{} {path} end", "word ".repeat(40)), INDENT);
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS || line.trim() == path, "{line}");
        }
        assert!(text.starts_with("label        word word"));
        assert!(text.lines().skip(1).all(|line| line.starts_with(&" ".repeat(INDENT))));
        assert_eq!(text.split_whitespace().count(), 43);
    }
}
