// The border between C++ and Rust: no exception crosses it.

#pragma once

#include <c10/util/Exception.h>
#include <cstring>

// Runs statements; returns nullptr, or the message of what they threw as a malloc'ed string that the Rust side frees.
#define MINDGAP_TRY(...)                                              \
  try {                                                               \
    __VA_ARGS__;                                                      \
    return nullptr;                                                   \
  } catch (const c10::Error& e) {                                     \
    return strdup(e.what_without_backtrace());                        \
  } catch (const std::exception& e) {                                 \
    return strdup(e.what());                                          \
  }
