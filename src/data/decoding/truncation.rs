//! Finds image files that are cut off. Some decoders silently fill the missing part with grey.

use anyhow::{Context, Result, bail, ensure};
use image::ImageFormat;

/// Checks that a file has its end, in the formats that mark it: JPEG's end-of-image marker, PNG's IEND chunk, the length in
/// WebP's header, and the end of the first frame of a GIF, which is all that is read. The decoders of other formats report
/// missing pixels themselves.
pub fn check(format: ImageFormat, file: &[u8]) -> Result<()> {
    match format {
        ImageFormat::Jpeg => jpeg(file),
        ImageFormat::Png => png(file),
        ImageFormat::WebP => webp(file),
        ImageFormat::Gif => gif(file).context("the GIF is cut off in its first frame"),
        _ => Ok(()),
    }
}

/// Walks from marker to marker. A segment is skipped by its length, so that the end-of-image marker of a thumbnail inside
/// it does not count. Compressed data contains no markers but restarts: it encodes FF as FF 00.
fn jpeg(file: &[u8]) -> Result<()> {
    const RESTART_FIRST: u8 = 0xD0;
    const END_OF_IMAGE: u8 = 0xD9;
    let mut rest = file;
    while let Some(at) = rest.iter().position(|&byte| byte == 0xFF) {
        let Some(code) = rest[at..].iter().position(|&byte| byte != 0xFF) else { break };
        let marker = rest[at + code];
        rest = &rest[at + code + 1..];
        match marker {
            END_OF_IMAGE => return Ok(()),
            0x00 | 0x01 | RESTART_FIRST..END_OF_IMAGE => {}
            _ => {
                let [high, low, ..] = *rest else { break };
                let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low]))..) else { break };
                rest = after;
            }
        }
    }
    bail!("the JPEG is cut off: its {} bytes contain no end-of-image marker", file.len())
}

/// Walks from chunk to chunk: length, name, data, checksum.
fn png(file: &[u8]) -> Result<()> {
    const SIGNATURE: usize = 8;
    let mut rest = file.get(SIGNATURE..).unwrap_or_default();
    while let [a, b, c, d, name @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some(after) = rest.get(length.saturating_add(12)..) else { break };
        if name.starts_with(b"IEND") {
            return Ok(());
        }
        rest = after;
    }
    bail!("the PNG is cut off: its {} bytes contain no end (IEND)", file.len())
}

/// Compares the length in the header with that of the file.
fn webp(file: &[u8]) -> Result<()> {
    const HEADER: usize = 8;
    let length = match *file {
        [_, _, _, _, a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => usize::MAX,
    };
    ensure!(length <= file.len().saturating_sub(HEADER), "the WebP is cut off: only {} bytes are there", file.len());
    Ok(())
}

/// Walks over the header, the extensions and the blocks of the first image (GIF89a, sections 18 to 26).
fn gif(file: &[u8]) -> Option<()> {
    const SCREEN: usize = 13;
    const IMAGE: u8 = 0x2C;
    const EXTENSION: u8 = 0x21;
    let colours = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut rest = file.get(SCREEN + colours(*file.get(10)?)..)?;
    while rest.first() == Some(&EXTENSION) {
        rest = after_blocks(rest.get(2..)?)?;
    }
    let flags = *rest.get(9).filter(|_| rest.first() == Some(&IMAGE))?;
    // One byte, the smallest code size, precedes the blocks.
    after_blocks(rest.get(10 + colours(flags) + 1..)?).map(|_| ())
}

/// Skips blocks, each of which begins with its length; a block of length 0 is the last.
fn after_blocks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, block) = rest.split_first()?;
        rest = block.get(usize::from(length)..)?;
        if length == 0 {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_jpeg_counts_only_outside_its_segments() {
        let thumbnail = [0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9];
        let scan = [0xFF, 0xDA, 0x00, 0x02, 0x12, 0xFF, 0x00, 0xD9, 0xFF, 0xD0, 0x34];
        let cut = [&[0xFF, 0xD8][..], &thumbnail, &scan].concat();
        assert!(jpeg(&cut).is_err());
        assert!(jpeg(&[&cut[..], &[0xFF, 0xD9]].concat()).is_ok());
        // Fill bytes may precede a marker, and anything may follow the end.
        assert!(jpeg(&[&cut[..], &[0xFF, 0xFF, 0xFF, 0xD9, 1, 2, 3]].concat()).is_ok());
    }

    #[test]
    fn empty_files_and_partial_headers_are_cut_off() {
        for file in [&[][..], &[0xFF], &[0xFF, 0xD8, 0xFF, 0xE0], &[0xFF, 0xD8, 0xFF, 0xE0, 0]] {
            assert!(jpeg(file).is_err() && png(file).is_err() && webp(file).is_err(), "{file:?}");
            assert_eq!(gif(file), None, "{file:?}");
        }
    }
}
