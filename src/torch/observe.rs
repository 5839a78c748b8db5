//! Rust side of `observe.cpp`: counts the operators that a section of the program calls, by phase, and records what
//! runs on CUDA devices meanwhile.

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_char, c_void},
    marker::PhantomData,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

use super::{
    catch::throw,
    shim::{check, take_text},
};

unsafe extern "C" {
    fn mindgap_phase_begin(name: *const c_char, out: *mut *mut c_void) -> *mut c_char;
    fn mindgap_phase_end(phase: *mut c_void);
    fn mindgap_count_begin(handle: *mut u64) -> *mut c_char;
    fn mindgap_count_end(handle: u64, out: *mut *mut c_char) -> *mut c_char;
    fn mindgap_trace_begin() -> *mut c_char;
    fn mindgap_trace_end(kernels: *mut i64, busy: *mut i64) -> *mut c_char;
}

/// A named phase of the program: while it lives, [`count_operators`] and PyTorch's profilers attribute this thread's
/// operator calls to it. It costs next to nothing when neither is active. Phases do not nest.
#[derive(Debug)]
pub struct ProfilerPhase {
    record: *mut c_void,
    /// Keeps the phase on its thread: it must end where it began.
    thread: PhantomData<*const ()>,
}

impl ProfilerPhase {
    /// Begins the phase `name`.
    ///
    /// # Panics
    /// libtorch runs out of memory.
    pub fn new(name: &CStr) -> Self {
        let mut record = std::ptr::null_mut();
        // SAFETY: a NUL-terminated name; `record` is freed once, in `drop`.
        check(unsafe { mindgap_phase_begin(name.as_ptr(), &mut record) }).unwrap_or_else(|error| throw(error));
        Self { record, thread: PhantomData }
    }
}

impl Drop for ProfilerPhase {
    fn drop(&mut self) {
        // SAFETY: `mindgap_phase_begin` made it, and it is freed once, here.
        unsafe { mindgap_phase_end(self.record) }
    }
}

/// Numbers of operator calls by phase (the empty text outside of all phases) and by operator.
pub type Calls = BTreeMap<String, BTreeMap<String, u64>>;

/// Runs `work` and counts the operator calls that this thread makes meanwhile, its backward passes included. Calls made
/// inside an operator are not counted: a list operator is one call.
///
/// # Errors
/// `work` fails.
pub fn count_operators(work: impl FnOnce() -> Result<()>) -> Result<Calls> {
    // The C++ side has a single table of counts.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut handle = 0;
    // SAFETY: the handle is returned to libtorch below.
    check(unsafe { mindgap_count_begin(&mut handle) })?;
    let outcome = work();
    let mut text = std::ptr::null_mut();
    // SAFETY: the handle from above; `text` is freed below.
    check(unsafe { mindgap_count_end(handle, &mut text) })?;
    // SAFETY: a string from strdup that nothing else uses.
    let lines = unsafe { take_text(text) }.unwrap_or_default();
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

/// A record of what ran on CUDA devices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trace {
    /// Kernels that ran; copies are not counted.
    pub kernels: u64,
    /// Time during which a kernel or a copy ran \[seconds\].
    pub busy: f64,
}

/// Runs `work`, which must synchronise with the device at its end, and records what runs on CUDA devices meanwhile with
/// libtorch's profiler (Kineto).
///
/// # Errors
/// `work` or the profiler fails.
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
                let _phase = ProfilerPhase::new(c"a sum");
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
