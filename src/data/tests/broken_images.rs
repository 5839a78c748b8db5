//! Broken images are found and named before training, and none crashes the program.

use super::*;
use crate::data::decoding::decode::{FORMATS, file, header};

#[test]
fn a_cut_off_file_is_broken_wherever_it_ends() {
    for format in FORMATS {
        for image in [noise(40, 30, 0), colours(40, 30)] {
            let whole = encode(&image, format);
            let decoded = decode("x.jpg", &whole).unwrap().0;
            assert_eq!((decoded.width, decoded.height), (40, 30), "{format:?}");
            let by_percent = (10..=99).map(|percent| whole.len() * percent / 100);
            // The last byte of a GIF marks that no frame follows.
            let last = if format == ImageFormat::Gif { 2 } else { 1 };
            for length in by_percent.chain([whole.len() - last]) {
                assert!(decode("x.jpg", &whole[..length]).is_err(), "{format:?}: {length} of {} bytes", whole.len());
            }
        }
    }
}

#[test]
fn a_file_that_is_not_an_image_is_refused_with_its_kind() {
    for (bytes, expected) in [
        (&b""[..], "the file is empty"),
        (b"Not an image\n", r#"it begins with "Not an image\n""#),
        (b"GIF89a\x01\x00\x01\x00", "damaged"),
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"\xFF\xD8\xFF", "damaged"),
    ] {
        let error = format!("{:#}", decode("x.jpg", bytes).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn anything_but_a_regular_file_is_refused_unopened() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let folder = Folder::new();
    let at = |name: &str| folder.path().join(name);
    make_fifo(&at("fifo.jpg"));
    let _socket = UnixListener::bind(at("socket.jpg")).unwrap();
    fs::create_dir(at("folder.jpg")).unwrap();
    symlink("nowhere", at("link.jpg")).unwrap();
    for (name, expected) in [
        ("fifo.jpg", "not a regular file"),
        ("socket.jpg", "not a regular file"),
        ("folder.jpg", "it is a folder"),
        ("link.jpg", "the link leads nowhere"),
        ("missing.jpg", "cannot be reached"),
    ] {
        // Opening the FIFO would block for ever.
        for error in [file(&at(name), 1, Range::FULL).err(), header(&at(name)).err()] {
            let error = format!("{:#}", error.unwrap());
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}

/// A PNG of two chunks, IHDR and IDAT without data; `width`×`height`, 8-bit grey.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    for (name, data) in [(b"IHDR", [&size[..], &[8, 0, 0, 0, 0]].concat()), (b"IDAT", vec![]), (b"IEND", vec![])] {
        let named = [&name[..], &data].concat();
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(&named);
        file.extend(crc32(&named).to_be_bytes());
    }
    file
}

/// The checksum of PNG chunks (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let mut jpeg = encode(&noise(8, 8, 0), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xFF);
    let mut bmp = encode(&noise(8, 8, 0), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    for (bytes, size) in [
        (png_header(100_000, 100_000), "100000×100000"),
        (b"P5 100000 100000 255\n\0".to_vec(), "100000×100000"),
        (jpeg, "65535×65535"),
        (bmp, "60000×60000"),
    ] {
        let error = format!("{:#}", decode("x.jpg", &bytes).unwrap_err());
        assert!(error.contains(size) && error.contains("100 megapixels are the limit"), "{error}");
    }
    // A size within the limit passes the header.
    for bytes in [png_header(9_999, 9_999), b"P5 9999 9999 255\n\0".to_vec()] {
        let within = format!("{:#}", decode("x.jpg", &bytes).unwrap_err());
        assert!(!within.contains("megapixels"), "{within}");
    }
}

#[test]
fn a_damaged_file_is_decoded_or_refused_without_a_crash() {
    let mut draws = Stream::new(0, Purpose::Faces, 1, 0);
    for format in FORMATS {
        let whole = encode(&colours(40, 30), format);
        for _ in 0..100 {
            let mut damaged = whole.clone();
            for _ in 0..=draws.below(8) {
                let at = draws.below(damaged.len() as u32) as usize;
                damaged[at] = draws.below(256) as u8;
            }
            let folder = Folder::new().file("x.jpg", damaged);
            if let Ok(image) = file(&folder.path().join("x.jpg"), 3, Range::FULL) {
                assert_eq!(image.pixels.len(), (image.width * image.height * 3) as usize);
            }
        }
    }
}

#[test]
fn broken_files_are_listed_by_name_and_stop_the_run() {
    let folder = Folder::new().split("train", &AB, 12).split("val", &AB, 2);
    let folder = (0..11).fold(folder, |folder, i| folder.file(format!("train/a/{i}.png"), "text"));
    let folder = folder.file("val/b/1.png", "");
    let refusal = folder.refusal();
    assert!(refusal.contains("12 of the images cannot be read:"), "{refusal}");
    for named in ["train/a/0.png\": the content is not JPEG", "and 2 more", "`options.skip_bad`"] {
        assert!(refusal.contains(named), "{refusal}");
    }
}

#[test]
fn skip_bad_leaves_broken_files_out_with_a_note() {
    let folder = Folder::new().split("train", &AB, 4).split("val", &AB, 2);
    let folder = folder.file("train/a/1.png", "text").file("val/b/1.png", "");
    let data = folder.open(&Options { skip_bad: true, ..Options::default() }).unwrap();
    assert_eq!((data.train.len(), data.val.len()), (7, 3));
    assert_eq!(data.train.ids, [0, 2, 3, 4, 5, 6, 7]);
    assert_eq!(data.train.labels, [0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(all_pixels(&data.train).len(), 7 * 64);
    let bad: Vec<_> = data.bad_files.iter().map(|bad| (bad.name.as_str(), bad.reason.as_str())).collect();
    assert!(bad[0].0.ends_with("train/a/1.png\"") && bad[0].1.contains("begins with \"text\""), "{bad:?}");
    assert!(bad[1].0.ends_with("val/b/1.png\"") && bad[1].1 == "the file is empty", "{bad:?}");
    assert!(data.notes.iter().any(|note| note.starts_with("2 images that cannot be read were left out")));
}

#[test]
fn a_class_that_skip_bad_empties_is_an_error() {
    let folder = least().file("train/b/0.png", "").file("train/b/1.png", "");
    let options = Options { skip_bad: true, ..Options::default() };
    folder.refuses(&options, &["no readable image of the class \"b\" is left in train"]);
}
