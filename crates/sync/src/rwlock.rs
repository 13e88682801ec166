//! `RwLock`: many read, or one writes.
//!
//! Invariant: who writes holds the exclusion and nobody reads; who reads is in the ledger. A reader enters through the exclusion,
//! so none comes while a writer writes or waits, and leaves without it. The steps, and what a death at each leaves, are in
//! `README.md` beside this file.
//!
//! | offset | word | bits |
//! | --- | --- | --- |
//! | 128 | `LEFT` | 0: a writer may sleep; 1 to 31: how many readers have left |
//! | 132 | `WRITING` | 1 while somebody writes, or has died writing and nobody has repaired |

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::{self, News};
use crate::identity;
use crate::ledger::{self, Member, NoPlace};
use crate::object::{Kind, Object};
use crate::owner_died::{Inherited, OwnerDied};
use crate::pace::{Over, Watch, next_sleep};
use crate::seen::{self, Operation};
use crate::sys::futex;
use crate::sys::memory::{Memory, Nesting};

const KIND: Kind = Kind {
    name: "rwlock",
    number: 0x0701,
    len: ledger::LEN,
};

const LEFT: usize = 128;
const WRITING: usize = 132;

const SLEEPS: u32 = 1;
const ONE: u32 = 2;

/// Many read or one writes, across processes: `std::sync::RwLock` without the data. Python has none.
///
/// A writer that waits keeps new readers out, so it is not starved; who reads and asks to read again while a writer waits
/// therefore blocks for ever. A reader that dies is forgotten within 20 ms or so. A writer that dies leaves [`OwnerDied`] to all who come,
/// readers and writers, until a writer has repaired.
///
/// ```
/// let lock = sync::RwLock::new()?;
/// let (one, two) = (lock.read()?, lock.read()?);
/// assert!(lock.try_write().is_err());
/// drop((one, two));
/// let _alone = lock.write().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RwLock {
    member: Arc<Member>,
}

/// The lock held for reading. It may go to another thread of the process.
#[must_use = "the lock is released at once if the guard is not kept"]
#[derive(Debug)]
pub struct ReadGuard {
    member: Arc<Member>,
    /// A copy in a forked child is none.
    epoch: u32,
}

/// The lock held for writing.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct WriteGuard<'a> {
    lock: &'a RwLock,
    stays: PhantomData<*const ()>,
}

/// Why the lock was not got, or not as it should be.
#[derive(Debug)]
pub enum RwLockError<G> {
    /// Not without waiting; for the `try_` forms.
    WouldBlock,
    /// The deadline passed.
    TimedOut,
    /// The stop token was stopped.
    Stopped,
    /// It was got, and a writer has died.
    OwnerDied(OwnerDied<G>),
    /// This process cannot read here.
    NoPlace(NoPlace),
}

impl RwLock {
    /// A new lock, free.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new() -> io::Result<Self> {
        let object = Object::create(&KIND, |memory| exclusion::lay_out(memory, Nesting::Refused))?;
        Ok(Self {
            member: Arc::new(Member::new(object)),
        })
    }

    /// Waits until nobody writes or waits to write, and reads.
    ///
    /// # Errors
    /// [`RwLockError::OwnerDied`], [`RwLockError::NoPlace`].
    #[track_caller]
    pub fn read(&self) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        self.read_until(Until::forever())
    }

    /// Reads if nobody writes or waits to write.
    ///
    /// # Errors
    /// [`RwLockError::WouldBlock`]; otherwise as [`read`](Self::read).
    pub fn try_read(&self) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        match exclusion::try_take(self.memory()) {
            Some(news) => self.reading(news),
            None => Err(RwLockError::WouldBlock),
        }
    }

    /// [`read`](Self::read), or until the wait is over.
    ///
    /// # Errors
    /// [`RwLockError::TimedOut`], [`RwLockError::Stopped`]; otherwise as [`read`](Self::read).
    #[track_caller]
    pub fn read_until(&self, until: impl Into<Until>) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        let until = until.into();
        let _told = Operation::begin("read", self.id(), &until, Location::caller());
        let news = exclusion::take(self.memory(), &until)?;
        self.reading(news)
    }

    /// Waits until nobody reads or writes, and writes.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is held, and a writer died with it.
    #[track_caller]
    pub fn write(&self) -> Result<WriteGuard<'_>, OwnerDied<WriteGuard<'_>>> {
        match self.write_until(Until::forever()) {
            Ok(guard) => Ok(guard),
            Err(RwLockError::OwnerDied(died)) => Err(died),
            Err(_) => unreachable!("nothing ends this wait, and a writer needs no place"),
        }
    }

    /// Writes if nobody reads or writes.
    ///
    /// # Errors
    /// [`RwLockError::WouldBlock`], [`RwLockError::OwnerDied`].
    pub fn try_write(&self) -> Result<WriteGuard<'_>, RwLockError<WriteGuard<'_>>> {
        let news = exclusion::try_take(self.memory()).ok_or(RwLockError::WouldBlock)?;
        let news = self.judged(news);
        if self.readers() > 0 {
            exclusion::release(self.memory());
            return Err(RwLockError::WouldBlock);
        }
        self.writing(news)
    }

    /// [`write`](Self::write), or until the wait is over.
    ///
    /// # Errors
    /// [`RwLockError::TimedOut`], [`RwLockError::Stopped`], [`RwLockError::OwnerDied`].
    #[track_caller]
    pub fn write_until(
        &self,
        until: impl Into<Until>,
    ) -> Result<WriteGuard<'_>, RwLockError<WriteGuard<'_>>> {
        let until = until.into();
        let _told = Operation::begin("write", self.id(), &until, Location::caller());
        let news = exclusion::take(self.memory(), &until)?;
        let news = self.judged(news);
        while self.readers() > 0 {
            // AcqRel, here and in the drop of a reader: of the two changes of `LEFT` one comes first. If it is this one, the reader sees
            // the mark and wakes; if it is the reader's, the count that it took down before is seen by the next line.
            let left = self.word(LEFT).fetch_or(SLEEPS, AcqRel) | SLEEPS;
            if self.readers() == 0 {
                break;
            }
            match next_sleep(&until, Watch::Deaths) {
                Ok(longest) => futex::sleep(self.word(LEFT), left, longest),
                Err(over) => {
                    exclusion::release(self.memory());
                    return Err(over.into());
                }
            }
        }
        self.writing(news)
    }

    /// Counts a reader in, and leaves the exclusion.
    fn reading(&self, news: News) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        let news = self.judged(news);
        let counted = self.member.slot().map(|slot| slot.add_one());
        exclusion::release(self.memory());
        counted.map_err(RwLockError::NoPlace)?;
        let guard = ReadGuard {
            member: Arc::clone(&self.member),
            epoch: identity::epoch(),
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(RwLockError::OwnerDied(OwnerDied::new(guard, pid))),
        }
    }

    /// Keeps the exclusion.
    fn writing(&self, news: News) -> Result<WriteGuard<'_>, RwLockError<WriteGuard<'_>>> {
        self.word(WRITING).store(1, Relaxed);
        let guard = WriteGuard {
            lock: self,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(RwLockError::OwnerDied(OwnerDied::new(guard, pid))),
        }
    }

    /// The death of one who was not writing, but entering, is no news. Under the exclusion.
    fn judged(&self, news: News) -> News {
        if news != News::None && self.word(WRITING).load(Relaxed) == 0 {
            exclusion::repaired(self.memory());
            return News::None;
        }
        news
    }

    /// How many read, without the dead. Under the exclusion.
    fn readers(&self) -> u32 {
        self.member.bury(|_| {});
        self.member.slots().map(|slot| slot.count()).sum()
    }

    fn memory(&self) -> &Memory {
        self.member.object().memory()
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        self.memory().word(offset)
    }

    fn id(&self) -> u64 {
        self.member.object().id()
    }
}

impl Drop for ReadGuard {
    fn drop(&mut self) {
        if self.epoch != identity::epoch() {
            return;
        }
        if let Some(slot) = self.member.own_slot() {
            slot.take_one();
        }
        let left = self.member.object().memory().word(LEFT);
        // AcqRel: see `write_until`.
        if left.fetch_add(ONE, AcqRel) & SLEEPS != 0 {
            // One writer at most sleeps here: it holds the exclusion.
            left.fetch_and(!SLEEPS, Relaxed);
            futex::wake_all(left);
        }
        seen::point("unread", self.member.object().id(), 0, Location::caller());
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let memory = self.lock.memory();
        if exclusion::is_mine(memory) && !exclusion::has_news(memory) {
            memory.word(WRITING).store(0, Relaxed);
        }
        exclusion::release(memory);
        seen::point("unwrite", self.lock.id(), 0, Location::caller());
    }
}

impl Inherited for WriteGuard<'_> {
    fn repaired(&self) {
        exclusion::repaired(self.lock.memory());
    }
}

impl<G> From<Over> for RwLockError<G> {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => Self::TimedOut,
            Over::Stopped => Self::Stopped,
        }
    }
}

impl<G> fmt::Display for RwLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("the lock is not free for this"),
            Self::TimedOut => f.write_str("the lock was not free in time"),
            Self::Stopped => f.write_str("the wait for the lock was stopped by its stop token"),
            Self::OwnerDied(died) => died.fmt(f),
            Self::NoPlace(error) => error.fmt(f),
        }
    }
}

impl<G: fmt::Debug> std::error::Error for RwLockError<G> {}

impl fmt::Debug for WriteGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteGuard").finish_non_exhaustive()
    }
}

impl fmt::Debug for RwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl Serialize for RwLock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.member.object().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RwLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self {
            member: Arc::new(Member::new(object)),
        })
    }
}
