//! The protocol of a barrier: rounds that are passed, broken or reset.
//!
//! Invariant: a round is passed, broken or reset by one store to `ROUND`, whose number makes all that was counted for the round
//! void at the same moment. The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 8 | `PARTIES` | fixed |
//! | 128 | `ROUND` | 0: `BROKEN`; 1: `ACTING`, the last to come runs its action; 2 to 31: number of the round |
//! | 132 to 159 | `RESETS` | at number mod 7: the number plus one of a round that was reset |
//!
//! A slot's `COUNT` is how many threads of the process have come to the round `TAG`.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use core_process::Until;

use crate::exclusion::{self, News};
use crate::ledger::{self, Slot};
use crate::pace::{Over, Watch, next_sleep};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting, Word};

const PARTIES: usize = 8;
const ROUND: usize = 128;
const RESETS: usize = 132;
const RESETS_KEPT: u32 = 7;

const BROKEN: u32 = 1;
const ACTING: u32 = 2;
const NUMBER: u32 = 4;

/// Why a party did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed<E> {
    /// Somebody is missing, and it was not to be waited for.
    WouldBlock,
    /// The wait is over, and the barrier broken by it.
    Over(Over),
    /// It is broken.
    Broken,
    /// The party has no slot.
    NoSlot(E),
}

/// How a look at the round went.
enum Look {
    Waiting,
    Passed,
    Broken,
}

/// A barrier of so many.
pub(crate) fn lay_out(memory: &Memory, parties: u32) {
    exclusion::lay_out(memory, Nesting::Refused);
    memory.word(PARTIES).store(parties, Relaxed);
}

/// Waits until all are here; the place. `slot` gives the process's slot, under the exclusion; the last to come runs `action`.
pub(crate) fn meet<'a, E>(
    memory: &Memory,
    slot: impl Fn() -> Result<Slot<'a>, E>,
    until: &Until,
    action: impl FnOnce(),
) -> Result<u32, Missed<E>> {
    let (number, place) = arrive(memory, slot, until)?;
    if place + 1 == parties(memory) {
        return act_and_open(memory, number, action).map(|()| place);
    }
    loop {
        let seen = memory.word(ROUND).load(Acquire);
        enter(memory);
        let look = look(memory, number);
        exclusion::release(memory);
        match look {
            Look::Passed => return Ok(place),
            Look::Broken => return Err(Missed::Broken),
            Look::Waiting => {}
        }
        match next_sleep(until, Watch::Deaths) {
            Ok(longest) => futex::sleep(memory.word(ROUND), seen, longest),
            Err(over) => return give_up(memory, number, place, over),
        }
    }
}

/// Passes if all others are here; the place.
pub(crate) fn try_meet<E>(memory: &Memory) -> Result<u32, Missed<E>> {
    enter(memory);
    bury(memory);
    let round = round(memory);
    let come = come(memory, round);
    let outcome = if round & BROKEN != 0 {
        Err(Missed::Broken)
    } else if round & ACTING != 0 || come + 1 != parties(memory) {
        Err(Missed::WouldBlock)
    } else {
        open(memory, round);
        Ok(come)
    };
    exclusion::release(memory);
    outcome
}

/// Makes the process of the slot that `slot` gives a party, whose death breaks the barrier.
pub(crate) fn join<'a, E>(memory: &Memory, slot: impl FnOnce() -> Result<Slot<'a>, E>) -> Result<(), E> {
    enter(memory);
    let taken = slot();
    exclusion::release(memory);
    taken.map(|_| ())
}

/// Breaks it for all who wait and all who come.
pub(crate) fn abort(memory: &Memory) {
    enter(memory);
    break_it(memory);
    exclusion::release(memory);
}

/// Makes it as new; broken for those who wait.
pub(crate) fn reset(memory: &Memory) {
    enter(memory);
    ledger::bury(memory, |_| {});
    let number = round(memory) / NUMBER;
    // The note first: killed before the next line, this round is still open, and whoever opens it takes the note away.
    reset_note(memory, number).store(number.wrapping_add(1), Relaxed);
    begin(memory, number);
    exclusion::release(memory);
}

/// How many have to come.
pub(crate) fn parties(memory: &Memory) -> u32 {
    memory.word(PARTIES).load(Relaxed)
}

/// How many have come and wait.
pub(crate) fn waiting(memory: &Memory) -> u32 {
    enter(memory);
    bury(memory);
    let round = round(memory);
    let come = if round & BROKEN == 0 {
        come(memory, round)
    } else {
        0
    };
    exclusion::release(memory);
    come
}

/// Whether it is broken, by a death as well.
pub(crate) fn is_broken(memory: &Memory) -> bool {
    enter(memory);
    bury(memory);
    let broken = was_broken(memory);
    exclusion::release(memory);
    broken
}

/// Whether somebody has seen that it is broken. A hint.
pub(crate) fn was_broken(memory: &Memory) -> bool {
    round(memory) & BROKEN != 0
}

/// Counts this thread in; the number of the round, and the place in it. Waits while the round before runs its action.
fn arrive<'a, E>(
    memory: &Memory,
    slot: impl Fn() -> Result<Slot<'a>, E>,
    until: &Until,
) -> Result<(u32, u32), Missed<E>> {
    loop {
        enter(memory);
        bury(memory);
        let round = round(memory);
        if round & BROKEN != 0 {
            exclusion::release(memory);
            return Err(Missed::Broken);
        }
        if round & ACTING == 0 {
            let number = round / NUMBER;
            let come = come(memory, round);
            let counted = slot().map(|slot| {
                if slot.tag() != number {
                    // In this order: a count is never taken for one of another round.
                    slot.set_count(0);
                    slot.set_tag(number);
                }
                slot.set_count(slot.count() + 1);
                if come + 1 == parties(memory) {
                    memory.word(ROUND).store(round | ACTING, Relaxed);
                }
            });
            exclusion::release(memory);
            return match counted {
                Ok(()) => Ok((number, come)),
                Err(error) => Err(Missed::NoSlot(error)),
            };
        }
        exclusion::release(memory);
        let longest = next_sleep(until, Watch::Deaths).map_err(Missed::Over)?;
        futex::sleep(memory.word(ROUND), round, longest);
    }
}

/// The last to come: runs the action, and lets all go on.
fn act_and_open<E>(memory: &Memory, number: u32, action: impl FnOnce()) -> Result<(), Missed<E>> {
    let mut breaks = BreaksOnPanic {
        memory,
        number,
        has_acted: false,
    };
    action();
    breaks.has_acted = true;
    enter(memory);
    bury(memory);
    let round = round(memory);
    let outcome = if round / NUMBER == number && round & BROKEN == 0 {
        open(memory, round);
        Ok(())
    } else {
        Err(Missed::Broken)
    };
    exclusion::release(memory);
    outcome
}

/// What has become of the round with this number, for one who came to it. Under the exclusion.
fn look(memory: &Memory, number: u32) -> Look {
    bury(memory);
    let round = round(memory);
    if round / NUMBER != number {
        if reset_note(memory, number).load(Relaxed) == number.wrapping_add(1) {
            Look::Broken
        } else {
            Look::Passed
        }
    } else if round & BROKEN != 0 {
        Look::Broken
    } else {
        Look::Waiting
    }
}

/// The wait is over: the barrier is broken, unless the round ended at the last moment.
fn give_up<E>(memory: &Memory, number: u32, place: u32, over: Over) -> Result<u32, Missed<E>> {
    enter(memory);
    let outcome = match look(memory, number) {
        Look::Passed => Ok(place),
        Look::Broken => Err(Missed::Broken),
        Look::Waiting => {
            break_it(memory);
            Err(Missed::Over(over))
        }
    };
    exclusion::release(memory);
    outcome
}

/// Frees the places of the dead, and breaks the barrier if there were any. Under the exclusion.
fn bury(memory: &Memory) {
    // Before the place is free: killed between the two, the next one finds the dead party again.
    ledger::bury(memory, |_| break_it(memory));
}

/// Under the exclusion.
fn break_it(memory: &Memory) {
    let broken = (round(memory) | BROKEN) & !ACTING;
    memory.word(ROUND).store(broken, Release);
    futex::wake_all(memory.word(ROUND));
}

/// Lets all who came go on. Under the exclusion.
fn open(memory: &Memory, round: u32) {
    let number = round / NUMBER;
    reset_note(memory, number).store(0, Relaxed);
    begin(memory, number);
}

/// The round after the one with this number. Under the exclusion.
fn begin(memory: &Memory, before: u32) {
    // Release, and Acquire in `meet`; though every waiter also goes through the exclusion, which orders as well.
    let next = (before * NUMBER).wrapping_add(NUMBER);
    memory.word(ROUND).store(next, Release);
    futex::wake_all(memory.word(ROUND));
}

/// How many have come to this round. Under the exclusion.
fn come(memory: &Memory, round: u32) -> u32 {
    let of_this_round = ledger::slots(memory).filter(|slot| slot.tag() == round / NUMBER);
    of_this_round.map(|slot| slot.count()).sum()
}

fn reset_note(memory: &Memory, number: u32) -> &Word {
    memory.word(RESETS + 4 * (number % RESETS_KEPT) as usize)
}

fn round(memory: &Memory) -> u32 {
    memory.word(ROUND).load(Relaxed)
}

fn enter(memory: &Memory) {
    // Every change is one store, so there is nothing to repair.
    if let Ok(News::Died(_)) = exclusion::take(memory, &Until::forever()) {
        exclusion::repaired(memory);
    }
}

/// Breaks the round when it is dropped and the action has not returned: it has panicked.
struct BreaksOnPanic<'a> {
    memory: &'a Memory,
    number: u32,
    has_acted: bool,
}

impl Drop for BreaksOnPanic<'_> {
    fn drop(&mut self) {
        if self.has_acted {
            return;
        }
        enter(self.memory);
        // It may have been reset meanwhile: the new round is none of the action's business.
        if round(self.memory) / NUMBER == self.number {
            break_it(self.memory);
        }
        exclusion::release(self.memory);
    }
}
