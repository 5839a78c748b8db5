//! The C allocator, told to keep the memory that a training step frees for the next step.

/// Lets glibc's malloc keep freed pages instead of handing them back to the kernel.
///
/// A training step frees all its activations and asks for as many again. With malloc's usual settings each block
/// of more than 32 MiB is a mapping of its own and the top of the heap is trimmed, so that every step faults its
/// pages in anew; on a loaded machine that took 10 to 20 % of the time of a step on the CPU. The price is
/// that the process never shrinks: it holds what its largest step needed.
///
/// Call it first thing in `main`, while there is one thread. It does nothing where the C library is not glibc.
pub fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes plain numbers; a setting it does not know it ignores.
    unsafe {
        // Big blocks come from the heap, too: a mapping of their own would go back to the kernel with each free.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        // The heap's end is never given back, and moves in steps of 64 MiB.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        // Only the first arena can hold blocks of more than 64 MiB.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
