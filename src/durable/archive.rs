//! A safetensors file with a checksum over all its bytes.
//!
//! The file is a regular safetensors file: eight bytes with the header's length, a JSON header, the arrays' bytes. Its
//! `__metadata__` begins with `crc32c`, eight hexadecimal digits, whose offset is therefore the same in every file:
//!
//! ```text
//! length | {"__metadata__":{"crc32c":"9f3a11c0", … other metadata, sorted …}, … arrays …} | bytes
//! ```
//!
//! The checksum (CRC-32C, Castagnoli) covers all bytes, with those digits as zeros. The writer of the crate `safetensors`
//! keeps metadata in a hash map, whose order changes from run to run; the header is therefore built here, so that equal
//! contents give equal bytes.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use anyhow::{Context, Result, bail, ensure};
use crc32c::{crc32c, crc32c_append};
use safetensors::{Dtype, SafeTensors, tensor::Metadata, tensor::TensorInfo};
use serde_json::{Map, Value, json};

/// Name of the checksum in the metadata.
const CHECKSUM: &str = "crc32c";
/// Beginning of the header of every archive, up to the digits of the checksum.
const OPENING: &[u8] = br#"{"__metadata__":{"crc32c":""#;
/// Size of the number that holds the length of the header \[bytes\].
const LENGTH: usize = 8;
/// Position of the checksum's digits in the file.
const DIGITS: Range<usize> = LENGTH + OPENING.len()..LENGTH + OPENING.len() + 8;
/// Digits in the place of the checksum while it is computed.
const ZEROS: &[u8; 8] = b"00000000";

/// Named arrays and text, which are written as one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// Text by name. The name `crc32c` is reserved.
    pub metadata: BTreeMap<String, String>,
    /// The arrays in any order; [`Archive::load`] returns them in the file's order (widest type first, then by name).
    pub arrays: Vec<Array>,
}

/// An array of numbers as raw bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name, unique in the archive.
    pub name: String,
    /// Type of the numbers.
    pub dtype: Dtype,
    /// Shape; `[]` is a single number.
    pub shape: Vec<usize>,
    /// The numbers in row-major order, little-endian.
    pub bytes: Vec<u8>,
}

impl Array {
    /// The array of `values` in row-major order, each given by its bytes.
    pub fn of<const N: usize>(
        name: impl Into<String>,
        dtype: Dtype,
        shape: &[usize],
        values: impl IntoIterator<Item = [u8; N]>,
    ) -> Self {
        Self { name: name.into(), dtype, shape: shape.to_vec(), bytes: values.into_iter().flatten().collect() }
    }
}

impl Archive {
    /// Finds the array named `name`.
    pub fn array(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|array| array.name == name)
    }

    /// Serialises the archive. Equal contents give equal bytes, whatever the order of the arrays.
    ///
    /// # Errors
    /// A name is used twice or reserved, or an array's bytes do not fit its shape and type.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        ensure!(!self.metadata.contains_key(CHECKSUM), "the metadata name {CHECKSUM:?} is reserved for the checksum");
        let mut arrays: Vec<&Array> = self.arrays.iter().collect();
        // The format requires the widest numbers first: every array then begins at a multiple of its numbers' size.
        arrays.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));

        let mut header = header(&self.metadata, &arrays)?.into_bytes();
        header.resize(header.len().next_multiple_of(LENGTH), b' ');
        let size = LENGTH + header.len() + arrays.iter().map(|array| array.bytes.len()).sum::<usize>();
        let mut file = Vec::with_capacity(size);
        file.extend((header.len() as u64).to_le_bytes());
        file.extend(header);
        for array in arrays {
            file.extend(&array.bytes);
        }
        let digits = checksum(&file);
        file[DIGITS].copy_from_slice(digits.as_bytes());
        Ok(file)
    }

    /// Writes the archive with [`durable::write`](super::write).
    ///
    /// # Errors
    /// See [`Archive::to_bytes`] and [`durable::write`](super::write).
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes().with_context(|| format!("cannot write {}", path.display()))?;
        super::write(path, &bytes)
    }

    /// Reads a file that [`Archive::save`] wrote. Checksum and lengths are verified before anything in it is used.
    ///
    /// # Errors
    /// The file is absent, is not an archive that mindgap wrote, was cut off, or has changed by at least one bit. The message
    /// names the file.
    pub fn load(path: &Path) -> Result<Archive> {
        let is_file = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.is_file();
        ensure!(is_file, "{} is not a regular file", path.display());
        let file = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Archive::from_bytes(&file).with_context(|| format!("cannot use {}", path.display()))
    }

    /// Reads the bytes of any safetensors file. The checksum of a file that mindgap wrote is verified first.
    ///
    /// # Errors
    /// The file is not a safetensors file, is damaged, or has changed since mindgap wrote it.
    pub fn from_any_safetensors(file: &[u8]) -> Result<Archive> {
        if has_checksum(file) { Archive::from_bytes(file) } else { Archive::parse(file) }
    }

    fn from_bytes(file: &[u8]) -> Result<Archive> {
        ensure!(
            has_checksum(file),
            "it is not an archive that mindgap wrote, or its first bytes are damaged ({} bytes in all)",
            file.len()
        );
        let (found, expected) = (String::from_utf8_lossy(&file[DIGITS]), checksum(file));
        ensure!(
            found == expected,
            "it was cut off or changed since it was written ({} bytes in all, checksum {expected}, recorded {found:?})",
            file.len()
        );
        Archive::parse(file)
    }

    /// Parses the file. The crate `safetensors` checks lengths, shapes and offsets, which protects against malicious files.
    fn parse(file: &[u8]) -> Result<Archive> {
        let (_, header) = SafeTensors::read_metadata(file).context("its header is damaged")?;
        let tensors = SafeTensors::deserialize(file).context("its header is damaged")?;
        let mut metadata: BTreeMap<_, _> = header.metadata().clone().unwrap_or_default().into_iter().collect();
        metadata.remove(CHECKSUM);
        let arrays = header.offset_keys().into_iter().map(|name| {
            let view = tensors.tensor(&name).with_context(|| format!("its array {name:?} is damaged"))?;
            Ok(Array { dtype: view.dtype(), shape: view.shape().to_vec(), bytes: view.data().to_vec(), name })
        });
        Ok(Archive { metadata, arrays: arrays.collect::<Result<_>>()? })
    }
}

/// Whether the file begins like every archive that mindgap writes.
fn has_checksum(file: &[u8]) -> bool {
    file.len() > DIGITS.end && file[LENGTH..].starts_with(OPENING)
}

/// Builds the JSON header, with zeros for the checksum's digits.
fn header(metadata: &BTreeMap<String, String>, arrays: &[&Array]) -> Result<String> {
    let mut text = Map::new();
    text.insert(CHECKSUM.into(), Value::from(String::from_utf8_lossy(ZEROS)));
    text.extend(metadata.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))));

    let mut header = Map::new();
    header.insert("__metadata__".into(), Value::Object(text));
    let mut start = 0;
    for array in arrays {
        let Array { name, dtype, shape, bytes } = array;
        let info = TensorInfo { dtype: *dtype, shape: shape.clone(), data_offsets: (start, start + bytes.len()) };
        start = info.data_offsets.1;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": info.data_offsets });
        if header.insert(name.clone(), entry).is_some() {
            bail!("the array name {name:?} is used twice or reserved");
        }
        let alone = TensorInfo { data_offsets: (0, bytes.len()), ..info };
        Metadata::new(None, vec![(name.clone(), alone)])
            .with_context(|| format!("{} bytes are not a {dtype} array {name:?} of shape {shape:?}", bytes.len()))?;
    }
    Ok(Value::Object(header).to_string())
}

/// Computes the checksum of the file, eight lower-case hexadecimal digits, with its own digits as zeros.
fn checksum(file: &[u8]) -> String {
    let sum = crc32c(&file[..DIGITS.start]);
    let sum = crc32c_append(sum, ZEROS);
    format!("{:08x}", crc32c_append(sum, &file[DIGITS.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn array(name: &str, dtype: Dtype, shape: &[usize]) -> Array {
        let size = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        Array { name: name.into(), dtype, shape: shape.into(), bytes: (0..size).map(|byte| byte as u8).collect() }
    }

    fn example() -> Archive {
        Archive {
            metadata: [("epoch", "3"), ("recipe", "lr = 0.1\n# \"quoted\" … \u{1f600}")]
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .into(),
            arrays: vec![
                array("steps", Dtype::I64, &[]),
                array("fc.weight", Dtype::F32, &[2, 3]),
                array("order", Dtype::U8, &[5]),
                array("empty", Dtype::U8, &[0, 4]),
            ],
        }
    }

    #[test]
    fn an_archive_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        for mut archive in [example(), Archive::default()] {
            archive.save(&path).unwrap();
            let read = Archive::load(&path).unwrap();
            archive.arrays.sort_by_key(|array| read.arrays.iter().position(|other| other.name == array.name));
            assert_eq!(read, archive);
        }
    }

    #[test]
    fn equal_contents_give_equal_bytes() {
        let mut reversed = example();
        reversed.arrays.reverse();
        assert_eq!(example().to_bytes().unwrap(), reversed.to_bytes().unwrap());
    }

    #[test]
    fn every_array_begins_at_a_multiple_of_its_numbers_size() {
        let file = example().to_bytes().unwrap();
        let (header, metadata) = SafeTensors::read_metadata(&file).unwrap();
        for info in metadata.tensors().values() {
            assert_eq!((LENGTH + header + info.data_offsets.0) % (info.dtype.bitsize() / 8), 0);
        }
    }

    #[test]
    fn every_flipped_bit_is_detected() {
        let file = example().to_bytes().unwrap();
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Archive::from_bytes(&damaged).is_err(), "bit {bit} of {} was not detected", file.len() * 8);
        }
    }

    #[test]
    fn every_truncation_and_every_appended_tail_is_detected() {
        let mut file = example().to_bytes().unwrap();
        for length in 0..file.len() {
            assert!(Archive::from_bytes(&file[..length]).is_err(), "a cut to {length} bytes was not detected");
        }
        file.extend([0; 8]);
        assert!(Archive::from_bytes(&file).is_err());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.safetensors");
        let mut file = example().to_bytes().unwrap();
        *file.last_mut().unwrap() ^= 1;
        for content in [&file[..], &file[..60], b"", b"no archive"] {
            fs::write(&path, content).unwrap();
            let message = format!("{:#}", Archive::load(&path).unwrap_err());
            assert!(message.contains("last.safetensors"), "{message}");
        }
        let message = format!("{:#}", Archive::load(&folder.path().join("absent")).unwrap_err());
        assert!(message.contains("cannot read") && message.contains("absent"), "{message}");
    }

    #[test]
    fn a_file_of_another_writer_is_read_only_where_any_is_accepted_and_a_checksum_is_verified_even_there() {
        let view = safetensors::tensor::TensorView::new(Dtype::U8, vec![200], &[7; 200]).unwrap();
        let plain = safetensors::serialize([("a", &view)], None).unwrap();
        let message = format!("{:#}", Archive::from_bytes(&plain).unwrap_err());
        assert!(message.contains("not an archive that mindgap wrote"), "{message}");
        assert_eq!(Archive::from_any_safetensors(&plain).unwrap().array("a").unwrap().bytes, [7; 200]);

        let mut own = example().to_bytes().unwrap();
        assert_eq!(Archive::from_any_safetensors(&own).unwrap().metadata, example().metadata);
        *own.last_mut().unwrap() ^= 1;
        let message = format!("{:#}", Archive::from_any_safetensors(&own).unwrap_err());
        assert!(message.contains("changed since it was written"), "{message}");
    }

    #[test]
    fn invalid_contents_are_refused_before_writing() {
        for (change, expected) in [
            ((|archive| archive.arrays[1].shape = vec![7]) as fn(&mut Archive), "\"fc.weight\" of shape [7]"),
            (|archive| archive.arrays[0].name = "order".into(), "\"order\" is used twice"),
            (|archive| archive.arrays[0].name = "__metadata__".into(), "reserved"),
            (|archive| drop(archive.metadata.insert("crc32c".into(), String::new())), "reserved"),
        ] {
            let mut archive = example();
            change(&mut archive);
            let message = format!("{:#}", archive.to_bytes().unwrap_err());
            assert!(message.contains(expected), "{message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_texts_and_names_are_read_back(
            metadata in prop::collection::btree_map("\\PC*", "\\PC*", 0..4),
            names in prop::collection::btree_set("\\PC{1,9}", 0..4),
        ) {
            let arrays = names.iter().map(|name| array(name, Dtype::F32, &[name.len(), 2])).collect();
            let archive = Archive { metadata, arrays };
            prop_assert_eq!(Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap(), archive);
        }

        #[test]
        fn any_change_of_a_few_consecutive_bytes_is_detected(start in 0.0..1.0f64, change in prop::array::uniform4(any::<u8>())) {
            prop_assume!(change != [0; 4]);
            let mut file = example().to_bytes().unwrap();
            let start = (start * (file.len() - 4) as f64) as usize;
            for (byte, change) in file[start..].iter_mut().zip(change) {
                *byte ^= change;
            }
            prop_assert!(Archive::from_bytes(&file).is_err());
        }
    }
}
