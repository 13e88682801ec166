//! Processes that start, return and end.

pub mod probe;
