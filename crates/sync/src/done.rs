//! The protocol of a `Once`: whether the work was done, and who is at it.
//!
//! Invariant: `DONE` is set after the work has returned, so who is killed or panics in it has not done it, and another one does it.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 128 | `DONE` | 1 when it was done |

use std::sync::atomic::Ordering::{Acquire, Release};

use core_process::Until;

use crate::exclusion::{self, News};
use crate::pace::Over;
use crate::sys::memory::{Memory, Nesting};

const DONE: usize = 128;

/// The work to be done; held by who does it. Without [`Turn::done`], another one has to.
pub(crate) struct Turn<'a> {
    memory: &'a Memory,
    /// Whether a process was killed in the work.
    pub(crate) news: News,
}

/// Nothing is done.
pub(crate) fn lay_out(memory: &Memory) {
    exclusion::lay_out(memory, Nesting::Refused);
}

/// Whether it was done.
pub(crate) fn is_done(memory: &Memory) -> bool {
    // Acquire: sees what the work did before the Release store in `done`.
    memory.word(DONE).load(Acquire) != 0
}

/// Waits for whoever is at it; `None` if it is done.
pub(crate) fn take_turn<'a>(memory: &'a Memory, until: &Until) -> Result<Option<Turn<'a>>, Over> {
    if is_done(memory) {
        return Ok(None);
    }
    let news = exclusion::take(memory, until)?;
    let turn = Turn { memory, news };
    if is_done(memory) {
        exclusion::repaired(memory);
        return Ok(None);
    }
    Ok(Some(turn))
}

impl Turn<'_> {
    /// The work has returned.
    pub(crate) fn done(self) {
        // Release: pairs with the Acquire in `is_done`.
        self.memory.word(DONE).store(1, Release);
        exclusion::repaired(self.memory);
    }
}

impl Drop for Turn<'_> {
    /// Leaves the exclusion, when the work has returned or panicked.
    fn drop(&mut self) {
        exclusion::release(self.memory);
    }
}
