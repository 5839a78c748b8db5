//! Broken images are found and named before training, and none crashes the program.

use super::*;
use crate::data::decoding::decode::{FORMATS, file, header};

#[test]
fn a_cut_off_file_is_broken_wherever_it_ends() {
    for format in FORMATS {
        for image in [noise(40, 30, 0), colours(40, 30)] {
            let whole = encode(&image, format);
            assert_eq!(decode("x.jpg", &whole).unwrap().1.shorter_side, 30, "{format:?}");
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
        (b"8BPS\0\x01", "it is a Photoshop image (PSD), which is not read"),
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

#[test]
fn a_decompression_bomb_is_refused_by_its_header() {
    let mut jpeg = encode(&noise(8, 8, 0), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xFF);
    let mut bmp = encode(&noise(8, 8, 0), ImageFormat::Bmp);
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    for (bytes, size) in
        [(b"P5 100000 100000 255\n\0".to_vec(), "100000×100000"), (jpeg, "65535×65535"), (bmp, "60000×60000")]
    {
        let error = format!("{:#}", decode("x.jpg", &bytes).unwrap_err());
        assert!(error.contains(size) && error.contains("100 megapixels are the limit"), "{error}");
    }
    // A size within the limit passes the header.
    let within = format!("{:#}", decode("x.jpg", b"P5 9999 9999 255\n\0").unwrap_err());
    assert!(!within.contains("megapixels"), "{within}");
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
    let error = folder.open(&Options { skip_bad: true, ..Options::default() }).err().unwrap();
    assert!(format!("{error:#}").contains("no readable image of the class \"b\" is left in train"), "{error:#}");
}
