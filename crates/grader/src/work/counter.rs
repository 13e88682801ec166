//! A counter shared by all processes of a cage.
//!
//! Invariant: every change is one atomic operation and one line in the journal; the line's value is the count after it.
//! Outside a cage a counter stays at zero.

use std::panic::Location;
use std::sync::atomic::Ordering;

use core_process::probe::Phase;

use super::write;
use crate::journal::cells::Cell;
use crate::journal::log;

/// A shared number that workloads count with: attempts, deliveries, tickets.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    name: &'static str,
    number: u64,
}

impl Counter {
    /// The counter of this name, the same one in every process of the cage.
    pub const fn named(name: &'static str) -> Counter {
        Counter { name, number: 0 }
    }

    /// One of many counters of the same name.
    pub const fn number(self, number: u64) -> Counter {
        Counter { number, ..self }
    }

    /// Adds, and returns the count *before* it: with `fetch_add(1)`, each caller gets a number of its own.
    #[track_caller]
    pub fn fetch_add(self, amount: u64) -> u64 {
        // AcqRel: whoever sees this count sees what its adders did before.
        let before = self
            .cell()
            .map_or(0, |cell| cell.wide(0).fetch_add(amount, Ordering::AcqRel));
        let after = before.wrapping_add(amount);
        write(
            "count",
            Phase::Point,
            self.name,
            self.number,
            after as i64,
            Some(Location::caller()),
        );
        before
    }

    /// The count now.
    pub fn value(self) -> u64 {
        // Acquire: pairs with the AcqRel in `fetch_add`.
        self.cell().map_or(0, |cell| cell.wide(0).load(Ordering::Acquire))
    }

    fn cell(self) -> Option<Cell> {
        log::attached()?.cell("counter", self.name, self.number)
    }
}
