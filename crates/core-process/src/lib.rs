//! Processes that start, return and end.

pub mod codec;
mod cpu;
mod descriptor;
pub mod probe;
pub mod shm;
mod signal;
mod stop;
mod sys;
mod until;
mod wait;

pub use cpu::{cpu_count, usable_cpus};
pub use descriptor::Fd;
pub use signal::{Signal, UnknownSignal};
pub use stop::{StopSource, StopToken};
pub use until::{Until, WaitError};
pub use wait::wait_any;
