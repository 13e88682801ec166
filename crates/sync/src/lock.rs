//! `Lock`: one at a time, across processes, and the news if the one has died.
//!
//! Invariant: a guard is the lock held, by the thread that has the guard. This file does not know how; see `exclusion.rs`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use core_process::Until;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::{self, News};
use crate::object::{Kind, Object};
use crate::owner_died::{Inherited, LockError, OwnerDied, TryLockError};
use crate::pace::Over;
use crate::seen::{self, Operation};
use crate::sys::memory::Nesting;

const KIND: Kind = Kind {
    name: "lock",
    number: 0x0101,
    len: 128,
};

/// Lets one thread of one process at a time pass: `multiprocessing.Lock`.
///
/// A lock is a value: as an argument, in a field, in a message, and every copy is the same lock. A clone shares this
/// process's mapping; each process pays one descriptor and one page.
///
/// The holder is a thread, and if it ends with the lock (killed, crashed, returned and forgot), the next owner gets
/// [`OwnerDied`] with the guard, at once: nobody waits for the dead (CPython waits for ever).
/// It is not re-entrant: a second [`lock`](Self::lock) by the holder blocks for ever, as in CPython; see [`RLock`](crate::RLock).
///
/// ```
/// use core_process::Process;
/// use sync::Lock;
///
/// fn critical(lock: Lock) {
///     let _guard = lock.lock().unwrap();
///     // one process at a time
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let lock = Lock::new()?;
///     let children = [Process::new(critical, lock.clone()), Process::new(critical, lock)].map(|child| child.start());
///     for child in children {
///         child?.join()?;
///     }
///     Ok(())
/// }
/// ```
///
/// The guard needs a name. Without one the lock is free again at once, and the compiler says so where the lint
/// `let_underscore_drop` is on:
///
/// ```compile_fail
/// #![deny(let_underscore_drop)]
/// let lock = sync::Lock::new().unwrap();
/// let _ = lock.lock(); // released before the next line
/// ```
///
/// A guard stays with its thread:
///
/// ```compile_fail,E0277
/// let lock = sync::Lock::new().unwrap();
/// let guard = lock.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
#[derive(Clone)]
pub struct Lock {
    object: Arc<Object>,
}

/// The lock held. Dropping it releases the lock.
#[must_use = "the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not"]
pub struct Guard<'a> {
    lock: &'a Lock,
    /// The C library knows the owner by its thread.
    stays: PhantomData<*const ()>,
}

impl Lock {
    /// A new lock, free.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no descriptor is free. `ENOMEM`, `ENOSPC`: no memory is.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            object: Object::create(&KIND, |memory| exclusion::lay_out(memory, Nesting::Refused))?,
        })
    }

    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    /// [`OwnerDied`]: the lock is taken, and a former owner died with it.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Result<Guard<'_>, OwnerDied<Guard<'_>>> {
        if !seen::is_watched()
            && let Some(news) = exclusion::try_take(self.object.memory())
        {
            return self.guard(news);
        }
        self.wait_for_lock(Location::caller())
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not; [`TryLockError::OwnerDied`]: it is taken, and a former owner died with it.
    pub fn try_lock(&self) -> Result<Guard<'_>, TryLockError<Guard<'_>>> {
        match exclusion::try_take(self.object.memory()) {
            None => Err(TryLockError::WouldBlock),
            Some(news) => self.guard(news).map_err(TryLockError::OwnerDied),
        }
    }

    /// Waits until the lock is free and takes it, or until the wait is over. A token is looked at every 20 ms.
    ///
    /// # Errors
    /// [`LockError::TimedOut`] and [`LockError::Stopped`]: the lock is not taken. [`LockError::OwnerDied`]: it is taken, and a
    /// former owner died with it.
    #[track_caller]
    #[inline]
    pub fn lock_until(&self, until: impl Into<Until>) -> Result<Guard<'_>, LockError<Guard<'_>>> {
        let until = until.into();
        let _told = Operation::begin("lock", self.object.id(), &until, Location::caller());
        match exclusion::take(self.object.memory(), &until) {
            Ok(news) => self.guard(news).map_err(LockError::OwnerDied),
            Err(Over::TimedOut) => Err(LockError::TimedOut),
            Err(Over::Stopped) => Err(LockError::Stopped),
        }
    }

    /// [`lock_until`](Self::lock_until) with a duration: `acquire(timeout=...)` in Python.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<Guard<'_>, LockError<Guard<'_>>> {
        self.lock_until(time)
    }

    /// Whether somebody holds it, or has died with it: `locked()` in Python. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        exclusion::is_held(self.object.memory())
    }

    #[cold]
    fn wait_for_lock(&self, caller: &'static Location<'static>) -> Result<Guard<'_>, OwnerDied<Guard<'_>>> {
        let until = Until::forever();
        let _told = Operation::begin("lock", self.object.id(), &until, caller);
        match exclusion::take(self.object.memory(), &until) {
            Ok(news) => self.guard(news),
            Err(Over::TimedOut | Over::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    #[inline]
    fn guard(&self, news: News) -> Result<Guard<'_>, OwnerDied<Guard<'_>>> {
        let guard = Guard {
            lock: self,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(OwnerDied::new(guard, pid)),
        }
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        exclusion::release(self.lock.object.memory());
        seen::point("unlock", self.lock.object.id(), 0, Location::caller());
    }
}

impl Inherited for Guard<'_> {
    fn repaired(&self) {
        exclusion::repaired(self.lock.object.memory());
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("is_locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::deserialize(deserializer, &KIND)?;
        Ok(Self { object })
    }
}
