//! GIF files and TIFF files with a palette are read, and formats that are not read are named.

use super::*;
use crate::data::decoding::{
    decode::{self, Header},
    decoded_image::DecodedImage,
    sixteen_bit::Range,
};

/// The file as it decodes, and its header.
fn decoded(name: &str, bytes: &[u8]) -> (DecodedImage, Header) {
    let folder = Folder::new().file(name, bytes);
    let path = folder.path().join(name);
    (decode::stored(&path, Range::FULL).unwrap().image, decode::header(&path).unwrap())
}

/// A GIF of 3×2 pixels in four colours, its pixels in codes of 3 bits: clear, six numbers, end. `frames` are the numbers of
/// the frames.
fn gif(frames: &[[u8; 6]]) -> Vec<u8> {
    let colours = [[10, 20, 30], [200, 0, 0], [0, 200, 0], [255, 255, 255]].concat();
    let mut file = [&b"GIF89a\x03\0\x02\0\x81\0\0"[..], &colours].concat();
    for numbers in frames {
        file.extend(b"\x21\xF9\x04\0\0\0\0\0\x2C\0\0\0\0\x03\0\x02\0\0\x02");
        // The decoder's table grows by one with each code but the first: after 4 + 2 + 2 of them codes have 4 bits.
        let mut bits = Vec::new();
        let mut push = |code: u8, width: u32| (0..width).for_each(|bit| bits.push(code >> bit & 1));
        for pair in numbers.chunks(2) {
            push(4, 3);
            pair.iter().for_each(|&number| push(number, 3));
        }
        push(5, 3);
        let bytes: Vec<u8> =
            bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
        file.push(bytes.len() as u8);
        file.extend(bytes);
        file.push(0);
    }
    file.push(b';');
    file
}

/// A TIFF of 2×2 pixels with a palette of 8 bits, not compressed.
fn palette_tiff(is_big: bool, colours: &[[u16; 3]; 2], numbers: [u8; 4]) -> Vec<u8> {
    let short = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let entries: [(u16, u32, u32); 9] = [
        (256, 1, 2),
        (257, 1, 2),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 3),
        (273, 1, 8),
        (277, 1, 1),
        (279, 1, 4),
        (320, 768, 12 + 2 + 9 * 12 + 4),
    ];
    let mut file = if is_big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    file.extend(long(12));
    file.extend(numbers);
    file.extend(short(9));
    for (tag, count, value) in entries {
        file.extend(short(tag));
        file.extend(short(if count == 1 && [273, 279].contains(&tag) { 4 } else { 3 }));
        file.extend(long(count));
        let is_long = count > 1 || [273, 279].contains(&tag);
        if is_long { file.extend(long(value)) } else { file.extend([short(value as u16), [0, 0]].concat()) }
    }
    file.extend(long(0));
    for channel in 0..3 {
        for number in 0..256 {
            file.extend(short(colours.get(number).map_or(0, |colour| colour[channel])));
        }
    }
    file
}

#[test]
fn the_first_frame_of_a_gif_is_read_whatever_the_file_name() {
    let first = [0, 1, 2, 3, 1, 0];
    let expected = [[10, 20, 30], [200, 0, 0], [0, 200, 0], [255, 255, 255], [200, 0, 0], [10, 20, 30]].concat();
    let still = gif(&[first]);
    let moving = gif(&[first, [3; 6]]);
    for (name, file) in
        [("x.gif", &still[..]), ("x.jpg", &still), ("x.GIF", &moving), ("x.gif", &moving[..moving.len() - 9])]
    {
        let (image, header) = decoded(name, file);
        assert_eq!((image.width, image.height, image.channels), (3, 2, 3), "{name}");
        assert_eq!(image.pixels, expected, "{name}");
        assert_eq!(header, Header { shorter_side: 2, grey: false });
    }
    let data = Folder::new().split("train", &["a", "b"], 3).split("val", &["a", "b"], 2);
    let data = data.file("train/a/egyptian.jpg", &still).file("train/b/x.gif", &moving).opened();
    assert_eq!((data.train.len(), data.channels), (8, 3));
}

#[test]
fn the_palette_of_a_tiff_is_looked_up() {
    let expected = [[1, 2, 3], [200, 0, 9], [200, 0, 9], [1, 2, 3]].concat();
    let sixteen_bit = [[1 << 8, 2 << 8, 3 << 8], [200 << 8 | 77, 0, 9 << 8]];
    for is_big in [false, true] {
        for colours in [sixteen_bit, [[1, 2, 3], [200, 0, 9]]] {
            let file = palette_tiff(is_big, &colours, [0, 1, 1, 0]);
            let (image, header) = decoded("x.tif", &file);
            assert_eq!((image.channels, &image.pixels), (3, &expected), "{is_big} {colours:?}");
            assert_eq!(header, Header { shorter_side: 2, grey: false });
            for length in 0..file.len() - 1 {
                let folder = Folder::new().file("x.tif", &file[..length]);
                let _ = decode::stored(&folder.path().join("x.tif"), Range::FULL);
            }
        }
    }
}

#[test]
fn unsupported_formats_are_named_and_not_called_damaged() {
    let ppm_of_16_bits = b"P6 1 1 65535\n\0\0\0\0\0\0".to_vec();
    assert_eq!(decoded("x.ppm", &ppm_of_16_bits).0.pixels, [0, 0, 0]);
    let mut float = palette_tiff(false, &[[0; 3]; 2], [0; 4]);
    // Photometric "CIE L*a*b*".
    let photometric = float.windows(4).position(|entry| entry == [6, 1, 3, 0]).unwrap();
    float[photometric + 8] = 8;
    for (file, expected) in [
        (&b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1"[..], "it is an AVIF image, which is not read"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "it is an SVG drawing, which is not read"),
        (b"%PDF-1.4", "it is a PDF document, which is not read"),
        (&float, "it is a kind of Tiff that is not read"),
    ] {
        let folder =
            Folder::new().split("train", &["a", "b"], 2).split("val", &["a", "b"], 1).file("train/a/x.jpg", file);
        let refusal = folder.refusal();
        assert!(refusal.contains(expected) && !refusal.contains("damaged"), "{expected}: {refusal}");
    }
}

#[test]
fn files_of_unsupported_formats_among_images_are_noted() {
    let folder = Folder::new().split("train", &["a", "b"], 2).split("val", &["a", "b"], 1);
    let folder = folder.file("train/a/IMG_1.HEIC", "").file("train/b/2.avif", "").file("train/b/notes.txt", "");
    let notes = folder.opened().notes.join("\n");
    assert!(notes.contains("2 files or folders have the extension of an image format that is not read"), "{notes}");
    assert!(notes.contains("IMG_1.HEIC") && notes.contains("1 files or folders have no image extension"), "{notes}");
    let empty = Folder::new().split("train", &["a"], 2).file("train/b/1.heic", "").refusal();
    assert!(empty.contains("train/b\"") && empty.contains("convert them") && empty.contains("1.heic"), "{empty}");
    let detection = Folder::new().split("train", &["images"], 2).file("train/labels/0.txt", "").refusal();
    assert!(detection.contains("a data set for detection"), "{detection}");
}
