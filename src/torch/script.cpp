// Builds TorchScript modules from tensors and source text, writes and reads them. tch can only trace, and a trace has
// constants in place of weights. The Rust declarations are in script.rs.
//
// Functions return nullptr, or the message of the exception, which the Rust side frees.

#include <torch/script.h>
#include <sstream>
#include "border.h"

using torch::jit::Module;

extern "C" {

char* mindgap_script_new(const char* name, Module** out) {
  MINDGAP_TRY(*out = new Module(c10::QualifiedName(name));
              (*out)->register_attribute("training", c10::BoolType::get(), true))
}

char* mindgap_script_tensor(Module* module, const char* name, at::Tensor* tensor, bool is_buffer) {
  MINDGAP_TRY(is_buffer ? module->register_buffer(name, *tensor)
                        : module->register_parameter(name, *tensor, false))
}

char* mindgap_script_child(Module* module, const char* name, Module* child) {
  MINDGAP_TRY(module->register_module(name, *child))
}

char* mindgap_script_define(Module* module, const char* source) {
  MINDGAP_TRY(module->define(source))
}

char* mindgap_script_train(Module* module, bool on) { MINDGAP_TRY(module->train(on)) }

// Writes the archive to memory, since libtorch's writer to a file ends the process when the disk is full. `files` holds
// names and contents in turn. The Rust side frees `bytes`.
char* mindgap_script_save(Module* module, const char** files, size_t count, char** bytes, size_t* length) {
  MINDGAP_TRY(torch::jit::ExtraFilesMap extra;
              for (size_t i = 0; i < count; i++) extra[files[2 * i]] = files[2 * i + 1];
              std::ostringstream stream;
              module->save(stream, extra);
              const std::string archive = stream.str();
              *length = archive.size();
              *bytes = static_cast<char*>(malloc(archive.size()));
              if (*bytes == nullptr) throw std::bad_alloc();
              memcpy(*bytes, archive.data(), archive.size()))
}

// Reads a file onto the CUDA device of index `cuda` (-1: the CPU), in eval mode. `text` is set to the content of the
// file `extra` in the archive, or to nullptr where there is none. The Rust side frees it.
char* mindgap_script_load(const char* path, int cuda, const char* extra, char** text, Module** out) {
  MINDGAP_TRY(torch::jit::ExtraFilesMap files{{extra, ""}};
              const auto device = cuda < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, cuda);
              auto module = torch::jit::load(path, device, files);
              module.eval();
              const std::string& content = files[extra];
              *text = content.empty() ? nullptr : strdup(content.c_str());
              *out = new Module(std::move(module)))
}

char* mindgap_script_forward(Module* module, at::Tensor* input, at::Tensor** out) {
  MINDGAP_TRY(torch::NoGradGuard guard;
              *out = new at::Tensor(module->forward({*input}).toTensor()))
}

void mindgap_script_free(Module* module) { delete module; }

}  // extern "C"
