//! The status with which a command ends, and its exit code.

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use mindgap::train::Failure;

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 a threshold asked for is not met; 2 a bad flag, file or data set; \
                              3 a failure while running; 75 stopped by a signal after a safe checkpoint.";

/// The status with which a command ends.
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
    /// The status for an error: [`Self::Failure`] where its chain holds a [`Failure`] or a full disk, [`Self::UserError`]
    /// otherwise.
    pub fn of(error: &anyhow::Error) -> Self {
        let has_failed = error.downcast_ref::<Failure>().is_some()
            || error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_full_disk));
        if has_failed { ExitStatus::Failure } else { ExitStatus::UserError }
    }
}

fn is_full_disk(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        ExitCode::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::ThresholdMissed => 1,
            ExitStatus::UserError => 2,
            ExitStatus::Failure => 3,
            ExitStatus::Stopped => 75,
        })
    }
}
