//! Processes that start, return and end.

pub mod codec;
mod descriptor;
pub mod probe;
pub mod shm;
mod sys;

pub use descriptor::Fd;
