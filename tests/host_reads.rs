//! The host reads from the device as seldom as DESIGN.md says: one number every 50 updates and at the end of an epoch.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use mindgap::{
    data::{self, NoProgress, Options},
    recipe::Recipe,
    torch::host_reads,
    train::{Trainer, evaluate},
};
use tch::Device;

#[test]
fn an_epoch_reads_once_in_fifty_updates_and_once_at_its_end_and_an_evaluation_once() {
    let options = Options { img_size: Some(16), train_fraction: 0.1, ..Options::default() };
    let data = data::open("faces", &options, &NoProgress).unwrap();
    // Every knob that works in the loop: none of them may look at a number of the device.
    let recipe = Recipe {
        model: "resnet8".into(),
        width: Some(4),
        batch_size: 2,
        mixup: 0.2,
        cutmix: 1.0,
        drop: 0.2,
        drop_path: 0.1,
        drop_block: 0.1,
        clip_grad: Some(1.0),
        sam: 0.05,
        model_ema: true,
        hflip: 0.5,
        rotate: 10.0,
        color_jitter: vec![0.2],
        blur: 0.1,
        reprob: 0.1,
        ..Recipe::default()
    };
    let mut trainer = Trainer::new(&recipe, &data, Device::Cpu).unwrap();
    let updates = trainer.updates_per_epoch(data.train.len());
    assert!(updates > 100, "{updates}");
    let before = host_reads();
    trainer.train_epoch(&data, &mut (), &AtomicBool::new(false), None).unwrap();
    assert_eq!(host_reads() - before, updates / 50 + 1);

    let before = host_reads();
    let positions: Vec<u32> = (0..data.val.len() as u32).collect();
    evaluate(trainer.network(), &trainer.normalize, &data.val, &positions).unwrap();
    assert_eq!(host_reads() - before, 1);
}

/// The counter sees all only if nobody reads past it.
#[test]
fn training_reads_through_the_counter_alone() {
    // Those that name the cause of a failure may read what they like.
    const FREE: [&str; 2] = ["nonfinite.rs", "parameters.rs"];
    for module in ["augment", "model", "train", "train/optim"] {
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() || FREE.contains(&name.as_str()) || name == "tests.rs" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for read in ["double_value(", "int64_value(", "to_device(Device::Cpu", "bool::try_from(", "f64::try_from("]
            {
                assert!(
                    !code.contains(read),
                    "{module}/{name}: {read}…) is a read that torch::host_reads does not count"
                );
            }
        }
    }
}
