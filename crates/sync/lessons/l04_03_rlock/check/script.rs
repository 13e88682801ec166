//! What a thread does with the answer's locks, move by move.
//!
//! Invariant: a release that goes another way than it should leaves a note, and this thread leaves the locks alone from then on:
//! one mistake is one finding, and hangs nobody who waits at a gate.

use std::sync::atomic::Ordering::Relaxed;

use core_process::Signal;
use core_process::shm::Segment;
use grader::work::{Gate, Gauge, Rendezvous, die, note};
use serde::{Deserialize, Serialize};

use super::{NotOwner, Parts};

/// The moves of a thread, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Script(pub(super) Vec<Move>);

/// One move; `lock` is a place in the list of locks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Move {
    Acquire {
        lock: usize,
        times: usize,
    },
    Release {
        lock: usize,
        times: usize,
    },
    /// Releases what it does not hold; has to be refused.
    ReleaseOfOther {
        lock: usize,
    },
    /// Is inside until another one is, too, or it is clear that nobody can come.
    Inside {
        lock: usize,
        place: u64,
    },
    /// Is killed, with whatever it holds.
    Die,
    Open {
        gate: u64,
    },
    Wait {
        gate: u64,
    },
    /// Adds one to the counter, in two steps.
    Add,
    /// The same, with another one between the two steps if that is possible.
    AddSlowly {
        place: u64,
    },
}

pub(super) const INSIDE: &str = "inside";
pub(super) const HAS: &str = "has acquired";
pub(super) const RELEASES: &str = "releases";
/// Lock and times in one value of a note.
pub(super) const TIMES: i64 = 10_000;
pub(super) const REFUSED: &str = "is refused its own release";
pub(super) const LET: &str = "may release what it does not hold";
pub(super) const READ: &str = "reads the counter:";
pub(super) const WROTE: &str = "writes the counter:";

pub(super) const GATE: Gate = Gate::named("gate of the script");
const OTHER: Rendezvous = Rendezvous::named("another one inside");
const BETWEEN: Rendezvous = Rendezvous::named("another one between read and write");

/// Plays a script.
pub(super) fn play<A, R>(script: &Script, locks: &[Parts], counter: &Segment, acquire: A, release: R)
where
    A: Fn(&Parts),
    R: Fn(&Parts) -> Result<(), NotOwner>,
{
    let add = |between: &dyn Fn()| {
        let word = counter.atomic_u64(0);
        let read = word.load(Relaxed);
        note(READ, read as i64);
        between();
        word.store(read + 1, Relaxed);
        note(WROTE, read as i64 + 1);
    };
    let mut is_spoilt = false;
    for step in &script.0 {
        match *step {
            Move::Open { gate } => GATE.number(gate).open(),
            Move::Wait { gate } => {
                GATE.number(gate).wait();
            }
            Move::Die => die(Signal::KILL),
            _ if is_spoilt => {}
            Move::Acquire { lock, times } => {
                (0..times).for_each(|_| acquire(&locks[lock]));
                note(HAS, value(&locks[lock], times));
            }
            Move::Release { lock, times } => {
                note(RELEASES, value(&locks[lock], times));
                let refused = (0..times).filter(|_| release(&locks[lock]).is_err()).count();
                if refused > 0 {
                    note(REFUSED, locks[lock].number() as i64);
                    is_spoilt = true;
                }
            }
            Move::ReleaseOfOther { lock } => {
                if release(&locks[lock]).is_ok() {
                    note(LET, locks[lock].number() as i64);
                    is_spoilt = true;
                }
            }
            Move::Inside { lock, place } => {
                let _inside = Gauge::named(INSIDE).number(locks[lock].number()).enter();
                OTHER.number(place).meet(2);
            }
            Move::Add => add(&|| {}),
            Move::AddSlowly { place } => add(&|| {
                BETWEEN.number(place).meet(2);
            }),
        }
    }
}

fn value(lock: &Parts, times: usize) -> i64 {
    lock.number() as i64 * TIMES + times as i64
}
