// Convolution as one autograd function for float32 tensors on the CPU. Its Rust declaration is in conv.rs.
//
// The forward pass and the input gradient are libtorch's. The weight gradient is computed here in two cases:
// - Where the caller asks for tiles and the shapes fit them. With channels last and without AVX-512, oneDNN's weight
//   gradient takes about twice as long as its input gradient, which has as many multiplications. Here the sum over all
//   positions of input times gradient is computed in tiles, which stay in registers over a band of rows.
// - For 1×1 kernels, on all CPUs: oneDNN's weight gradient writes beyond its buffer where the number of channels is no
//   multiple of 8, and with AVX-512 also where it is 8 (oneDNN 3.12).

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <vector>
#include "border.h"
#include "lanes.h"

namespace {

using namespace mindgap;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A tile of weights has INPUTS × OUTPUTS numbers, eight registers.
constexpr int64_t INPUTS = 2 * LANES, OUTPUTS = 4;
// The channels computed at a time, chosen so that their numbers in a band stay in the L1 cache.
constexpr int64_t INPUT_BLOCK = 64, OUTPUT_BLOCK = 32;
// A band has about this many output positions.
constexpr int64_t BAND = 96;

// The sizes of images, kernel and outputs.
struct Geometry {
  int64_t n, inputs, height, width;
  int64_t outputs, out_height, out_width;
  int64_t kernel, stride, padding;
};

// The output positions along one axis that one position of the kernel connects to an input inside the image.
struct Range {
  int64_t begin, end;

  Range(int64_t from, int64_t to, int64_t offset, int64_t stride, int64_t size) {
    const int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    const int64_t after = size - offset <= 0 ? 0 : (size - offset - 1) / stride + 1;
    begin = std::max(from, first);
    end = std::max(begin, std::min(to, after));
  }
};

// The input channels and output channels [begin, end) of a block.
struct Block {
  int64_t inputs_begin, inputs_end, outputs_begin, outputs_end;
};

// Adds to `sums` [outputs, kernel, kernel, inputs] the products of one image [height, width, inputs] with the rows
// [from, to) of its gradient [out_height, out_width, outputs], for the channels of `block`.
FOR_EACH_MACHINE
void add_products(const float* image, const float* gradient, float* sums, Geometry g, Block block, int64_t from,
                  int64_t to) {
  for (int64_t ky = 0; ky < g.kernel; ++ky) {
    const Range rows(from, to, ky - g.padding, g.stride, g.height);
    for (int64_t kx = 0; kx < g.kernel; ++kx) {
      const Range columns(0, g.out_width, kx - g.padding, g.stride, g.width);
      for (int64_t input = block.inputs_begin; input < block.inputs_end; input += INPUTS) {
        for (int64_t output = block.outputs_begin; output < block.outputs_end; output += OUTPUTS) {
          Lanes low[OUTPUTS], high[OUTPUTS];
#pragma GCC unroll 4
          for (int64_t i = 0; i < OUTPUTS; ++i) low[i] = high[i] = Lanes{};
          for (int64_t row = rows.begin; row < rows.end; ++row) {
            const int64_t y = row * g.stride + ky - g.padding, x = columns.begin * g.stride + kx - g.padding;
            const float* from_image = image + (y * g.width + x) * g.inputs + input;
            const float* from_gradient = gradient + (row * g.out_width + columns.begin) * g.outputs + output;
            for (int64_t column = columns.begin; column < columns.end; ++column) {
              const Lanes left = load(from_image), right = load(from_image + LANES);
#pragma GCC unroll 4
              for (int64_t i = 0; i < OUTPUTS; ++i) {
                low[i] += left * from_gradient[i];
                high[i] += right * from_gradient[i];
              }
              from_image += g.stride * g.inputs;
              from_gradient += g.outputs;
            }
          }
#pragma GCC unroll 4
          for (int64_t i = 0; i < OUTPUTS; ++i) {
            float* to_sums = sums + (((output + i) * g.kernel + ky) * g.kernel + kx) * g.inputs + input;
            store(to_sums, load(to_sums) + low[i]);
            store(to_sums + LANES, load(to_sums + LANES) + high[i]);
          }
        }
      }
    }
  }
}

// The weight gradient in tiles, in channels-last order.
Tensor tiled_weight_gradient(const Tensor& x, const Tensor& gradient, const Geometry& g) {
  const int64_t input_blocks = (g.inputs + INPUT_BLOCK - 1) / INPUT_BLOCK;
  const int64_t output_blocks = (g.outputs + OUTPUT_BLOCK - 1) / OUTPUT_BLOCK;
  const int64_t blocks = input_blocks * output_blocks;
  // Where there are many blocks the threads divide them among themselves. Elsewhere they divide the images, and each
  // part of the images has its own sums.
  const int64_t parts = blocks >= 8 * pieces() ? 1 : std::min(pieces(), g.n);
  const int64_t size = g.outputs * g.kernel * g.kernel * g.inputs;
  Tensor sums = at::zeros({parts, size}, x.options().memory_format(at::MemoryFormat::Contiguous));
  float* all = sums.data_ptr<float>();
  const float *images = x.const_data_ptr<float>(), *gradients = gradient.const_data_ptr<float>();
  const int64_t band = std::max<int64_t>(1, BAND / g.out_width);

  at::parallel_for(0, parts * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t part = item / blocks, number = item % blocks;
      const int64_t input = number / output_blocks * INPUT_BLOCK, output = number % output_blocks * OUTPUT_BLOCK;
      const Block block{input, std::min(g.inputs, input + INPUT_BLOCK), output,
                        std::min(g.outputs, output + OUTPUT_BLOCK)};
      for (int64_t image = g.n * part / parts; image < g.n * (part + 1) / parts; ++image) {
        for (int64_t row = 0; row < g.out_height; row += band) {
          add_products(images + image * g.height * g.width * g.inputs,
                       gradients + image * g.out_height * g.out_width * g.outputs, all + part * size, g, block, row,
                       std::min(g.out_height, row + band));
        }
      }
    }
  });
  const Tensor sum = parts == 1 ? sums : sums.sum(0);
  return sum.view({g.outputs, g.kernel, g.kernel, g.inputs}).permute({0, 3, 1, 2});
}

// The weight gradient of 1×1 kernels for any number of channels and any stride: a matrix product.
Tensor pointwise_weight_gradient(const Tensor& x, const Tensor& gradient, int64_t stride) {
  const auto rows = [](const Tensor& maps) { return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)}); };
  const Tensor inputs = x.slice(2, 0, std::nullopt, stride).slice(3, 0, std::nullopt, stride);
  return rows(gradient).t().mm(rows(inputs)).view({gradient.size(1), 1, 1, x.size(1)}).permute({0, 3, 1, 2});
}

class Conv : public torch::autograd::Function<Conv> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& weight, int64_t stride,
                          int64_t padding, bool tiles) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["tiles"] = tiles;
    return at::conv2d(x, weight, {}, stride, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt();
    const Geometry g{x.size(0),      x.size(1),         x.size(2),      x.size(3), gradients[0].size(1),
                     gradients[0].size(2), gradients[0].size(3), weight.size(2), stride,    padding};
    const auto last = at::MemoryFormat::ChannelsLast;
    const bool fits = x.is_contiguous(last) && g.inputs % INPUTS == 0 && g.outputs % OUTPUTS == 0;
    const bool tiled = context->saved_data["tiles"].toBool() && fits;
    const bool needs_weight = context->needs_input_grad(1), computed_here = tiled || g.kernel == 1;
    const Tensor gradient = tiled ? gradients[0].contiguous(last) : gradients[0];

    Tensor input_gradient, weight_gradient;
    std::tie(input_gradient, weight_gradient, std::ignore) = at::convolution_backward(
        gradient, x, weight, at::OptionalIntArrayRef{}, {stride, stride}, {padding, padding}, {1, 1}, false, {0, 0}, 1,
        {context->needs_input_grad(0), needs_weight && !computed_here, false});
    if (needs_weight && computed_here) {
      weight_gradient =
          tiled ? tiled_weight_gradient(x, gradient, g) : pointwise_weight_gradient(x, gradient, stride);
    }
    return {input_gradient, weight_gradient, {}, {}, {}};
  }
};

}  // namespace

extern "C" char* mindgap_conv2d(Tensor* x, Tensor* weight, int64_t stride, int64_t padding, bool tiles, Tensor** out) {
  MINDGAP_TRY(*out = new Tensor(Conv::apply(*x, *weight, stride, padding, tiles)))
}
