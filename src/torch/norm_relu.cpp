// Batch norm, the addition of a skip connection and ReLU as one autograd function, for float32 tensors [n, c, h, w] in
// channels-last order on the CPU. Its Rust declaration is in norm_relu.rs.
//
// These operations do little arithmetic for each number that they move, so their time is that of the passes over
// memory. As separate operators they make 17 passes (each read or write of a tensor counts as one), here 11; without a
// skip 14 and 8. Beside the statistics only the input is kept for the backward pass. Where ReLU gave 0 is computed
// again, or, after a skip, read from the output, which the next convolution keeps anyway.
//
// A tensor is treated as rows of c numbers, one row per pixel. Sums are in float32 over BLOCK rows and in float64 over
// the blocks.

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

constexpr int64_t BLOCK = 128;

// `value`, but 0 where `sign` is 0 or below. NaN stays NaN, as in libtorch's ReLU.
inline __attribute__((always_inline)) Lanes cut(const Lanes& value, const Lanes& sign) {
  return sign <= 0.0f ? Lanes{} : value;
}

// The linear map of each channel: slope × x + shift.
struct Line {
  const float* slope;
  const float* shift;
};

// The sum of the rows, and the sum of the squared differences from their mean.
FOR_EACH_MACHINE
void moments(const float* x, int64_t rows, int64_t c, float* sum, float* squares) {
  for (int64_t channel = 0; channel < c; channel += LANES) {
    Lanes even{}, odd{};
    int64_t row = 0;
    for (; row + 1 < rows; row += 2) {
      even += load(x + row * c + channel);
      odd += load(x + (row + 1) * c + channel);
    }
    if (row < rows) even += load(x + row * c + channel);
    const Lanes total = even + odd;
    const Lanes mean = total / static_cast<float>(rows);
    even = odd = Lanes{};
    for (row = 0; row + 1 < rows; row += 2) {
      const Lanes one = load(x + row * c + channel) - mean, other = load(x + (row + 1) * c + channel) - mean;
      even += one * one;
      odd += other * other;
    }
    if (row < rows) {
      const Lanes one = load(x + row * c + channel) - mean;
      even += one * one;
    }
    store(sum + channel, total);
    store(squares + channel, even + odd);
  }
}

// y = relu(line(x) + skip); `skip` may be null, `relu` off.
FOR_EACH_MACHINE
void transform(const float* x, const float* skip, float* y, int64_t rows, int64_t c, Line line, bool relu) {
  for (int64_t channel = 0; channel < c; channel += LANES) {
    const Lanes slope = load(line.slope + channel), shift = load(line.shift + channel);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * c + channel;
      Lanes value = load(x + at) * slope + shift;
      if (skip) value += load(skip + at);
      store(y + at, relu ? cut(value, value) : value);
    }
  }
}

// The sum over the rows of the gradient behind ReLU, which is 0 where ReLU gave 0, and the sum of its products with
// x − mean. Where a skip was added, `y` is the output, and the gradient behind ReLU is written to `cut_gradient`;
// without a skip both are null.
FOR_EACH_MACHINE
void gradient_sums(const float* gradient, const float* x, const float* y, float* cut_gradient, int64_t rows, int64_t c,
                   Line line, const float* mean, bool relu, float* sum, float* product) {
  for (int64_t channel = 0; channel < c; channel += LANES) {
    const Lanes slope = load(line.slope + channel), shift = load(line.shift + channel), middle = load(mean + channel);
    Lanes total{}, with_x{};
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * c + channel;
      const Lanes input = load(x + at);
      Lanes g = load(gradient + at);
      if (relu) g = cut(g, y ? load(y + at) : input * slope + shift);
      if (cut_gradient) store(cut_gradient + at, g);
      total += g;
      with_x += g * (input - middle);
    }
    store(sum + channel, total);
    store(product + channel, with_x);
  }
}

// dx = slope·g + by_x·x + rest, where g is the gradient behind ReLU.
FOR_EACH_MACHINE
void input_gradient(const float* gradient, const float* x, float* dx, int64_t rows, int64_t c, Line line,
                    const float* by_x, const float* rest, bool relu) {
  for (int64_t channel = 0; channel < c; channel += LANES) {
    const Lanes slope = load(line.slope + channel), shift = load(line.shift + channel);
    const Lanes along_x = load(by_x + channel), constant = load(rest + channel);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * c + channel;
      const Lanes input = load(x + at);
      Lanes g = load(gradient + at);
      if (relu) g = cut(g, input * slope + shift);
      store(dx + at, slope * g + (along_x * input + constant));
    }
  }
}

// Mean and sum of squared differences of each channel over `rows` rows.
struct Moments {
  double rows = 0;
  std::vector<double> mean, squares;
  explicit Moments(int64_t c) : mean(c), squares(c) {}

  // Adds a sample of `more` rows, whose mean is `other_mean` / `divisor` (Chan et al. 1979).
  template <typename Number>
  void add(double more, int64_t c, const Number* other_mean, const Number* other_squares, double divisor) {
    if (more == 0) return;
    const double all = rows + more;
    for (int64_t i = 0; i < c; ++i) {
      const double step = other_mean[i] / divisor - mean[i];
      mean[i] += step * more / all;
      squares[i] += other_squares[i] + step * step * rows * more / all;
    }
    rows = all;
  }
};

Moments moments_of(const float* x, int64_t rows, int64_t c) {
  std::vector<Moments> parts(pieces(), Moments(c));
  in_pieces(rows, [&](int64_t piece, int64_t begin, int64_t end) {
    std::vector<float> sum(c), squares(c);
    for (int64_t row = begin; row < end; row += BLOCK) {
      const int64_t length = std::min(BLOCK, end - row);
      moments(x + row * c, length, c, sum.data(), squares.data());
      parts[piece].add(length, c, sum.data(), squares.data(), length);
    }
  });
  Moments all(c);
  for (const Moments& part : parts) all.add(part.rows, c, part.mean.data(), part.squares.data(), 1.0);
  return all;
}

// The rows of the table, with one column per channel, that is kept for the backward pass.
enum : int64_t { SLOPE, SHIFT, MEAN, INVERSE_DEVIATION, TABLE };

class NormRelu : public torch::autograd::Function<NormRelu> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const std::optional<Tensor>& skip,
                          const Variable& weight, const Variable& bias, const std::optional<Tensor>& running_mean,
                          const std::optional<Tensor>& running_var, double momentum, double epsilon, bool relu) {
    const int64_t c = x.size(1), rows = x.numel() / c;
    const float* input = x.const_data_ptr<float>();
    const Moments batch = moments_of(input, rows, c);

    Tensor table = at::empty({TABLE, c}, x.options().memory_format(at::MemoryFormat::Contiguous));
    float* numbers = table.data_ptr<float>();
    const float *scale = weight.const_data_ptr<float>(), *offset = bias.const_data_ptr<float>();
    for (int64_t i = 0; i < c; ++i) {
      const double inverse = 1.0 / std::sqrt(batch.squares[i] / rows + epsilon), slope = scale[i] * inverse;
      numbers[SLOPE * c + i] = slope;
      numbers[SHIFT * c + i] = offset[i] - batch.mean[i] * slope;
      numbers[MEAN * c + i] = batch.mean[i];
      numbers[INVERSE_DEVIATION * c + i] = inverse;
    }
    if (running_mean && running_var) {
      float *mean = running_mean->data_ptr<float>(), *var = running_var->data_ptr<float>();
      for (int64_t i = 0; i < c; ++i) {
        mean[i] += momentum * (batch.mean[i] - mean[i]);
        var[i] += momentum * (batch.squares[i] / (rows - 1) - var[i]);
      }
    }

    Tensor y = at::empty_like(x);
    float* output = y.data_ptr<float>();
    const float* added = skip ? skip->const_data_ptr<float>() : nullptr;
    const Line line{numbers + SLOPE * c, numbers + SHIFT * c};
    in_pieces(rows, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row += BLOCK) {
        const int64_t at = row * c;
        transform(input + at, added ? added + at : nullptr, output + at, std::min(BLOCK, end - row), c, line, relu);
      }
    });
    context->saved_data["relu"] = relu;
    context->save_for_backward({x, weight, table, skip ? y : Tensor()});
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &table = saved[2], &y = saved[3];
    const bool relu = context->saved_data["relu"].toBool();
    const int64_t c = x.size(1), rows = x.numel() / c;
    const Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const float *from = gradient.const_data_ptr<float>(), *input = x.const_data_ptr<float>();
    const float* numbers = table.const_data_ptr<float>();
    const Line line{numbers + SLOPE * c, numbers + SHIFT * c};

    // The gradient behind ReLU is also the gradient of the skip.
    const bool has_skip = y.defined();
    const float* output = has_skip ? y.const_data_ptr<float>() : nullptr;
    const Tensor skip_gradient = has_skip ? at::empty_like(x) : Tensor();
    float* to_skip = has_skip ? skip_gradient.data_ptr<float>() : nullptr;
    std::vector<std::vector<double>> parts(pieces(), std::vector<double>(2 * c));
    in_pieces(rows, [&](int64_t piece, int64_t begin, int64_t end) {
      std::vector<float> sums(2 * c);
      for (int64_t row = begin; row < end; row += BLOCK) {
        const int64_t at = row * c;
        gradient_sums(from + at, input + at, has_skip ? output + at : nullptr, has_skip ? to_skip + at : nullptr,
                      std::min(BLOCK, end - row), c, line, numbers + MEAN * c, relu, sums.data(), sums.data() + c);
        for (int64_t i = 0; i < 2 * c; ++i) parts[piece][i] += sums[i];
      }
    });
    for (size_t piece = 1; piece < parts.size(); ++piece) {
      for (int64_t i = 0; i < 2 * c; ++i) parts[0][i] += parts[piece][i];
    }
    const double *sum = parts[0].data(), *product = sum + c;

    Tensor d_weight = at::empty_like(weight), d_bias = at::empty_like(weight);
    std::vector<float> by_x(c), rest(c);
    for (int64_t i = 0; i < c; ++i) {
      const double slope = numbers[SLOPE * c + i], inverse = numbers[INVERSE_DEVIATION * c + i];
      d_weight.data_ptr<float>()[i] = product[i] * inverse;
      d_bias.data_ptr<float>()[i] = sum[i];
      const double along_x = -slope * inverse * inverse * product[i] / rows;
      by_x[i] = along_x;
      rest[i] = -slope * sum[i] / rows - along_x * numbers[MEAN * c + i];
    }

    Tensor dx = at::empty_like(x);
    float* to = dx.data_ptr<float>();
    const float* g = has_skip ? to_skip : from;
    in_pieces(rows, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row += BLOCK) {
        const int64_t at = row * c;
        input_gradient(g + at, input + at, to + at, std::min(BLOCK, end - row), c, line, by_x.data(), rest.data(),
                       relu && !has_skip);
      }
    });
    return {dx, skip_gradient, d_weight, d_bias, {}, {}, {}, {}, {}};
  }
};

}  // namespace

extern "C" char* mindgap_norm_relu(Tensor* x, Tensor* skip, Tensor* weight, Tensor* bias, Tensor* running_mean,
                                   Tensor* running_var, double momentum, double epsilon, bool relu, Tensor** out) {
  const auto maybe = [](Tensor* tensor) { return tensor ? std::make_optional(*tensor) : std::nullopt; };
  MINDGAP_TRY(*out = new Tensor(NormRelu::apply(*x, maybe(skip), *weight, *bias, maybe(running_mean),
                                                maybe(running_var), momentum, epsilon, relu)))
}
