//! What the processes of a storm note in memory that they share, and the words of it.
//!
//! Invariant: a word is changed by one instruction, so a killed process has noted something or has not.

use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use core_process::shm::Segment;
use serde::{Deserialize, Serialize};

pub(crate) const PRODUCERS: usize = 4;
pub(crate) const PROCESSES: usize = 8;

/// Words.
pub(crate) const STOP: usize = 0;
pub(crate) const VIOLATIONS: usize = 4;
pub(crate) const REDELIVERED: usize = 8;
/// How many values came, for those who put without a bound.
pub(crate) const CAME: usize = 12;
/// The value that each producer began to put last, and the one that it has put last.
pub(crate) const ATTEMPTED: usize = 64;
pub(crate) const DONE: usize = 128;
/// 1: the consumer is inside `get`, or has not noted what it got.
pub(crate) const INSIDE: usize = 192;
/// A bit for each value of each producer: somebody has got it.
const GOT: usize = 256;

/// No producer puts more in one round.
pub(crate) const MOST: u32 = 1 << 22;

/// The memory in which all note what they do.
#[derive(Serialize, Deserialize)]
pub(crate) struct Notes(Segment);

impl Notes {
    pub(crate) fn new() -> Self {
        Self(Segment::create("notes", GOT + PRODUCERS * MOST as usize / 8).unwrap())
    }

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

    /// How many values were put and have not come.
    pub(crate) fn on_their_way(&self) -> u32 {
        let put: u32 = (0..PRODUCERS)
            .map(|producer| self.value(DONE + 4 * producer))
            .sum();
        put.saturating_sub(self.value(CAME))
    }

    fn bit(producer: usize, serial: u32) -> (usize, u32) {
        let number = producer * MOST as usize + (serial % MOST) as usize;
        (GOT + number / 32 * 4, 1 << (number % 32))
    }

    /// Notes that a value has come; whether it had come before.
    pub(crate) fn got(&self, producer: usize, serial: u32) -> bool {
        let (word, bit) = Self::bit(producer, serial);
        self.word(word).fetch_or(bit, SeqCst) & bit != 0
    }

    pub(crate) fn was_got(&self, producer: usize, serial: u32) -> bool {
        let (word, bit) = Self::bit(producer, serial);
        self.value(word) & bit != 0
    }
}

impl Clone for Notes {
    fn clone(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |first: usize| (0..PROCESSES).map(move |me| self.value(first + 4 * me));
        f.debug_struct("Notes")
            .field("attempted", &all(ATTEMPTED).collect::<Vec<_>>())
            .field("done", &all(DONE).collect::<Vec<_>>())
            .field("inside", &all(INSIDE).collect::<Vec<_>>())
            .field("came", &self.value(CAME))
            .finish()
    }
}
