//! GIF files and TIFF files with a palette are read, and formats that are not read are named.

use image::{Frame, codecs::gif::GifEncoder};

use super::*;

/// A TIFF of 2×2 pixels with a palette of 8 bits, not compressed.
fn palette_tiff(is_big: bool, colours: &[[u16; 3]; 2], numbers: [u8; 4]) -> Vec<u8> {
    let short = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    // Tag, type (3 for 16 bits, 4 for 32), count and value.
    #[rustfmt::skip]
    let entries: [(u16, u16, u32, u32); 9] = [
        (256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 3), (273, 4, 1, 8), (277, 3, 1, 1),
        (279, 4, 1, 4), (320, 3, 768, 12 + 2 + 9 * 12 + 4),
    ];
    let mut file = if is_big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    file.extend(long(12));
    file.extend(numbers);
    file.extend(short(9));
    for (tag, kind, count, value) in entries {
        file.extend([short(tag), short(kind)].concat());
        file.extend(long(count));
        let is_long = kind == 4 || count > 1;
        file.extend(if is_long { long(value).to_vec() } else { [short(value as u16), [0, 0]].concat() });
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
    let first = colours(3, 2);
    let still = encode(&first, ImageFormat::Gif);
    let mut moving = Vec::new();
    let frames = [&first, &noise(3, 2, 0)].map(|image| Frame::new(image.to_rgba8()));
    GifEncoder::new(&mut moving).encode_frames(frames).unwrap();
    for (name, file) in
        [("x.gif", &still[..]), ("x.jpg", &still), ("x.GIF", &moving), ("x.gif", &moving[..moving.len() - 9])]
    {
        let (image, header) = decode(name, file).unwrap();
        assert_eq!((image.width, image.height, image.channels), (3, 2, 3), "{name}");
        assert_eq!(image.pixels, first.as_bytes(), "{name}");
        assert_eq!(header, Header { shorter_side: 2, grey: false });
    }
    let data = least().file("train/a/egyptian.jpg", &still).file("train/b/x.gif", &moving).opened();
    assert_eq!((data.train.len(), data.channels), (6, 3));
}

#[test]
fn the_palette_of_a_tiff_is_looked_up() {
    let expected = [[1, 2, 3], [200, 0, 9], [200, 0, 9], [1, 2, 3]].concat();
    let sixteen_bit = [[1 << 8, 2 << 8, 3 << 8], [200 << 8 | 77, 0, 9 << 8]];
    for is_big in [false, true] {
        for colours in [sixteen_bit, [[1, 2, 3], [200, 0, 9]]] {
            let file = palette_tiff(is_big, &colours, [0, 1, 1, 0]);
            let (image, header) = decode("x.tif", &file).unwrap();
            assert_eq!((image.channels, &image.pixels), (3, &expected), "{is_big} {colours:?}");
            assert_eq!(header, Header { shorter_side: 2, grey: false });
            for length in 0..file.len() - 1 {
                let _ = decode("x.tif", &file[..length]);
            }
        }
    }
}

#[test]
fn unsupported_formats_are_named_and_not_called_damaged() {
    let ppm_of_16_bits = b"P6 1 1 65535\n\0\0\0\0\0\0".to_vec();
    assert_eq!(decode("x.ppm", &ppm_of_16_bits).unwrap().0.pixels, [0, 0, 0]);
    let mut lab = palette_tiff(false, &[[0; 3]; 2], [0; 4]);
    // Photometric "CIE L*a*b*".
    let photometric = lab.windows(4).position(|entry| entry == [6, 1, 3, 0]).unwrap();
    lab[photometric + 8] = 8;
    for (file, expected) in [
        (&b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1"[..], "it is an AVIF image, which is not read"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "it is an SVG drawing, which is not read"),
        (b"%PDF-1.4", "it is a PDF document, which is not read"),
        (&lab, "it is a kind of Tiff that is not read"),
    ] {
        let refusal = least().file("train/a/x.jpg", file).refusal();
        assert!(refusal.contains(expected) && !refusal.contains("damaged"), "{expected}: {refusal}");
    }
}

#[test]
fn files_of_unsupported_formats_among_images_are_noted() {
    let folder = least().file("train/a/IMG_1.HEIC", "").file("train/b/2.avif", "").file("train/b/notes.txt", "");
    let notes = folder.opened().notes.join("\n");
    assert!(notes.contains("2 files or folders have the extension of an image format that is not read"), "{notes}");
    assert!(notes.contains("IMG_1.HEIC") && notes.contains("1 files or folders have no image extension"), "{notes}");
    let empty = Folder::new().split("train", &["a"], 2).file("train/b/1.heic", "").refusal();
    assert!(empty.contains("train/b\"") && empty.contains("convert them") && empty.contains("1.heic"), "{empty}");
    let detection = Folder::new().split("train", &["images"], 2).file("train/labels/0.txt", "").refusal();
    assert!(detection.contains("a data set for detection"), "{detection}");
}
