//! Exceptions of libtorch as Rust errors.

use std::{
    cell::Cell,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind, set_hook, take_hook},
    sync::Once,
};

use anyhow::{Error, Result, anyhow};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and returns an exception of libtorch as an error.
///
/// tch's plain methods panic when libtorch throws (out of memory, shapes that do not match). Code written with them
/// reads like mathematics, and this function turns such a panic into an error whose text is the first line of the
/// exception. Other panics continue to unwind.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    silence_caught_panics();
    let outer = CATCHING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    outcome.unwrap_or_else(|payload| {
        let payload = match payload.downcast::<Error>() {
            Ok(thrown) => return Err(*thrown),
            Err(payload) => payload,
        };
        let text = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        match text.and_then(exception) {
            Some(exception) => Err(anyhow!("libtorch: {exception}")),
            None => {
                let _ = writeln!(std::io::stderr(), "{}", text.unwrap_or("a panic without a message"));
                resume_unwind(payload)
            }
        }
    })
}

/// Panics so that the enclosing [`catch`] returns `error`: for functions that return no `Result`, like tch's plain
/// methods.
pub fn throw(error: Error) -> ! {
    panic_any(error)
}

/// The first line of the exception inside tch's panic message; `None` when the panic does not come from libtorch.
fn exception(panic: &str) -> Option<&str> {
    let (_, text) = panic.split_once("Torch(\"")?;
    let text = text.strip_prefix("Internal torch error: ").unwrap_or(text);
    Some(text.split("\\n").next().unwrap_or(text).trim_end_matches("\")"))
}

/// `text` without the C++ stack frames that libtorch appends to the text of an exception.
pub fn without_frames(text: &str) -> &str {
    text.split("\nException raised from").next().unwrap_or(text)
}

/// Keeps the panic hook from printing a panic that is about to become an error.
fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if !CATCHING.get() {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn an_exception_is_an_error_of_one_line() {
        let two = Tensor::zeros([2], (Kind::Float, Device::Cpu));
        let three = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let error = catch(|| Ok(&two + &three)).unwrap_err().to_string();
        assert!(error.starts_with("libtorch: The size of tensor a (2) must match"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn a_thrown_error_is_returned_unchanged() {
        let thrown = catch::<()>(|| throw(anyhow!("rank 1 is gone").context("a sum")));
        assert_eq!(format!("{:#}", thrown.unwrap_err()), "a sum: rank 1 is gone");
    }

    #[test]
    fn other_panics_continue() {
        let outcome = std::panic::catch_unwind(|| catch::<()>(|| panic!("a bug")));
        assert_eq!(*outcome.unwrap_err().downcast_ref::<&str>().unwrap(), "a bug");
    }
}
