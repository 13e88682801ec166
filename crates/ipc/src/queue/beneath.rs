//! What the protocols of a queue stand on: words, memory that grows, and the kernel's sleep on a word.
//!
//! Invariant: the files of the protocols (`ring.rs` and below, `sleepers.rs`, `leases.rs`) take these from here and from nowhere else; so
//! `tests/model` compiles them as they are, with a model in the place of this file.

use std::time::Duration;

use rustix::thread::futex::{self, Flags, Timespec};

pub(super) use std::sync::atomic::{AtomicU32, fence};

pub(super) use core_process::shm::{GrowingSegment, View};

/// Sleeps while `word` is `expected`, at most so long. Woken, changed before, interrupted, timed out: for the caller all are "look
/// again".
pub(super) fn sleep_while(word: &AtomicU32, expected: u32, longest: Duration) {
    let timeout = Timespec {
        tv_sec: longest.as_secs().cast_signed(),
        tv_nsec: longest.subsec_nanos().into(),
    };
    sync::passage::sleeps();
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

/// Wakes at most so many of those that sleep on the word, and says how many.
pub(super) fn wake(word: &AtomicU32, count: i32) -> usize {
    futex::wake(word, Flags::empty(), count.cast_unsigned()).unwrap_or(0)
}

/// Between what was done under a lock that was left, and what follows.
#[inline]
pub(super) fn fence_after_a_release() {
    use std::sync::atomic::Ordering::SeqCst;
    // There the C library releases a robust mutex by an atomic exchange, and every such instruction is a full fence: what was
    // stored before is seen by all before what follows is read. So the compiler alone has to keep the order.
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    std::sync::atomic::compiler_fence(SeqCst);
    #[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
    fence(SeqCst);
}
