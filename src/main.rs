//! The `mindgap` command.

fn main() {}
