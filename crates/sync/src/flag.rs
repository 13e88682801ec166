//! The protocol of an event: a flag that is set or not, how often it was set, whether somebody sleeps.
//!
//! Invariant: everything is in one word, so there is no half of a set: who is killed inside a set has set the flag or has not.
//! The steps, and what a death at each leaves, are in `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 64 | `WORD` | 0: `SET`; 1: `SLEEPERS`, somebody may sleep, and whoever sets has to wake; 2 to 31: generation, how often the flag was raised |
//! | 68 | `PEER` | who set it last (`spin.rs`) |
//!
//! A waiter remembers the generation, so it sees a set that was cleared again before it looked (row S14). It would be deceived if it
//! did not run while the flag is raised exactly 2^30 times.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use core_process::Until;

use crate::pace::{Over, Watch, next_sleep};
use crate::spin::{giver_is_here, look_for};
use crate::sys::futex;
use crate::sys::memory::Memory;

const WORD: usize = 64;
const PEER: usize = 68;

/// The states of the word, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) u32);

const SET: u32 = 1;
const SLEEPERS: u32 = 2;
const GENERATION: u32 = 4;

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        self.0 & SET != 0
    }

    pub(crate) fn has_sleepers(self) -> bool {
        self.0 & SLEEPERS != 0
    }

    /// Whether somebody who saw `earlier`, with the flag down, may go on: it is up, or has been meanwhile.
    pub(crate) fn lets_pass(self, earlier: Self) -> bool {
        self.is_set() || self.0 / GENERATION != earlier.0 / GENERATION
    }

    /// The flag raised, by somebody who wakes all sleepers; unchanged if it is up.
    pub(crate) fn raised(self) -> Self {
        if self.is_set() {
            self
        } else {
            Self((self.0.wrapping_add(GENERATION) | SET) & !SLEEPERS)
        }
    }

    /// The flag taken down.
    pub(crate) fn lowered(self) -> Self {
        Self(self.0 & !SET)
    }

    /// Somebody is about to sleep.
    pub(crate) fn with_sleepers(self) -> Self {
        Self(self.0 | SLEEPERS)
    }
}

/// The flag as it is.
pub(crate) fn look(memory: &Memory) -> Flag {
    // Acquire: sees what the setter did before the AcqRel exchange in `change`.
    Flag(memory.word(WORD).load(Acquire))
}

/// Raises the flag and wakes all.
pub(crate) fn set(memory: &Memory) {
    giver_is_here(memory.word(PEER));
    let before = change(memory, Flag::raised);
    if before.has_sleepers() && !before.is_set() {
        futex::wake_all(memory.word(WORD));
    }
}

/// Takes the flag down.
pub(crate) fn clear(memory: &Memory) {
    change(memory, Flag::lowered);
}

/// Waits until the flag lets somebody pass who saw it as `first`, or until the wait is over.
pub(crate) fn wait(memory: &Memory, first: Flag, until: &Until) -> Result<(), Over> {
    let word = memory.word(WORD);
    // Relaxed: the look below orders.
    look_for(memory.word(PEER), || Flag(word.load(Relaxed)).lets_pass(first));
    loop {
        let now = look(memory);
        if now.lets_pass(first) {
            return Ok(());
        }
        let longest = next_sleep(until, Watch::Wakes)?;
        let sleeping = now.with_sleepers();
        // Relaxed: the mark carries no data. It and the flag are one word, so a set either sees the mark and wakes, or comes
        // first and fails this exchange.
        if now != sleeping
            && word
                .compare_exchange(now.0, sleeping.0, Relaxed, Relaxed)
                .is_err()
        {
            continue;
        }
        futex::sleep(word, sleeping.0, longest);
    }
}

fn change(memory: &Memory, to: fn(Flag) -> Flag) -> Flag {
    let word = memory.word(WORD);
    let mut before = word.load(Relaxed);
    loop {
        // AcqRel: what this thread did before is seen by who reads the flag by an Acquire (`look`); and a set after a clear sees
        // what the clearer did.
        match word.compare_exchange_weak(before, to(Flag(before)).0, AcqRel, Relaxed) {
            Ok(_) => return Flag(before),
            Err(other) => before = other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_seen_by_who_waited_before_and_a_clear_hides_it_from_nobody() {
        let down = Flag(0);
        assert!(!down.lets_pass(down));
        let up = down.with_sleepers().raised();
        assert!(up.is_set() && !up.has_sleepers() && up.lets_pass(down));
        assert_eq!(up.raised(), up);
        let pulse = up.lowered();
        assert!(!pulse.is_set() && pulse.lets_pass(down) && !pulse.lets_pass(pulse));
        assert_eq!(pulse.lowered(), pulse);
    }

    #[test]
    fn the_generation_wraps_into_itself_alone() {
        let last = Flag(u32::MAX - 3);
        assert_eq!(last.raised(), Flag(SET));
        assert!(last.raised().lowered().lets_pass(last));
    }
}
