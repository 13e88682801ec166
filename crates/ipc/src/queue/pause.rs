//! How one side waits for the other one before it sleeps, if that can help: the other one was last seen on another CPU.
//!
//! Across two CPUs a sleep and its wake-up take as long as a thousand puts; on one CPU looking only keeps the other from coming.
//! Each look takes the other side's cache line away, which costs both as much as several puts. So who found nothing stays away for a
//! moment before it looks, and the longer the more it finds then; and who finds a single record, as in a dialogue, the shorter.
//! Invariant: all this is a matter of speed; it decides nothing.

use std::hint::spin_loop;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use sync::passage::is_elsewhere;

/// A moment is at most so many turns of the CPU's waiting instruction: about a microsecond.
const LONGEST: u32 = 32;

/// After so many turns without anything it sleeps: about five microseconds, a tenth of what a sleep and its wake-up take.
const TURNS: u32 = 200;

/// An answer from somebody who works on nothing else comes within so many.
const SOON: u32 = 32;

/// How long a handle stays away before it looks. Of this process.
#[derive(Debug)]
pub(super) struct Pause {
    turns: AtomicU32,
}

impl Pause {
    pub(super) fn new() -> Self {
        Self {
            turns: AtomicU32::new(1),
        }
    }

    /// Looks until `there` are some, for some microseconds; whether there are. `peer`: the CPU of the other side, plus one.
    pub(super) fn look_for(&self, peer: &AtomicU32, there: impl Fn() -> u64) -> bool {
        if !is_elsewhere(peer.load(Relaxed)) {
            return false;
        }
        let first = self.turns.load(Relaxed).clamp(1, LONGEST);
        let mut pause = first;
        let mut left = TURNS;
        while left > 0 {
            for _ in 0..pause {
                spin_loop();
            }
            match there() {
                0 => {}
                1 => {
                    self.turns.store((first / 2).max(1), Relaxed);
                    return true;
                }
                _ => {
                    self.turns.store(first.saturating_mul(2).min(LONGEST), Relaxed);
                    return true;
                }
            }
            left = left.saturating_sub(pause);
            // An answer comes soon, or not so soon.
            if left < TURNS - SOON {
                pause = pause.saturating_mul(2).min(LONGEST);
            }
        }
        false
    }
}

/// Says on which CPU one is, if that is news: a store would take the cache line from who looks.
#[inline]
pub(super) fn is_here(word: &AtomicU32, cpu: u32) {
    if word.load(Relaxed) != cpu {
        word.store(cpu, Relaxed);
    }
}
