//! Sleeping on a word of shared memory, and waking who sleeps there.
//!
//! Invariant: never process-private, so it works between any mappings of one segment; and every sleep has an end of its
//! own, since the process that would wake may die first. Sleepers are in the kernel's list and in no memory, so one
//! that dies leaves nothing.

use std::time::Duration;

use rustix::thread::futex::{self, Flags, Timespec};

use crate::sys::cpu;
use crate::sys::memory::Word;

/// Sleeps while `word` is `expected`, at most for `longest`. May return early for no reason: the caller looks again.
pub(crate) fn sleep(word: &Word, expected: u32, longest: Duration) {
    let timeout = Timespec {
        tv_sec: longest.as_secs().cast_signed(),
        tv_nsec: longest.subsec_nanos().into(),
    };
    cpu::sleeps();
    // Woken, changed before, interrupted, timed out: for the caller all are "look again".
    let _ = futex::wait(word, Flags::empty(), expected, Some(&timeout));
}

/// Wakes at most `count` of those that sleep on `word`, and says how many. It cannot fail: the word is mapped and aligned.
pub(crate) fn wake(word: &Word, count: u32) -> usize {
    futex::wake(word, Flags::empty(), count).unwrap_or(0)
}

/// Wakes all that sleep on `word`.
pub(crate) fn wake_all(word: &Word) {
    wake(word, i32::MAX.cast_unsigned());
}
