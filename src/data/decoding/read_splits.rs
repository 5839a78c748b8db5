//! Reads the images of all splits in one shape, with 16-bit values scaled by one range.

use anyhow::Result;

use super::{
    decoded_cache::Readings,
    read,
    shape::{Asked, Shape},
    sixteen_bit::{Range, SixteenBitValues},
};
use crate::data::{options::Options, read_progress::ReadProgress, sources::listing::Samples};

/// Reads the images of train, val and, if it exists, test. 16-bit images may require a second reading, since the first one
/// finds the range of values in use.
pub fn read_all(
    splits: &[&Samples],
    unused: Option<&Samples>,
    options: &Options,
    progress: &dyn ReadProgress,
) -> Result<Readings> {
    let given = options.range_16bit.map(Range::of);
    let first: Vec<Samples> = splits.iter().map(|samples| samples.in_range(given.unwrap_or(Range::FULL))).collect();
    let readings = decode_in(&first, options, progress)?;
    let mut values = SixteenBitValues::default();
    // Test, which is measured last, must not influence how images are read.
    readings.splits[..2].iter().for_each(|reading| values.add(&reading.sixteen_bit));
    let mut in_test = readings.splits.get(2).map_or(SixteenBitValues::default(), |test| test.sixteen_bit);
    if values.images > 0 {
        values.add(&unused.map(Samples::sixteen_bit_values).unwrap_or_default());
    } else {
        values = std::mem::take(&mut in_test);
    }
    let Some(range) = given.filter(|_| values.images > 0).or(values.range()) else { return Ok(readings) };
    let notes = [values.note(range)].into_iter().chain(in_test.note_of_test(range)).collect();
    let readings = if range == first[0].source.range() {
        readings
    } else {
        drop(readings);
        let second: Vec<Samples> = splits.iter().map(|samples| samples.in_range(range)).collect();
        decode_in(&second, options, progress)?
    };
    Ok(Readings { range: Some((range, values.images)), notes, ..readings })
}

/// Reads all splits in the shape that is asked for or that train's headers give.
fn decode_in(splits: &[Samples], options: &Options, progress: &dyn ReadProgress) -> Result<Readings> {
    let asked = Asked { size: options.img_size, channels: options.in_chans };
    let Some(guess) = Shape::guess(asked, &splits[0]) else {
        return read_as(Shape::choose(asked, &splits[0], progress), splits, options, progress);
    };
    let readings = read_as(guess, splits, options, progress)?;
    let shape = Shape::of_headers(asked, &readings.splits[0].headers);
    if shape == guess {
        return Ok(readings);
    }
    drop(readings);
    read_as(shape, splits, options, progress)
}

fn read_as(shape: Shape, splits: &[Samples], options: &Options, progress: &dyn ReadProgress) -> Result<Readings> {
    const NAMES: [&str; 3] = ["train", "val", "test"];
    let mut free = options.cache_limit;
    let mut readings = Vec::new();
    // Train comes last: if memory does not hold everything, train is the split to be decoded again for every batch.
    for (name, samples) in NAMES.into_iter().zip(splits).cycle().skip(1).take(splits.len()) {
        let bytes = samples.ids.len() as u64 * shape.bytes() as u64;
        let keep = bytes <= free;
        free -= if keep { bytes } else { 0 };
        readings.push(read::read(name, samples, shape, keep, progress)?);
    }
    readings.rotate_right(1);
    Ok(Readings { shape, range: None, notes: Vec::new(), splits: readings })
}
