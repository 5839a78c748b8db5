//! A sealed test set: a ledger beside the data counts every evaluation on it, so that the best of several figures is known
//! to be the best of several.
//!
//! [`Ledger::create`] seals the images of a test split ([`TestImages`]). An evaluation on them, one [`Look`], is a line of the
//! ledger and a file with the loss of each image ([`Results`]). Each line holds the hash of the line before, and
//! [`Witnesses`] outside of the ledger know its last line, so that a line that was changed or removed is noticed.
//! [`Standing`] says how many models were measured, which is best, and what the choice among them adds to its figure.
//!
//! ```text
//! photos.seal/
//!   ledger.jsonl        the sealing, then the looks, a line each
//!   images.safetensors  hash and class of each test image, in the order of the files below
//!   0002.safetensors    loss and hit of each image, of line 2
//!   ledger.lock         held while a line is appended
//! ```

mod candidates;
mod find;
mod ledger;
mod line;
mod results;
mod standing;
mod test_images;
#[cfg(test)]
mod tests;
mod witness;

pub use find::{Found, beside, find, may_be_sealed};
pub use ledger::Ledger;
pub use line::{Look, LookedModel, Sealed};
pub use results::Results;
pub use standing::{Best, Standing};
pub use test_images::TestImages;
pub use witness::{Witness, Witnesses};
