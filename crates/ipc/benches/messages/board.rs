//! Plain words in shared memory, a cache line each: what host and guest tell each other between the games, and what the raw games are
//! played with.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use core_process::shm::Segment;
use rustix::thread::futex::{self, Flags};
use serde::{Deserialize, Serialize};

/// A board.
#[derive(Serialize, Deserialize)]
pub(crate) struct Board {
    memory: Segment,
}

/// What the words of the board are for.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    /// How often the guest was called to a game.
    Call,
    /// Which game.
    Game,
    /// Moves of it.
    Moves,
    /// The CPU that the guest plays on.
    Cpu,
    /// Whether the guest sleeps until the game begins, or looks all the time.
    Asleep,
    /// The last call that the guest has come to.
    Ready,
    /// The last call whose game has begun.
    Go,
    /// The last call whose game the guest has ended.
    Done,
    /// CPU time that the guest has used in the game, in microseconds.
    Used,
    /// Of the raw round trips: whose turn it is.
    Turn,
}

const LINE: usize = 64;

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            memory: Segment::create("board", 16 * LINE).expect("a segment is made"),
        }
    }

    pub(crate) fn word(&self, word: Word) -> &AtomicU32 {
        self.memory.atomic_u32(word as usize * LINE)
    }

    pub(crate) fn load(&self, word: Word) -> u32 {
        self.word(word).load(Relaxed)
    }

    pub(crate) fn store(&self, word: Word, value: u32) {
        self.word(word).store(value, Relaxed);
    }
}

impl Clone for Board {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.try_clone().expect("a descriptor and a mapping"),
        }
    }
}

/// Sleeps until the word is no longer `while_it_is`.
pub(crate) fn sleep_while(word: &AtomicU32, while_it_is: u32) {
    while word.load(Acquire) == while_it_is {
        let _ = futex::wait(word, Flags::empty(), while_it_is, None);
    }
}

/// Stores, and wakes who sleeps there.
pub(crate) fn store_and_wake(word: &AtomicU32, value: u32) {
    word.store(value, Release);
    let _ = futex::wake(word, Flags::empty(), 1);
}

/// Looks until the word is no longer `while_it_is`.
pub(crate) fn spin_while(word: &AtomicU32, while_it_is: u32) {
    while word.load(Acquire) == while_it_is {
        std::hint::spin_loop();
    }
}

/// Stores for somebody who spins.
pub(crate) fn store(word: &AtomicU32, value: u32) {
    word.store(value, Release);
}
