//! 16-bit images of a data set are scaled by one common range, and 8-bit images keep their bytes.

use image::ImageBuffer;

use super::*;
use crate::data::Audit;

/// A grey 16-bit PNG of 8×8 pixels with values from `low` to `high`, including both.
fn sixteen_bit(number: u32, low: u16, high: u16) -> Vec<u8> {
    let mut draws = Stream::new(2, Purpose::Faces, 0, number);
    let mut values: Vec<u16> = (0..64).map(|_| low + draws.below(u32::from(high - low) + 1) as u16).collect();
    (values[0], values[1]) = (low, high);
    encode(&DynamicImage::ImageLuma16(ImageBuffer::from_raw(8, 8, values).unwrap()), ImageFormat::Png)
}

/// Train and val of 16-bit images; train uses values up to `train`, val up to `val`.
fn set(low: u16, train: u16, val: u16) -> Folder {
    let images = (0..24).map(|i| (if i < 16 { "train" } else { "val" }, AB[i % 2], i as u32));
    images.fold(Folder::new(), |folder, (split, class, i)| {
        let high = if split == "train" { train } else { val };
        folder.file(format!("{split}/{class}/{i:02}.png"), sixteen_bit(i, low, high))
    })
}

#[test]
fn the_values_in_use_become_bytes_in_the_same_way_for_all_images() {
    for (folder, shift, range) in [
        (set(0, 4095, 4095), 4, [0, 4095]),
        (set(0, 1000, 700), 2, [0, 1023]),
        (set(0, 255, 255), 0, [0, 255]),
        (set(0, 65_535, 9), 8, [0, 65_535]),
        (set(0, 200, 16_000), 6, [0, 16_383]),
    ] {
        let data = folder.opened();
        assert_eq!(data.range_16bit, Some(range));
        let bytes = |path: &str| -> Vec<u8> {
            let values = image::open(folder.path().join(path)).unwrap().into_luma16();
            values.iter().map(|value| (value >> shift) as u8).collect()
        };
        assert!(all_pixels(&data.train).starts_with(&bytes("train/a/00.png")), "{range:?}");
        assert!(all_pixels(&data.val).ends_with(&bytes("val/b/23.png")), "{range:?}");
        let note = data.notes.iter().find(|note| note.starts_with("24 16-bit images: values 0")).unwrap();
        assert!(note.contains(&format!("0 to {} become 0 to 255", range[1])), "{note}");
    }
}

#[test]
fn values_far_from_zero_are_spread() {
    let data = set(31_744, 35_839, 33_000).opened();
    assert_eq!(data.range_16bit, Some([31_744, 35_839]));
    let pixels = all_pixels(&data.train);
    assert_eq!((pixels.iter().min(), pixels.iter().max()), (Some(&0), Some(&255)));
}

#[test]
fn the_range_does_not_depend_on_the_options() {
    let folder = set(0, 4000, 4000);
    // The one image with large values is not in every fraction.
    let folder =
        (0..16).fold(folder, |folder, i| folder.file(format!("train/a/small{i:02}.png"), sixteen_bit(50 + i, 0, 90)));
    let whole = folder.opened();
    let options = Options::default();
    for options in [
        Options { cache_limit: 0, workers: Some(2), ..options.clone() },
        Options { img_size: Some(8), in_chans: Some(1), ..options.clone() },
        Options { range_16bit: Some([0, 4095]), ..options.clone() },
    ] {
        let data = folder.open(&options).unwrap();
        assert_eq!((data.range_16bit, &data.fingerprint), (whole.range_16bit, &whole.fingerprint));
        assert_eq!(all_pixels(&data.train), all_pixels(&whole.train));
    }
    for data_seed in 0..4 {
        let few = folder.open(&Options { train_fraction: 0.1, data_seed, ..options.clone() }).unwrap();
        assert_eq!((few.range_16bit, &few.val.hashes), (Some([0, 4095]), &whole.val.hashes));
    }
    let given = folder.open(&Options { range_16bit: Some([0, 65_535]), ..options }).unwrap();
    assert_eq!(given.range_16bit, Some([0, 65_535]));
    assert!(all_pixels(&given.train).iter().all(|&value| value < 16));
    assert!(given.notes.iter().any(|note| note.contains("16 of the 256 levels")), "{:?}", given.notes);
}

#[test]
fn a_second_start_restores_the_range() {
    let (folder, cache) = (set(0, 4095, 4095).padded(), Folder::new());
    // Train in memory, and train that is decoded again in every epoch.
    for cache_limit in [4 << 30, 600] {
        let options = Options { decoded_folder: Some(cache.path().to_owned()), cache_limit, ..Options::default() };
        let [first, second] = [0, 1].map(|_| folder.open(&options).unwrap());
        assert_eq!((first.range_16bit, second.range_16bit), (Some([0, 4095]), Some([0, 4095])));
        assert_eq!((&first.fingerprint, all_pixels(&first.train)), (&second.fingerprint, all_pixels(&second.train)));
        assert_eq!(second.train.is_streamed(), cache_limit == 600);
    }
    assert_eq!(cache.files().len(), 2);
}

#[test]
fn an_8_bit_data_set_keeps_its_fingerprint() {
    let image =
        |number: u32| GrayImage::from_fn(8, 8, |x, y| image::Luma([((x * 31 + y * 17 + number * 57) % 256) as u8]));
    let mut folder = Folder::new();
    for (split, first, count) in [("train", 0, 3), ("val", 100, 1), ("test", 200, 1)] {
        for (class, name) in (0..).zip(AB) {
            for i in 0..count {
                let file = encode(&DynamicImage::ImageLuma8(image(first + 10 * class + i)), ImageFormat::Png);
                folder = folder.file(format!("{split}/{name}/{i}.png"), file);
            }
        }
    }
    // The fingerprint from before 16-bit images were scaled.
    assert_eq!(folder.opened().fingerprint, "ce4bee1f56f287943500892de4a79497");
}

#[test]
fn eight_bits_keep_their_bytes_beside_sixteen() {
    let plain = Folder::new().split("train", &AB, 4).split("val", &AB, 2);
    let data = plain.opened();
    assert_eq!((data.range_16bit, data.notes.len()), (None, 0));
    let forced = plain.open(&Options { range_16bit: Some([0, 99]), ..Options::default() }).unwrap();
    assert_eq!((forced.range_16bit, &forced.fingerprint), (None, &data.fingerprint));
    let mixed = plain.file("train/b/sixteen_bit.png", sixteen_bit(7, 0, 1023)).opened();
    assert_eq!(mixed.range_16bit, Some([0, 1023]));
    assert_eq!(mixed.train.hashes[..8], data.train.hashes);
}

#[test]
fn alpha_does_not_influence_the_values_in_use() {
    let clear = ImageBuffer::from_fn(8, 8, |x, y| image::LumaA([(x * 8 + y) as u16 * 16, 65_535]));
    let folder =
        set(0, 1000, 1000).file("train/a/clear.png", encode(&DynamicImage::ImageLumaA16(clear), ImageFormat::Png));
    assert_eq!(folder.opened().range_16bit, Some([0, 1023]));
}

#[test]
fn brighter_images_of_test_are_noted_also_from_the_cache() {
    let cache = Folder::new();
    let options = Options { decoded_folder: Some(cache.path().to_owned()), ..Options::default() };
    for (high, is_said) in [(65_535, true), (4000, false)] {
        let test = (0..4).map(|i| (AB[i % 2], i as u32));
        let folder = test.fold(set(0, 4095, 4095), |folder, (class, i)| {
            folder.file(format!("test/{class}/{i}.png"), sixteen_bit(200 + i, 0, high))
        });
        let folder = folder.padded();
        let (first, second) = (folder.open(&options).unwrap(), folder.open(&options).unwrap());
        assert_eq!((first.range_16bit, &first.notes), (Some([0, 4095]), &second.notes));
        let said = "The 16-bit images of test have values 0 to 65535; those outside 0 to 4095";
        assert_eq!(first.notes.iter().any(|note| note.starts_with(said)), is_said, "{:?}", first.notes);
        assert!(first.notes.iter().any(|note| note.starts_with("24 16-bit images")), "{:?}", first.notes);
        let audit = Audit::of(folder.path().to_str().unwrap(), &Options::default(), None, 5, &NoProgress).unwrap();
        assert_eq!((audit.sixteen_bit, audit.range_16bit), (28, Some([0, 4095])));
        assert_eq!(audit.notes.iter().any(|note| note.starts_with(said)), is_said, "{:?}", audit.notes);
    }
}
