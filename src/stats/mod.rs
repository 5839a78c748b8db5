//! Plain numbers in, plain numbers out: intervals, tests, calibration.
