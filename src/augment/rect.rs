//! Sizes and rectangles in whole pixels.

use tch::{Kind, Tensor};

/// Height and width of the images of a batch, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageSize {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

impl ImageSize {
    /// The size of images `[n, c, h, w]`.
    pub fn of(images: &Tensor) -> Self {
        let (_, _, height, width) = images.size4().expect("images are [n, c, h, w]");
        Self { height, width }
    }

    /// Length of the shorter side.
    pub fn shorter(self) -> i64 {
        self.height.min(self.width)
    }
}

/// A rectangle of pixels. It may extend beyond the image into the border.
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
    pub fn whole(size: ImageSize) -> Self {
        Self { left: 0, top: 0, width: size.width, height: size.height }
    }

    /// The first rectangle of `tries` that fits into `size`; torchvision and timm draw crops and holes in this way. Each try
    /// is four numbers in [0, 1): for the share of the area, uniform between the two of `area`; for width / height, whose
    /// logarithm is uniform between the two of `ratio`; and for the place.
    pub(super) fn first_that_fits(
        size: ImageSize,
        area: [f64; 2],
        ratio: [f64; 2],
        tries: [[f64; 4]; 10],
    ) -> Option<Self> {
        let pixels = (size.height * size.width) as f64;
        let between = |[low, high]: [f64; 2], share: f64| low + (high - low) * share;
        let ratio = ratio.map(f64::ln);
        tries.into_iter().find_map(|[larger, wider, x, y]| {
            Self::placed(size, pixels * between(area, larger), between(ratio, wider).exp(), [x, y])
        })
    }

    /// First column, column after the last, first row, row after the last of each rectangle: `[n, 4]`, i64, on the CPU. All 0
    /// for no rectangle.
    pub(super) fn edges(rects: &[Option<Self>]) -> Tensor {
        let edges = |rect: &Option<Self>| match rect {
            Some(Self { left, top, width, height }) => [*left, left + width, *top, top + height],
            None => [0; 4],
        };
        Tensor::from_slice(&rects.iter().flat_map(edges).collect::<Vec<i64>>()).view([-1, 4])
    }

    /// A mask of the pixels inside the [`Rect::edges`] of each rectangle, for images of `size`: `[n, 1, h, w]`.
    pub(super) fn mask(edges: &Tensor, size: ImageSize) -> Tensor {
        let device = edges.device();
        let edges = edges.view([-1, 4, 1, 1, 1]).unbind(1);
        let within = |pixel: Tensor, first: usize| {
            pixel.ge_tensor(&edges[first]).logical_and(&pixel.lt_tensor(&edges[first + 1]))
        };
        let pixels = |side| Tensor::arange(side, (Kind::Int64, device));
        within(pixels(size.width), 0).logical_and(&within(pixels(size.height).view([-1, 1]), 2))
    }

    /// The rectangle of `area` pixels and `ratio` = width / height, rounded to whole pixels. `place`, two numbers in [0, 1),
    /// decides its position within `size`. None if it does not fit.
    fn placed(size: ImageSize, area: f64, ratio: f64, place: [f64; 2]) -> Option<Self> {
        let width = (area * ratio).sqrt().round() as i64;
        let height = (area / ratio).sqrt().round() as i64;
        let fits = (1..=size.width).contains(&width) && (1..=size.height).contains(&height);
        // All positions are equally likely.
        let start = |share: f64, free: i64| (share * (free + 1) as f64) as i64;
        fits.then(|| Self {
            left: start(place[0], size.width - width),
            top: start(place[1], size.height - height),
            width,
            height,
        })
    }
}
