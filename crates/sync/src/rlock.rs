//! `RLock`: a lock that its holder may take again.
//!
//! Invariant: the owner is one thread of one process, told apart by the kernel's number of the thread, which no two threads of
//! a machine (a PID namespace) share. A pid alone would let the other threads of the process in.

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
use crate::object::{Kind, Object};
use crate::owner_died::{Inherited, LockError, OwnerDied, TryLockError};
use crate::pace::Over;
use crate::seen::{self, Operation};
use crate::sys::memory::{Memory, Nesting};

const KIND: Kind = Kind {
    name: "rlock",
    number: 0x0201,
    len: 128,
};

/// A lock that its owner may take again, and releases as often: `multiprocessing.RLock`.
///
/// The owner is a thread: another thread of the same process waits as anybody else does. All else is as in
/// [`Lock`](crate::Lock): a value, and [`OwnerDied`] when an owner has died.
///
/// ```
/// let lock = sync::RLock::new()?;
/// let outer = lock.lock().unwrap();
/// let inner = lock.lock().unwrap();
/// drop(outer);
/// assert!(lock.is_mine()); // until `inner` goes, too
/// drop(inner);
/// assert!(!lock.is_locked());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct RLock {
    object: Arc<Object>,
}

/// One level of the lock held. The lock is free when the owner has dropped as many guards as it has taken.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
pub struct RGuard<'a> {
    lock: &'a RLock,
    stays: PhantomData<*const ()>,
}

impl RLock {
    /// A new lock, free.
    ///
    /// # Errors
    /// As [`Lock::new`](crate::Lock::new).
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            object: Object::create(&KIND, |memory| exclusion::lay_out(memory, Nesting::Counted))?,
        })
    }

    /// Waits until the lock is free or the caller's own, and takes it once more.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner died with it. A nested call says so, too, until it is repaired.
    ///
    /// # Panics
    /// If one thread takes it more than two billion times.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Result<RGuard<'_>, OwnerDied<RGuard<'_>>> {
        if !seen::is_watched()
            && let Some(news) = exclusion::try_take(self.object.memory())
        {
            return self.guard(news);
        }
        self.wait_for_lock(Location::caller())
    }

    /// Takes it if it is free or the caller's own.
    ///
    /// # Errors
    /// As [`Lock::try_lock`](crate::Lock::try_lock).
    pub fn try_lock(&self) -> Result<RGuard<'_>, TryLockError<RGuard<'_>>> {
        match exclusion::try_take(self.object.memory()) {
            None => Err(TryLockError::WouldBlock),
            Some(news) => self.guard(news).map_err(TryLockError::OwnerDied),
        }
    }

    /// Waits until it is free or the caller's own, and takes it once more, or until the wait is over.
    ///
    /// # Errors
    /// As [`Lock::lock_until`](crate::Lock::lock_until).
    #[track_caller]
    #[inline]
    pub fn lock_until(&self, until: impl Into<Until>) -> Result<RGuard<'_>, LockError<RGuard<'_>>> {
        let until = until.into();
        let _told = Operation::begin("rlock", self.object.id(), &until, Location::caller());
        match exclusion::take(self.object.memory(), &until) {
            Ok(news) => self.guard(news).map_err(LockError::OwnerDied),
            Err(Over::TimedOut) => Err(LockError::TimedOut),
            Err(Over::Stopped) => Err(LockError::Stopped),
        }
    }

    /// [`lock_until`](Self::lock_until) with a duration.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<RGuard<'_>, LockError<RGuard<'_>>> {
        self.lock_until(time)
    }

    /// Whether somebody holds it, or has died with it. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        exclusion::is_held(self.object.memory())
    }

    /// Whether the calling thread holds it.
    pub fn is_mine(&self) -> bool {
        exclusion::is_mine(self.object.memory())
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.object.memory()
    }

    #[cold]
    fn wait_for_lock(&self, caller: &'static Location<'static>) -> Result<RGuard<'_>, OwnerDied<RGuard<'_>>> {
        let until = Until::forever();
        let _told = Operation::begin("rlock", self.object.id(), &until, caller);
        match exclusion::take(self.object.memory(), &until) {
            Ok(news) => self.guard(news),
            Err(Over::TimedOut | Over::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    #[inline]
    fn guard(&self, news: News) -> Result<RGuard<'_>, OwnerDied<RGuard<'_>>> {
        let guard = RGuard {
            lock: self,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(OwnerDied::new(guard, pid)),
        }
    }
}

impl RGuard<'_> {
    /// How many guards the owner has, this one included.
    pub fn depth(&self) -> u32 {
        exclusion::depth(self.lock.object.memory())
    }
}

impl Drop for RGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        exclusion::release(self.lock.object.memory());
        seen::point("runlock", self.lock.object.id(), 0, Location::caller());
    }
}

impl Inherited for RGuard<'_> {
    fn repaired(&self) {
        exclusion::repaired(self.lock.object.memory());
    }
}

impl fmt::Debug for RGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RGuard")
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

/// Shows the owner: this thread, another one of this process, another process, or none.
impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = match exclusion::owner(self.object.memory()) {
            None => "none".to_owned(),
            Some((_, tid)) if tid == identity::tid() => "this thread".to_owned(),
            Some((pid, tid)) if pid == identity::pid() => format!("thread {tid} of this process"),
            Some((pid, tid)) => format!("thread {tid} of process {pid}"),
        };
        f.debug_struct("RLock")
            .field("owner", &format_args!("{owner}"))
            .finish_non_exhaustive()
    }
}

impl Serialize for RLock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self { object })
    }
}
