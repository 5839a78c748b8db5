//! Rust side of `observe.cpp`: what a stretch of the program asks of libtorch, by phase, and what that comes to on a CUDA
//! device.

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_char, c_void},
    marker::PhantomData,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

use super::{catch::throw, shim::check};

unsafe extern "C" {
    fn mindgap_phase_begin(name: *const c_char, out: *mut *mut c_void) -> *mut c_char;
    fn mindgap_phase_end(phase: *mut c_void);
    fn mindgap_count_begin(handle: *mut u64) -> *mut c_char;
    fn mindgap_count_end(handle: u64, out: *mut *mut c_char) -> *mut c_char;
    fn mindgap_trace_begin() -> *mut c_char;
    fn mindgap_trace_end(kernels: *mut i64, busy: *mut i64) -> *mut c_char;
}

/// While it lives, what this thread asks of libtorch belongs to a phase: [`count_operators`] and PyTorch's profilers show
/// it under its name. Nearly free where nobody looks. Phases do not nest.
#[derive(Debug)]
pub struct Phase {
    record: *mut c_void,
    /// It ends on the thread on which it began.
    thread: PhantomData<*const ()>,
}

impl Phase {
    /// Begins the phase `name`.
    ///
    /// # Panics
    /// libtorch has no memory.
    pub fn new(name: &CStr) -> Self {
        let mut record = std::ptr::null_mut();
        // SAFETY: a NUL-terminated name; `record` is freed once, in `drop`.
        check(unsafe { mindgap_phase_begin(name.as_ptr(), &mut record) }).unwrap_or_else(|error| throw(error));
        Self { record, thread: PhantomData }
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        // SAFETY: what `mindgap_phase_begin` made, freed once.
        unsafe { mindgap_phase_end(self.record) }
    }
}

/// Operator calls by phase (empty outside of all) and name of the operator.
pub type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// Runs `work` and counts the operator calls that this thread makes meanwhile, its backward passes included. What an
/// operator calls in turn is not counted: a list operator is one call.
///
/// # Errors
/// Those of `work`.
pub fn count_operators(work: impl FnOnce() -> Result<()>) -> Result<Calls> {
    // The C++ side has one table.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut handle = 0;
    // SAFETY: the handle is given back below.
    check(unsafe { mindgap_count_begin(&mut handle) })?;
    let outcome = work();
    let mut text = std::ptr::null_mut();
    // SAFETY: the handle from above; `text` is freed below.
    check(unsafe { mindgap_count_end(handle, &mut text) })?;
    // SAFETY: a NUL-terminated string from strdup, freed once.
    let lines = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    unsafe { libc::free(text.cast()) };
    outcome?;

    let mut counts = Calls::new();
    for line in lines.lines() {
        let mut fields = line.split('\t');
        let (Some(phase), Some(name), Some(count)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let count = count.parse().with_context(|| format!("a count is `{count}`"))?;
        counts.entry(phase.to_owned()).or_default().insert(name.to_owned(), count);
    }
    Ok(counts)
}

/// What ran on CUDA devices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trace {
    /// Kernels that ran; copies are not counted.
    pub kernels: u64,
    /// Seconds in which a kernel or a copy ran.
    pub busy: f64,
}

/// Runs `work`, which must wait for the device at its end, and records what ran on CUDA devices meanwhile, by libtorch's
/// profiler (Kineto).
///
/// # Errors
/// Those of `work` and of the profiler.
pub fn trace(work: impl FnOnce() -> Result<()>) -> Result<Trace> {
    // SAFETY: no pointers go in.
    check(unsafe { mindgap_trace_begin() })?;
    let outcome = work();
    let (mut kernels, mut busy) = (0, 0);
    // SAFETY: both point to numbers of ours.
    check(unsafe { mindgap_trace_end(&mut kernels, &mut busy) })?;
    outcome?;
    Ok(Trace { kernels: kernels as u64, busy: busy as f64 / 1e9 })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::torch::lists::add_all;

    #[test]
    fn calls_are_counted_by_phase_and_a_list_is_one_call() {
        let ones = || Tensor::ones([3], (Kind::Float, Device::Cpu));
        let (sums, terms) = ([ones(), ones(), ones()], [ones(), ones(), ones()]);
        let counts = count_operators(|| {
            let _ = &sums[0] + &terms[0];
            {
                let _phase = Phase::new(c"a sum");
                add_all(&sums.each_ref(), &terms.each_ref());
            }
            let _ = &sums[0] * &terms[0];
            Ok(())
        })
        .unwrap();
        let once =
            |names: &[&str]| -> BTreeMap<String, u64> { names.iter().map(|name| (name.to_string(), 1)).collect() };
        let expected = [("", once(&["aten::add", "aten::mul"])), ("a sum", once(&["aten::_foreach_add_"]))];
        assert_eq!(counts, expected.map(|(phase, calls)| (phase.to_owned(), calls)).into());
    }

    #[test]
    fn without_a_gpu_nothing_runs_on_one() {
        let ran = trace(|| {
            let _ = Tensor::ones([3], (Kind::Float, Device::Cpu)) + 1.0;
            Ok(())
        });
        assert_eq!(ran.unwrap(), Trace::default());
    }
}
