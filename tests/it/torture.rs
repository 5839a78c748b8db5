//! More than two hundred kills at random moments, over every knob and preset: whatever is killed ends with the same
//! bytes as what was never interrupted. Takes minutes; `scripts/torture` runs it, `tests/it/resume.rs` is its short form.

use std::{
    fs,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use mindgap::recipe::{Layers, resolve};
use toml::Table;

use crate::{
    knobs::rows,
    support::{
        Place,
        process::{children, has_ended, wait_until},
        train_words,
    },
};

/// Kills of a living run in each round.
const KILLS: u32 = 12;

/// Sets of flags that cover the presets, both kinds of phase, and what is no knob. Rounds with every knob follow.
const ROUNDS: [&str; 12] = [
    "--preset seed",
    "--preset seed --checkpoint-every 5",
    "--preset closed --stem-stride 2 --width 4 --checkpoint-every 7",
    "--preset closed-small --checkpoint-every 7",
    "--preset demo",
    "--preset fine-tune --model resnet20 --pretrained whole-0/model.safetensors --freeze-until layer2 --checkpoint-every 9",
    "--sched cosine --warmup-epochs 2 --nesterov --weight-decay 5e-4 --norm-decay --checkpoint-every 4",
    "--opt adamw --lr 0.01 --grad-accum-steps 3 --checkpoint-every 3",
    "--mixup 0.2 --cutmix 1 --mixup-prob 0.8 --mixup-switch-prob 0.4 --mixup-off-epoch 4 --smoothing 0.1",
    "--progressive 8 --early-stop 2 --tta flip --checkpoint-every 5",
    "--cache-limit 1kb --workers 2 --hflip 0.5 --checkpoint-every 5",
    "--preset ema --mixup 0.2 --sam 0.05 --drop 0.1 --hflip 0.5 --progressive 8 --checkpoint-every 5",
];

/// Knobs in one round, at most.
const TOGETHER: usize = 4;

/// Recipe files that cover every knob of the table of keys: as many in each as go together.
fn rounds_of_knobs(place: &Place) -> Vec<String> {
    let [weights, teacher] = ["model.safetensors", "model.pt"].map(|file| place.path("whole-0").join(file));
    let mut rounds: Vec<(usize, Table)> = Vec::new();
    for row in rows::rows() {
        let on = row.on.replace("/WEIGHTS", weights.to_str().unwrap()).replace("/TEACHER", teacher.to_str().unwrap());
        let keys: Table = on.parse().unwrap();
        match rounds.last_mut() {
            Some((count, round)) if *count < TOGETHER && go_together(round, &keys) => {
                *count += 1;
                round.extend(keys);
            }
            _ => rounds.push((1, keys)),
        }
    }
    let files = rounds.iter().enumerate().map(|(number, (_, round))| {
        let file = format!("knobs-{number}.toml");
        fs::write(place.path(&file), round.to_string()).unwrap();
        format!("--recipe {file} --checkpoint-every 5")
    });
    files.collect()
}

/// Whether no key of the two has two values, and both are one valid recipe.
fn go_together(one: &Table, other: &Table) -> bool {
    let same_values = other.iter().all(|(key, value)| one.get(key).is_none_or(|before| before == value));
    let both = Layers::default().keys(one).and_then(|layers| layers.keys(other));
    same_values && both.and_then(|layers| resolve(&layers)).is_ok()
}

/// xorshift64*: moments to kill at. `TORTURE_SEED` repeats a session.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let given = std::env::var("TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
        let seed = given.unwrap_or_else(now);
        println!("TORTURE_SEED={seed}");
        Self(seed)
    }

    fn up_to(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let share = (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64;
        limit.mul_f64(share)
    }
}

/// Runs `words`, kills it with SIGKILL after `delay` and waits until what it has started has ended too; true if it was
/// still running then, false if it had ended well.
fn kill_after(place: &Place, words: &[&str], delay: Duration) -> bool {
    let mut child = place.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(delay);
    let ended = child.try_wait().unwrap();
    let started = children(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("what the killed program has started has ended", || started.iter().all(|&id| has_ended(id)));
    assert!(ended.is_none_or(|status| status.success()), "{ended:?}: {words:?}");
    ended.is_none()
}

#[test]
#[ignore = "takes minutes: scripts/torture"]
fn a_run_killed_at_any_moment_ends_with_the_same_bytes() {
    let place = Place::with_images(80, 8);
    let mut moments = Moments::new();
    let rounds: Vec<String> = ROUNDS.map(String::from).into_iter().chain(rounds_of_knobs(&place)).collect();
    for (round, flags) in rounds.iter().enumerate() {
        let mut words: Vec<&str> = flags.split_whitespace().collect();
        words.extend(["--epochs", "6"]);
        let (whole, torn) = (format!("whole-{round}"), format!("torn-{round}"));
        let begun = Instant::now();
        place.train(&whole, &words).succeed();
        let time = begun.elapsed();
        words.push("--resume");
        let mut kills = 0;
        while kills < KILLS {
            // Some come before anything is written. What is faster than its kill is trained again, so that neither the
            // machine nor its load decides how many meet a living run.
            if kill_after(&place, &train_words(&torn, &words), moments.up_to(time.mul_f64(0.4))) {
                kills += 1;
            } else {
                fs::remove_dir_all(place.path(&torn)).unwrap();
            }
        }
        place.train(&torn, &words).succeed();
        assert_eq!(place.epochs(&torn), place.epochs(&whole), "{flags}");
        for file in ["model.safetensors", "last.safetensors", "best.safetensors", "predictions.safetensors"] {
            assert!(place.bytes(&torn, file) == place.bytes(&whole, file), "{flags}: {file} differs");
        }
        let left = fs::read_dir(place.path(&torn)).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(".mindgap-tmp")).collect();
        assert!(left.is_empty(), "{flags}: {left:?}");
        println!("round {round}: {flags}: equal bytes after {KILLS} kills, whole in {:.1} s", time.as_secs_f64());
    }
    let kills = rounds.len() as u32 * KILLS;
    assert!(kills > 200, "{kills} kills");
}

#[test]
#[ignore = "takes minutes: scripts/torture"]
fn a_comparison_killed_at_any_moment_ends_with_the_same_figures() {
    let place = Place::with_images(40, 8);
    let mut moments = Moments::new();
    let words = |out| {
        let mut words = train_words(out, &["--presets", "seed,ema", "--seeds", "2", "--epochs", "4", "--jobs", "2"]);
        words[0] = "compare";
        words
    };
    let begun = Instant::now();
    place.mindgap(&words("whole")).succeed();
    let time = begun.elapsed();
    for _ in 0..20 {
        kill_after(&place, &words("torn"), moments.up_to(time.mul_f64(0.7)));
    }
    place.mindgap(&words("torn")).succeed();
    for run in ["seed-seed0", "seed-seed1", "ema-seed0", "ema-seed1"] {
        let (torn, whole) = (format!("torn/{run}"), format!("whole/{run}"));
        assert_eq!(place.epochs(&torn), place.epochs(&whole), "{run}");
        assert!(place.bytes(&torn, "model.safetensors") == place.bytes(&whole, "model.safetensors"), "{run}");
    }
}
