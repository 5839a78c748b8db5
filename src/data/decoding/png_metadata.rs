//! Leaves texts and colour profiles out of a PNG. Its decoder unpacks them with the header, and four megabytes can pack
//! gigabytes; nothing here reads them.

/// Names of those chunks.
const EXTRAS: [&[u8; 4]; 4] = [b"iCCP", b"iTXt", b"tEXt", b"zTXt"];
const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// The file without them; any file but a PNG as it is. What is damaged stays, for the decoder to complain of.
pub fn left_out(file: Vec<u8>) -> Vec<u8> {
    if !file.starts_with(SIGNATURE) || !chunks(&file).any(is_extra) {
        return file;
    }
    let mut kept = SIGNATURE.to_vec();
    chunks(&file).filter(|chunk| !is_extra(chunk)).for_each(|chunk| kept.extend(chunk));
    kept
}

fn is_extra(chunk: &[u8]) -> bool {
    chunk.get(4..8).is_some_and(|name| EXTRAS.iter().any(|extra| name == *extra))
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
    fn texts_and_profiles_go_and_all_else_stays() {
        let png = |names: &[&str]| {
            let chunks = names.iter().map(|name| chunk(name, name.as_bytes()));
            [SIGNATURE.to_vec()].into_iter().chain(chunks).collect::<Vec<_>>().concat()
        };
        let all = png(&["IHDR", "iCCP", "tRNS", "zTXt", "eXIf", "IDAT", "iTXt", "tEXt", "IEND"]);
        let expected = png(&["IHDR", "tRNS", "eXIf", "IDAT", "IEND"]);
        assert_eq!(left_out(all.clone()), expected);
        assert_eq!(left_out(expected.clone()), expected);
        // Cut off in the middle of a chunk, or damaged: the rest stays for the decoder.
        for length in 0..all.len() {
            assert!(left_out(all[..length].to_vec()).len() <= length);
        }
        let damaged = [&expected[..], &[0xFF; 9]].concat();
        assert_eq!(left_out(damaged.clone()), damaged);
        assert_eq!(left_out(b"P5 1 1 255\n\0".to_vec()), b"P5 1 1 255\n\0");
    }
}
