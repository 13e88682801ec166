//! What the processes of a storm note in memory that they share, and the words of it.
//!
//! Invariant: a word is changed by one instruction, so a killed process has noted something or has not.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use core_process::shm::Segment;
use serde::{Deserialize, Serialize};

pub(crate) const PROCESSES: usize = 8;

/// Of the semaphore.
pub(crate) const PERMITS: u32 = 3;

/// Places in the buffer that the condition guards.
pub(crate) const ROOM: u32 = 4;

/// Words of the shared notes.
pub(crate) const STOP: usize = 0;
pub(crate) const INSIDE: usize = 4;
pub(crate) const FIRST: usize = 8;
pub(crate) const SECOND: usize = 12;
pub(crate) const TOLD: usize = 16;
pub(crate) const VIOLATIONS: usize = 20;
/// Kills that have begun, and those of them whose dead are not yet cleared away.
pub(crate) const KILLS: usize = 24;
pub(crate) const UNSETTLED: usize = 28;
pub(crate) const WRITER: usize = 32;
pub(crate) const STOCK: usize = 36;
/// What each process has done.
pub(crate) const DONE: usize = 64;
/// The rounds' masks of places.
pub(crate) const ROUNDS: usize = 256;
pub(crate) const ROUNDS_KEPT: u32 = 64;
pub(crate) const NOTES: usize = 1024;

/// The memory in which all note what they do.
#[derive(Serialize, Deserialize)]
pub(crate) struct Notes(pub(crate) Segment);

impl Notes {
    pub(crate) fn word(&self, offset: usize) -> &AtomicU32 {
        self.0.atomic_u32(offset)
    }

    pub(crate) fn value(&self, offset: usize) -> u32 {
        self.word(offset).load(SeqCst)
    }

    pub(crate) fn add(&self, offset: usize) {
        self.word(offset).fetch_add(1, SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.value(STOP) != 0
    }

    /// A promise was broken.
    pub(crate) fn violated(&self, what: &str) {
        self.add(VIOLATIONS);
        println!("    VIOLATION in process {}: {what}", std::process::id());
    }

    /// Counts a process in, and says if there are too many, the dead aside. A kill meanwhile makes the look worthless.
    pub(crate) fn enter(&self, me: usize, most: u32) {
        let (kills, dead) = (self.value(KILLS), self.value(UNSETTLED));
        let inside = self.word(INSIDE).fetch_or(1 << me, SeqCst) | 1 << me;
        let count = inside.count_ones();
        if count > most + dead && kills == self.value(KILLS) {
            self.violated(&format!("{count} are inside, {most} may be, {dead} are dead"));
        }
    }

    pub(crate) fn leave(&self, me: usize) {
        self.word(INSIDE).fetch_and(!(1 << me), SeqCst);
    }
}
