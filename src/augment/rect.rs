//! Sizes and rectangles in whole pixels.

use tch::Tensor;

/// Height and width of the images of a batch, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

impl Size {
    /// Of images `[n, c, h, w]`.
    pub fn of(images: &Tensor) -> Self {
        let (_, _, height, width) = images.size4().expect("images are [n, c, h, w]");
        Self { height, width }
    }

    /// The shorter side.
    pub fn shorter(self) -> i64 {
        self.height.min(self.width)
    }
}

/// A rectangle of pixels. It may reach beyond the image, where the border is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// First column.
    pub left: i64,
    /// First row.
    pub top: i64,
    /// Columns.
    pub width: i64,
    /// Rows.
    pub height: i64,
}

impl Rect {
    /// All pixels of an image.
    pub fn whole(size: Size) -> Self {
        Self { left: 0, top: 0, width: size.width, height: size.height }
    }

    /// The rectangle of `area` pixels and `ratio` = width / height, rounded to whole pixels, at a place within `size`
    /// that `place` gives, each number in [0, 1). None if it does not fit.
    pub(super) fn placed(size: Size, area: f64, ratio: f64, place: [f64; 2]) -> Option<Self> {
        let width = (area * ratio).sqrt().round() as i64;
        let height = (area / ratio).sqrt().round() as i64;
        let fits = (1..=size.width).contains(&width) && (1..=size.height).contains(&height);
        // Every place from the first to the last is as likely.
        let start = |share: f64, free: i64| (share * (free + 1) as f64) as i64;
        fits.then(|| Self {
            left: start(place[0], size.width - width),
            top: start(place[1], size.height - height),
            width,
            height,
        })
    }
}
