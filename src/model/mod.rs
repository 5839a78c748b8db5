//! Residual networks.
