//! A gate holds those who come to it until somebody opens it.
//!
//! # The shared word
//! | value | means |
//! | --- | --- |
//! | 0 | closed |
//! | 1 | open; it stays open |
//!
//! If an opener dies before its store, the gate stays closed and its waiters leave when nobody can open it any more. If it
//! dies between the store and the wake, waiters find the gate open at their next look (`wait::PACE`).

use std::panic::Location;
use std::sync::atomic::Ordering;

use core_process::probe::Phase;

use super::wait::{self, Ended};
use super::write;
use crate::journal::cells::Cell;
use crate::journal::log;

/// Holds processes until it is opened.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    name: &'static str,
    number: u64,
}

pub(crate) const GATE: &str = "gate";

const CLOSED: u32 = 0;
const OPEN: u32 = 1;

impl Gate {
    /// The gate of this name, the same one in every process of the cage; closed at first.
    pub const fn named(name: &'static str) -> Gate {
        Gate { name, number: 0 }
    }

    /// One of many gates of the same name.
    pub const fn number(self, number: u64) -> Gate {
        Gate { number, ..self }
    }

    /// Waits until the gate is open. `false` when nobody can open it any more, because all others sleep or are gone; the
    /// caller then goes on.
    #[track_caller]
    pub fn wait(self) -> bool {
        let location = Location::caller();
        let Some(cell) = self.cell() else { return false };
        write(GATE, Phase::Begin, self.name, self.number, 0, Some(location));
        let word = cell.word(0);
        // Acquire: pairs with the Release in `open`.
        let ended = wait::until(&cell, 0, CLOSED, || word.load(Ordering::Acquire) == OPEN);
        write(
            "gate",
            Phase::End,
            self.name,
            self.number,
            ended.as_value(),
            Some(location),
        );
        ended == Ended::Happened
    }

    /// Opens the gate for all, for good.
    #[track_caller]
    pub fn open(self) {
        write(
            "open",
            Phase::Point,
            self.name,
            self.number,
            0,
            Some(Location::caller()),
        );
        if let Some(cell) = self.cell() {
            // Release: who passes the gate sees what its opener did before.
            cell.word(0).store(OPEN, Ordering::Release);
            wait::wake_all(cell.word(0));
        }
    }

    /// Whether it is open now.
    pub fn is_open(self) -> bool {
        // Acquire: pairs with the Release in `open`.
        self.cell()
            .is_some_and(|cell| cell.word(0).load(Ordering::Acquire) == OPEN)
    }

    fn cell(self) -> Option<Cell> {
        log::attached()?.cell("gate", self.name, self.number)
    }
}
