// Counts operator calls by phase of the program, and records what runs on CUDA devices. The Rust declarations are in
// observe.rs.

#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include "border.h"

namespace {

// Numbers of calls by phase and operator, of the counting thread and of the threads to which libtorch hands its
// backward passes: on CUDA these run on separate threads, which inherit the callback.
struct Calls {
  std::mutex mutex;
  std::string phase;
  std::map<std::pair<std::string, std::string>, int64_t> counts;
};

Calls& calls() {
  static Calls all;
  return all;
}

// How many operators are active on this thread. Calls inside an operator are not counted.
thread_local int64_t depth = 0;

// A node of a backward pass is no operator, but calls operators.
bool is_node(const at::RecordFunction& call) { return strncmp(call.name(), "autograd::", 10) == 0; }

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
  Calls& all = calls();
  if (call.scope() == at::RecordScope::USER_SCOPE) {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.phase = call.name();
  } else if (!is_node(call) && depth++ == 0) {
    const std::lock_guard<std::mutex> lock(all.mutex);
    ++all.counts[{all.phase, call.name()}];
  }
  return nullptr;
}

void end(const at::RecordFunction& call, at::ObserverContext*) {
  Calls& all = calls();
  if (call.scope() == at::RecordScope::USER_SCOPE) {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.phase.clear();
  } else if (!is_node(call)) {
    --depth;
  }
}

// The time covered by at least one of the spans [begin, end).
int64_t covered(std::vector<std::pair<int64_t, int64_t>> spans) {
  std::sort(spans.begin(), spans.end());
  int64_t sum = 0, until = INT64_MIN;
  for (const auto& [begin, end] : spans) {
    if (end > until) {
      sum += end - std::max(begin, until);
      until = end;
    }
  }
  return sum;
}

}  // namespace

extern "C" {

// Begins a phase, which profilers show as a span of that name. It ends when it is freed.
char* mindgap_phase_begin(const char* name, at::RecordFunction** out) {
  MINDGAP_TRY(auto* phase = new at::RecordFunction(at::RecordScope::USER_SCOPE);
              if (phase->isActive()) phase->before(std::string(name));
              *out = phase)
}

void mindgap_phase_end(at::RecordFunction* phase) { delete phase; }

char* mindgap_count_begin(uint64_t* handle) {
  MINDGAP_TRY(calls().counts.clear(); calls().phase.clear();
              *handle = at::addThreadLocalCallback(at::RecordFunctionCallback(begin, end).scopes(
                  {at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE})))
}

// Ends the counting. `out` is set to a text that the Rust side frees: lines of phase, operator and count, separated by
// tabs.
char* mindgap_count_end(uint64_t handle, char** out) {
  MINDGAP_TRY(at::removeCallback(handle); std::string text; for (const auto& [key, count] : calls().counts) {
    text += key.first + "\t" + key.second + "\t" + std::to_string(count) + "\n";
  } *out = strdup(text.c_str()))
}

// Starts recording what runs on CUDA devices.
char* mindgap_trace_begin() {
  MINDGAP_TRY(using namespace torch::profiler::impl; const ProfilerConfig config(ProfilerState::KINETO);
              const std::set<ActivityType> activities{ActivityType::CUDA};
              torch::autograd::profiler::prepareProfiler(config, activities);
              torch::autograd::profiler::enableProfiler(config, activities))
}

// Stops recording. `kernels` is the number of kernels that ran, `busy` the nanoseconds during which a kernel or copy
// ran.
char* mindgap_trace_end(int64_t* kernels, int64_t* busy) {
  MINDGAP_TRY(const auto result = torch::autograd::profiler::disableProfiler();
              std::vector<std::pair<int64_t, int64_t>> spans; *kernels = 0; for (const auto& event : result->events()) {
                if (event.deviceType() != c10::DeviceType::CUDA) continue;
                const std::string name = event.name();
                const auto begins = [&](const char* word) { return name.rfind(word, 0) == 0; };
                if (!begins("Memcpy") && !begins("Memset")) ++*kernels;
                spans.emplace_back(event.startNs(), event.startNs() + event.durationNs());
              } *busy = covered(std::move(spans)))
}

}  // extern "C"
