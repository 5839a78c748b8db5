// The boundary between C++ and Rust, which no exception may cross.

#pragma once

#include <c10/util/Exception.h>
#include <cstring>

// Runs statements and returns nullptr, or the message of the exception that they threw, as a malloc'ed string that the
// Rust side frees.
#define MINDGAP_TRY(...)                                              \
  try {                                                               \
    __VA_ARGS__;                                                      \
    return nullptr;                                                   \
  } catch (const c10::Error& e) {                                     \
    return strdup(e.what_without_backtrace());                        \
  } catch (const std::exception& e) {                                 \
    return strdup(e.what());                                          \
  }
