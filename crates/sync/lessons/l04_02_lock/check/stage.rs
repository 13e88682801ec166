//! Where a teller of lesson 4.2 is held, so that what can go wrong does.
//!
//! Invariant: nobody is held for longer than the others move. A right answer is never hindered by it: whoever is held with a
//! lock goes on when those that wait for the lock have fallen asleep.

use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use core_process::Signal;
use core_process::probe::{Event, Phase};
use grader::work::{Counter, Gate, Rendezvous, die, observe};
use serde::{Deserialize, Serialize};

/// What a process of the bank is held at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    /// Nothing.
    Free,
    /// Has read this account: until all tellers have.
    ReadsWithOthers { account: usize, tellers: u32 },
    /// Has its first lock: until all tellers have theirs.
    LocksWithOthers { tellers: u32 },
    /// Has written one account of two: until all tellers have.
    WritesWithOthers { tellers: u32 },
    /// Has written one account of two: until a snapshot was taken.
    PausesHalfway,
    /// Begins when another is halfway.
    LooksHalfway,
    /// Has read one account: until a transfer was made.
    PausesAfterOne { accounts: usize },
    /// Begins when another has read one account.
    MovesBehind,
    /// Has written one account of two: is killed.
    DiesHalfway,
    /// Has written both accounts: is killed before it commits.
    DiesBeforeCommit,
}

static PART: OnceLock<Part> = OnceLock::new();
static READS: AtomicUsize = AtomicUsize::new(0);
static WRITES: AtomicUsize = AtomicUsize::new(0);
static LOCKS: AtomicUsize = AtomicUsize::new(0);

pub(super) const READERS: Rendezvous = Rendezvous::named("all have read");
pub(super) const LOCKERS: Rendezvous = Rendezvous::named("all have a lock");
pub(super) const WRITERS: Rendezvous = Rendezvous::named("all have written once");
pub(super) const HALFWAY: Gate = Gate::named("halfway");
pub(super) const LOOKED: Gate = Gate::named("snapshot taken");
pub(super) const FIRST: Counter = Counter::named("first account that was read, plus one");
pub(super) const BEGUN: Gate = Gate::named("snapshot begun");
pub(super) const MOVED: Gate = Gate::named("transfer made");

/// This process plays this part from here on.
pub(super) fn play(part: Part) {
    let _ = PART.set(part);
    observe(after_event);
}

fn part() -> Part {
    PART.get().copied().unwrap_or(Part::Free)
}

pub(super) fn after_read(account: usize) {
    let reads = READS.fetch_add(1, Relaxed) + 1;
    match part() {
        Part::ReadsWithOthers {
            account: hot,
            tellers,
        } if account == hot => {
            READERS.meet(tellers);
        }
        Part::PausesAfterOne { .. } if reads == 1 => {
            FIRST.fetch_add(account as u64 + 1);
            BEGUN.open();
            MOVED.wait();
        }
        _ => {}
    }
}

pub(super) fn after_write() {
    let writes = WRITES.fetch_add(1, Relaxed) + 1;
    match part() {
        Part::WritesWithOthers { tellers } if writes == 1 => {
            WRITERS.meet(tellers);
        }
        Part::PausesHalfway if writes == 1 => {
            HALFWAY.open();
            LOOKED.wait();
        }
        Part::DiesHalfway if writes == 1 => die(Signal::KILL),
        _ => {}
    }
}

pub(super) fn before_commit() {
    if part() == Part::DiesBeforeCommit {
        die(Signal::KILL)
    }
}

fn after_event(event: &Event) {
    match (part(), event.name, event.phase) {
        (Part::LocksWithOthers { tellers }, "lock", Phase::End) if LOCKS.fetch_add(1, Relaxed) == 0 => {
            LOCKERS.meet(tellers);
        }
        // Who lets a lock go in the middle must be seen in the middle.
        (Part::PausesHalfway, "unlock", _) if WRITES.load(Relaxed) == 1 => {
            LOOKED.wait();
        }
        (Part::PausesAfterOne { accounts }, "unlock", _) if (1..accounts).contains(&READS.load(Relaxed)) => {
            MOVED.wait();
        }
        _ => {}
    }
}
