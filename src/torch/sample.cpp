// Bilinear sampling of uint8 images to normalised floats in one pass on the CPU. Its Rust declaration is in sample.rs.
//
// With libtorch's operators this takes a conversion to floats, a grid of positions, grid_sampler, a multiplication and
// an addition, each over all pixels. Where columns and rows move independently, each row of the output lies between two
// rows of the image. These two are blended first, with vector instructions, and pixels are picked from the blend.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <vector>
#include "border.h"
#include "lanes.h"

namespace {

using at::Tensor;

// The map of one axis; sample.rs explains the numbers.
struct Axis {
  float first, step, least, most, from_x, from_y, constant;

  float cropped(int64_t pixel) const { return std::min(std::max(first + step * pixel, least), most); }
};

// The two neighbouring pixels between which a position lies, and their weights.
struct Between {
  int64_t low, high;
  float low_share, high_share;
};

// The neighbours of `place`, in coordinates in which the image's edges are at -1 and 1. Pixels are squares, so the
// centres of the outermost ones are half a pixel from the edges.
Between between(float place, float side, bool reflect) {
  float pixel = ((place + 1) * side - 1) / 2;
  if (reflect) {
    const float from_edge = std::fabs(pixel + 0.5f);
    const float rest = from_edge - std::floor(from_edge / (2 * side)) * 2 * side;
    pixel = std::min(rest, 2 * side - rest) - 0.5f;
    pixel = std::min(std::max(0.0f, pixel), side - 1);
  }
  // Positions far outside all give 0, so the number is limited before it becomes an integer. NaN becomes a limit too,
  // since comparisons with it are false.
  pixel = std::min(std::max(-2.0f, pixel), side + 1);
  const float floor = std::floor(pixel), share = pixel - floor;
  const int64_t low = static_cast<int64_t>(floor), high = low + 1, end = static_cast<int64_t>(side);
  // A pixel outside the image has weight 0 and is not read.
  const bool has_low = low >= 0 && low < end, has_high = high >= 0 && high < end;
  return {has_low ? low : 0, has_high ? high : 0, has_low ? 1 - share : 0, has_high ? share : 0};
}

// The source positions of an image's columns or rows; `factor` is the axis's coefficient for its own coordinate.
std::vector<Between> along(const Axis& axis, float factor, int64_t side, bool reflect) {
  std::vector<Between> places;
  places.reserve(side);
  for (int64_t pixel = 0; pixel < side; ++pixel) {
    places.push_back(between(factor * axis.cropped(pixel) + axis.constant, side, reflect));
  }
  return places;
}

struct Shape {
  int64_t channels, height, width;
};

// The normalisation of each channel: scale × byte + shift.
struct Values {
  const float *scale, *shift;
};

// Samples one image [channels, height, width].
FOR_EACH_MACHINE
void sample_image(const uint8_t* image, const Between* columns, const Between* rows, Shape s, Values v, float* blend,
                  float* out) {
  for (int64_t channel = 0; channel < s.channels; ++channel) {
    const uint8_t* plane = image + channel * s.height * s.width;
    for (int64_t i = 0; i < s.height; ++i) {
      const uint8_t *upper = plane + rows[i].low * s.width, *lower = plane + rows[i].high * s.width;
      const float upper_share = rows[i].low_share * v.scale[channel], lower_share = rows[i].high_share * v.scale[channel];
      for (int64_t j = 0; j < s.width; ++j) blend[j] = upper_share * upper[j] + lower_share * lower[j];
      float* row = out + (channel * s.height + i) * s.width;
      for (int64_t j = 0; j < s.width; ++j) {
        const Between& column = columns[j];
        row[j] = column.low_share * blend[column.low] + column.high_share * blend[column.high] + v.shift[channel];
      }
    }
  }
}

Tensor sample(const Tensor& images, const Tensor& maps, bool reflect, const Tensor& scale, const Tensor& shift) {
  const Shape s{images.size(1), images.size(2), images.size(3)};
  const int64_t n = images.size(0), pixels = s.channels * s.height * s.width;
  TORCH_CHECK(maps.dim() == 3 && maps.size(0) == n && maps.size(1) == 2 && maps.size(2) == 7, "maps are [n, 2, 7]");
  TORCH_CHECK(scale.numel() == s.channels && shift.numel() == s.channels, "each channel has one scale and one shift");
  const Tensor bytes = images.contiguous(), axes = maps.contiguous();
  const Tensor scales = scale.contiguous(), shifts = shift.contiguous();
  const Tensor out = at::empty({n, s.channels, s.height, s.width}, scale.options());
  const uint8_t* all = bytes.const_data_ptr<uint8_t>();
  const Axis* axis = reinterpret_cast<const Axis*>(axes.const_data_ptr<float>());
  const Values values{scales.const_data_ptr<float>(), shifts.const_data_ptr<float>()};
  float* results = out.data_ptr<float>();
  at::parallel_for(0, n, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> blend(s.width);
    for (int64_t image = begin; image < end; ++image) {
      const Axis &x = axis[2 * image], &y = axis[2 * image + 1];
      const auto columns = along(x, x.from_x, s.width, reflect), rows = along(y, y.from_y, s.height, reflect);
      sample_image(all + image * pixels, columns.data(), rows.data(), s, values, blend.data(), results + image * pixels);
    }
  });
  return out;
}

}  // namespace

extern "C" char* mindgap_sample(Tensor* images, Tensor* maps, bool reflect, Tensor* scale, Tensor* shift, Tensor** out) {
  MINDGAP_TRY(*out = new Tensor(sample(*images, *maps, reflect, *scale, *shift)))
}
