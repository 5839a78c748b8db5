//! A run on several processes is the run of one: the same images, the same noise, the same steps; and when one process
//! dies or hangs, all end. Needs `--features distributed`.
#![cfg(feature = "distributed")]

mod support;

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64},
    },
    thread,
    time::Duration,
};

use mindgap::{
    data::Dataset,
    durable::Archive,
    recipe::{AmpDtype, ClassWeights, FirstTrained, Recipe},
    run::EpochRecord,
    torch::{
        Collective, Reduce,
        distributed::{Membership, Processes, Store, listen},
    },
    train::{EpochOutcome, EvalSets, FitOutcome, Ranks, Trainer, fit},
};
use support::{
    Place,
    listener::Listener,
    process::{send, wait_until},
};
use tch::{Device, Kind, Tensor};

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::with_images(60, 20);
    (100..124).for_each(|number| place.write_image(&format!("data/train/even/{number}.png"), 1, number));
    place
});

fn recipe(change: impl FnOnce(&mut Recipe)) -> Recipe {
    let mut recipe =
        Recipe { model: "resnet8".into(), width: Some(16), stem_stride: 2, batch_size: 128, ..Recipe::default() };
    (recipe.img_size, recipe.in_chans, recipe.lr) = (Some(16), Some(1), 0.5);
    change(&mut recipe);
    recipe.validate().unwrap();
    recipe
}

/// What `work` gives on each of `size` ranks, which are threads of this process here.
fn together<T: Send>(size: usize, work: impl Fn(Ranks) -> T + Sync) -> Vec<T> {
    tch::set_num_threads(1);
    let socket = listen("127.0.0.1", 0).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::scope(|scope| {
        let mut socket = Some(socket);
        let rank = |rank: usize| {
            let socket: Option<TcpListener> = socket.take();
            let work = &work;
            scope.spawn(move || {
                let timeout = Duration::from_secs(300);
                let store = Store::join("127.0.0.1", port, socket.map(Into::into), "test", timeout).unwrap();
                let calls = Arc::new(AtomicU64::new(0));
                let (address, device) = ([127, 0, 0, 1].into(), Device::Cpu);
                let member = Membership { rank, size, address, device, timeout, calls: &calls };
                let group: Arc<dyn Collective> = Arc::new(Processes::join(&store, "group", member).unwrap());
                let ranks = Ranks::new(Arc::clone(&group), group);
                let result = work(ranks.clone());
                ranks.wait().unwrap();
                result
            })
        };
        let threads: Vec<_> = (0..size).map(rank).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn trainer(recipe: &Recipe, data: &Dataset, ranks: Ranks) -> Trainer {
    let mut trainer = Trainer::before_restore(recipe, data, Device::Cpu).unwrap();
    trainer.join(ranks).unwrap();
    trainer
}

fn weights(trainer: &Trainer) -> Vec<(String, Tensor)> {
    let all = trainer.model.parameters.all().iter();
    all.map(|parameter| (parameter.name.clone(), parameter.tensor.detach().copy())).collect()
}

/// The weights and statistics after one update, and its loss.
fn one_update(recipe: &Recipe, ranks: Ranks) -> (Vec<(String, Tensor)>, f64) {
    let data = PLACE.dataset();
    let mut trainer = trainer(recipe, &data, ranks);
    let stop = AtomicBool::new(false);
    let mut listener = Listener { epochs: Vec::new(), stop: &stop, stop_at: None };
    // The images fill one batch, or as many as one update takes.
    match trainer.train_epoch(&data, &mut listener, &stop, None).unwrap() {
        EpochOutcome::Finished { batch_loss } => (weights(&trainer), batch_loss),
        outcome => panic!("{outcome:?}"),
    }
}

/// Training of `recipe` by `size` ranks: each one's records, and a hash of its state at the end.
fn whole_run(recipe: &Recipe, size: usize) -> Vec<(Vec<EpochRecord>, i64)> {
    let run = |ranks| {
        let data = PLACE.dataset();
        let sets = EvalSets::of(&data, 0);
        let mut trainer = trainer(recipe, &data, ranks);
        let stop = AtomicBool::new(false);
        let mut listener = Listener { epochs: Vec::new(), stop: &stop, stop_at: None };
        // It compares the hashes of all ranks after every epoch.
        assert_eq!(fit(&mut trainer, &data, &sets, None, None, &mut listener, &stop).unwrap(), FitOutcome::Finished);
        (listener.epochs, trainer.hash().unwrap())
    };
    if size == 1 { vec![run(Ranks::single())] } else { together(size, run) }
}

/// All digits of what may hold NaN, which equals nothing.
fn text(records: &impl std::fmt::Debug) -> String {
    format!("{records:?}")
}

fn assert_close(one: &(Vec<(String, Tensor)>, f64), other: &(Vec<(String, Tensor)>, f64), limit: f64) {
    for ((name, one), (_, other)) in one.0.iter().zip(&other.0) {
        let far = (one - other).abs().max().double_value(&[]);
        assert!(far <= limit, "{name} is {far} away");
    }
    assert!((one.1 - other.1).abs() < 1e-5, "losses {} and {}", one.1, other.1);
}

#[test]
fn one_step_of_two_ranks_is_one_of_a_single_process_with_twice_the_images() {
    let frozen = |recipe: &mut Recipe| {
        (recipe.pretrained, recipe.freeze_until) = (Some("/none".into()), FirstTrained::Fc);
    };
    let sync = |recipe: &mut Recipe| recipe.sync_bn = true;
    let many = |recipe: &mut Recipe| {
        (recipe.sync_bn, recipe.drop, recipe.drop_path, recipe.drop_block) = (true, 0.2, 0.2, 0.1);
        (recipe.mixup, recipe.cutmix, recipe.smoothing, recipe.hflip, recipe.rotate) = (0.2, 1.0, 0.1, 0.5, 9.0);
        (recipe.balanced_sampling, recipe.clip_grad, recipe.model_ema, recipe.progressive) =
            (true, Some(0.5), true, 12.0);
    };
    let weighted = |recipe: &mut Recipe| {
        (recipe.sync_bn, recipe.class_weights, recipe.smoothing) = (true, ClassWeights::Balanced, 0.1);
        (recipe.batch_size, recipe.grad_accum_steps) = (64, 3);
    };
    let sharp = |recipe: &mut Recipe| (recipe.sync_bn, recipe.sam) = (true, 0.05);
    // SAM's two steps round twice.
    let cases = [
        (recipe(frozen), 1e-6),
        (recipe(sync), 1e-6),
        (recipe(many), 1e-6),
        (recipe(weighted), 1e-6),
        (recipe(sharp), 2e-6),
    ];
    for (recipe, limit) in cases {
        let single = one_update(&recipe, Ranks::single());
        let shared = together(2, |ranks| one_update(&recipe, ranks));
        for shared in &shared {
            assert_close(&single, shared, limit);
        }
        // The comparison bites: the step itself is much longer.
        let before = weights(&trainer(&recipe, &PLACE.dataset(), Ranks::single()));
        let moved = before.iter().zip(&single.0).map(|((_, a), (_, b))| (a - b).abs().max().double_value(&[]));
        assert!(moved.fold(0.0, f64::max) > 1e-4);
        // Without a common norm two halves are not the whole.
        if recipe.sync_bn {
            let apart = Recipe { sync_bn: false, ..recipe };
            let apart = &together(2, |ranks| one_update(&apart, ranks))[0];
            let far = apart.0.iter().zip(&single.0).map(|((_, a), (_, b))| (a - b).abs().max().double_value(&[]));
            assert!(far.fold(0.0, f64::max) > 1e-5);
        }
    }
}

#[test]
fn all_ranks_hold_the_same_state_whatever_knobs_are_on() {
    let plain = |recipe: &mut Recipe| recipe.epochs = 3;
    let many = |recipe: &mut Recipe| {
        (recipe.epochs, recipe.batch_size, recipe.swa_start, recipe.sam, recipe.sam_every) = (3, 32, 2, 0.05, 2);
        (recipe.drop, recipe.drop_path, recipe.drop_block, recipe.mixup, recipe.mixup_prob) = (0.1, 0.1, 0.1, 0.2, 0.5);
        (recipe.lr, recipe.early_stop, recipe.reprob, recipe.balanced_sampling) = (0.05, 5, 0.3, true);
    };
    let uneven = |recipe: &mut Recipe| (recipe.epochs, recipe.batch_size, recipe.model_ema) = (2, 40, true);
    // Both must move the scale of float16 together.
    let short = |recipe: &mut Recipe| {
        (recipe.epochs, recipe.batch_size, recipe.amp, recipe.amp_dtype) = (2, 32, true, AmpDtype::Float16);
    };
    for (size, change) in [(2, &plain as &dyn Fn(&mut Recipe)), (2, &many), (3, &uneven), (2, &short)] {
        let ends = whole_run(&recipe(change), size);
        assert!(ends.iter().all(|end| text(end) == text(&ends[0])), "{ends:?}");
        let losses: Vec<f64> = ends[0].0.iter().map(|record| record.val_loss).collect();
        assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
        // And again to the same bits.
        assert_eq!(text(&whole_run(&recipe(change), size)[0]), text(&ends[0]));
    }
}

#[test]
fn figures_are_those_of_a_single_process_to_the_bit() {
    // Nothing moves: batch norm is frozen and the rate too small to change a weight.
    let still = recipe(|recipe| {
        (recipe.pretrained, recipe.freeze_until) = (Some("/none".into()), FirstTrained::Fc);
        (recipe.epochs, recipe.lr, recipe.batch_size) = (1, 1e-30, 32);
    });
    let single = &whole_run(&still, 1)[0].0[0];
    for size in [2, 3] {
        for (records, _) in whole_run(&still, size) {
            let shared = EpochRecord { batch_loss: single.batch_loss, ..records[0].clone() };
            assert_eq!(text(&shared), text(single));
            assert!((records[0].batch_loss - single.batch_loss).abs() < 1e-6);
        }
    }
}

#[test]
fn a_rank_with_other_weights_is_found_and_named() {
    let outcomes = together(2, |ranks| {
        let data = PLACE.dataset();
        let trainer = trainer(&recipe(|_| ()), &data, ranks.clone());
        ranks.check_same(|| trainer.hash()).unwrap();
        if ranks.rank() == 1 {
            let _guard = tch::no_grad_guard();
            let _ = trainer.model.parameters.all()[0].tensor.shallow_clone().view([-1]).get(3).g_add_scalar_(1e-7);
        }
        ranks.check_same(|| trainer.hash()).unwrap_err().to_string()
    });
    assert!(outcomes.iter().all(|error| error.starts_with("rank 1 no longer holds")), "{outcomes:?}");
}

#[test]
fn a_signal_to_one_rank_stops_all_after_the_same_update() {
    let recipe = recipe(|recipe| recipe.batch_size = 16);
    let positions = together(2, |ranks| {
        let data = PLACE.dataset();
        let stop = AtomicBool::new(false);
        let stop_at = (ranks.rank() == 1).then_some((0, 3));
        let mut trainer = trainer(&recipe, &data, ranks);
        let mut listener = Listener { epochs: Vec::new(), stop: &stop, stop_at };
        let outcome = fit(&mut trainer, &data, &EvalSets::of(&data, 0), None, None, &mut listener, &stop).unwrap();
        assert_eq!(outcome, FitOutcome::Stopped);
        (trainer.position, trainer.hash().unwrap())
    });
    assert_eq!((positions[0].0.updates, &positions[0]), (3, &positions[1]));
}

#[test]
fn ranks_of_which_one_writes_pause_together_and_find_the_same_non_finite_value() {
    let words = words("diverged", &["--ranks", "2", "--epochs", "2", "--lr", "1e30", "--checkpoint-every", "3"]);
    let said = Run::spawn("diverged", &words).end(3);
    assert!(said.contains("is not finite in epoch 1, update 2,") && said.contains("the output of "), "{said}");
}

#[test]
fn what_ranks_say_to_each_other_arrives() {
    together(3, |ranks| {
        let own = |wanted| (ranks.rank() == wanted).then(|| "ä place, a file".to_owned());
        assert_eq!(ranks.first_of(own(2)).unwrap().as_deref(), Some("ä place, a file"));
        assert_eq!(ranks.first_of(own(9)).unwrap(), None);
        assert_eq!(ranks.first_of(Some(String::new())).unwrap().as_deref(), Some(""));
        assert!(ranks.any(ranks.rank() == 1).unwrap() && !ranks.any(false).unwrap());
        let shares: Vec<usize> = (0..20).map(|n| ranks.own(n).len()).collect();
        let _ = shares.iter().enumerate().map(|(n, &own)| assert!(own == n / 3 || own == n / 3 + 1));
    });
}

#[test]
fn a_sum_passes_its_gradient_on_to_all() {
    tch::set_num_threads(1);
    let socket = listen("127.0.0.1", 0).unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut socket = Some(socket);
    thread::scope(|scope| {
        for rank in 0..2 {
            let socket: Option<TcpListener> = socket.take();
            scope.spawn(move || {
                let timeout = Duration::from_secs(300);
                let store = Store::join("127.0.0.1", port, socket.map(Into::into), "sum", timeout).unwrap();
                let calls = Arc::new(AtomicU64::new(0));
                let (address, device) = ([127, 0, 0, 1].into(), Device::Cpu);
                let member = Membership { rank, size: 2, address, device, timeout, calls: &calls };
                let group = Processes::join(&store, "group", member).unwrap();
                let own = (rank + 1) as f64;
                let x = Tensor::from_slice(&[own, 10.0 * own]).set_requires_grad(true);
                let sum = group.sum(&x).unwrap();
                assert_eq!(Vec::<f64>::try_from(sum.detach()).unwrap(), [3.0, 30.0]);
                // The loss of all is Σ own · sum², so its gradient with respect to any rank's share is 2 · sum · (1 + 2).
                (sum.square() * own).sum(Kind::Double).backward();
                assert_eq!(Vec::<f64>::try_from(x.grad()).unwrap(), [18.0, 180.0]);
                let most = Tensor::from_slice(&[own]);
                group.all_reduce(&most, Reduce::Max).unwrap();
                assert_eq!(most.double_value(&[0]), 2.0);
                group.barrier().unwrap();
            });
        }
    });
}

// From here on: real processes.

fn words<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words =
        "train --data data --width 8 --stem-stride 2 --batch-size 16 --threads 1 --device cpu --rank-timeout 20"
            .split(' ')
            .collect::<Vec<_>>();
    words.extend(["--out", out]);
    words.extend(more);
    words
}

/// A training of several processes.
struct Run {
    /// Their common parent.
    parent: Child,
    /// What they say: a file, since a pipe that nobody reads fills up.
    said: PathBuf,
}

impl Run {
    fn spawn(name: &str, words: &[&str]) -> Self {
        let said = PLACE.path(format!("{name}.txt"));
        let file = File::create(&said).unwrap();
        Self { parent: PLACE.command(words).stdout(Stdio::null()).stderr(file).spawn().unwrap(), said }
    }

    /// On 2 ranks, begun and as far as its first checkpoint.
    fn start(out: &str) -> Self {
        let mut run = Self::spawn(out, &words(out, &["--ranks", "2", "--epochs", "400", "--checkpoint-every", "5"]));
        run.wait_until(|| PLACE.path(out).join("last.safetensors").exists());
        run
    }

    fn wait_until(&mut self, is_there: impl Fn() -> bool) {
        wait_until("a run of several processes is where the test wants it", || {
            let ended = self.parent.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", self.said());
            is_there()
        });
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Sends `signal` to the process `id` of the run and waits for its end, which must have the exit code `code`;
    /// returns what was said.
    fn end_by(self, id: i32, signal: i32, code: i32) -> String {
        send(id, signal);
        self.end(code)
    }

    /// Waits for the end of the run, which must have the exit code `code`; returns what was said.
    fn end(mut self, code: i32) -> String {
        let status = self.parent.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{}", self.said());
        self.said()
    }

    fn parent(&self) -> i32 {
        self.parent.id() as i32
    }

    /// The process of `rank`.
    fn rank(&self, rank: usize) -> i32 {
        let is_wanted = |id: &i32| {
            let read = |file: &str| fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
            let of_parent = read("status").lines().any(|line| *line == format!("PPid:\t{}", self.parent()));
            of_parent && read("environ").split('\0').any(|variable| variable == format!("RANK={rank}"))
        };
        let entries = fs::read_dir("/proc").unwrap();
        let ids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        ids.into_iter().find(is_wanted).unwrap_or_else(|| panic!("rank {rank} is not there"))
    }
}

/// The weights that a run has left, by name.
fn left_by(out: &str) -> Vec<(String, Vec<f32>)> {
    let arrays = Archive::load(&PLACE.path(out).join("model.safetensors")).unwrap().arrays;
    let numbers = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    arrays.iter().map(|array| (array.name.clone(), numbers(&array.bytes))).collect()
}

#[test]
fn one_step_of_two_processes_is_one_of_a_single_process() {
    PLACE.mindgap(&words("first", &["--epochs", "2"])).succeed();
    // One batch in one epoch, from equal weights, with batch norm frozen and no noise.
    let step = |out, ranks| {
        let more = ["--epochs", "1", "--pretrained", "first/model.safetensors", "--freeze-until", "fc", "--lr", "0.5"];
        let more = [&more[..], &["--sched", "constant", "--ranks", ranks, "--batch-size", "128"]].concat();
        // In place of the batch size of the other tests.
        let common = words(out, &[]).into_iter().filter(|word| !["--batch-size", "16"].contains(word));
        let all: Vec<&str> = common.chain(more).collect();
        PLACE.mindgap(&all).succeed();
        left_by(out)
    };
    let (single, shared, before) = (step("alone", "1"), step("shared", "2"), left_by("first"));
    let farthest = |one: &[(String, Vec<f32>)], other: &[(String, Vec<f32>)]| {
        let pairs = one.iter().zip(other).flat_map(|(one, other)| one.1.iter().zip(&other.1));
        pairs.map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
    };
    assert!(single.iter().zip(&shared).all(|(one, other)| one.0 == other.0 && one.1.len() == other.1.len()));
    assert!(farthest(&single, &shared) <= 1e-6, "{}", farthest(&single, &shared));
    assert!(farthest(&single, &before) > 1e-3, "the step itself is much longer");
}

#[test]
fn when_a_rank_is_killed_the_others_end_and_name_it_and_any_number_of_ranks_resumes() {
    let run = Run::start("killed");
    let victim = run.rank(1);
    let said = run.end_by(victim, libc::SIGKILL, 3);
    assert!(said.contains("rank 0 ends: rank 1 (process "), "{said}");
    // Of its 400 epochs two are enough on each other number of ranks.
    for ranks in ["3", "1"] {
        let epochs = || fs::read_to_string(PLACE.path("killed/epochs.jsonl")).unwrap_or_default().lines().count();
        let before = epochs();
        let words = ["train", "--resume", "--out", "killed", "--ranks", ranks];
        let mut run = Run::spawn(&format!("killed-{ranks}"), &words);
        run.wait_until(|| epochs() >= before + 2);
        let parent = run.parent();
        run.end_by(parent, libc::SIGTERM, 75);
    }
    let environment = fs::read_to_string(PLACE.path("killed/environment.json")).unwrap();
    let environment: serde_json::Value = serde_json::from_str(&environment).unwrap();
    let of = |environment: &serde_json::Value| environment.get("ranks").and_then(serde_json::Value::as_u64);
    let resumes = [of(&environment["resumes"][0]), of(&environment["resumes"][1])];
    assert_eq!((of(&environment), resumes), (Some(2), [Some(3), None]));
}

#[test]
fn when_a_rank_hangs_the_others_end_in_time_and_name_it() {
    // Both runs wait out the limit at once.
    let runs = [0, 1].map(|hung| {
        let run = Run::start(&format!("hung-{hung}"));
        send(run.rank(hung), libc::SIGSTOP);
        run
    });
    for (hung, run) in runs.into_iter().enumerate() {
        let said = run.end(3);
        assert!(said.contains(&format!("rank {} ends: rank {hung}", 1 - hung)), "{said}");
    }
}

#[test]
fn a_signal_to_any_rank_or_to_all_leaves_a_checkpoint_and_75() {
    let run = Run::start("one");
    let one = run.rank(1);
    let said = run.end_by(one, libc::SIGTERM, 75);
    assert!(said.contains("Resume with: mindgap train --resume"), "{said}");
    let run = Run::start("all");
    let parent = run.parent();
    run.end_by(parent, libc::SIGTERM, 75);
}

#[test]
fn what_one_rank_cannot_do_ends_all_with_its_reason() {
    let end = PLACE.mindgap(&words("small", &["--ranks", "2", "--batch-size", "3"]));
    end.refuse(&["a batch of 3 among 2 ranks"]);
    let typo = PLACE.mindgap(&words("typo", &["--ranks", "2", "--preset", "sede"]));
    assert!(!typo.stderr().contains("frame #"), "c10d's warnings are kept back: {}", typo.stderr());
    typo.refuse(&["sede"]);
    let alone = PLACE
        .command(&words("odd", &["--ranks", "2"]))
        .env("RANK", "0")
        .env("WORLD_SIZE", "2")
        .env("MASTER_ADDR", "127.0.0.1")
        .env("MASTER_PORT", "1")
        .output()
        .unwrap();
    assert_eq!(alone.status.code(), Some(2));
    let said = String::from_utf8_lossy(&alone.stderr);
    assert!(said.contains("leave --ranks out"), "{said}");
}
