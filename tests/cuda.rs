//! What a CUDA device computes is what the CPU computes: float32 without TF32, on small networks.
//!
//! Needs a GPU; without one every test is skipped by name. `MINDGAP_TEST_DEVICE=cuda:1` chooses another one, and
//! `MINDGAP_TEST_DEVICE=cpu` rehearses: then the CPU with two threads stands in for the device, and the tests that only a
//! GPU can pass are skipped. The program needs nothing of the checkout, so that `scripts/check-gpu` takes it elsewhere.

#[path = "support/knobs.rs"]
mod rows;
mod support;

use std::{
    env,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use libtest_mimic::{Arguments, Failed, Trial};
use mindgap::{
    augment::{Augment, Normalize},
    data::{self, Dataset, NoProgress, Options},
    durable::Array,
    model::{drop::keep_mask, drop_block},
    random::{Purpose, Stream},
    recipe::Recipe,
    run::{EpochRecord, Observer, Outputs},
    torch::{self, device},
    train::{Checkpoint, EpochOutcome, EvalSets, Trainer, evaluate, fit},
};
use rows::{PLACE, recipe, rows};
use tch::{Device, Kind, Tensor};

type Test = Result<(), Failed>;
/// A test: its name, whether it needs a GPU, and what it does on a device.
type Row = (&'static str, bool, fn(Device) -> Test);

/// Networks and optimisers, beside the knobs.
const OTHERS: [(&str, &str); 9] = [
    ("plain", ""),
    ("adamw", "opt = 'adamw'\nlr = 0.01\nweight_decay = 0.05"),
    ("nesterov", "nesterov = true"),
    ("without_momentum", "momentum = 0.0"),
    ("grad_accum_steps", "grad_accum_steps = 3\nbatch_size = 24"),
    ("resnet18", "model = 'resnet18'\nwidth = 8\nstem_stride = 1"),
    ("resnet50", "model = 'resnet50'\nwidth = 4\nstem_stride = 1\nzero_init_last = true"),
    ("deep_stem", "model = 'resnet18'\nwidth = 8\nstem_stride = 1\nresnet_d = true\nse = 8"),
    ("small_stem", "model = 'resnet18'\nwidth = 8\nstem = 'small'"),
];

fn main() -> ExitCode {
    // The CPU computes beside the device, with one thread and with two in turn.
    torch::restart_with_sleeping_threads();
    let mut arguments = Arguments::from_args();
    // Threads are counted for the whole process, and tests set them.
    arguments.test_threads = Some(1);
    let device = match env::var("MINDGAP_TEST_DEVICE") {
        Ok(name) => Some(device::parse(&name).expect("MINDGAP_TEST_DEVICE")),
        Err(_) => match torch::cuda::usable_devices() {
            Ok(_) => Some(Device::Cuda(0)),
            Err(why) => {
                eprintln!("No test of a CUDA device is run: {why:#}.");
                None
            }
        },
    };
    if device == Some(Device::Cpu) {
        eprintln!("A rehearsal on the CPU: these tests prove nothing of a GPU.");
    }
    torch::set_deterministic(false).expect("libtorch takes it");
    torch::set_tf32(false).expect("libtorch takes it");
    libtest_mimic::run(&arguments, trials(device)).exit_code()
}

/// All tests; without a device, or where a GPU is needed and the device is the CPU, they are skipped.
fn trials(device: Option<Device>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, needs_gpu: bool, test: Box<dyn FnOnce(Device) -> Test + Send>| {
        let skipped = device.is_none_or(|device| needs_gpu && !device.is_cuda());
        let run = move || test(device.expect("skipped without a device"));
        trials.push(Trial::test(name, run).with_ignored_flag(skipped));
    };
    let knobs: Vec<(&str, &str)> = rows().iter().map(|row| (row.name, row.on)).collect();
    for (name, keys) in OTHERS.into_iter().chain(knobs) {
        add(format!("update::{name}"), false, Box::new(move |device| one_update(keys, device)));
        add(format!("evaluation::{name}"), false, Box::new(move |device| evaluation(keys, device)));
    }
    let tests: [Row; 8] = [
        ("a_difference_is_noticed", false, a_difference_is_noticed),
        ("masks_have_the_bits_of_the_cpu", false, masks_have_the_bits_of_the_cpu),
        ("whole_pixels_and_erased_rectangles_have_the_bits_of_the_cpu", false, whole_pixels),
        ("streamed_images_are_the_resident_ones", false, streamed_images_are_the_resident_ones),
        ("an_epoch_reads_as_seldom_as_promised", false, host_reads),
        ("a_loss_that_is_not_finite_is_named", false, a_loss_that_is_not_finite_is_named),
        ("a_checkpoint_resumes_on_the_other_device", false, a_checkpoint_resumes_on_the_other_device),
        ("memory_does_not_grow_over_epochs", true, memory_does_not_grow_over_epochs),
    ];
    for (name, needs_gpu, test) in tests {
        add(name.to_owned(), needs_gpu, Box::new(test));
    }
    trials
}

/// Runs `work` as on `device`: one thread where the CPU is the reference, two where it stands in for a device.
fn on<T>(device: Device, is_reference: bool, work: impl FnOnce() -> T) -> T {
    tch::set_num_threads(if is_reference || device.is_cuda() { 1 } else { 2 });
    work()
}

/// A run of one update an epoch, over all images, or over as many as the keys say.
fn recipe_of_one_update(keys: &str, data: &Dataset) -> Recipe {
    let all = format!("batch_size = {}", data.train.len());
    let mut recipe = recipe(&[all.as_str(), keys]);
    if recipe.swa_start > 0 {
        recipe.swa_start = 1;
    }
    recipe
}

/// The mean loss and the whole state after one epoch.
fn after_an_epoch(recipe: &Recipe, data: &Dataset, device: Device) -> anyhow::Result<(f64, Vec<Array>)> {
    let mut trainer = Trainer::new(recipe, data, device)?;
    let EpochOutcome::Finished { batch_loss } = trainer.train_epoch(data, &mut (), &AtomicBool::new(false), None)?
    else {
        anyhow::bail!("the epoch did not end");
    };
    Ok((batch_loss, Checkpoint::of(&trainer, &data.fingerprint)?.to_archive().arrays))
}

/// Compares one update on both devices.
///
/// An input of ReLU that is 0 but for rounding may be positive on one device and negative on the other, and then its
/// gradient differs by more than rounding: by up to 2 % of all gradients, with one seed of a hundred. A fault shows with
/// every seed, so that two of three seeds have to agree.
fn one_update(keys: &str, device: Device) -> Test {
    let (mut agreed, mut differed) = (0, Ok(()));
    for seed in 0..3 {
        match update_from(seed, keys, device)? {
            Ok(()) if agreed == 1 => return Ok(()),
            Ok(()) => agreed += 1,
            Err(why) if differed.is_err() => return Err(why),
            difference => differed = difference,
        }
    }
    differed
}

/// The comparison of the update from the weights of `seed`. Fails at once where no rounding explains the difference.
fn update_from(seed: u64, keys: &str, device: Device) -> Result<Test, Failed> {
    let data = PLACE.dataset();
    let recipe = Recipe { seed, ..recipe_of_one_update(keys, &data) };
    let (loss, state) = on(Device::Cpu, true, || after_an_epoch(&recipe, &data, Device::Cpu))?;
    let (found_loss, found) = on(device, false, || after_an_epoch(&recipe, &data, device))?;
    // Short types round each product on its own; float32 differs by the order of its sums.
    let tolerance = if recipe.amp { 0.01 } else { 1e-4 };
    // NaN is not within any bound.
    let is_near = (found_loss - loss).abs() <= tolerance * loss.abs();
    if !is_near {
        return Err(format!("batch loss {found_loss} where the CPU has {loss}").into());
    }
    if recipe.amp {
        return Ok(same_gradients(&found, &state, 0.1));
    }
    Ok(same_state(&found, &state, tolerance))
}

/// The gradients of all layers, which the velocities are after one update, differ as one vector by at most `tolerance` of
/// its length.
fn same_gradients(found: &[Array], expected: &[Array], tolerance: f64) -> Test {
    let velocities = |state: &[Array]| -> Vec<f64> {
        state.iter().filter(|array| array.name.starts_with("momentum/")).flat_map(floats).collect()
    };
    let off = relative(&velocities(found), &velocities(expected));
    if off <= tolerance { Ok(()) } else { Err(format!("the gradients are off by {off:.2e}").into()) }
}

/// Every tensor of `found` differs from that of `expected` by at most `tolerance` of its length.
fn same_state(found: &[Array], expected: &[Array], tolerance: f64) -> Test {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((&found.name, &found.shape), (&expected.name, &expected.shape));
        let off = relative(&floats(found), &floats(expected));
        let is_near = off <= tolerance;
        if !is_near {
            return Err(format!("{} is off by {off:.2e}, {tolerance:.0e} is allowed", found.name).into());
        }
    }
    Ok(())
}

fn floats(array: &Array) -> Vec<f64> {
    assert_eq!(array.dtype, safetensors::Dtype::F32, "{}", array.name);
    array.bytes.chunks_exact(4).map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap()))).collect()
}

/// How long the difference is, as a share of `expected`; 0 where both are nothing.
fn relative(found: &[f64], expected: &[f64]) -> f64 {
    let length = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|number| number * number).sum::<f64>().sqrt();
    let difference = length(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
    if difference == 0.0 { 0.0 } else { difference / length(&mut expected.iter().copied()) }
}

fn evaluation(keys: &str, device: Device) -> Test {
    let data = PLACE.dataset();
    let recipe = recipe_of_one_update(keys, &data);
    let positions: Vec<u32> = (0..data.val.len() as u32).collect();
    // The same weights on both: those of a fresh network, or the pretrained ones.
    let logits = |device: Device| -> anyhow::Result<Outputs> {
        let trainer = Trainer::new(&recipe, &data, device)?;
        evaluate(&trainer.model, &trainer.normalize, &data.val, &positions)
    };
    let expected = on(Device::Cpu, true, || logits(Device::Cpu))?;
    let found = on(device, false, || logits(device))?;
    let wide = |logits: &[f32]| logits.iter().map(|&logit| f64::from(logit)).collect::<Vec<_>>();
    let off = relative(&wide(&found.logits), &wide(&expected.logits));
    if off <= 1e-5 { Ok(()) } else { Err(format!("logits are off by {off:.2e}").into()) }
}

/// The comparison of these tests would see a wrong gradient.
fn a_difference_is_noticed(device: Device) -> Test {
    let data = PLACE.dataset();
    let (_, state) = after_an_epoch(&recipe_of_one_update("", &data), &data, Device::Cpu)?;
    let (_, other) = after_an_epoch(&recipe_of_one_update("smoothing = 0.001", &data), &data, device)?;
    match same_state(&other, &state, 1e-4) {
        Ok(()) => Err("label smoothing of 0.001 went unseen".into()),
        Err(_) => Ok(()),
    }
}

fn masks_have_the_bits_of_the_cpu(device: Device) -> Test {
    let stream = |number| Stream::new(7, Purpose::Network, 3, number);
    for (number, rate) in (0..).zip([0.0, 0.05, 0.5, 0.9]) {
        let mask = |device| keep_mask(&[64, 33], rate, &mut stream(number), device);
        assert_eq!(mask(device).to_device(Device::Cpu), mask(Device::Cpu), "rate {rate}");
    }
    let seeds: Tensor = 1.0 - keep_mask(&[8, 4, 10, 10], 0.03, &mut stream(9), Device::Cpu);
    let dropped = |device: Device| {
        let maps = Tensor::ones([8, 4, 12, 12], (Kind::Float, device));
        drop_block::drop_block(&maps, &seeds.to_device(device), 3).ne(0.0).to_device(Device::Cpu)
    };
    assert_eq!(dropped(device), dropped(Device::Cpu));
    Ok(())
}

/// What moves by whole pixels is not interpolated, and what is erased is erased exactly.
fn whole_pixels(device: Device) -> Test {
    let pixels: Vec<u8> = (0..64 * 3 * 16 * 16).map(|i| (i * 37 % 251) as u8).collect();
    let images = Tensor::from_slice(&pixels).view([64, 3, 16, 16]);
    let ids: Vec<u32> = (0..64).collect();
    for keys in
        ["hflip = 0.5", "crop_pad = 3", "crop_pad = 3\nborder = 'zero'", "reprob = 0.5", "hflip = 0.5\nreprob = 0.5"]
    {
        let augmented = |device: Device| {
            let normalize = Normalize::new(&[0.4, 0.5, 0.6], &[0.2, 0.25, 0.3], device);
            Augment::new(&recipe(&[keys]), &normalize)
                .forward(&images.to_device(device), 2, &ids)
                .to_device(Device::Cpu)
        };
        assert!(augmented(device).equal(&augmented(Device::Cpu)), "{keys}");
    }
    Ok(())
}

fn streamed_images_are_the_resident_ones(device: Device) -> Test {
    let open = |cache_limit: u64| -> anyhow::Result<Dataset> {
        let options = Options { cache_limit, workers: Some(2), ..Options::default() };
        data::open(PLACE.path("data").to_str().unwrap(), &options, &NoProgress)
    };
    let (resident, streamed) = (open(1 << 30)?, open(0)?);
    assert!(streamed.train.is_streamed() && !resident.train.is_streamed());
    let order: Vec<u32> = (0..resident.train.len() as u32).rev().collect();
    let pairs = resident.train.batches(order.clone(), 7, device).zip(streamed.train.batches(order, 7, device));
    for (number, (one, other)) in pairs.enumerate() {
        let (one, other) = (one?, other?);
        // Something is computed with them at once, while the next ones are on their way.
        let sum = |batch: &data::Batch| batch.images.to_kind(Kind::Double).sum(Kind::Double).double_value(&[]);
        assert_eq!(sum(&one), sum(&other), "batch {number}");
        assert!(one.images.equal(&other.images) && one.labels.equal(&other.labels), "batch {number}");
    }
    Ok(())
}

fn host_reads(device: Device) -> Test {
    let data = PLACE.dataset();
    let recipe = recipe(&["batch_size = 1\nmodel_ema = true\nclip_grad = 1.0\nhflip = 0.5\nreprob = 0.2\ndrop = 0.1"]);
    // Batch norm knows no variance of one pixel; the maps of this network have several.
    let mut trainer = Trainer::new(&Recipe { stem_stride: 1, ..recipe }, &data, device)?;
    let updates = trainer.updates_per_epoch(data.train.len());
    let before = torch::host_reads();
    trainer.train_epoch(&data, &mut (), &AtomicBool::new(false), None)?;
    assert_eq!(torch::host_reads() - before, updates / 50 + 1, "{updates} updates");
    Ok(())
}

fn a_loss_that_is_not_finite_is_named(device: Device) -> Test {
    let data = PLACE.dataset();
    let mut trainer = Trainer::new(&recipe(&["lr = 1e30\nsched = 'constant'"]), &data, device)?;
    let error = trainer.train_epoch(&data, &mut (), &AtomicBool::new(false), None).expect_err("a rate of 1e30");
    let text = format!("{error:#}");
    assert!(text.contains("is not finite in epoch 1") && text.contains("learning rate"), "{text}");
    Ok(())
}

fn a_checkpoint_resumes_on_the_other_device(device: Device) -> Test {
    let data = PLACE.dataset();
    let recipe = recipe(&["model_ema = true\nepochs = 2"]);
    let sets = EvalSets::of(&data, 0);
    let stop = AtomicBool::new(false);
    for (first, second) in [(device, Device::Cpu), (Device::Cpu, device)] {
        let mut trainer = Trainer::new(&recipe, &data, first)?;
        trainer.train_epoch(&data, &mut (), &stop, None)?;
        let kept = Checkpoint::of(&trainer, &data.fingerprint)?;
        let mut other = Trainer::before_restore(&recipe, &data, second)?;
        kept.restore(&mut other)?;
        assert_eq!(Checkpoint::of(&other, &data.fingerprint)?.to_archive().arrays, kept.to_archive().arrays);
        fit(&mut other, &data, &sets, None, None, &mut (), &stop)?;
        assert!(other.is_done());
    }
    assert!(!stop.load(Ordering::Relaxed));
    Ok(())
}

fn memory_does_not_grow_over_epochs(device: Device) -> Test {
    let Device::Cuda(index) = device else { return Err("no CUDA device".into()) };
    let data = PLACE.dataset();
    let keys = "epochs = 20\nmodel_ema = true\nsam = 0.02\nclip_grad = 1.0\nhflip = 0.5\nrotate = 5.0\nmixup = 0.2\n\
                drop_block = 0.1\nreprob = 0.2\nblur = 0.2\ncolor_jitter = [0.1, 0.1]";
    let mut trainer = Trainer::new(&recipe(&[keys]), &data, device)?;
    let (sets, stop) = (EvalSets::of(&data, 0), AtomicBool::new(false));

    /// The memory at the end of each epoch.
    struct Memory(usize, Vec<u64>);
    impl Observer for Memory {
        fn epoch_end(&mut self, _record: &EpochRecord) -> anyhow::Result<()> {
            self.1.push(torch::device_memory(self.0)?.now);
            Ok(())
        }
    }
    let mut memory = Memory(index, Vec::new());
    fit(&mut trainer, &data, &sets, None, None, &mut memory, &stop)?;
    assert_eq!(memory.1.len(), 20);
    assert_eq!(memory.1[4], memory.1[19], "bytes after each epoch: {:?}", memory.1);
    Ok(())
}
