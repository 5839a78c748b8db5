//! What the recorded epochs say about the gap. No tensors: any log that reads as epoch records will do.

mod opening;

pub use opening::open_since;
