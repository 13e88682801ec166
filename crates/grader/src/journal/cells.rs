//! The rest of the log's memory: named cells of shared words, the slots of waiting threads, and who is the main process.
//!
//! Invariant: every word starts at zero, and zero is everybody's first state; so nothing here needs to be set up, and a process
//! that dies between any two steps leaves what it found or what it meant to leave.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::log::{AT_MAIN, AT_TICKET, CELL_SIZE, CELL_SLOTS, CELLS, Log, WAITER_SIZE, WAITERS};
use super::words::hash;

/// A named cell of the log: a few shared words.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    log: &'static Log,
    at: usize,
}

impl Log {
    /// The cell of this kind, name and number, the same one in every process; `None` when all cells are taken.
    ///
    /// A cell is claimed by one compare-exchange of its key. If the claimer dies before or after it, the cell is as good as
    /// ever: its words start at zero, which is every primitive's first state.
    pub(crate) fn cell(&'static self, kind: &'static str, name: &str, number: u64) -> Option<Cell> {
        let key = hash(kind, name, number);
        for probe in 0..CELL_SLOTS {
            let slot = (key as usize).wrapping_add(probe) % CELL_SLOTS;
            let at = CELLS + slot * CELL_SIZE;
            // Relaxed: the key alone says whose cell it is, and nothing else is initialised.
            let found =
                self.segment
                    .atomic_u64(at)
                    .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
            if found.is_ok() || found == Err(key) {
                return Some(Cell { log: self, at });
            }
        }
        None
    }

    /// The ticket counter of waiting threads.
    pub(crate) fn tickets(&self) -> &AtomicU64 {
        self.segment.atomic_u64(AT_TICKET)
    }

    /// A word of a waiter's slot: 0 its thread, 1 its ticket, 2 the word that it waits on and the value that it waits out.
    pub(crate) fn waiter(&self, slot: usize, word: usize) -> &AtomicU64 {
        self.segment.atomic_u64(WAITERS + slot * WAITER_SIZE + word * 8)
    }

    /// The shared 32-bit word at `offset`.
    pub(crate) fn word_at(&self, offset: usize) -> &AtomicU32 {
        self.segment.atomic_u32(offset)
    }

    /// Notes that this process is the answer's first one; the first caller wins.
    pub(crate) fn claim_main(&self, parent: u32) {
        let main = u64::from(std::process::id()) | u64::from(parent) << 32;
        // Relaxed: the word stands for itself. A loser is a child of the winner.
        let _ =
            self.segment
                .atomic_u64(AT_MAIN)
                .compare_exchange(0, main, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The process that stands above the answer's first one: all of the answer are its descendants.
    pub(crate) fn root(&self) -> Option<u32> {
        let main = self.segment.atomic_u64(AT_MAIN).load(Ordering::Relaxed);
        (main != 0).then_some((main >> 32) as u32)
    }
}

impl Cell {
    /// A 32-bit word of the cell, 0 to 3: one that can be waited on.
    pub(crate) fn word(&self, number: usize) -> &'static AtomicU32 {
        self.log.word_at(self.word_offset(number))
    }

    /// Where [`Cell::word`] lies in the segment.
    pub(crate) fn word_offset(&self, number: usize) -> usize {
        assert!(number < 4, "a cell has four words");
        self.at + 16 + number * 4
    }

    /// A 64-bit word of the cell, 0 to 3.
    pub(crate) fn wide(&self, number: usize) -> &'static AtomicU64 {
        assert!(number < 4, "a cell has four wide words");
        self.log.segment.atomic_u64(self.at + 32 + number * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked() -> &'static Log {
        Box::leak(Box::new(Log::create().unwrap()))
    }

    #[test]
    fn a_name_finds_its_cell_again_and_no_other_one() {
        let log = leaked();
        let cell = |kind, name, number| log.cell(kind, name, number).unwrap();
        cell("gate", "a", 0).word(0).store(7, Ordering::Relaxed);
        assert_eq!(cell("gate", "a", 0).word(0).load(Ordering::Relaxed), 7);
        for other in [
            cell("gate", "b", 0),
            cell("gate", "a", 1),
            cell("counter", "a", 0),
        ] {
            assert_eq!(other.word(0).load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn when_all_cells_are_taken_known_names_still_find_theirs() {
        let log = leaked();
        let taken = (0..)
            .take_while(|number| log.cell("gate", "many", *number).is_some())
            .count();
        assert_eq!(taken, CELL_SLOTS);
        assert!(log.cell("gate", "many", 3).is_some());
        assert!(log.cell("gate", "one more", 0).is_none());
    }

    #[test]
    fn the_first_process_is_the_main_one_for_good() {
        let log = leaked();
        assert_eq!(log.root(), None);
        log.claim_main(17);
        log.claim_main(18);
        assert_eq!(log.root(), Some(17));
    }
}
