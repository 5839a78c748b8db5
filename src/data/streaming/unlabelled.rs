//! Pictures without labels: any number of files, decoded ahead on all cores, some at a time and in their order.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use tch::Tensor;

use super::loader;
use crate::data::{
    decoding::{
        decode,
        read::tensor,
        resize,
        shape::Shape,
        sixteen_bit::{Range, SixteenBitValues},
    },
    sources::image_files::ImageFile,
};

/// Batches that wait to be used. With the one that is being made and the one in use, this bounds the memory.
const AHEAD: usize = 2;

/// Some files, and the images of those that can be read.
#[derive(Debug)]
pub struct UnlabelledBatch {
    /// The files in their order, also those that cannot be read.
    pub files: Vec<ImageFile>,
    /// The images of the others, in the same order `[n, channels, size, size]`, u8 on the CPU; made as a data set makes
    /// the images of val.
    pub images: Tensor,
    /// How many of them have 16 bits a channel.
    pub sixteen_bit: usize,
    /// The first file with 16-bit values outside the range by which they are scaled.
    pub beyond: Option<PathBuf>,
}

/// The batches of a stream of files.
pub struct UnlabelledImages {
    batches: Receiver<Result<UnlabelledBatch>>,
    reader: Option<JoinHandle<()>>,
}

impl UnlabelledImages {
    /// Begins to read `files`, `batch_size` of them at a time; the last batch holds what is left. Each image gets
    /// `channels` (1 or 3) and `size` pixels across and down. The files are asked for as they are needed, in a thread of
    /// their own, so that the stream may be endless or slow. 16-bit values are scaled by `range_16bit`, as those of the
    /// data set were; without it they keep their high byte.
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
                // Without files, or without a user, there is no more to do.
                if some.is_empty() || sender.send(batch(some, shape, range)).is_err() {
                    return;
                }
            }
        };
        let reader = thread::Builder::new().name("pictures".into()).spawn(run);
        Ok(Self { batches, reader: Some(reader.context("a thread that reads pictures cannot be started")?) })
    }
}

impl Iterator for UnlabelledImages {
    type Item = Result<UnlabelledBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.recv().map_or_else(
            |_| {
                // The channel closes when the stream has ended, or when the thread panics.
                let panic = self.reader.take()?.join().err()?;
                Some(Err(anyhow!("the thread that reads pictures died: {}", loader::words(panic.as_ref()))))
            },
            Some,
        )
    }
}

/// Decodes `files`.
fn batch(mut files: Vec<ImageFile>, shape: Shape, range: Range) -> Result<UnlabelledBatch> {
    let decoded: Vec<Option<(Vec<u8>, SixteenBitValues)>> = files
        .par_iter_mut()
        .map(|file| {
            if file.trouble.is_some() {
                return None;
            }
            let image = decode::stored(&file.path, range).and_then(|stored| {
                let pixels = resize::fit(stored.picture.into_channels(shape.channels), shape.size)?;
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
    fn a_stream_is_read_no_further_than_it_is_used() {
        let (sender, asked) = std::sync::mpsc::channel();
        let endless = std::iter::repeat_with(move || {
            let _ = sender.send(());
            ImageFile::file(golden("palette.png"))
        });
        let mut pictures = UnlabelledImages::read(endless, 1, 8, None, 3).unwrap();
        pictures.next().unwrap().unwrap();
        thread::sleep(std::time::Duration::from_millis(300));
        let read = asked.try_iter().count();
        assert!(read <= 3 * (AHEAD + 2), "{read}");
    }

    #[test]
    fn a_reader_that_dies_is_an_error_and_not_the_end() {
        let files = std::iter::once_with(|| panic!("no more ink"));
        let mut pictures = UnlabelledImages::read(files, 1, 8, None, 3).unwrap();
        let error = pictures.next().unwrap().unwrap_err().to_string();
        assert!(error.contains("no more ink"), "{error}");
        assert!(pictures.next().is_none());
    }
}
