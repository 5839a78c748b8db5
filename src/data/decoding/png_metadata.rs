//! Removes texts and colour profiles from a PNG before it is decoded. The decoder would unpack them with the header, and
//! four compressed megabytes can expand to gigabytes; mindgap does not use them.

/// Names of the chunks to remove.
const REMOVED: [&[u8; 4]; 4] = [b"iCCP", b"iTXt", b"tEXt", b"zTXt"];
const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Removes texts and colour profiles from a PNG file; any other file is returned unchanged. Damaged parts stay, so that the
/// decoder reports them.
pub fn without_metadata(file: Vec<u8>) -> Vec<u8> {
    if !file.starts_with(SIGNATURE) || !chunks(&file).any(is_metadata) {
        return file;
    }
    let mut kept = SIGNATURE.to_vec();
    chunks(&file).filter(|chunk| !is_metadata(chunk)).for_each(|chunk| kept.extend(chunk));
    kept
}

fn is_metadata(chunk: &[u8]) -> bool {
    chunk.get(4..8).is_some_and(|name| REMOVED.iter().any(|removed| name == *removed))
}

/// Length, name, data and checksum of each chunk; the last may be cut short.
fn chunks(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &file[SIGNATURE.len()..];
    std::iter::from_fn(move || {
        let length = rest.first_chunk().map_or(usize::MAX, |&length| u32::from_be_bytes(length) as usize);
        let (chunk, after) = rest.split_at(length.saturating_add(12).min(rest.len()));
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &str, data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes(), name.as_bytes(), data, b"crc!"].concat()
    }

    #[test]
    fn texts_and_profiles_are_removed_and_all_else_stays() {
        let png = |names: &[&str]| {
            let chunks = names.iter().map(|name| chunk(name, name.as_bytes()));
            [SIGNATURE.to_vec()].into_iter().chain(chunks).collect::<Vec<_>>().concat()
        };
        let all = png(&["IHDR", "iCCP", "tRNS", "zTXt", "eXIf", "IDAT", "iTXt", "tEXt", "IEND"]);
        let expected = png(&["IHDR", "tRNS", "eXIf", "IDAT", "IEND"]);
        assert_eq!(without_metadata(all.clone()), expected);
        assert_eq!(without_metadata(expected.clone()), expected);
        // Cut off in the middle of a chunk, or damaged: the rest stays for the decoder.
        for length in 0..all.len() {
            assert!(without_metadata(all[..length].to_vec()).len() <= length);
        }
        let damaged = [&expected[..], &[0xFF; 9]].concat();
        assert_eq!(without_metadata(damaged.clone()), damaged);
        assert_eq!(without_metadata(b"P5 1 1 255\n\0".to_vec()), b"P5 1 1 255\n\0");
    }
}
