//! Options of an exported file.

/// Options of an exported file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variant {
    /// Numbers have half precision.
    pub half: bool,
    /// The file computes probabilities with the temperature that was fitted on val.
    pub calibrated: bool,
}
