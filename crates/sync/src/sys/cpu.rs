//! The CPU that this thread runs on: its number, a hint that is stale as soon as it is read; and how to wait without leaving it.
#![allow(unsafe_code, reason = "sched_getcpu")]

/// The number of the CPU; `u32::MAX` if the system does not tell.
#[inline]
pub(crate) fn current() -> u32 {
    // SAFETY: sched_getcpu has no preconditions.
    let cpu = unsafe { libc::sched_getcpu() };
    cpu.cast_unsigned()
}

/// Between two looks at a word that another CPU is about to change.
#[inline]
pub(crate) fn relax() {
    std::hint::spin_loop();
}
