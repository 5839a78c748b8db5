// The few libtorch calls that tch does not expose. Their Rust declarations are in shim.rs and amp.rs.
//
// Functions return nullptr, or the message of the C++ exception as a malloc'ed string that the Rust side frees.

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/version.h>
#include <map>
#include "border.h"

extern "C" {

const char* mindgap_torch_version() { return TORCH_VERSION; }

// With one channel or one pixel both layouts are the same in memory. libtorch then keeps the strides of the contiguous
// layout, and its convolution would return that layout. So the strides are always set.
char* mindgap_channels_last(at::Tensor* tensor, at::Tensor** out) {
  MINDGAP_TRY(const at::Tensor last = tensor->contiguous(at::MemoryFormat::ChannelsLast);
              const int64_t c = last.size(1), h = last.size(2), w = last.size(3);
              *out = new at::Tensor(last.as_strided(last.sizes(), {h * w * c, 1, w * c, c})))
}

char* mindgap_pin_memory(at::Tensor* tensor, at::Tensor** out) {
  MINDGAP_TRY(*out = new at::Tensor(tensor->pin_memory()))
}

// Copies to CUDA device `index` on a separate stream, beside the work queued on the computing stream, which then waits
// for the copy.
char* mindgap_copy_beside(at::Tensor* host, int64_t index, at::Tensor** out) {
  MINDGAP_TRY(const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
              const c10::impl::VirtualGuardImpl cuda(c10::kCUDA); const c10::Stream computes = cuda.getStream(device);
              static std::map<int64_t, c10::Stream> streams;
              const c10::Stream copies = streams.try_emplace(index, cuda.getStreamFromGlobalPool(device)).first->second;
              c10::Event copied(c10::kCUDA); at::Tensor copy; {
                const c10::StreamGuard guard(copies);
                copy = host->to(device, /*non_blocking=*/true);
                copied.record(copies);
              } copied.block(computes);
              // The allocator may reuse the copy's memory only after the computing stream has used it.
              copy.record_stream(computes); *out = new at::Tensor(std::move(copy)))
}

// Bytes that tensors take on CUDA device `index`, now and at the maximum, as the allocator counts them.
char* mindgap_device_memory(int64_t index, int64_t* now, int64_t* peak) {
  MINDGAP_TRY(const auto stats = c10::getDeviceAllocator(c10::kCUDA)->getDeviceStats(
                  static_cast<c10::DeviceIndex>(index));
              *now = stats.allocated_bytes[0].current; *peak = stats.allocated_bytes[0].peak)
}

// Allows deterministic kernels only, in cuDNN too; an operator that has none then throws.
char* mindgap_set_deterministic(bool on) {
  MINDGAP_TRY(auto& context = at::globalContext();
              context.setDeterministicAlgorithms(on, /*warn_only=*/false);
              context.setDeterministicCuDNN(on);
              context.setBenchmarkCuDNN(!on))
}

// Turns autocast on for this thread, until mindgap_autocast_end.
char* mindgap_autocast_begin(bool cuda, bool half) {
  MINDGAP_TRY(const auto device = cuda ? at::kCUDA : at::kCPU; at::autocast::increment_nesting();
              at::autocast::set_autocast_dtype(device, half ? at::kHalf : at::kBFloat16);
              at::autocast::set_autocast_enabled(device, true))
}

// Turns autocast off. The cached copies of weights in the short type are freed, since the weights are about to change.
char* mindgap_autocast_end(bool cuda) {
  MINDGAP_TRY(at::autocast::set_autocast_enabled(cuda ? at::kCUDA : at::kCPU, false);
              if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache())
}

bool mindgap_is_autocast(bool cuda) { return at::autocast::is_autocast_enabled(cuda ? at::kCUDA : at::kCPU); }

// Lets CUDA devices compute float32 convolutions and matrix products in TF32 on their tensor cores.
char* mindgap_set_tf32(bool on) {
  MINDGAP_TRY(auto& context = at::globalContext(); context.setAllowTF32CuBLAS(on); context.setAllowTF32CuDNN(on))
}

}  // extern "C"
