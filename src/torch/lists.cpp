// Operators over lists of tensors: each is one call, and on CUDA a few kernels, whatever the number of tensors. The
// Rust declarations are in lists.rs.

#include <ATen/ATen.h>
#include <vector>
#include "border.h"

namespace {

using at::Tensor;

std::vector<Tensor> list(Tensor** tensors, int64_t n) {
  std::vector<Tensor> all;
  all.reserve(n);
  for (int64_t i = 0; i < n; ++i) all.push_back(*tensors[i]);
  return all;
}

std::optional<Tensor> optional(Tensor* tensor) { return tensor ? std::make_optional(*tensor) : std::nullopt; }

// The fused kernels pair numbers by their position in memory, which would be wrong for tensors of different layouts.
void check_layout(const std::vector<Tensor>& parameters, const std::vector<Tensor>& gradients) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    TORCH_CHECK(
        parameters[i].sizes() == gradients[i].sizes() && parameters[i].strides() == gradients[i].strides(),
        "gradient ", i, " has another shape or layout than its parameter");
  }
}

}  // namespace

extern "C" {

char* mindgap_sgd(Tensor** parameters, Tensor** gradients, Tensor** velocities, int64_t n, double rate, double momentum,
                  bool nesterov, double decay, Tensor* found_inf) {
  MINDGAP_TRY(const auto targets = list(parameters, n), by = list(gradients, n); check_layout(targets, by);
              at::_fused_sgd_(targets, by, list(velocities, momentum == 0 ? 0 : n), decay, momentum, rate,
                              /*dampening=*/0, nesterov, /*maximize=*/false, /*is_first_step=*/false, {},
                              optional(found_inf)))
}

// `updates`, a float32 scalar on the device, is the number of this update, from 1.
char* mindgap_adamw(Tensor** parameters, Tensor** gradients, Tensor** first_moments, Tensor** second_moments, int64_t n,
                    Tensor* updates, double rate, double beta1, double beta2, double epsilon, double decay,
                    Tensor* found_inf) {
  MINDGAP_TRY(const auto targets = list(parameters, n), by = list(gradients, n); check_layout(targets, by);
              const std::vector<Tensor> steps(n, *updates);
              at::_fused_adamw_(targets, by, list(first_moments, n), list(second_moments, n), {}, steps, rate, beta1, beta2,
                                decay, epsilon, /*amsgrad=*/false, /*maximize=*/false, {}, optional(found_inf)))
}

char* mindgap_lerp_all(Tensor** starts, Tensor** ends, int64_t n, double share) {
  MINDGAP_TRY(at::_foreach_lerp_(list(starts, n), list(ends, n), share))
}

char* mindgap_copy_all(Tensor** targets, Tensor** sources, int64_t n) {
  MINDGAP_TRY(at::_foreach_copy_(list(targets, n), list(sources, n)))
}

char* mindgap_add_all(Tensor** sums, Tensor** terms, int64_t n) {
  MINDGAP_TRY(at::_foreach_add_(list(sums, n), list(terms, n)))
}

char* mindgap_scale_all(Tensor** tensors, int64_t n, Tensor* factor) {
  MINDGAP_TRY(at::_foreach_mul_(list(tensors, n), *factor))
}

// The 2-norm of each tensor, or with `largest` its largest absolute value: [n].
char* mindgap_norms(Tensor** tensors, int64_t n, bool largest, Tensor** out) {
  MINDGAP_TRY(const at::Scalar order = largest ? at::Scalar(INFINITY) : at::Scalar(2);
              *out = new Tensor(at::stack(at::_foreach_norm(list(tensors, n), order))))
}

// Multiplies every tensor by `factor`, and sets `found_inf`, a float32 [1], to 1 if a number is not finite.
char* mindgap_unscale_all(Tensor** tensors, int64_t n, Tensor* factor, Tensor* found_inf) {
  MINDGAP_TRY(at::_amp_foreach_non_finite_check_and_unscale_(list(tensors, n), *found_inf, *factor))
}

}  // extern "C"
