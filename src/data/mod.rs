//! Images and labels: where they come from and how they reach the device.

pub mod faces;
