//! Who has what: a table of processes in an object's memory, each with a count, and each known to be alive or dead.
//!
//! A process takes a slot and holds the slot's robust mutex for as long as it lives. So whether it lives is not a question of pids, which
//! are reused and outlive their process as zombies: the kernel marks the mutex at the moment of death.
//! Invariant: everything but the liveness is read and written under the object's exclusion. A sum over the slots is the
//! truth; a word that repeats it can be made anew. Which slot a process has is `member.rs`; the steps, and what a death at each
//! leaves, are in `README.md` beside this file.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 192 | `HIGH` | slots that have ever been used: no other has a mutex |
//! | 256 + 64 i | mutex | held by the process of slot i, by a thread that lasts as long as the process |
//! | + 48 | `COUNT` | the object's: permits held, threads that wait |
//! | + 52 | `USE` | `FREE` 0, `USED` 1 |
//! | + 56 | `TAG` | the object's |
//! | + 60 | `PID` | for a message |

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::identity;
use crate::sys::memory::{Got, MUTEX_ROOM, Memory, Nesting, Word};

const HIGH: usize = 192;
const FIRST: usize = 256;
const SLOT: usize = 64;
const COUNT: usize = MUTEX_ROOM;
const USE: usize = COUNT + 4;
const TAG: usize = COUNT + 8;
const PID: usize = COUNT + 12;

const FREE: u32 = 0;
const USED: u32 = 1;

/// Most processes that can have a place in one object at a time.
pub(crate) const PLACES: u32 = 1020;

/// The length of an object with a ledger.
pub(crate) const LEN: usize = FIRST + SLOT * PLACES as usize;

/// What was found in the slot of a process that has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) count: u32,
    pub(crate) pid: u32,
}

/// A slot.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    memory: &'a Memory,
    offset: usize,
}

/// The slot with this number.
#[inline]
pub(crate) fn slot(memory: &Memory, index: usize) -> Slot<'_> {
    Slot {
        memory,
        offset: FIRST + SLOT * index,
    }
}

/// Takes a slot for this process, if one is free. By a thread that lasts as long as the process, while the exclusion is this process's.
pub(crate) fn take(memory: &Memory) -> Option<usize> {
    for index in 0..PLACES as usize {
        let offset = FIRST + SLOT * index;
        if index == high(memory) {
            // Nobody has used it: its memory is zero, or was begun by somebody who died before the next line.
            memory.make_mutex(offset, Nesting::Refused);
            memory.word(HIGH).store(index as u32 + 1, Relaxed);
        }
        if memory.word(offset + USE).load(Relaxed) != FREE {
            continue;
        }
        match memory.try_lock(offset) {
            // Its last process has left it, and has yet to release the mutex.
            None => continue,
            Some(Got::Free) => {}
            // It died after it had left it.
            Some(Got::FromTheDead) => memory.make_consistent(offset),
        }
        memory.word(offset + COUNT).store(0, Relaxed);
        memory.word(offset + PID).store(identity::pid(), Relaxed);
        memory.word(offset + USE).store(USED, Relaxed);
        return Some(index);
    }
    None
}

/// Every slot that is used. Under the exclusion.
pub(crate) fn slots(memory: &Memory) -> impl Iterator<Item = Slot<'_>> {
    (0..high(memory))
        .map(|index| slot(memory, index))
        .filter(|slot| slot.word(USE).load(Relaxed) == USED)
}

/// The sum of the counts. Under the exclusion.
pub(crate) fn sum(memory: &Memory) -> u32 {
    slots(memory).map(|slot| slot.count()).sum()
}

/// Frees the slots of processes that have died, and says what each had. Under the exclusion.
///
/// `settle` sees each before it is freed: who is killed meanwhile leaves the slot to the next.
pub(crate) fn bury(memory: &Memory, mut settle: impl FnMut(Dead)) {
    for slot in slots(memory) {
        match memory.try_lock(slot.offset) {
            // The process lives.
            None => {}
            Some(Got::FromTheDead) => {
                settle(Dead {
                    count: slot.count(),
                    pid: slot.word(PID).load(Relaxed),
                });
                slot.word(COUNT).store(0, Relaxed);
                slot.word(USE).store(FREE, Relaxed);
                memory.make_consistent(slot.offset);
                memory.unlock(slot.offset);
            }
            // It has left since its use was read.
            Some(Got::Free) => memory.unlock(slot.offset),
        }
    }
}

fn high(memory: &Memory) -> usize {
    memory.word(HIGH).load(Relaxed).min(PLACES) as usize
}

impl<'a> Slot<'a> {
    #[inline]
    fn word(&self, word: usize) -> &'a Word {
        self.memory.word(self.offset + word)
    }

    pub(crate) fn count(&self) -> u32 {
        // Acquire: pairs with the Release in `take_one`, which is done without the exclusion.
        self.word(COUNT).load(Acquire)
    }

    /// One store: the moment at which the process has, or no longer has.
    pub(crate) fn set_count(&self, count: u32) {
        self.word(COUNT).store(count, Relaxed);
    }

    /// One more, in an object whose threads take theirs away without the exclusion.
    pub(crate) fn add_one(&self) {
        self.word(COUNT).fetch_add(1, Relaxed);
    }

    /// One less, without the exclusion.
    pub(crate) fn take_one(&self) {
        // Release: what the thread did while it was counted comes before anything of who sees, by the Acquire in `count`, that it
        // no longer is.
        self.word(COUNT).fetch_sub(1, Release);
    }

    pub(crate) fn tag(&self) -> u32 {
        self.word(TAG).load(Relaxed)
    }

    pub(crate) fn set_tag(&self, tag: u32) {
        self.word(TAG).store(tag, Relaxed);
    }

    /// The first half of leaving: the slot is free, and its mutex still held.
    pub(crate) fn set_free(&self) {
        self.word(USE).store(FREE, Relaxed);
    }

    /// The second half, by the thread that took the slot.
    pub(crate) fn unlock(&self) {
        self.memory.unlock(self.offset);
    }
}
