//! The number of the CPU that this thread runs on: a hint, stale as soon as it is read.
#![allow(unsafe_code, reason = "sched_getcpu")]

/// The number of the CPU; `u32::MAX` if the system does not tell.
#[inline]
pub(crate) fn current() -> u32 {
    // SAFETY: sched_getcpu has no preconditions.
    let cpu = unsafe { libc::sched_getcpu() };
    cpu.cast_unsigned()
}
