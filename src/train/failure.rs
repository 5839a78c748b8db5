//! What goes wrong while training, as opposed to what a user asked for wrongly.

use std::fmt;

/// An error that arose after training had begun: exit code 3, where a bad flag, file or data set is 2.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
