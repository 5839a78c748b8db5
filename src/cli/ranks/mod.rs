//! A run on several processes: how they find each other, exchange messages, monitor each other, and end together.

#[cfg(feature = "distributed")]
mod heartbeat;
#[cfg(feature = "distributed")]
mod launch;
mod message;
#[cfg(feature = "distributed")]
mod process_group;
mod rank_info;
#[cfg(not(feature = "distributed"))]
mod unsupported;

pub use message::Message;
#[cfg(feature = "distributed")]
pub use process_group::{Flags, ProcessGroup};
pub use rank_info::RankInfo;
#[cfg(not(feature = "distributed"))]
pub use unsupported::{Flags, ProcessGroup};
