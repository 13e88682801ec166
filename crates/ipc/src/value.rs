//! `Value` and `RawValue`: a value in shared memory, with its lock and without one: `multiprocessing.Value` and `RawValue`.
//!
//! Invariant: a `Value` is reached under its lock alone. How, and what a death leaves, is `sync::Locked`; how a `RawValue` is read while
//! somebody writes it, is `core_process::shm::Cells`.

use std::fmt;
use std::io;
use std::time::Duration;

use core_process::Until;
use core_process::shm::{Cells, Integer, Shared};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sync::{Exclusive, Held, LockError, Locked, OwnerDied, TryLockError};

/// The lock of a [`Value`] held, and the value.
pub type ValueGuard<'a, T> = Exclusive<'a, T>;

/// A value that processes share, and its lock: `multiprocessing.Value`.
///
/// The type takes the typecode's place, and is one that may live in shared memory: numbers, arrays of them, and structs that derive
/// [`Shared`](trait@Shared). The lock lets one thread of one process at a time have the value.
///
/// - [`get`](Self::get) and [`set`](Self::set) take the lock for one access each. What reads and then writes is two accesses, and another
///   process comes between them, in Rust as in Python.
/// - [`with`](Self::with) and [`lock`](Self::lock) are one piece: read, compute, write, under one lock.
/// - [`hold`](Self::hold) is Python's `with value.get_lock():`. It nests, and `get` and `set` go on inside of it.
///
/// An owner that dies inside leaves [`OwnerDied`] to the next one, with the guard: it names the dead, and who has put the value right says
/// [`repaired`](OwnerDied::repaired). (In CPython all others wait for ever.)
///
/// A value is an argument, a field, a part of a message; not only when a process is started.
///
/// ```
/// use core_process::Process;
/// use ipc::Value;
///
/// fn count(total: Value<u64>) {
///     for _ in 0..1000 {
///         total.with(|total| *total += 1).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let total = Value::new(0)?;
///     let children = [(); 2].map(|()| Process::new(count, total.clone()).start());
///     for child in children {
///         child?.join()?;
///     }
///     assert_eq!(total.get().unwrap(), 2000);
///     Ok(())
/// }
/// ```
///
/// A type that cannot be shared is refused when the program is compiled:
///
/// ```compile_fail,E0277
/// let name = ipc::Value::new(String::from("its letters are in one process"));
/// ```
pub struct Value<T: Shared> {
    locked: Locked<T>,
}

impl<T: Shared> Value<T> {
    /// Puts `value` into memory of its own, with a free lock. It costs a descriptor and a page.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no descriptor is free. `ENOMEM`, `ENOSPC`: no memory is.
    pub fn new(value: T) -> io::Result<Self> {
        Ok(Self {
            locked: Locked::value("value", value)?,
        })
    }

    /// Waits for the lock; the guard is the value.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner died with it; the value may be half changed.
    ///
    /// # Panics
    /// If the calling thread has a guard of the value already.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Result<ValueGuard<'_, T>, OwnerDied<ValueGuard<'_, T>>> {
        self.locked.lock()
    }

    /// [`lock`](Self::lock), if the lock is free or the calling thread's own.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not; otherwise as [`lock`](Self::lock).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>, TryLockError<ValueGuard<'_, T>>> {
        self.locked.try_lock()
    }

    /// [`lock`](Self::lock), or until the wait is over.
    ///
    /// # Errors
    /// [`LockError::TimedOut`], [`LockError::Stopped`]; otherwise as [`lock`](Self::lock).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_until(
        &self,
        until: impl Into<Until>,
    ) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.locked.lock_until(until)
    }

    /// [`lock_until`](Self::lock_until) with a duration.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.locked.lock_timeout(time)
    }

    /// Takes the lock and not the value: Python's `with value.get_lock():`. It nests, and what [`get`](Self::get) and
    /// [`set`](Self::set) do below it is one piece for all others.
    ///
    /// ```
    /// let level = ipc::Value::new(3_u32)?;
    /// let held = level.hold().unwrap();
    /// level.set(level.get().unwrap() + 1).unwrap();
    /// drop(held);
    /// assert_eq!(level.get().unwrap(), 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn hold(&self) -> Result<Held<'_>, OwnerDied<Held<'_>>> {
        self.locked.hold()
    }

    /// [`hold`](Self::hold), or until the wait is over.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    #[track_caller]
    pub fn hold_until(&self, until: impl Into<Until>) -> Result<Held<'_>, LockError<Held<'_>>> {
        self.locked.hold_until(until)
    }

    /// Changes the value under its lock: what `change` does is one piece.
    ///
    /// # Errors
    /// [`OwnerDied`]: a former owner died with the lock; `change` was not called. The guard is in the error.
    ///
    /// # Panics
    /// As [`lock`](Self::lock): also inside of another `with` of the same value.
    #[track_caller]
    #[inline]
    pub fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, OwnerDied<ValueGuard<'_, T>>> {
        let mut guard = self.lock()?;
        Ok(change(&mut guard))
    }

    /// Puts another value there, under the lock.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    #[inline]
    pub fn set(&self, value: T) -> Result<(), OwnerDied<ValueGuard<'_, T>>> {
        *self.lock()? = value;
        Ok(())
    }

    /// Whether somebody holds the lock, or has died with it. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        self.locked.is_locked()
    }
}

impl<T: Shared + Copy> Value<T> {
    /// A copy of the value, read under the lock.
    ///
    /// # Errors
    /// As [`with`](Value::with).
    ///
    /// # Panics
    /// As [`lock`](Value::lock).
    #[track_caller]
    #[inline]
    pub fn get(&self) -> Result<T, OwnerDied<ValueGuard<'_, T>>> {
        Ok(*self.lock()?)
    }
}

/// A value that processes share, without a lock: `multiprocessing.RawValue`, and `Value(..., lock=False)`.
///
/// One of 1, 2, 4 or 8 bytes is read and written whole; a larger one may be seen half old and half new. An integer has its atomic form,
/// whose `fetch_add` is one piece without any lock, and whoever dies can leave nothing half done:
///
/// ```
/// use ipc::RawValue;
/// use std::sync::atomic::Ordering::Relaxed;
///
/// let hits = RawValue::new(0_u64)?;
/// hits.atomic().fetch_add(2, Relaxed);
/// hits.set(hits.get() + 1); // two accesses: another process may come between
/// assert_eq!(hits.get(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A lock of one's own beside it is an [`RLock`](sync::RLock), sent along; the compiler does not know then that the two belong together.
pub struct RawValue<T: Shared + Copy> {
    cells: Cells<T>,
}

impl<T: Shared + Copy> RawValue<T> {
    /// Puts `value` into memory of its own. It costs a descriptor and a page.
    ///
    /// # Errors
    /// As [`Value::new`].
    pub fn new(value: T) -> io::Result<Self> {
        Ok(Self {
            cells: Cells::create("raw value", 1, |_| value)?,
        })
    }

    /// The value as it is now.
    #[inline]
    pub fn get(&self) -> T {
        match self.cells.get(0) {
            Some(value) => value,
            None => unreachable!("there is one"),
        }
    }

    /// Writes another value there.
    #[inline]
    pub fn set(&self, value: T) {
        self.cells.set(0, value);
    }
}

impl<T: Integer> RawValue<T> {
    /// It as an atomic integer of the standard library: `load`, `store`, `fetch_add`, `fetch_update`, `compare_exchange`...
    #[inline]
    pub fn atomic(&self) -> &T::Atomic {
        &self.cells.atomics()[0]
    }
}

impl<T: Shared> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self {
            locked: self.locked.clone(),
        }
    }
}

impl<T: Shared + Copy> Clone for RawValue<T> {
    fn clone(&self) -> Self {
        Self {
            cells: self.cells.clone(),
        }
    }
}

/// Shows the value if its lock is free at this moment.
impl<T: Shared + fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Value");
        match self.locked.is_mine() {
            false => match self.try_lock() {
                Ok(value) => shown.field(&*value).finish(),
                Err(TryLockError::OwnerDied(died)) => shown.field(&format_args!("{died}")).finish(),
                Err(TryLockError::WouldBlock) => shown.field(&format_args!("locked")).finish(),
            },
            true => shown.field(&format_args!("locked by this thread")).finish(),
        }
    }
}

impl<T: Shared + Copy + fmt::Debug> fmt::Debug for RawValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawValue").field(&self.get()).finish()
    }
}

impl<T: Shared> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.locked.serialize(serializer)
    }
}

impl<'de, T: Shared> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Locked::deserialize(deserializer).map(|locked| Self { locked })
    }
}

impl<T: Shared + Copy> Serialize for RawValue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.serialize(serializer)
    }
}

impl<'de, T: Shared + Copy> Deserialize<'de> for RawValue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let cells = Cells::deserialize(deserializer)?;
        match cells.len() {
            1 => Ok(Self { cells }),
            count => Err(D::Error::custom(format!("{count} values where one is expected"))),
        }
    }
}
