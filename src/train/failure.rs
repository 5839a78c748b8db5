//! Failures while training, as opposed to mistakes of the user.

use std::fmt;

/// An error that arose after training had begun. The exit code is 3, while a bad flag, file or data set has 2.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
