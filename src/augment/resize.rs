//! Resizing of images, for training that increases their size over the run.

use tch::Tensor;

/// Resizes float images `[n, c, h, w]` to `[n, c, side, side]`: bilinear and antialiased, like Pillow and torchvision.
pub fn resize(images: &Tensor, side: u32) -> Tensor {
    images.internal_upsample_bilinear2d_aa([i64::from(side); 2], false, None, None)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn half_the_size_averages_with_a_triangle() {
        let images = Tensor::arange(8, (Kind::Float, Device::Cpu)).view([1, 1, 1, 8]).expand([1, 1, 8, 8], false);
        let small = resize(&images, 4);
        // A triangle of four pixels, cut off at the edge and renormalised.
        let row: Vec<f32> = small.get(0).get(0).get(2).try_into().unwrap();
        for (found, expected) in row.iter().zip([5.0 / 7.0, 2.5, 4.5, 7.0 - 5.0 / 7.0]) {
            assert!((found - expected).abs() < 1e-5, "{row:?}");
        }
    }
}
