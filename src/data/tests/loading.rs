//! Resident and streamed splits deliver the same pixels to the device.

use super::*;

const CLASSES: [&str; 3] = ["a", "b", "c"];

fn folder() -> Folder {
    Folder::new().split("train", &CLASSES, 10).split("val", &CLASSES, 3)
}

fn streamed(workers: usize) -> Options {
    Options { cache_limit: 0, workers: Some(workers), ..Options::default() }
}

/// Images, labels and positions of every batch.
fn batches(split: &Split, order: &[u32], size: usize) -> Vec<(Vec<u8>, Vec<i64>, Vec<u32>)> {
    split
        .batches(order.to_vec(), size, Device::Cpu)
        .map(|batch| batch.unwrap())
        .map(|batch| (bytes(&batch.images), Vec::try_from(&batch.labels).unwrap(), batch.positions))
        .collect()
}

#[test]
fn streamed_batches_equal_resident_ones_whatever_the_number_of_threads() {
    let folder = folder().file("train/b/photo.jpg", encode(&colours(30, 20), ImageFormat::Jpeg));
    let resident = folder.opened();
    assert_eq!((resident.train.is_streamed(), resident.size, resident.channels), (false, 8, 3));
    let mut order: Vec<u32> = (0..31).chain([7, 7, 30]).collect();
    Stream::new(0, Purpose::Order, 0, 0).shuffle(&mut order);
    let expected = batches(&resident.train, &order, 4);
    assert_eq!(expected.len(), 9);
    assert_eq!(expected[8].0.len(), 2 * 3 * 64, "the last batch holds what is left");

    for workers in [0, 1, 3] {
        let data = folder.open(&streamed(workers)).unwrap();
        assert!(data.train.is_streamed() && data.val.is_streamed());
        assert_eq!(batches(&data.train, &order, 4), expected, "{workers} workers");
        assert_eq!((&data.mean, &data.std), (&resident.mean, &resident.std));
        assert_eq!((&data.fingerprint, &data.train.hashes), (&resident.fingerprint, &resident.train.hashes));
    }
}

#[test]
fn batches_hold_the_images_and_labels_of_their_positions() {
    let data = folder().opened();
    let all = all_pixels(&data.train);
    for (images, labels, positions) in batches(&data.train, &[29, 0, 11, 3, 22], 2) {
        for (i, position) in positions.into_iter().enumerate() {
            assert_eq!(images[i * 64..][..64], all[position as usize * 64..][..64]);
            assert_eq!(labels[i], i64::from(position) / 10);
        }
    }
    let batch = data.train.batches(vec![5, 6], 2, Device::Cpu).next().unwrap().unwrap();
    assert_eq!((batch.images.size(), batch.images.kind()), (vec![2, 1, 8, 8], tch::Kind::Uint8));
    assert_eq!((batch.labels.size(), batch.labels.kind()), (vec![2], tch::Kind::Int64));
}

#[test]
fn splits_are_kept_in_memory_if_they_fit() {
    let data = folder().open(&Options { cache_limit: 9 * 64 + 100, ..Options::default() }).unwrap();
    assert!(!data.val.is_streamed() && data.train.is_streamed());
}

/// The result of a pass over train after `spoil` changed one of its files.
fn end_of_pass(workers: usize, spoil: impl Fn(&Path)) -> Result<(), String> {
    let folder = folder();
    let data = folder.open(&streamed(workers)).unwrap();
    let pass = || data.train.batches((0..30).collect(), 4, Device::Cpu).last().unwrap();
    pass().unwrap();
    spoil(&folder.path().join("train/a/5.png"));
    pass().map(drop).map_err(|error| format!("{error:#}"))
}

#[test]
fn an_image_that_changes_or_vanishes_between_epochs_is_named() {
    let other = encode(&noise(8, 8, 12_345), ImageFormat::Png);
    let overwrite = |victim: &Path| fs::write(victim, &other).unwrap();
    let remove = |victim: &Path| fs::remove_file(victim).unwrap();
    // Opening a pipe would wait for its writer.
    let replace_by_pipe = |victim: &Path| {
        remove(victim);
        make_fifo(victim);
    };
    for (workers, spoil, reason) in [
        (0, &overwrite as &dyn Fn(&Path), "its pixels are not those"),
        (2, &remove, "cannot be reached"),
        (2, &replace_by_pipe, "a pipe"),
    ] {
        let error = end_of_pass(workers, spoil).unwrap_err();
        assert!(error.contains("train/a/5.png\" changed or vanished") && error.contains(reason), "{error}");
    }
}

#[test]
fn an_image_that_returns_soon_is_read() {
    let back = |victim: &Path| {
        let aside = victim.with_extension("aside");
        fs::rename(victim, &aside).unwrap();
        let victim = victim.to_owned();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(500));
            fs::rename(aside, victim).unwrap();
        });
    };
    for workers in [0, 2] {
        assert_eq!(end_of_pass(workers, back), Ok(()));
    }
}

#[test]
fn a_position_outside_the_split_is_an_error() {
    let data = folder().opened();
    let mut pass = data.val.batches(vec![0, 9], 2, Device::Cpu);
    let error = pass.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("position 9 lies outside a split of 9 images") && pass.next().is_none(), "{error}");
    assert!(data.val.batches(vec![0], 0, Device::Cpu).next().unwrap().is_err());
}

#[test]
fn size_and_channels_can_be_asked_for() {
    let folder = folder();
    let data = folder.open(&Options { img_size: Some(5), in_chans: Some(3), ..Options::default() }).unwrap();
    assert_eq!((data.size, data.channels, data.mean.len(), data.std.len()), (5, 3, 3, 3));
    assert_eq!(all_pixels(&data.val).len(), 9 * 3 * 25);
    for (options, flag) in [
        (Options { img_size: Some(0), ..Options::default() }, "`options.img_size = 0`"),
        (Options { in_chans: Some(2), ..Options::default() }, "`options.in_chans = 2`"),
        (Options { train_fraction: 0.0, ..Options::default() }, "`options.train_fraction = 0"),
        (Options { train_fraction: f64::NAN, ..Options::default() }, "`options.train_fraction = NaN"),
    ] {
        let error = folder.open(&options).err().unwrap().to_string();
        assert!(error.contains(flag), "{error}");
    }
}

#[test]
fn images_that_a_guess_misses_still_decide_the_shape() {
    // Enough images for a guess from some of them, all grey and 8×8.
    let many = || Folder::new().split("train", &["a", "b"], 100).split("val", &["a", "b"], 2);
    let like = many().opened();
    assert_eq!((like.channels, like.size, all_pixels(&like.train).len()), (1, 8, 200 * 64));
    for position in [1, 2, 57, 199] {
        let path = &format!("train/{}/{}.png", ["a", "b"][position / 100], position % 100);
        let colourful = many().file(path, encode(&colours(8, 8), ImageFormat::Png)).opened();
        assert_eq!((colourful.channels, colourful.size), (3, 8), "{path}");
        assert_eq!((all_pixels(&colourful.train).len(), colourful.mean.len()), (200 * 3 * 64, 3), "{path}");
    }
    // The guess reads every 4th image; enough of the others are larger to move the median.
    let larger = (0..200u32).filter(|number| number % 4 != 0).fold(many(), |folder, number| {
        let path = format!("train/{}/{}.png", ["a", "b"][number as usize / 100], number % 100);
        folder.file(path, encode(&noise(12, 14, number), ImageFormat::Png))
    });
    let larger = larger.opened();
    assert_eq!((larger.channels, larger.size), (1, 12));
    assert_eq!((larger.train.len(), all_pixels(&larger.val).len()), (200, 4 * 144));
}

#[test]
fn the_fingerprint_depends_on_pixels_and_order_but_not_on_file_names() {
    let image = noise(8, 8, 1);
    let with = |name: &str, bytes: Vec<u8>| folder().file(format!("train/a/{name}"), bytes).opened().fingerprint;
    let png = with("zz.png", encode(&image, ImageFormat::Png));
    assert_eq!(png, with("zzz.pgm", encode(&image, ImageFormat::Pnm)));
    assert_ne!(png, with("00.png", encode(&image, ImageFormat::Png)));
    assert_ne!(png, with("zz.png", encode(&noise(8, 8, 2), ImageFormat::Png)));
}

#[test]
fn a_larger_fraction_of_train_contains_the_smaller_one_and_ids_stay() {
    let folder = folder();
    let mut smaller = Vec::new();
    for (train_fraction, n) in [(0.2, 6), (0.5, 15), (1.0, 30)] {
        let data = folder.open(&Options { train_fraction, ..Options::default() }).unwrap();
        assert_eq!((data.train.len(), data.val.len()), (n, 9), "val stays whole");
        assert!(smaller.iter().all(|id| data.train.ids.contains(id)));
        smaller = data.train.ids;
    }
    assert_eq!(smaller, (0..30).collect::<Vec<_>>());
}

#[test]
fn leaks_are_found_and_kept_out_of_the_probe() {
    // Duplicates of the first val image of class a: a copy in train's class a, and another format in class b.
    let duplicate = noise(8, 8, 777);
    let folder = folder()
        .file("val/a/0.png", encode(&duplicate, ImageFormat::Png))
        .file("train/a/0.png", encode(&duplicate, ImageFormat::Png))
        .file("train/b/9.bmp", encode(&duplicate, ImageFormat::Bmp));
    let data = folder.opened();
    let leaks: Vec<usize> = (0..9).filter(|&i| data.val_in_train()[i]).collect();
    assert_eq!(leaks, [0]);
    for data_seed in 0..20 {
        let probe = data.probe(data_seed);
        let labels: Vec<u32> = probe.iter().map(|&position| data.train.labels[position as usize]).collect();
        assert_eq!(labels, [0, 0, 0, 1, 1, 1, 2, 2, 2], "val's class mix");
        assert!(probe.iter().all(|&position| data.train.hashes[position as usize] != data.val.hashes[0]));
    }
}

#[test]
fn the_generated_faces_open_like_any_data() {
    let mut data = open("faces", &Options { train_fraction: 0.1, ..Options::default() }, &NoProgress).unwrap();
    assert_eq!((data.classes.len(), data.size, data.channels), (7, 48, 1));
    assert_eq!(data.val_halves(0).len(), data.val.len());
    assert_eq!(data.train.class_counts(7).iter().sum::<usize>(), data.train.len());
    // Equal images of val are in one half.
    data.val.hashes.iter_mut().enumerate().for_each(|(image, hash)| *hash = (image / 2) as u128);
    for data_seed in 0..4 {
        let halves = data.val_halves(data_seed);
        assert!(halves.chunks(2).all(|pair| pair.iter().all(|half| half == &pair[0])));
        assert!(halves.contains(&true) && halves.contains(&false));
    }
}
