//! The CPU that this thread runs on: its number, a hint that is stale as soon as it is read; and how to wait without leaving it.
#![allow(unsafe_code, reason = "sched_getcpu")]

use std::cell::Cell;

thread_local! {
    static RECENT: Recent = const {
        Recent {
            cpu: Cell::new(0),
            trusted: Cell::new(0),
        }
    };
}

struct Recent {
    cpu: Cell<u32>,
    /// How often the number is taken for what it was before the C library is asked again.
    trusted: Cell<u32>,
}

/// So often: rarely enough to cost nothing, and soon after a thread has moved.
const TRUST: u32 = 32;

/// How often a waiter looks before it sleeps, if the owner runs on another CPU.
pub(crate) const LOOKS: u32 = 8;

/// The number of the CPU; `u32::MAX` if the system does not tell.
#[inline]
pub(crate) fn current() -> u32 {
    // SAFETY: sched_getcpu has no preconditions.
    let cpu = unsafe { libc::sched_getcpu() };
    cpu.cast_unsigned()
}

/// The number of the CPU, now or a moment ago: a tenth of the cost.
#[inline]
pub(crate) fn recent() -> u32 {
    RECENT.with(|recent| match recent.trusted.get() {
        0 => ask(recent),
        left => {
            recent.trusted.set(left - 1);
            recent.cpu.get()
        }
    })
}

#[cold]
fn ask(recent: &Recent) -> u32 {
    recent.cpu.set(current());
    recent.trusted.set(TRUST);
    recent.cpu.get()
}

/// This thread sleeps, and may wake on another CPU: the next [`recent`] asks.
#[inline]
pub(crate) fn sleeps() {
    RECENT.with(|recent| recent.trusted.set(0));
}

/// Between two looks at a word that another CPU is about to change.
#[inline]
pub(crate) fn relax() {
    std::hint::spin_loop();
}
