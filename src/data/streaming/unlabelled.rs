//! Images without labels: any number of files, decoded ahead in batches on all cores, and returned in order.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use tch::Tensor;

use crate::data::{
    decoding::{
        decode,
        read::tensor,
        resize,
        shape::Shape,
        sixteen_bit::{Range, SixteenBitValues},
    },
    panic_message::panic_message,
    sources::image_files::ImageFile,
};

/// Number of decoded batches that may wait. With the batch in progress and the one in use, this bounds the memory.
const AHEAD: usize = 2;

/// A batch of files, with the images of the readable ones.
#[derive(Debug)]
pub struct UnlabelledBatch {
    /// The files in order, including unreadable ones.
    pub files: Vec<ImageFile>,
    /// The images of the readable files in the same order, `[n, channels, size, size]`, u8 on the CPU; prepared exactly like
    /// the images of a data set.
    pub images: Tensor,
    /// Number of images with 16 bits per channel.
    pub sixteen_bit: usize,
    /// The first file with 16-bit values outside the range that scales them.
    pub beyond: Option<PathBuf>,
}

/// An iterator over the batches of a stream of files.
pub struct UnlabelledImages {
    batches: Receiver<Result<UnlabelledBatch>>,
    reader: Option<JoinHandle<()>>,
}

impl UnlabelledImages {
    /// Starts to read `files` in batches of `batch_size`; the last batch holds the rest. Each image gets `channels` (1 or
    /// 3) and a side of `size` pixels. A separate thread requests files as they are needed, so that the stream may be
    /// endless or slow. 16-bit values are scaled by `range_16bit`, the range of the training data; without it the high byte
    /// is used.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn read(
        files: impl Iterator<Item = ImageFile> + Send + 'static,
        channels: u32,
        size: u32,
        range_16bit: Option<[u16; 2]>,
        batch_size: usize,
    ) -> Result<Self> {
        let shape = Shape { channels, size };
        let range = range_16bit.map_or(Range::FULL, Range::of);
        let (sender, batches) = sync_channel(AHEAD);
        let run = move || {
            let mut files = files;
            loop {
                let some: Vec<ImageFile> = files.by_ref().take(batch_size).collect();
                // The stream has ended, or the iterator was dropped.
                if some.is_empty() || sender.send(batch(some, shape, range)).is_err() {
                    return;
                }
            }
        };
        let reader = thread::Builder::new().name("images".into()).spawn(run);
        Ok(Self { batches, reader: Some(reader.context("a thread that reads images cannot be started")?) })
    }
}

impl Iterator for UnlabelledImages {
    type Item = Result<UnlabelledBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Ok(batch) = self.batches.recv() {
            return Some(batch);
        }
        // The channel closes when the stream ends or the thread panics.
        let panic = self.reader.take()?.join().err()?;
        Some(Err(anyhow!("the thread that reads images died: {}", panic_message(panic.as_ref()))))
    }
}

/// Decodes `files` into one batch.
fn batch(mut files: Vec<ImageFile>, shape: Shape, range: Range) -> Result<UnlabelledBatch> {
    let decoded: Vec<Option<(Vec<u8>, SixteenBitValues)>> = files
        .par_iter_mut()
        .map(|file| {
            if file.trouble.is_some() {
                return None;
            }
            let image = decode::stored(&file.path, range).and_then(|stored| {
                let pixels = resize::fit(stored.image.into_channels(shape.channels), shape.size)?;
                Ok((pixels, stored.sixteen_bit.unwrap_or_default()))
            });
            image.map_err(|error| file.trouble = Some(error)).ok()
        })
        .collect();
    let mut pixels = Vec::new();
    let mut sixteen_bit = 0;
    let mut beyond = None;
    for (file, decoded) in files.iter().zip(decoded) {
        let Some((image, values)) = decoded else { continue };
        pixels.extend(image);
        sixteen_bit += usize::from(values.images > 0);
        if beyond.is_none() && values.exceed(range) {
            beyond = Some(file.path.clone());
        }
    }
    Ok(UnlabelledBatch { files, images: tensor(&pixels, shape)?, sixteen_bit, beyond })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn golden(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images").join(name)
    }

    #[test]
    fn files_come_in_order_with_the_bad_among_them() {
        let names = ["photo.png", "absent.png", "sideways.png", "palette.png", "photo.png"];
        let files = names.map(|name| ImageFile::file(golden(name)));
        let batches: Result<Vec<UnlabelledBatch>> =
            UnlabelledImages::read(files.into_iter(), 1, 17, None, 2).unwrap().collect();
        let batches = batches.unwrap();
        let sizes: Vec<_> = batches.iter().map(|batch| (batch.files.len(), batch.images.size()[0])).collect();
        assert_eq!(sizes, [(2, 1), (2, 2), (1, 1)]);
        let found = |at: usize| &batches[at / 2].files[at % 2];
        assert!((0..5).all(|at| found(at).path == golden(names[at]) && found(at).trouble.is_some() == (at == 1)));
        assert_eq!(batches[0].images, batches[2].images);
    }

    #[test]
    fn a_stream_is_read_only_a_bounded_number_of_batches_ahead() {
        let (sender, asked) = std::sync::mpsc::channel();
        let endless = std::iter::repeat_with(move || {
            let _ = sender.send(());
            ImageFile::file(golden("palette.png"))
        });
        let mut images = UnlabelledImages::read(endless, 1, 8, None, 3).unwrap();
        images.next().unwrap().unwrap();
        thread::sleep(std::time::Duration::from_millis(300));
        let read = asked.try_iter().count();
        assert!(read <= 3 * (AHEAD + 2), "{read}");
    }

    #[test]
    fn a_panic_of_the_reader_is_an_error_and_not_the_end_of_the_stream() {
        let files = std::iter::once_with(|| panic!("no more ink"));
        let mut images = UnlabelledImages::read(files, 1, 8, None, 3).unwrap();
        let error = images.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("no more ink"), "{error}");
        assert!(images.next().is_none());
    }
}
