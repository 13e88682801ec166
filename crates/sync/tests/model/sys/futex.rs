//! The kernel's sleep and wake, on modelled words.
//!
//! Invariant: the comparison and the falling asleep are one step, under the word's bucket, as in the kernel. A sleeper is in the stage's
//! list, so one that dies is in nobody's memory.

use std::time::Duration;

use crate::stage;
use crate::sys::memory::Word;

/// Sleeps while `word` is `expected`. That `longest` passes is modelled by the stage: when nothing else can happen.
pub(crate) fn sleep(word: &Word, expected: u32, _longest: Duration) {
    if stage::step("sleep", word.place()) {
        let _ = word.sleep_while(expected);
    }
}

/// Wakes at most `count`, those first that slept first, and says how many.
pub(crate) fn wake(word: &Word, count: u32) -> usize {
    if stage::step("wake", word.place()) {
        word.wake(count as usize)
    } else {
        0
    }
}

/// Wakes all.
pub(crate) fn wake_all(word: &Word) {
    wake(word, u32::MAX);
}
