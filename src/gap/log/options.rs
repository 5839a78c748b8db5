//! What a user says about a log.

/// Choices in reading a log that the log itself leaves open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// Columns that the user names.
    pub columns: Columns,
    /// Which of several runs is diagnosed, from 1; None for the last.
    pub run: Option<usize>,
    /// How many classes the data have.
    pub classes: Option<usize>,
}

/// Columns that the user names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// The training loss.
    pub train_loss: Option<String>,
    /// The val loss.
    pub val_loss: Option<String>,
    /// Val accuracy.
    pub val_acc: Option<String>,
    /// The learning rate.
    pub lr: Option<String>,
    /// The epoch.
    pub epoch: Option<String>,
}

impl Columns {
    /// The columns that are named.
    pub(super) fn names(&self) -> Vec<String> {
        [&self.train_loss, &self.val_loss, &self.val_acc, &self.lr, &self.epoch]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}
