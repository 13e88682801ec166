//! What both players have: every object of the games, and a board of plain words.

use std::sync::atomic::AtomicU32;

use core_process::shm::Segment;
use serde::{Deserialize, Serialize};
use sync::{Barrier, Condition, Event, Lock, Semaphore};

/// One of each. The two events and semaphores go to the guest (0) and to the host (1).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) lock: Lock,
    pub(crate) events: [Event; 2],
    pub(crate) semaphores: [Semaphore; 2],
    pub(crate) condition: Condition,
    pub(crate) barrier: Barrier,
    pub(crate) board: Board,
}

/// Plain words in shared memory, a cache line each.
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
    /// The last call that the guest has come to.
    Ready,
    /// The last call whose game the guest has ended.
    Done,
    /// 1: the guest is to stop, in a game that lasts until then.
    Stop,
    /// Moves that the guest has made until it was stopped.
    Count,
    /// CPU time that the guest has used in the game, in microseconds.
    Used,
    /// Of the raw games: whose turn it is, or the number of the round.
    Turn,
    /// Of the raw barrier: how many have come.
    Come,
    /// What a lock protects.
    Value,
    /// A raw robust mutex.
    Mutex,
}

const LINE: usize = 64;

impl Table {
    pub(crate) fn lay() -> Self {
        let made = "an object is made";
        Self {
            lock: Lock::new().expect(made),
            events: [(); 2].map(|()| Event::new().expect(made)),
            semaphores: [(); 2].map(|()| Semaphore::new(0).expect(made)),
            condition: Condition::new().expect(made),
            barrier: Barrier::new(2).expect(made),
            board: Board {
                memory: Segment::create("board", 16 * LINE).expect(made),
            },
        }
    }
}

impl Board {
    pub(crate) fn word(&self, word: Word) -> &AtomicU32 {
        self.memory.atomic_u32(word as usize * LINE)
    }

    /// The bytes of a word's line.
    pub(crate) fn line(&self, word: Word) -> *mut u8 {
        self.memory.as_ptr().wrapping_add(word as usize * LINE)
    }
}

impl Clone for Board {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.try_clone().expect("a descriptor and a mapping"),
        }
    }
}
