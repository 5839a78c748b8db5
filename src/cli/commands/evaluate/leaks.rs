//! Which images of a split also appear in train, if that is known.

/// Which images of a split also appear in train.
#[derive(Clone, Debug)]
pub enum Leaks {
    /// They are known.
    Known(KnownLeaks),
    /// The leaks are not known, for this reason.
    Unknown(&'static str),
}

/// Which images of a split also appear in train, exactly or nearly.
#[derive(Clone, Debug)]
pub struct KnownLeaks {
    /// For each image, whether it also appears in train.
    pub exact: Vec<bool>,
    /// For each image, whether a near-duplicate, but no equal image, is in train; None where that is not known.
    pub near: Option<Vec<bool>>,
}

impl Leaks {
    /// The leaks; None where they are not known.
    pub fn known(&self) -> Option<&KnownLeaks> {
        match self {
            Self::Known(leaks) => Some(leaks),
            Self::Unknown(_) => None,
        }
    }
}
