//! A rendezvous is where processes meet; it succeeds only if all of them are there at the same time.
//!
//! It proves that work overlaps, without a clock: a task that waits inside for its peer can end only if the peer runs
//! before this task has ended. On one core just as on many.
//!
//! # The shared words
//! | word | means |
//! | --- | --- |
//! | `ARRIVED` | who has come so far, over all rounds |
//! | `ROUND` | rounds that are complete; `FAILED` (the highest bit) once a meeting could not take place |
//!
//! Dies before the arrival: the others leave when nobody else can come. Dies after it: it has been here, and counts. Dies as
//! the last one, between its arrival and the store of the round: waiters look at `ARRIVED` too (see [`complete`]).

use std::panic::Location;
use std::sync::atomic::Ordering;

use core_process::probe::Phase;

use super::wait::{self, Ended};
use super::write;
use crate::journal::cells::Cell;
use crate::journal::log;

pub(crate) const MEET: &str = "meet";

const ARRIVED: usize = 0;
const ROUND: usize = 1;
const FAILED: u32 = 1 << 31;

/// A meeting point of processes.
#[derive(Clone, Copy, Debug)]
pub struct Rendezvous {
    name: &'static str,
    number: u64,
}

impl Rendezvous {
    /// The meeting point of this name, the same one in every process of the cage.
    pub const fn named(name: &'static str) -> Rendezvous {
        Rendezvous { name, number: 0 }
    }

    /// One of many meeting points of the same name.
    pub const fn number(self, number: u64) -> Rendezvous {
        Rendezvous { number, ..self }
    }

    /// Waits until `parties` threads or processes are here, this one counted. `false` when the others never came: all that
    /// could come sleep or are gone. Once a meeting has failed, every later one at this point fails at once.
    ///
    /// A rendezvous can be used for round after round, with the same number of parties each time.
    #[track_caller]
    pub fn meet(self, parties: u32) -> bool {
        let location = Location::caller();
        let Some(cell) = self.cell() else {
            return parties <= 1;
        };
        write(
            MEET,
            Phase::Begin,
            self.name,
            self.number,
            i64::from(parties),
            Some(location),
        );
        let ended = meet(&cell, parties.max(1));
        write(
            MEET,
            Phase::End,
            self.name,
            self.number,
            ended.as_value(),
            Some(location),
        );
        ended == Ended::Happened
    }

    fn cell(self) -> Option<Cell> {
        log::attached()?.cell("rendezvous", self.name, self.number)
    }
}

fn meet(cell: &Cell, parties: u32) -> Ended {
    let round = cell.word(ROUND);
    // AcqRel, the last arrival's Acquire: it sees what all earlier ones did before they came.
    let place = cell.word(ARRIVED).fetch_add(1, Ordering::AcqRel);
    let mine = place / parties;
    if place % parties == parties - 1 {
        // AcqRel: who leaves sees what all the parties did before they came.
        let before = round.fetch_add(1, Ordering::AcqRel);
        wait::wake_all(round);
        return if before & FAILED == 0 {
            Ended::Happened
        } else {
            Ended::Impossible
        };
    }
    let seen = round.load(Ordering::Acquire);
    let ended = wait::until(cell, ROUND, seen, || {
        complete(cell, parties, mine) || round.load(Ordering::Acquire) & FAILED != 0
    });
    match ended {
        Ended::Happened if complete(cell, parties, mine) => Ended::Happened,
        Ended::Happened => Ended::Impossible,
        Ended::Impossible | Ended::Undecided => {
            round.fetch_or(FAILED, Ordering::AcqRel);
            wait::wake_all(round);
            ended
        }
    }
}

/// Whether all parties of round `mine` have come, and no meeting has failed before.
fn complete(cell: &Cell, parties: u32, mine: u32) -> bool {
    // Acquire: pairs with the AcqRel of the arrivals.
    cell.word(ARRIVED).load(Ordering::Acquire) / parties > mine
        && cell.word(ROUND).load(Ordering::Acquire) & FAILED == 0
}
