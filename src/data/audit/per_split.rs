//! Values that exist once for each split.

use serde::Serialize;

use crate::data::splits::split_name::SplitName;

/// One value for each split; in JSON `test` is null where there is no test split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct PerSplit<T> {
    pub train: T,
    pub val: T,
    pub test: Option<T>,
}

impl<T> PerSplit<T> {
    /// Computes a value for each split from the value here.
    pub(super) fn map<U>(&self, mut of: impl FnMut(SplitName, &T) -> U) -> PerSplit<U> {
        PerSplit {
            train: of(SplitName::Train, &self.train),
            val: of(SplitName::Val, &self.val),
            test: self.test.as_ref().map(|test| of(SplitName::Test, test)),
        }
    }

    /// Iterates over the splits that exist.
    pub fn each(&self) -> impl Iterator<Item = (SplitName, &T)> {
        let test = self.test.as_ref().map(|test| (SplitName::Test, test));
        [(SplitName::Train, &self.train), (SplitName::Val, &self.val)].into_iter().chain(test)
    }

    /// The value of `split`, if that split exists.
    pub fn get(&self, split: SplitName) -> Option<&T> {
        self.each().find(|(name, _)| *name == split).map(|(_, of)| of)
    }
}
