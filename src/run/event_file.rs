//! The format of TensorBoard's event files, for writing and reading.
//!
//! A file is a chain of records: length, its masked CRC-32C, the protocol buffer `Event`, its masked CRC-32C; numbers
//! are little-endian. Sources: TensorFlow's `tensorflow/core/lib/io/record_writer.cc`,
//! `tensorflow/core/util/event.proto` and `tensorflow/core/framework/tensor.proto`.

use std::{
    fs::File,
    io::{BufReader, ErrorKind, Read},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use prost::Message;

/// Records longer than this are images or graphs and are skipped \[bytes\].
const LONGEST: u64 = 1 << 20;

/// The part of `Event` that is used here.
#[derive(Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
}

/// The figures of an event.
#[derive(Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// One figure: a plain number, as PyTorch writes it, or a tensor without dimensions, as TensorFlow 2 does.
#[derive(Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<Tensor>,
}

/// A tensor of numbers.
#[derive(Message)]
pub(super) struct Tensor {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub floats: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub doubles: Vec<f64>,
}

impl Value {
    fn number(&self) -> Option<f64> {
        if let Some(value) = self.simple_value {
            return Some(f64::from(value));
        }
        let tensor = self.tensor.as_ref()?;
        let content = &tensor.content[..];
        match (&tensor.floats[..], &tensor.doubles[..], tensor.kind) {
            ([value], [], _) => Some(f64::from(*value)),
            ([], [value], _) => Some(*value),
            // DT_FLOAT and DT_DOUBLE.
            ([], [], 1) => Some(f64::from(f32::from_le_bytes(content.try_into().ok()?))),
            ([], [], 2) => Some(f64::from_le_bytes(content.try_into().ok()?)),
            _ => None,
        }
    }
}

/// A figure at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalar<'a> {
    /// Updates or epochs, as the writer counts.
    pub step: i64,
    /// The name of the figure.
    pub tag: &'a str,
    /// The figure.
    pub value: f64,
}

/// Passes every scalar of the event file at `path` to `take`, in the order of the file. Reading ends at a record that is
/// damaged or cut off, as the last one of a running training may be.
///
/// # Errors
/// It cannot be opened, begins with no record, or `take` fails.
pub fn read_scalars(path: &Path, mut take: impl FnMut(Scalar) -> Result<()>) -> Result<()> {
    let mut file = BufReader::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?);
    let mut data = Vec::new();
    let mut records = 0u64;
    while let Some(length) = next_length(&mut file)? {
        if length > LONGEST {
            // An image: its bytes are skipped. A file that ends within them ends here.
            let passed = std::io::copy(&mut file.by_ref().take(length + 4), &mut std::io::sink())?;
            records += 1;
            if passed < length + 4 {
                break;
            }
            continue;
        }
        data.resize(length as usize + 4, 0);
        match file.read_exact(&mut data) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            other => other?,
        }
        let (event, checksum) = data.split_at(length as usize);
        if masked_crc(event).to_le_bytes() != checksum {
            break;
        }
        records += 1;
        let Ok(event) = Event::decode(event) else { continue };
        for value in event.summary.iter().flat_map(|summary| &summary.value) {
            if let Some(number) = value.number() {
                take(Scalar { step: event.step, tag: &value.tag, value: number })?;
            }
        }
    }
    ensure!(records > 0, "it is no event file of TensorBoard, or is damaged at its beginning");
    Ok(())
}

/// The length of the next record; None at the end of the file, or where the length is damaged.
fn next_length(file: &mut impl Read) -> Result<Option<u64>> {
    let mut head = [0; 12];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (length, checksum) = head.split_at(8);
    let is_valid = masked_crc(length).to_le_bytes() == checksum;
    Ok(is_valid.then(|| u64::from_le_bytes(length.try_into().unwrap_or_default())))
}

/// One record of the file.
pub(super) fn record(event: &Event) -> Vec<u8> {
    let data = event.encode_to_vec();
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(&data);
    bytes.extend(masked_crc(&data).to_le_bytes());
    bytes
}

/// The checksum in the form in which it may itself be checksummed.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn event(step: i64, value: Value) -> Vec<u8> {
        record(&Event { wall_time: 0.0, step, file_version: None, summary: Some(Summary { value: vec![value] }) })
    }

    /// All scalars of a file: step, tag and value.
    pub fn scalars(path: &Path) -> Result<Vec<(i64, String, f64)>> {
        let mut found = Vec::new();
        read_scalars(path, |Scalar { step, tag, value }| {
            found.push((step, tag.to_owned(), value));
            Ok(())
        })?;
        Ok(found)
    }

    fn all(bytes: &[u8]) -> Result<Vec<(i64, String, f64)>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        scalars(file.path())
    }

    #[test]
    fn plain_numbers_and_tensors_are_read_and_images_passed_over() {
        let plain = Value { tag: "a".into(), simple_value: Some(0.5), tensor: None };
        let tensor = Tensor { kind: 1, content: 0.25f32.to_le_bytes().to_vec(), floats: vec![], doubles: vec![] };
        let tensor = Value { tag: "b".into(), simple_value: None, tensor: Some(tensor) };
        let image = Tensor { kind: 7, content: vec![0; 2 << 20], floats: vec![], doubles: vec![] };
        let image = Value { tag: "c".into(), simple_value: None, tensor: Some(image) };
        let mut bytes = [event(1, plain), event(2, image), event(3, tensor)].concat();
        let expected = vec![(1, "a".to_owned(), 0.5), (3, "b".to_owned(), 0.25)];
        assert_eq!(all(&bytes).unwrap(), expected);
        // A running training has written half a record.
        bytes.truncate(bytes.len() - 5);
        assert_eq!(all(&bytes).unwrap(), expected[..1]);
        assert!(all(b"a text that is no event file").is_err());
    }
}
