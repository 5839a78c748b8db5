//! A long run needs no more of the machine than a short one: memory, threads and open files stay.

use std::{fs, process::Stdio};

use crate::support::{Place, interposed::Stopping, train_words};

/// The most that a run held at once.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    kib: u64,
    threads: u64,
    files: u64,
}

impl Held {
    /// What process `id` holds now.
    fn by(id: i32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count() as u64;
        Self { kib: number("VmRSS:"), threads: number("Threads:"), files }
    }

    fn most(self, other: Self) -> Self {
        Self {
            kib: self.kib.max(other.kib),
            threads: self.threads.max(other.threads),
            files: self.files.max(other.files),
        }
    }
}

#[test]
fn memory_threads_and_open_files_do_not_grow_with_the_epochs() {
    let place = Place::with_images(20, 5);
    // Everything that each epoch creates: loader threads, averages, checkpoints inside it, the report.
    let flags =
        "--model resnet8 --epochs 60 --cache-limit 1kb --workers 2 --model-ema --checkpoint-every 3 --hflip 0.5";
    let words = train_words("run", &flags.split(' ').collect::<Vec<_>>());
    let mut command = place.command(&words);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let run = Stopping::start(command, &["run/last.safetensors"], u32::MAX >> 1);
    let mut first = Held::default();
    let mut last = Held::default();
    // It stops itself after every checkpoint, which are several in an epoch.
    while run.has_stopped() {
        let epochs = fs::read_to_string(place.path("run/epochs.jsonl")).map_or(0, |text| text.lines().count());
        let held = Held::by(run.id());
        match epochs {
            10..25 => first = first.most(held),
            40..60 => last = last.most(held),
            _ => {}
        }
        run.proceed();
    }
    assert!(place.path("run/done.json").exists());
    assert!(first.kib > 0 && last.kib > 0, "no checkpoint in those epochs: {first:?}, {last:?}");
    println!("epochs 10 to 25: {first:?}; epochs 40 to 60: {last:?}");
    assert!(last.kib < first.kib + 4096, "{first:?} has become {last:?}");
    // A loader thread may not yet be gone, nor its files.
    assert!(last.threads <= first.threads + 2 && last.files <= first.files + 4, "{first:?} has become {last:?}");
}
