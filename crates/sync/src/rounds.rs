//! The protocol of a barrier: rounds that are passed, broken or reset.
//!
//! Invariant: a round is passed, broken or reset by one store to `ROUND`, whose number makes all that was counted for the round
//! void at the same moment. The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 8 | `PARTIES` | fixed |
//! | 128 | `ROUND` | 0: `BROKEN`; 1: `ACTING`, the last to come runs its action; 2: `SLEEPERS`, somebody may sleep; 3 to 31: number of the round |
//! | 132 to 159 | `RESETS` | at number mod 7: the number plus one of a round that was reset |
//! | 160 to 171 | `PEERS` | who came last (`spin.rs`) |
//!
//! A slot's `COUNT` is how many threads of the process have come to the round of its `TAG`; bit 0 of that is `MISSED`, the round was
//! reset, and 1 to 29 are its number. So what became of a round is written down for each who came to it, however late it looks.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use core_process::Until;

use crate::exclusion::{self, News};
use crate::ledger::{self, Slot};
use crate::pace::{Over, Watch, next_sleep};
use crate::spin::{look_again, seen_here};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting, Word};

const PARTIES: usize = 8;
const ROUND: usize = 128;
const RESETS: usize = 132;
const RESETS_KEPT: u32 = 7;
const PEERS: usize = 160;

const BROKEN: u32 = 1;
const ACTING: u32 = 2;
const SLEEPERS: u32 = 4;
const NUMBER: u32 = 8;
/// Numbers count up to here, and begin anew.
const NUMBERS: u32 = u32::MAX / NUMBER;

const MISSED: u32 = 1;

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

/// What has become of a round, for one who came to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Waiting,
    Passed,
    Broken,
}

/// A barrier of so many.
pub(crate) fn lay_out(memory: &Memory, parties: u32) {
    exclusion::lay_out(memory, Nesting::Refused);
    memory.word(PARTIES).store(parties, Relaxed);
}

/// Waits until all are here; the place. `slot` gives the process's slot, under the exclusion; the last to come runs `action`, if there
/// is one.
pub(crate) fn meet<'a, E>(
    memory: &Memory,
    slot: impl Fn() -> Result<Slot<'a>, E>,
    until: &Until,
    action: Option<impl FnOnce()>,
) -> Result<u32, Missed<E>> {
    let (number, place, slot) = arrive(memory, slot, until, action.is_some())?;
    if place + 1 == parties(memory) {
        return match action {
            Some(action) => act_and_open(memory, number, action).map(|()| place),
            None => Ok(place),
        };
    }
    let round = memory.word(ROUND);
    // Relaxed: the load below orders.
    look_again(memory, PEERS, || {
        fate(memory, &slot, round.load(Relaxed), number) != Fate::Waiting
    });
    loop {
        // Acquire: pairs with the change of the round in `begin` and `break_it`. Every change of what a waiter looks at is that one store, so it
        // needs no exclusion.
        let seen = round.load(Acquire);
        match fate(memory, &slot, seen, number) {
            Fate::Passed => return Ok(place),
            Fate::Broken => return Err(Missed::Broken),
            Fate::Waiting => {}
        }
        let longest = match next_sleep(until, Watch::Deaths) {
            Ok(longest) => longest,
            Err(over) => return give_up(memory, &slot, number, place, over),
        };
        if sleep(memory, seen, longest) {
            enter(memory);
            bury(memory);
            exclusion::release(memory);
        }
    }
}

/// Sleeps while the round is as `seen`; whether it is so still, so that somebody may have died.
fn sleep(memory: &Memory, seen: u32, longest: std::time::Duration) -> bool {
    let round = memory.word(ROUND);
    let marked = seen | SLEEPERS;
    // Relaxed: the mark carries no data. It and the round are one word, so whoever changes the round sees the mark and wakes, or comes
    // first and fails this exchange.
    if seen != marked && round.compare_exchange(seen, marked, Relaxed, Relaxed).is_err() {
        return false;
    }
    futex::sleep(round, marked, longest);
    round.load(Relaxed) == marked
}

/// Passes if all others are here; the place.
pub(crate) fn try_meet<E>(memory: &Memory) -> Result<u32, Missed<E>> {
    enter(memory);
    bury(memory);
    let round = round(memory);
    let come = come(memory, round);
    if round & BROKEN != 0 {
        exclusion::release(memory);
        Err(Missed::Broken)
    } else if round & ACTING != 0 || come + 1 != parties(memory) {
        exclusion::release(memory);
        Err(Missed::WouldBlock)
    } else {
        open_and_leave(memory, round);
        Ok(come)
    }
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
    for slot in come_to(memory, number) {
        slot.set_tag(tag(number) | MISSED);
    }
    let sleepers = begin(memory, number);
    exclusion::release(memory);
    wake(memory, sleepers);
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

/// Counts this thread in; the number of the round, the place in it, and the process's slot. Waits while the round before runs its action. The last to come opens
/// the round, unless an action is to be run before.
fn arrive<'a, E>(
    memory: &Memory,
    slot: impl Fn() -> Result<Slot<'a>, E>,
    until: &Until,
    acts: bool,
) -> Result<(u32, u32, Slot<'a>), Missed<E>> {
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
            let slot = match slot() {
                Ok(slot) => slot,
                Err(error) => {
                    exclusion::release(memory);
                    return Err(Missed::NoSlot(error));
                }
            };
            if slot.tag() & !MISSED != tag(number) {
                // In this order: a count is never taken for one of another round.
                slot.set_count(0);
                slot.set_tag(tag(number));
            }
            slot.set_count(slot.count() + 1);
            seen_here(memory, PEERS);
            if come + 1 < parties(memory) {
                exclusion::release(memory);
            } else if acts {
                memory.word(ROUND).fetch_or(ACTING, Relaxed);
                exclusion::release(memory);
            } else {
                open_and_leave(memory, round);
            }
            return Ok((number, come, slot));
        }
        exclusion::release(memory);
        let longest = next_sleep(until, Watch::Deaths).map_err(Missed::Over)?;
        sleep(memory, round, longest);
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
    if round / NUMBER == number && round & BROKEN == 0 {
        open_and_leave(memory, round);
        Ok(())
    } else {
        exclusion::release(memory);
        Err(Missed::Broken)
    }
}

/// What has become of the round with this number, to which the process of `slot` came, if `seen` is the word, loaded before.
fn fate(memory: &Memory, slot: &Slot<'_>, seen: u32, number: u32) -> Fate {
    if seen / NUMBER == number {
        return if seen & BROKEN == 0 {
            Fate::Waiting
        } else {
            Fate::Broken
        };
    }
    let own = slot.tag();
    let was_reset = if own & !MISSED == tag(number) {
        own & MISSED != 0
    } else {
        was_reset_before(memory, number)
    };
    if was_reset { Fate::Broken } else { Fate::Passed }
}

/// Whether the round was reset, asked by a thread that looks so late that another one of its process has come to a later round. What is
/// older than the notes counts as reset: a pass is never made up.
#[cold]
pub(crate) fn was_reset_before(memory: &Memory, number: u32) -> bool {
    // Acquire: the round is looked at after the note, so a note that a later reset has written over is seen to be too old.
    let noted = reset_note(memory, number).load(Acquire) == number.wrapping_add(1);
    let rounds = (round(memory) / NUMBER).wrapping_sub(number) & NUMBERS;
    noted || rounds >= RESETS_KEPT
}

/// The wait is over: the barrier is broken, unless the round ended at the last moment.
fn give_up<E>(
    memory: &Memory,
    slot: &Slot<'_>,
    number: u32,
    place: u32,
    over: Over,
) -> Result<u32, Missed<E>> {
    enter(memory);
    bury(memory);
    let outcome = match fate(memory, slot, round(memory), number) {
        Fate::Passed => Ok(place),
        Fate::Broken => Err(Missed::Broken),
        Fate::Waiting => {
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

/// Under the exclusion. It wakes there, too: it is rare, and a death in between would leave all asleep for a while.
fn break_it(memory: &Memory) {
    // Release: pairs with the Acquire in `meet`. Under the exclusion nobody else changes more than the mark.
    let word = memory.word(ROUND);
    let mut before = word.load(Relaxed);
    loop {
        let broken = (before | BROKEN) & !ACTING & !SLEEPERS;
        match word.compare_exchange(before, broken, Release, Relaxed) {
            Ok(_) => break,
            Err(other) => before = other,
        }
    }
    wake(memory, before & SLEEPERS != 0);
}

/// Lets all who came go on, and leaves the exclusion.
fn open_and_leave(memory: &Memory, round: u32) {
    let number = round / NUMBER;
    let note = reset_note(memory, number);
    if note.load(Relaxed) == number.wrapping_add(1) {
        // Somebody died in a reset, before the round was another one.
        for slot in come_to(memory, number) {
            slot.set_tag(tag(number));
        }
    }
    note.store(0, Relaxed);
    let sleepers = begin(memory, number);
    exclusion::release(memory);
    wake(memory, sleepers);
}

/// The round after the one with this number; whether somebody may sleep in the one before. Under the exclusion.
fn begin(memory: &Memory, before: u32) -> bool {
    // AcqRel: pairs with the Acquire in `meet`, and sees the mark of a sleeper.
    let next = (before * NUMBER).wrapping_add(NUMBER);
    memory.word(ROUND).swap(next, AcqRel) & SLEEPERS != 0
}

/// After the change of the round, which took the mark away.
fn wake(memory: &Memory, sleepers: bool) {
    if sleepers {
        futex::wake_all(memory.word(ROUND));
    }
}

/// How many have come to this round. Under the exclusion.
fn come(memory: &Memory, round: u32) -> u32 {
    come_to(memory, round / NUMBER).map(|slot| slot.count()).sum()
}

/// The slots of the processes that have come to the round with this number. Under the exclusion.
fn come_to(memory: &Memory, number: u32) -> impl Iterator<Item = Slot<'_>> {
    ledger::slots(memory).filter(move |slot| slot.tag() & !MISSED == tag(number))
}

fn tag(number: u32) -> u32 {
    number << 1
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
