// Vectors of neighbouring channels, and parallel loops over rows whose split depends only on the number of threads.

#pragma once

#include <ATen/Parallel.h>
#include <algorithm>
#include <cstdint>

namespace mindgap {

// Eight floats fill a register of AVX2. GCC keeps only some of the wider vectors in registers.
constexpr int64_t LANES = 8;

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
// The vector at any address in memory, aligned as a float.
typedef float LanesAt __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

// Compiles a function for several instruction sets; the best one that the machine has is chosen when the program
// starts.
#if defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_MACHINE
#endif

inline __attribute__((always_inline)) Lanes load(const float* from) {
  return *reinterpret_cast<const LanesAt*>(from);
}

inline __attribute__((always_inline)) void store(float* to, Lanes value) {
  *reinterpret_cast<LanesAt*>(to) = value;
}

// The number of pieces into which rows are split.
inline int64_t pieces() { return at::get_num_threads(); }

// Calls work(piece, begin, end) in parallel for as many pieces of the rows as there are threads, so that the rows which
// a piece sums depend only on the number of threads.
template <typename Work>
void in_pieces(int64_t rows, const Work& work) {
  const int64_t length = (rows + pieces() - 1) / pieces();
  at::parallel_for(0, pieces(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      work(piece, std::min(rows, piece * length), std::min(rows, (piece + 1) * length));
    }
  });
}

}  // namespace mindgap
