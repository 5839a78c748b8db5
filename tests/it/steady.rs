//! A long run needs no more of the machine than a short one: memory, threads and open files stay.

use std::{fs, process::Stdio, thread::sleep, time::Duration};

use crate::support::{Place, train_words};

/// The most that a run held at once.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    kib: u64,
    threads: u64,
    files: u64,
}

impl Held {
    /// What process `id` holds now; None once it has ended.
    fn by(id: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).ok()?.count() as u64;
        Some(Self { kib: number("VmRSS:")?, threads: number("Threads:")?, files })
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
    // Everything that comes anew with an epoch: loader threads, averages, checkpoints inside it, the report.
    let flags =
        "--model resnet8 --epochs 60 --cache-limit 1kb --workers 2 --model-ema --checkpoint-every 3 --hflip 0.5";
    let words = train_words("run", &flags.split(' ').collect::<Vec<_>>());
    let mut child = place.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut first, mut last) = (Held::default(), Held::default());
    while child.try_wait().unwrap().is_none() {
        let epochs = fs::read_to_string(place.path("run/epochs.jsonl")).map_or(0, |text| text.lines().count());
        if let Some(held) = Held::by(child.id()) {
            match epochs {
                10..25 => first = first.most(held),
                40..60 => last = last.most(held),
                _ => {}
            }
        }
        sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    assert!(first.kib > 0 && last.kib > 0, "the run was too quick to be watched: {first:?}, {last:?}");
    println!("epochs 10 to 25: {first:?}; epochs 40 to 60: {last:?}");
    assert!(last.kib < first.kib + 4096, "{first:?} has become {last:?}");
    // What is open for a moment may have been missed.
    assert!(last.threads <= first.threads + 2 && last.files <= first.files + 4, "{first:?} has become {last:?}");
}
