//! `RwLock`: many read, or one writes.
//!
//! Invariant: a guard is one reader in the ledger, or the writer. The protocol is `readers.rs`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::{self, News};
use crate::identity;
use crate::ledger;
use crate::member::{Member, NoPlace};
use crate::object::Kind;
use crate::owner_died::{Inherited, OwnerDied};
use crate::pace::Over;
use crate::readers;
use crate::seen::{self, Operation};
use crate::sys::memory::Memory;

const KIND: Kind = Kind {
    name: "rwlock",
    number: 0x0701,
    len: ledger::LEN,
};

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
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
#[derive(Debug)]
pub struct ReadGuard {
    member: Arc<Member>,
    /// A copy in a forked child is none.
    epoch: u32,
}

/// The lock held for writing.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
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
        Ok(Self {
            member: Member::create(&KIND, readers::lay_out)?,
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
        let slot = || self.member.slot().map_err(RwLockError::NoPlace);
        match readers::try_read(self.memory(), slot) {
            Some(news) => self.reading(news?),
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
        let slot = || self.member.slot().map_err(RwLockError::NoPlace);
        self.reading(readers::read(self.memory(), slot, &until)?)
    }

    /// [`read_until`](Self::read_until) with a duration.
    ///
    /// # Errors
    /// As [`read_until`](Self::read_until).
    #[track_caller]
    pub fn read_timeout(&self, time: Duration) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        self.read_until(time)
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
        let news = readers::try_write(self.memory()).ok_or(RwLockError::WouldBlock)?;
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
        let news = readers::write(self.memory(), &until)?;
        self.writing(news)
    }

    /// [`write_until`](Self::write_until) with a duration.
    ///
    /// # Errors
    /// As [`write_until`](Self::write_until).
    #[track_caller]
    pub fn write_timeout(&self, time: Duration) -> Result<WriteGuard<'_>, RwLockError<WriteGuard<'_>>> {
        self.write_until(time)
    }

    fn reading(&self, news: News) -> Result<ReadGuard, RwLockError<ReadGuard>> {
        let guard = ReadGuard {
            member: Arc::clone(&self.member),
            epoch: identity::epoch(),
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(RwLockError::OwnerDied(OwnerDied::new(guard, pid))),
        }
    }

    fn writing(&self, news: News) -> Result<WriteGuard<'_>, RwLockError<WriteGuard<'_>>> {
        let guard = WriteGuard {
            lock: self,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(RwLockError::OwnerDied(OwnerDied::new(guard, pid))),
        }
    }

    fn memory(&self) -> &Memory {
        self.member.memory()
    }

    fn id(&self) -> u64 {
        self.member.id()
    }
}

impl Drop for ReadGuard {
    fn drop(&mut self) {
        if self.epoch != identity::epoch() {
            return;
        }
        if let Some(slot) = self.member.own_slot() {
            readers::end_read(self.member.memory(), slot);
        }
        seen::point("unread", self.member.id(), 0, Location::caller());
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        readers::end_write(self.lock.memory());
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
        self.member.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RwLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            member: Member::deserialize(deserializer, &KIND)?,
        })
    }
}
