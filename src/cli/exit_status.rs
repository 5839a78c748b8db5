//! How a command ends, as an exit code.

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use mindgap::train::Failure;

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 a threshold asked for is not met; 2 a bad flag, file or data set; \
                              3 a failure while running; 75 stopped by a signal after a safe checkpoint.";

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Done.
    Done,
    /// A threshold that was asked for is not met.
    ThresholdMissed,
    /// A bad flag, file or data set.
    UserError,
    /// A failure while running: disk, memory, non-finite loss.
    Failure,
    /// Stopped by a signal after a safe checkpoint (EX_TEMPFAIL: try again).
    Stopped,
}

impl ExitStatus {
    /// What an error means: a [`Failure`] or a full disk anywhere in its chain arose while running, all else is the
    /// user's to mend.
    pub fn of(error: &anyhow::Error) -> Self {
        let is_full = |error: &io::Error| {
            matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
        };
        let has_failed = error.downcast_ref::<Failure>().is_some()
            || error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_full));
        if has_failed { ExitStatus::Failure } else { ExitStatus::UserError }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(end: ExitStatus) -> Self {
        ExitCode::from(match end {
            ExitStatus::Done => 0,
            ExitStatus::ThresholdMissed => 1,
            ExitStatus::UserError => 2,
            ExitStatus::Failure => 3,
            ExitStatus::Stopped => 75,
        })
    }
}
