//! The memory of one object: words that the checker sees, and robust mutexes made of them.
//!
//! Invariant: a mutex promises what POSIX and Linux do, and no more: mutual exclusion, that the next owner after a death is told, and one
//! wake-up for each release that somebody sleeps for. That wake-up is lost with a waiter that dies when it has been woken, if a
//! third one has the mutex by then; if nobody has, the kernel wakes another.

use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use crate::checker::{self, SLOTS};
use crate::stage::{self, Place, Woken};

/// As in the real one.
pub(crate) const MUTEX_ROOM: usize = 48;

/// What no word ever is.
const NO_VALUE: u32 = 0xDEAD_BEEF;

/// Where the main mutex is, and the first slot's; another slot's is `SLOT` further.
const MAIN: usize = 64;
const FIRST: usize = 256;
const SLOT: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    Refused,
    Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Free,
    FromTheDead,
}

/// A word of shared memory: each access is a step, at which the process may die.
pub(crate) struct Word {
    value: checker::AtomicU32,
    /// For the record of a run.
    place: Place,
    /// The kernel's lock of the list of those that sleep here.
    bucket: checker::Mutex<()>,
}

impl Word {
    fn new(place: Place) -> Self {
        Self {
            value: checker::AtomicU32::new(0),
            place,
            bucket: checker::Mutex::new(()),
        }
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        if stage::step("load", self.place) {
            self.value.load(order)
        } else {
            0
        }
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        if stage::step("store", self.place) {
            self.value.store(value, order);
        }
    }

    pub(crate) fn fetch_add(&self, value: u32, order: Ordering) -> u32 {
        if stage::step("fetch_add", self.place) {
            self.value.fetch_add(value, order)
        } else {
            0
        }
    }

    pub(crate) fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
        if stage::step("fetch_sub", self.place) {
            self.value.fetch_sub(value, order)
        } else {
            0
        }
    }

    pub(crate) fn fetch_or(&self, value: u32, order: Ordering) -> u32 {
        if stage::step("fetch_or", self.place) {
            self.value.fetch_or(value, order)
        } else {
            0
        }
    }

    pub(crate) fn fetch_and(&self, value: u32, order: Ordering) -> u32 {
        if stage::step("fetch_and", self.place) {
            self.value.fetch_and(value, order)
        } else {
            0
        }
    }

    pub(crate) fn swap(&self, value: u32, order: Ordering) -> u32 {
        if stage::step("swap", self.place) {
            self.value.swap(value, order)
        } else {
            0
        }
    }

    pub(crate) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        if stage::step("exchange", self.place) {
            self.value.compare_exchange(current, new, success, failure)
        } else {
            Ok(current)
        }
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.compare_exchange(current, new, success, failure)
    }

    /// The kernel's part of a sleep.
    pub(crate) fn sleep_while(&self, expected: u32) -> Woken {
        let bucket = self.bucket.lock().unwrap();
        if self.latest() != expected {
            return Woken::NeverSlept;
        }
        let sleeper = stage::fall_asleep(self.key());
        drop(bucket);
        sleeper.sleep()
    }

    /// The kernel's part of a wake.
    pub(crate) fn wake(&self, count: usize) -> usize {
        let _bucket = self.bucket.lock().unwrap();
        stage::wake(self.key(), count)
    }

    /// What was written last, as the kernel sees it: an exchange that fails is no store, and reads no stale value.
    fn latest(&self) -> u32 {
        let result = self.value.compare_exchange(NO_VALUE, NO_VALUE, Relaxed, Relaxed);
        result.unwrap_or_else(|value| value)
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

const WAITERS: u32 = 1 << 31;
const DIED: u32 = 1 << 30;
const OWNER: u32 = DIED - 1;

/// A robust mutex. Its word is the owner's number, `DIED` and `WAITERS`.
pub(crate) struct Mutex {
    word: Word,
    /// The owner's alone.
    levels: AtomicU32,
    is_counted: AtomicBool,
    is_inconsistent: AtomicBool,
}

impl Mutex {
    /// The kernel's part, when a thread ends that has this mutex.
    pub(crate) fn inherit(&self) {
        let mut before = self.word.latest();
        loop {
            let left = before & WAITERS | DIED;
            match self.word.value.compare_exchange(before, left, AcqRel, Relaxed) {
                Ok(_) => break,
                Err(other) => before = other,
            }
        }
        if before & WAITERS != 0 {
            self.word.wake(1);
        }
    }

    /// The kernel's part, when a thread ends that was taking or releasing this mutex, and has it not.
    pub(crate) fn pass_on(&self) {
        if self.word.latest() == 0 {
            self.word.wake(1);
        }
    }

    /// One attempt, which leaves `mark` on the word if it succeeds; else what the word was.
    fn attempt(self: &Arc<Self>, mark: u32) -> Result<Got, u32> {
        let me = stage::number();
        let mut before = 0;
        loop {
            let taken = me | mark | before & WAITERS;
            match self.word.value.compare_exchange(before, taken, Acquire, Relaxed) {
                Ok(0) => {
                    stage::note_owned(self);
                    return Ok(Got::Free);
                }
                Ok(_) => {
                    stage::note_owned(self);
                    self.is_inconsistent.store(true, Relaxed);
                    self.levels.store(0, Relaxed);
                    return Ok(Got::FromTheDead);
                }
                Err(other) if other & DIED != 0 || other == 0 => before = other,
                Err(other) if other & OWNER == me && self.is_counted.load(Relaxed) => {
                    self.levels.fetch_add(1, Relaxed);
                    return Ok(Got::Free);
                }
                Err(other) => return Err(other),
            }
        }
    }
}

/// The words and mutexes of an object.
pub(crate) struct Memory {
    words: Vec<Option<Word>>,
    mutexes: Vec<Arc<Mutex>>,
}

impl Memory {
    /// With these words, all 0.
    pub(crate) fn new(words: impl IntoIterator<Item = usize>) -> Self {
        let number = stage::number_of_memory();
        let mut memory = Self {
            words: Vec::new(),
            mutexes: Vec::new(),
        };
        for offset in words {
            let at = offset / 4;
            if memory.words.len() <= at {
                memory.words.resize_with(at + 1, || None);
            }
            memory.words[at] = Some(Word::new(Place {
                memory: number,
                offset,
            }));
        }
        memory.mutexes = std::iter::once(MAIN)
            .chain((0..SLOTS).map(|slot| FIRST + SLOT * slot))
            .map(|offset| {
                Arc::new(Mutex {
                    word: Word::new(Place {
                        memory: number,
                        offset,
                    }),
                    levels: AtomicU32::new(0),
                    is_counted: AtomicBool::new(false),
                    is_inconsistent: AtomicBool::new(false),
                })
            })
            .collect();
        memory
    }

    pub(crate) fn word(&self, offset: usize) -> &Word {
        match self.words.get(offset / 4) {
            Some(Some(word)) => word,
            _ => panic!("the scene has no word at {offset}"),
        }
    }

    fn mutex(&self, offset: usize) -> &Arc<Mutex> {
        let at = if offset == MAIN {
            0
        } else {
            1 + (offset - FIRST) / SLOT
        };
        &self.mutexes[at]
    }

    pub(crate) fn make_mutex(&self, offset: usize, nesting: Nesting) {
        if stage::step("make", self.mutex(offset).word.place) {
            let mutex = self.mutex(offset);
            mutex.is_counted.store(nesting == Nesting::Counted, Relaxed);
            mutex.word.value.store(0, Relaxed);
        }
    }

    pub(crate) fn try_lock(&self, offset: usize) -> Option<Got> {
        if !stage::step("try_lock", self.mutex(offset).word.place) {
            return None;
        }
        self.mutex(offset).attempt(0).ok()
    }

    pub(crate) fn lock_within(&self, offset: usize, _longest: Duration) -> Option<Got> {
        if !stage::step("lock", self.mutex(offset).word.place) {
            return Some(Got::Free);
        }
        let mutex = self.mutex(offset);
        let _pending = stage::pending(mutex);
        let mut mark = 0;
        loop {
            let mut before = match mutex.attempt(mark) {
                Ok(got) => return Some(got),
                Err(before) => before,
            };
            if before & WAITERS == 0 {
                let marked = before | WAITERS;
                match mutex
                    .word
                    .value
                    .compare_exchange(before, marked, Relaxed, Relaxed)
                {
                    Ok(_) => before = marked,
                    Err(_) => continue,
                }
            }
            if !stage::step("sleep for lock", mutex.word.place) {
                return Some(Got::Free);
            }
            let woken = mutex.word.sleep_while(before);
            // A woken waiter may die before it has looked.
            stage::step("woken for lock", mutex.word.place);
            if woken == Woken::ByTime {
                return None;
            }
            mark = WAITERS;
        }
    }

    pub(crate) fn make_consistent(&self, offset: usize) {
        if stage::step("consistent", self.mutex(offset).word.place) {
            self.mutex(offset).is_inconsistent.store(false, Relaxed);
        }
    }

    pub(crate) fn unlock(&self, offset: usize) {
        if !stage::step("unlock", self.mutex(offset).word.place) {
            return;
        }
        let mutex = self.mutex(offset);
        if !stage::owns(mutex) {
            return;
        }
        let levels = mutex.levels.load(Relaxed);
        if levels > 0 {
            mutex.levels.store(levels - 1, Relaxed);
            return;
        }
        assert!(
            !mutex.is_inconsistent.load(Relaxed),
            "the mutex at {offset} is released before it is made consistent: nobody can ever lock it again"
        );
        let _pending = stage::pending(mutex);
        stage::note_released(mutex);
        let before = mutex.word.value.swap(0, Release);
        if before & WAITERS != 0 {
            stage::step("wake for lock", mutex.word.place);
            mutex.word.wake(1);
        }
    }
}
