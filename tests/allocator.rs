//! Freed pages are kept: a training step causes no page faults for memory that the step before has freed.
//!
//! A program of its own rather than a `#[test]`: malloc must be told before there is a second thread, and
//! its settings hold for the whole process.

use std::hint::black_box;

const BLOCK: usize = 300 << 20;

fn main() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        println!("skipped: keep_pages is for glibc");
        return;
    }
    // At least one a huge page of 2 MiB.
    let usual = faults_of_the_second_round();
    assert!(usual >= BLOCK as i64 >> 21, "malloc kept a block of 300 MiB by itself: this test shows nothing");

    mindgap::torch::keep_pages();
    let main_thread = faults_of_the_second_round();
    let other_thread = std::thread::spawn(faults_of_the_second_round).join().unwrap();
    println!("page faults for 300 MiB: {usual} usually, {main_thread} kept, {other_thread} kept in another thread");
    assert!(main_thread < 100 && other_thread < 100);
}

/// Page faults of allocating and filling a block for the second time.
fn faults_of_the_second_round() -> i64 {
    fill();
    let before = faults();
    fill();
    faults() - before
}

fn fill() {
    let mut block: Vec<u8> = Vec::with_capacity(BLOCK);
    block.resize(BLOCK, 1);
    black_box(&block);
}

/// Minor page faults of this thread so far.
fn faults() -> i64 {
    // SAFETY: getrusage fills the struct it is given.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage.ru_minflt
    }
}
