//! The protocol of a semaphore: permits, and who has them.
//!
//! Invariant: free permits are all permits less those in the ledger. `FREE` repeats the difference, and is made anew after a death.
//! The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 8 | `BOUND` | fixed: most permits that may exist |
//! | 128 | `TOTAL` | permits that exist |
//! | 132 | `FREE` | `TOTAL` less the sum of the ledger's counts |
//! | 136 | `TURN` | bit 0: somebody may sleep; 1 to 31: raised by every return, so that nobody falls asleep beside a free permit |
//! | 140 | `ENTRIES` | how often somebody was about to sleep |
//! | 144 to 155 | `PEERS` | who made a permit free last (`spin.rs`) |
//!
//! A slot's `COUNT` is how many permits the process has.

use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use crate::exclusion::{self, News};
use crate::ledger::{self, Slot};
use crate::pace::{Over, Watch, next_sleep};
use crate::spin::{look_again, seen_here};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting, Word};

const BOUND: usize = 8;
const TOTAL: usize = 128;
const FREE: usize = 132;
const TURN: usize = 136;
const ENTRIES: usize = 140;
const PEERS: usize = 144;

const SLEEPERS: u32 = 1;
const NEXT: u32 = 2;

/// All permits that may exist do, and so many are they.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) u32);

/// So many permits, all free, of which there may be `bound`.
pub(crate) fn lay_out(memory: &Memory, permits: u32, bound: u32) {
    exclusion::lay_out(memory, Nesting::Refused);
    memory.word(BOUND).store(bound, Relaxed);
    memory.word(TOTAL).store(permits, Relaxed);
    memory.word(FREE).store(permits, Relaxed);
}

/// Takes a permit if one is free, for the process whose slot `slot` gives under the exclusion.
pub(crate) fn try_acquire<'a, E>(
    memory: &Memory,
    slot: impl FnOnce() -> Result<Slot<'a>, E>,
) -> Result<bool, E> {
    enter(memory);
    let taken = take(memory, slot);
    exclusion::release(memory);
    taken
}

/// Waits for a permit and takes it, or until the wait is over.
pub(crate) fn acquire<'a, E: From<Over>>(
    memory: &Memory,
    slot: impl Fn() -> Result<Slot<'a>, E>,
    until: &Until,
) -> Result<(), E> {
    loop {
        if free(memory) == 0 {
            look_again(memory, PEERS, || free(memory) > 0 && !exclusion::is_held(memory));
        }
        enter(memory);
        let taken = take(memory, &slot);
        if !matches!(taken, Ok(false)) {
            exclusion::release(memory);
            return taken.map(|_| ());
        }
        let turn = memory.word(TURN).load(Relaxed) | SLEEPERS;
        memory.word(TURN).store(turn, Relaxed);
        let entries = memory.word(ENTRIES).load(Relaxed);
        memory.word(ENTRIES).store(entries.wrapping_add(1), Relaxed);
        exclusion::release(memory);
        // The number in `TURN` was read under the exclusion, where no permit was free: one that is returned since has
        // raised it, and the kernel's comparison fails.
        let longest = next_sleep(until, Watch::Deaths)?;
        futex::sleep(memory.word(TURN), turn, longest);
    }
}

/// Gives the permit of a process back, one of those in its slot.
pub(crate) fn give_back(memory: &Memory, slot: Slot<'_>) {
    enter(memory);
    slot.set_count(slot.count().saturating_sub(1));
    add(memory.word(FREE), 1);
    leave_and_wake(memory);
}

/// Takes the permit of a process out of the world, one of those in its slot.
pub(crate) fn forget(memory: &Memory, slot: Slot<'_>) {
    enter(memory);
    slot.set_count(slot.count().saturating_sub(1));
    // After the count: killed between the two, the permit is free again.
    subtract(memory.word(TOTAL), 1);
    exclusion::release(memory);
}

/// Makes one more permit.
pub(crate) fn release(memory: &Memory) -> Result<(), Full> {
    enter(memory);
    let total = memory.word(TOTAL).load(Relaxed);
    let bound = memory.word(BOUND).load(Relaxed);
    if total >= bound {
        exclusion::release(memory);
        return Err(Full(bound));
    }
    memory.word(TOTAL).store(total + 1, Relaxed);
    add(memory.word(FREE), 1);
    leave_and_wake(memory);
    Ok(())
}

/// How many are free, without the dead.
pub(crate) fn available(memory: &Memory) -> u32 {
    enter(memory);
    take_back(memory);
    let free = memory.word(FREE).load(Relaxed);
    exclusion::release(memory);
    free
}

/// How many are free, with what the dead have. A hint.
pub(crate) fn free(memory: &Memory) -> u32 {
    memory.word(FREE).load(Relaxed)
}

/// Takes a permit, if one is free. Under the exclusion.
fn take<'a, E>(memory: &Memory, slot: impl FnOnce() -> Result<Slot<'a>, E>) -> Result<bool, E> {
    if memory.word(FREE).load(Relaxed) == 0 {
        take_back(memory);
        if memory.word(FREE).load(Relaxed) == 0 {
            return Ok(false);
        }
    }
    let slot = slot()?;
    // The permit is this process's from here on: whoever comes after its death finds it in the slot.
    slot.set_count(slot.count() + 1);
    subtract(memory.word(FREE), 1);
    Ok(true)
}

/// Takes back what the dead had. Under the exclusion.
fn take_back(memory: &Memory) {
    let mut came_back = false;
    ledger::bury(memory, |dead| came_back |= dead.count > 0);
    if came_back {
        count_anew(memory);
    }
}

/// Takes the exclusion. If its owner died in it, what it repeats is made anew.
fn enter(memory: &Memory) {
    let entered = exclusion::take(memory, &Until::forever());
    if let Ok(News::Died(_)) = entered {
        count_anew(memory);
        exclusion::repaired(memory);
    }
}

/// `FREE` from the truth. Under the exclusion.
fn count_anew(memory: &Memory) {
    let free = memory
        .word(TOTAL)
        .load(Relaxed)
        .saturating_sub(ledger::sum(memory));
    memory.word(FREE).store(free, Relaxed);
}

/// After a permit has become free: leaves the exclusion and wakes a sleeper, if there may be one.
fn leave_and_wake(memory: &Memory) {
    seen_here(memory, PEERS);
    let word = memory.word(TURN);
    let turn = word.load(Relaxed).wrapping_add(NEXT);
    word.store(turn, Relaxed);
    let entries = memory.word(ENTRIES).load(Relaxed);
    exclusion::release(memory);
    if turn & SLEEPERS == 0 || futex::wake(word, 1) > 0 {
        return;
    }
    // The mark was a dead or impatient sleeper's: taken away, unless somebody has come since.
    enter(memory);
    if word.load(Relaxed) == turn && memory.word(ENTRIES).load(Relaxed) == entries {
        word.store(turn & !SLEEPERS, Relaxed);
    }
    exclusion::release(memory);
}

fn add(word: &Word, count: u32) {
    word.store(word.load(Relaxed).saturating_add(count), Relaxed);
}

fn subtract(word: &Word, count: u32) {
    word.store(word.load(Relaxed).saturating_sub(count), Relaxed);
}
