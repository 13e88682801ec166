//! Processes that start, return and end.
