//! Data made for tests.
