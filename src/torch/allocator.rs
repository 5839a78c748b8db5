//! Tells the C allocator to keep the memory that a training step frees for the next step.

/// Lets glibc's malloc keep freed pages instead of handing them back to the kernel.
///
/// A training step frees all its activations and asks for as many again. With malloc's default settings each block of
/// more than 32 MiB is a separate mapping and the top of the heap is trimmed, so every step causes a page fault for
/// each page again; on a loaded machine that took 10 to 20 % of a step on the CPU. The price is that the process never
/// shrinks: it holds what its largest step needed.
///
/// Call it first in `main`, while there is one thread. It does nothing where the C library is not glibc.
pub fn keep_pages() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes plain numbers and ignores settings that it does not know.
    unsafe {
        // Large blocks come from the heap too: a separate mapping would go back to the kernel with each free.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        // The top of the heap is never given back, and grows in steps of 64 MiB.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        // Only the first arena can hold blocks of more than 64 MiB.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
