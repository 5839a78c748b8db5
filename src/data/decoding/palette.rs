//! TIFF files with a palette. The decoder does not support palettes; it decodes the file as grey instead, and the grey
//! values are the indices of the colours (TIFF 6.0, section 5).

/// Tags of a TIFF's directory that are read here.
const BITS_PER_SAMPLE: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const COLOUR_MAP: u16 = 320;

/// Values of the photometric tag for a palette, and for grey values where 0 is black.
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: u16 = 1;

/// A file whose pixels are indices of colours.
pub struct Indexed {
    /// The file, marked as grey.
    pub file: Vec<u8>,
    /// Red, green and blue of each index.
    pub colours: Vec<[u8; 3]>,
}

/// Separates the palette of `file` if it is a TIFF whose first image has a palette of 8 bits; None for any other file.
pub fn indexed(file: &[u8]) -> Option<Indexed> {
    let tiff = Tiff::of(file)?;
    let (photometric, at) = tiff.short(PHOTOMETRIC)?;
    let (bits, _) = tiff.short(BITS_PER_SAMPLE)?;
    if photometric != PALETTE || bits != 8 {
        return None;
    }
    let map = tiff.shorts(COLOUR_MAP, 3 << bits)?;
    // The specification has 16-bit colours; some programs write 8-bit ones.
    let shift = if map.iter().any(|&value| value > 255) { 8 } else { 0 };
    let count = 1 << bits;
    let colour = |i: usize| [map[i], map[count + i], map[2 * count + i]].map(|value| (value >> shift) as u8);
    let mut file = file.to_vec();
    let grey = if tiff.is_big { BLACK_IS_ZERO.to_be_bytes() } else { BLACK_IS_ZERO.to_le_bytes() };
    file[at..at + 2].copy_from_slice(&grey);
    Some(Indexed { file, colours: (0..count).map(colour).collect() })
}

/// A TIFF file and its first directory.
struct Tiff<'a> {
    file: &'a [u8],
    is_big: bool,
    /// Offset of the first entry.
    entries: usize,
    count: usize,
}

impl<'a> Tiff<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let is_big = match file.first_chunk::<4>()? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        let mut tiff = Self { file, is_big, entries: 0, count: 0 };
        let directory = tiff.number(4, 4)? as usize;
        tiff.count = tiff.number(directory, 2)? as usize;
        tiff.entries = directory.checked_add(2)?;
        Some(tiff)
    }

    /// Reads the number of `bytes` bytes (2 or 4) at offset `at`.
    fn number(&self, at: usize, bytes: usize) -> Option<u32> {
        let bytes = self.file.get(at..at.checked_add(bytes)?)?;
        let digit = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        Some(if self.is_big { bytes.iter().fold(0, digit) } else { bytes.iter().rev().fold(0, digit) })
    }

    /// Finds the offset of the entry of `tag`. An entry consists of tag, type, count and value.
    fn entry(&self, tag: u16) -> Option<usize> {
        (0..self.count).map(|i| self.entries + 12 * i).find(|&at| self.number(at, 2) == Some(u32::from(tag)))
    }

    /// The single value of `tag`, with its offset.
    fn short(&self, tag: u16) -> Option<(u16, usize)> {
        const SHORT: u32 = 3;
        let entry = self.entry(tag)?;
        let is_one = self.number(entry + 2, 2)? == SHORT && self.number(entry + 4, 4)? == 1;
        Some((self.number(entry + 8, 2).filter(|_| is_one)? as u16, entry + 8))
    }

    /// The `count` values of `tag`, which are stored elsewhere in the file.
    fn shorts(&self, tag: u16, count: usize) -> Option<Vec<u16>> {
        let entry = self.entry(tag)?;
        let is_so = self.number(entry + 4, 4)? as usize == count;
        let at = self.number(entry + 8, 4).filter(|_| is_so)? as usize;
        (0..count).map(|i| Some(self.number(at.checked_add(2 * i)?, 2)? as u16)).collect()
    }
}
