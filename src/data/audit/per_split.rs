//! Figures that exist once for each split.

use serde::Serialize;

use crate::data::splits::split_name::SplitName;

/// Something of each split; in JSON `test` is null where there is no test split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct PerSplit<T> {
    pub train: T,
    pub val: T,
    pub test: Option<T>,
}

impl<T> PerSplit<T> {
    /// The same of each split, made from it.
    pub(super) fn map<U>(&self, mut of: impl FnMut(SplitName, &T) -> U) -> PerSplit<U> {
        PerSplit {
            train: of(SplitName::Train, &self.train),
            val: of(SplitName::Val, &self.val),
            test: self.test.as_ref().map(|test| of(SplitName::Test, test)),
        }
    }

    /// Each split that is there.
    pub fn each(&self) -> impl Iterator<Item = (SplitName, &T)> {
        let test = self.test.as_ref().map(|test| (SplitName::Test, test));
        [(SplitName::Train, &self.train), (SplitName::Val, &self.val)].into_iter().chain(test)
    }

    /// That of `split`, if it is there.
    pub fn get(&self, split: SplitName) -> Option<&T> {
        self.each().find(|(name, _)| *name == split).map(|(_, of)| of)
    }
}
