//! A run on several processes: where each stands, how they meet, and how they end together.

#[cfg(not(feature = "distributed"))]
mod absent;
#[cfg(feature = "distributed")]
mod company;
#[cfg(feature = "distributed")]
mod launch;
mod place;
#[cfg(feature = "distributed")]
mod watch;
mod word;

#[cfg(not(feature = "distributed"))]
pub use absent::{Company, Flags};
#[cfg(feature = "distributed")]
pub use company::{Company, Flags};
pub use place::Place;
pub use word::Word;
