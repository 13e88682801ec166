//! What the holder of a condition's lock owes to those that it gave notice: to wake them, when it has released the lock.
//!
//! Invariant: what is owed is paid by the next wait, or by the drop, which a guard has after the drop that releases the lock. A guard
//! that is forgotten pays nothing: then the sleepers look by themselves.

use std::cell::Cell;

use core_process::Until;

use crate::ledger::Slot;
use crate::notices::{Notices, Owed, Waited};

/// The notices of a condition, and what one guard owes.
pub(crate) struct Wakes<'a> {
    notices: Notices<'a>,
    owed: Cell<Owed>,
}

impl<'a> Wakes<'a> {
    /// Nothing is owed yet.
    pub(crate) fn of(notices: Notices<'a>) -> Self {
        Self {
            notices,
            owed: Cell::default(),
        }
    }

    /// Gives so many notices. Under the lock.
    pub(crate) fn give(&self, count: u32) {
        let mut owed = self.owed.take();
        self.notices.give(count, &mut owed);
        self.owed.set(owed);
    }

    /// See [`Notices::wait`].
    pub(crate) fn wait(&self, slot: Slot<'_>, until: &Until) -> Waited {
        self.notices.wait(slot, until, self.owed.take())
    }

    /// See [`Notices::waiting`].
    pub(crate) fn waiting(&self) -> u32 {
        self.notices.waiting()
    }
}

impl Drop for Wakes<'_> {
    fn drop(&mut self) {
        self.notices.wake(self.owed.take());
    }
}
