// Processes that train one run together: c10d's key-value store, through which they find each other, and its process
// groups, Gloo on the CPU and NCCL on CUDA. The Rust declarations are in distributed.rs.
//
// It is compiled only with cargo feature `distributed`, since libtorch does not contain Gloo's headers.

#include <c10/util/Logging.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#include "border.h"

namespace {

using Milliseconds = std::chrono::milliseconds;
using Store = c10::intrusive_ptr<c10d::Store>;
using Backend = c10::intrusive_ptr<c10d::Backend>;

std::vector<uint8_t> bytes(const char* text) { return {text, text + strlen(text)}; }

char* copy(const std::vector<uint8_t>& bytes) {
  return strndup(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Backend new_gloo(
    const Store& store, int rank, int size, const char* address, const char* interface, Milliseconds timeout) {
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices.push_back(
      *interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                 : c10d::ProcessGroupGloo::createDeviceForHostname(address));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
}

Backend new_nccl(const Store& store, int rank, int size, Milliseconds timeout) {
#ifdef USE_C10D_NCCL
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
#else
  TORCH_CHECK(false, "this mindgap was built without NCCL: libtorch_cuda.so or NCCL's headers were not there");
#endif
}

void all_reduce(const Backend& backend, const at::Tensor& tensor, int operation) {
  at::NoGradGuard guard;
  const c10d::ReduceOp::RedOpType operations[] = {c10d::ReduceOp::SUM, c10d::ReduceOp::MIN, c10d::ReduceOp::MAX};
  std::vector<at::Tensor> tensors{tensor};
  c10d::AllreduceOptions options;
  options.reduceOp = operations[operation];
  backend->allreduce(tensors, options)->wait();
}

// The sum of all processes' `x`, as a new tensor.
at::Tensor sum_of_copies(const Backend& backend, const at::Tensor& x) {
  at::Tensor sum = x.detach().clone(at::MemoryFormat::Contiguous);
  all_reduce(backend, sum, 0);
  return sum;
}

// The sum of all processes' tensors, as an autograd function. Each process contributes a term and each uses the sum, so
// the gradient of a term is the sum of the gradients of all processes.
struct Sum : torch::autograd::Function<Sum> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, int64_t backend) {
    context->saved_data["backend"] = backend;
    return sum_of_copies(*reinterpret_cast<Backend*>(backend), x);
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context, torch::autograd::variable_list gradients) {
    auto* backend = reinterpret_cast<Backend*>(context->saved_data["backend"].toInt());
    return {sum_of_copies(*backend, gradients[0]), at::Tensor()};
  }
};

}  // namespace

extern "C" {

// Connects to the store at host:port. With a socket that listens there (-1: none) it also serves the store.
char* mindgap_store_new(const char* host, uint16_t port, int socket, int64_t timeout, Store** out) {
  // Python's `import torch` calls this; without it TORCH_CPP_LOG_LEVEL has no effect.
  c10::initLogging();
  MINDGAP_TRY(c10d::TCPStoreOptions options; options.port = port; options.isServer = socket >= 0;
              if (socket >= 0) options.masterListenFd = socket;
              options.waitWorkers = false;
              options.timeout = Milliseconds(timeout);
              *out = new Store(c10::make_intrusive<c10d::TCPStore>(host, options)))
}

// A view of the store in which every key has `prefix` before it.
char* mindgap_store_prefixed(Store* store, const char* prefix, Store** out) {
  MINDGAP_TRY(*out = new Store(c10::make_intrusive<c10d::PrefixStore>(prefix, *store)))
}

void mindgap_store_free(Store* store) { delete store; }

char* mindgap_store_set(Store* store, const char* key, const char* value) {
  MINDGAP_TRY((*store)->set(std::string(key), bytes(value)))
}

// Sets the value of `key` unless it has one, and returns the value that it has then.
char* mindgap_store_set_first(Store* store, const char* key, const char* value, char** out) {
  MINDGAP_TRY(*out = copy((*store)->compareSet(std::string(key), std::vector<uint8_t>{}, bytes(value))))
}

// The value of `key`, or nullptr where it has none yet. Does not wait for one.
char* mindgap_store_get(Store* store, const char* key, char** out) {
  MINDGAP_TRY(*out = (*store)->check({key}) ? copy((*store)->get(std::string(key))) : nullptr)
}

// A group of `size` processes that find each other through `store`. Gloo listens at `address`, or on `interface` unless
// that is empty.
char* mindgap_group_new(
    Store* store, bool cuda, int rank, int size, const char* address, const char* interface, int64_t timeout,
    Backend** out) {
  MINDGAP_TRY(const Milliseconds limit(timeout);
              *out = new Backend(cuda ? new_nccl(*store, rank, size, limit)
                                      : new_gloo(*store, rank, size, address, interface, limit)))
}

void mindgap_group_free(Backend* backend) { delete backend; }

char* mindgap_group_all_reduce(Backend* backend, at::Tensor* tensor, int operation) {
  MINDGAP_TRY(all_reduce(*backend, *tensor, operation))
}

char* mindgap_group_broadcast(Backend* backend, at::Tensor* tensor) {
  MINDGAP_TRY(at::NoGradGuard guard; std::vector<at::Tensor> tensors{*tensor};
              (*backend)->broadcast(tensors)->wait())
}

char* mindgap_group_barrier(Backend* backend) { MINDGAP_TRY((*backend)->barrier()->wait()) }

char* mindgap_group_sum(Backend* backend, at::Tensor* x, at::Tensor** out) {
  MINDGAP_TRY(*out = new at::Tensor(Sum::apply(*x, reinterpret_cast<int64_t>(backend))))
}

}  // extern "C"
