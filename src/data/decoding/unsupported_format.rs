//! Names files of formats that are not read, by their first bytes or their extension.

/// Kinds of files, each with an offset and the bytes that identify it there.
const KINDS: [(&str, usize, &[u8]); 36] = [
    ("a JPEG 2000 image", 0, b"\0\0\0\x0CjP  "),
    ("a JPEG 2000 image", 0, b"\xFF\x4F\xFF\x51"),
    ("a JPEG XL image", 0, b"\0\0\0\x0CJXL "),
    ("a JPEG XL image", 0, b"\xFF\x0A"),
    ("a Photoshop image (PSD)", 0, b"8BPS"),
    ("an icon (ICO)", 0, b"\0\0\x01\0"),
    ("a QOI image", 0, b"qoif"),
    ("a DDS texture", 0, b"DDS "),
    ("an OpenEXR image", 0, b"\x76\x2F\x31\x01"),
    ("a Radiance HDR image", 0, b"#?RADIANCE"),
    ("a Radiance HDR image", 0, b"#?RGBE"),
    ("a FITS image", 0, b"SIMPLE  ="),
    ("a DICOM image", 128, b"DICM"),
    ("a NIfTI image", 344, b"n+1\0"),
    ("a raw image of a Canon camera (CR2)", 8, b"CR\x02"),
    ("a raw image of a Fujifilm camera (RAF)", 0, b"FUJIFILMCCD-RAW"),
    ("a raw image of a Panasonic camera (RW2)", 0, b"IIU\0"),
    ("a raw image of an Olympus camera (ORF)", 0, b"IIRO"),
    ("a raw image of an Olympus camera (ORF)", 0, b"IIRS"),
    ("a raw image of an Olympus camera (ORF)", 0, b"MMOR"),
    ("a BigTIFF image", 0, b"II+\0"),
    ("a BigTIFF image", 0, b"MM\0+"),
    ("a Windows metafile", 0, b"\xD7\xCD\xC6\x9A"),
    ("a PDF document", 0, b"%PDF"),
    ("a PostScript document", 0, b"%!PS"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a gzip archive", 0, b"\x1F\x8B"),
    ("a RAR archive", 0, b"Rar!"),
    ("a 7z archive", 0, b"7z\xBC\xAF"),
    ("a NumPy array", 0, b"\x93NUMPY"),
    ("an HDF5 file", 0, b"\x89HDF"),
    ("a MATLAB file", 0, b"MATLAB 5.0"),
    ("a RIFF file that is not WebP", 0, b"RIFF"),
    ("a Matroska or WebM video", 0, b"\x1A\x45\xDF\xA3"),
    ("a pointer of Git LFS whose file was not fetched (git lfs pull)", 0, b"version https://git-lfs"),
    ("a FLIF image", 0, b"FLIF"),
];

/// Kinds of files in the ISO base media format, with the brands that identify them.
const BRANDS: [(&str, &[&[u8; 4]]); 4] = [
    ("an AVIF image", &[b"avif", b"avis"]),
    ("a HEIC image", &[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"]),
    ("a HEIF image", &[b"mif1", b"msf1"]),
    ("a raw image of a Canon camera (CR3)", &[b"crx "]),
];

/// Extensions of images that are not read.
const EXTENSIONS: [&str; 34] = [
    "avif", "heic", "heif", "jp2", "j2k", "jpx", "jxl", "svg", "psd", "ico", "tga", "dds", "exr", "hdr", "qoi", "pcx",
    "eps", "ai", "xcf", "dcm", "dicom", "nii", "fits", "mha", "cr2", "cr3", "nef", "arw", "dng", "orf", "rw2", "raf",
    "raw", "pdf",
];

/// The kind of `file`, with its article; None if its first bytes are unknown.
pub fn kind(file: &[u8]) -> Option<&'static str> {
    if file.get(4..8) == Some(b"ftyp") {
        return Some(of_brands(file));
    }
    let begins = |offset: usize, with: &[u8]| file.get(offset..).is_some_and(|rest| rest.starts_with(with));
    if let Some((kind, ..)) = KINDS.iter().find(|(_, offset, with)| begins(*offset, with)) {
        return Some(kind);
    }
    if file.ends_with(b"TRUEVISION-XFILE.\0") {
        return Some("a Targa image (TGA)");
    }
    markup(file)
}

/// Whether `extension` belongs to an image format that is not read.
pub fn is_image_extension(extension: &std::ffi::OsStr) -> bool {
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The kind of a file by its major brand or, where several kinds share that, by its compatible brands.
fn of_brands(file: &[u8]) -> &'static str {
    let length = file.first_chunk().map_or(0, |&length| u32::from_be_bytes(length) as usize);
    let brands = file[8..file.len().min(length.clamp(12, 256))].as_chunks::<4>().0;
    let of = |brand: &[u8; 4]| BRANDS.iter().find(|(_, brands)| brands.contains(&brand)).map(|(kind, _)| *kind);
    let is_avif = brands.iter().any(|brand| brand == b"avif");
    let known = if is_avif { Some("an AVIF image") } else { brands.iter().find_map(of) };
    known.unwrap_or("a video, or another file of the MP4 family")
}

/// The kind of a text file in markup.
fn markup(file: &[u8]) -> Option<&'static str> {
    let start = String::from_utf8_lossy(&file[..file.len().min(1024)]).to_lowercase();
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if !start.starts_with('<') {
        return None;
    }
    if start.contains("<svg") {
        Some("an SVG drawing")
    } else if start.starts_with("<!doctype html") || start.contains("<html") {
        Some("an HTML page, perhaps in place of an image that was not found")
    } else {
        start.starts_with("<?xml").then_some("an XML document")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_first_bytes() {
        let dicom = [&[0; 128][..], b"DICM\x02\0"].concat();
        for (file, expected) in [
            (&b"\0\0\0\x1Cftypavif\0\0\0\0avifmif1"[..], "AVIF"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", "video"),
            (b"\0\0\0\x18ftyp", "MP4"),
            (b"8BPS\0\x01", "PSD"),
            (b"%PDF-1.7", "PDF"),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=\"\">", "SVG"),
            (b"\xEF\xBB\xBF <svg>", "SVG"),
            (b"\n<!DOCTYPE html><title>404</title>", "HTML"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "XML"),
            (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
            (&dicom, "DICOM"),
        ] {
            assert!(kind(file).is_some_and(|kind| kind.contains(expected)), "{expected}: {:?}", kind(file));
        }
        for file in [&b""[..], b"ftyp", b"hello", b"<", b"\x89PNG\r\n\x1a\n", b"\xFF\xD8\xFF\xE0"] {
            assert_eq!(kind(file), None, "{file:?}");
        }
    }
}
