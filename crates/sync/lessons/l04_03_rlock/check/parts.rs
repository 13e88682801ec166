//! What an answer's lock is made of: a plain lock, two shared words, and a number.
//!
//! Invariant: the plain lock is given back by the thread that has it, or not at all; whoever else tries leaves a note. It does not
//! know what the answer does with the words.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use core_process::shm::Segment;
use grader::work::{Rendezvous, note};
use serde::{Deserialize, Serialize};
use sync::{Guard, Lock, OwnerDied};

use super::script::GATE;

/// A plain lock without re-entrance, and two words that all processes share; both are 0 at first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Parts {
    number: u64,
    lock: Lock,
    words: Segment,
    stage: Stage,
    /// The lock once more, where a guard can stay as long as its thread.
    #[serde(skip)]
    kept: OnceLock<&'static Lock>,
}

/// Whether two threads are brought to the same point of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    Plain,
    /// Whoever asks for the owner word a second time waits until another one stands there too, or cannot come.
    SecondLook,
    /// Whoever has given the plain lock back goes on when the next owner has it.
    AfterGivingBack,
}

/// Gates of the script: the lock was given back; the next one has it.
pub(super) const GIVEN_BACK: u64 = 10;
pub(super) const TAKEN: u64 = 11;

pub(super) const SECOND_LOOK: Rendezvous = Rendezvous::named("second look at the owner");
pub(super) const NOT_ITS_OWN: &str = "gives back what it has not";

thread_local! {
    static HELD: RefCell<Vec<(u64, Guard<'static>)>> = const { RefCell::new(Vec::new()) };
    static LOOKS: Cell<u32> = const { Cell::new(0) };
}

impl Parts {
    pub(super) fn new(number: u64, stage: Stage) -> std::io::Result<Parts> {
        Ok(Parts {
            number,
            lock: Lock::new()?,
            words: Segment::create("rlock", 16)?,
            stage,
            kept: OnceLock::new(),
        })
    }

    pub(super) fn for_process(&self) -> std::io::Result<Parts> {
        Ok(Parts {
            number: self.number,
            lock: self.lock.clone(),
            words: self.words.try_clone()?,
            stage: self.stage,
            kept: OnceLock::new(),
        })
    }

    /// Takes the plain lock; waits while any other thread has it, and for ever if this one has it already.
    #[track_caller]
    pub fn take(&self) {
        let lock = self.kept.get_or_init(|| Box::leak(Box::new(self.lock.clone())));
        let guard = lock.lock().unwrap_or_else(OwnerDied::repaired);
        HELD.with_borrow_mut(|held| held.push((self.number, guard)));
    }

    /// Gives the plain lock back. Only the thread that has it can; from any other nothing happens.
    #[track_caller]
    pub fn give_back(&self) {
        let guard = HELD.with_borrow_mut(|held| {
            let place = held.iter().position(|(number, _)| *number == self.number)?;
            Some(held.swap_remove(place))
        });
        if guard.is_none() {
            note(NOT_ITS_OWN, self.number as i64);
        }
        drop(guard);
        if self.stage == Stage::AfterGivingBack {
            GATE.number(GIVEN_BACK).open();
            GATE.number(TAKEN).wait();
        }
    }

    /// The word for the owner.
    pub fn owner(&self) -> &AtomicU64 {
        if self.stage == Stage::SecondLook {
            LOOKS.set(LOOKS.get() + 1);
            if LOOKS.get() == 2 {
                SECOND_LOOK.meet(2);
            }
        }
        self.words.atomic_u64(0)
    }

    /// The word for the depth.
    pub fn depth(&self) -> &AtomicU64 {
        self.words.atomic_u64(8)
    }

    /// Which lock this is; two locks have two numbers.
    pub fn number(&self) -> u64 {
        self.number
    }
}
