//! Who has what: a table of processes in an object's memory, each with a count, and each known to be alive or dead.
//!
//! A process takes a slot and holds the slot's robust mutex for as long as it lives. So whether it lives is not a question of pids, which
//! are reused and outlive their process as zombies: the kernel marks the mutex at the moment of death.
//! Invariant: everything but the liveness is read and written under the object's exclusion. A sum over the slots is the
//! truth; a word that repeats it can be made anew.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 192 | `HIGH` | slots that have ever been used: no other has a mutex |
//! | 256 + 64 i | mutex | held by the process of slot i, by a thread that lasts as long as the process |
//! | + 48 | `COUNT` | the object's: permits held, threads that wait |
//! | + 52 | `USE` | `FREE` 0, `USED` 1 |
//! | + 56 | `TAG` | the object's |
//! | + 60 | `PID` | for a message |

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::identity;
use crate::keeper::{self, Lasting};
use crate::object::Object;
use crate::sys::memory::{Got, MUTEX_ROOM, Memory, Nesting};

const HIGH: usize = 192;
const FIRST: usize = 256;
const SLOT: usize = 64;
const COUNT: usize = MUTEX_ROOM;
const USE: usize = COUNT + 4;
const TAG: usize = COUNT + 8;
const PID: usize = COUNT + 12;

const FREE: u32 = 0;
const USED: u32 = 1;

/// Most processes that can have a place in one object at a time.
pub(crate) const PLACES: u32 = 1020;

/// The length of an object with a ledger.
pub(crate) const LEN: usize = FIRST + SLOT * PLACES as usize;

/// Why a process has no place in an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum NoPlace {
    /// As many processes as an object has room for (1020) use it at this moment.
    TooManyProcesses,
    /// The thread that shows that this process lives could not be started; the main thread needs none.
    Os(io::Error),
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyProcesses => {
                write!(f, "{PLACES} processes use the object already, which is its limit")
            }
            Self::Os(error) => write!(
                f,
                "the thread that shows that this process lives was not started: {error}"
            ),
        }
    }
}

impl std::error::Error for NoPlace {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooManyProcesses => None,
            Self::Os(error) => Some(error),
        }
    }
}

/// An object, and this process's place in it.
#[derive(Debug)]
pub(crate) struct Member {
    object: Arc<Object>,
    /// `epoch << 32 | on_main << 31 | slot + 1`; 0 without a place. A place of another epoch is the parent's.
    place: AtomicU64,
}

const ON_MAIN: u64 = 1 << 31;

/// What was found in the slot of a process that has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) count: u32,
    pub(crate) pid: u32,
}

impl Member {
    pub(crate) fn new(object: Arc<Object>) -> Self {
        Self {
            object,
            place: AtomicU64::new(0),
        }
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    #[inline]
    fn memory(&self) -> &Memory {
        self.object.memory()
    }

    /// The slot of this process, which takes one if it has none. Under the exclusion.
    pub(crate) fn slot(&self) -> Result<Slot<'_>, NoPlace> {
        match self.index() {
            Some(index) => Ok(self.at(index)),
            None => self.take_place(),
        }
    }

    /// The slot of this process, if it has one.
    pub(crate) fn own_slot(&self) -> Option<Slot<'_>> {
        self.index().map(|index| self.at(index))
    }

    #[inline]
    fn index(&self) -> Option<usize> {
        // Relaxed: written under the exclusion by a thread of this process, and read under it.
        let place = self.place.load(Relaxed);
        (place != 0 && (place >> 32) as u32 == identity::epoch())
            .then(|| ((place & (ON_MAIN - 1)) - 1) as usize)
    }

    #[cold]
    fn take_place(&self) -> Result<Slot<'_>, NoPlace> {
        let object = Arc::clone(&self.object);
        let (taken, thread) = keeper::run(move || take_slot(object.memory())).map_err(NoPlace::Os)?;
        let index = taken.ok_or(NoPlace::TooManyProcesses)?;
        let on_main = if thread == Lasting::Main { ON_MAIN } else { 0 };
        let place = u64::from(identity::epoch()) << 32 | on_main | (index as u64 + 1);
        self.place.store(place, Relaxed);
        Ok(self.at(index))
    }

    fn at(&self, index: usize) -> Slot<'_> {
        Slot {
            memory: self.memory(),
            offset: FIRST + SLOT * index,
        }
    }

    /// Every slot that is used. Under the exclusion.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        (0..high(self.memory()))
            .map(|index| self.at(index))
            .filter(|slot| slot.word(USE).load(Relaxed) == USED)
    }

    /// Frees the slots of processes that have died, and says what each had. Under the exclusion.
    ///
    /// `settle` sees each before it is freed: who is killed meanwhile leaves the slot to the next.
    pub(crate) fn bury(&self, mut settle: impl FnMut(Dead)) {
        for slot in self.slots() {
            match slot.memory.try_lock(slot.offset) {
                // The process lives.
                None => {}
                Some(Got::FromTheDead) => {
                    settle(Dead {
                        count: slot.count(),
                        pid: slot.word(PID).load(Relaxed),
                    });
                    slot.word(COUNT).store(0, Relaxed);
                    slot.word(USE).store(FREE, Relaxed);
                    slot.memory.make_consistent(slot.offset);
                    slot.memory.unlock(slot.offset);
                }
                // It has left since its use was read.
                Some(Got::Free) => slot.memory.unlock(slot.offset),
            }
        }
    }
}

impl Drop for Member {
    /// Leaves. What the process still has, if anything, goes with it: the object's handles see to it that this is nothing.
    fn drop(&mut self) {
        let Some(index) = self.index() else { return };
        let on_main = *self.place.get_mut() & ON_MAIN != 0;
        let object = Arc::clone(&self.object);
        let thread = if on_main { Lasting::Main } else { Lasting::Keeper };
        self.at(index).word(USE).store(FREE, Relaxed);
        // The job keeps the mapping until the mutex in it is released.
        keeper::run_on(thread, move || object.memory().unlock(FIRST + SLOT * index));
    }
}

/// On a lasting thread, while another one of this process has the exclusion.
fn take_slot(memory: &Memory) -> Option<usize> {
    for index in 0..PLACES as usize {
        let offset = FIRST + SLOT * index;
        if index == high(memory) {
            // Nobody has used it: its memory is zero, or was begun by somebody who died before the next line.
            memory.make_mutex(offset, Nesting::Refused);
            memory.word(HIGH).store(index as u32 + 1, Relaxed);
        }
        if memory.word(offset + USE).load(Relaxed) != FREE {
            continue;
        }
        match memory.try_lock(offset) {
            // Its last process has left it, and has yet to release the mutex.
            None => continue,
            Some(Got::Free) => {}
            // It died after it had left it.
            Some(Got::FromTheDead) => memory.make_consistent(offset),
        }
        memory.word(offset + COUNT).store(0, Relaxed);
        memory.word(offset + PID).store(identity::pid(), Relaxed);
        memory.word(offset + USE).store(USED, Relaxed);
        return Some(index);
    }
    None
}

fn high(memory: &Memory) -> usize {
    memory.word(HIGH).load(Relaxed).min(PLACES) as usize
}

/// A used slot.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    memory: &'a Memory,
    offset: usize,
}

impl<'a> Slot<'a> {
    fn word(&self, word: usize) -> &'a std::sync::atomic::AtomicU32 {
        self.memory.word(self.offset + word)
    }

    pub(crate) fn count(&self) -> u32 {
        self.word(COUNT).load(Relaxed)
    }

    /// One store: the moment at which the process has, or no longer has.
    pub(crate) fn set_count(&self, count: u32) {
        self.word(COUNT).store(count, Relaxed);
    }

    /// One more, in an object whose threads take theirs away without the exclusion.
    pub(crate) fn add_one(&self) {
        self.word(COUNT).fetch_add(1, Relaxed);
    }

    /// One less, without the exclusion. What orders it is the object's next step.
    pub(crate) fn take_one(&self) {
        self.word(COUNT).fetch_sub(1, Relaxed);
    }

    pub(crate) fn tag(&self) -> u32 {
        self.word(TAG).load(Relaxed)
    }

    pub(crate) fn set_tag(&self, tag: u32) {
        self.word(TAG).store(tag, Relaxed);
    }
}
