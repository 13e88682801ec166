//! `Array`: values of one type in shared memory, under a lock or in parts: `multiprocessing.Array`.
//!
//! Invariant: an `Array` is reached under its lock, or in parts (`sync::Part`) of which each has one holder; how many values it has is
//! fixed when it is made.

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::Duration;

use core_process::Until;
use core_process::shm::Shared;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sync::{Exclusive, Held, LockError, Locked, OwnerDied, Part, TryLockError};

/// The lock of an [`Array`] held, and the values as a slice.
pub type ArrayGuard<'a, T> = Exclusive<'a, [T]>;

/// Why an access to an [`Array`] was refused. Nothing has changed.
#[derive(Debug)]
pub enum ArrayError<'a, T: Shared> {
    /// There is no such place.
    OutOfBounds(OutOfBounds),
    /// The lock is taken, and a former owner died with it; the guard is here.
    OwnerDied(OwnerDied<ArrayGuard<'a, T>>),
}

/// An index, or a range of them, that an array does not have; or values that are not as many as the range.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfBounds {
    /// There is no value at these indices.
    Range {
        /// The indices.
        range: Range<usize>,
        /// How many values the array has.
        len: usize,
    },
    /// An array has a fixed length: a range of it takes as many values as it has.
    OtherLength {
        /// As many as the range has.
        expected: usize,
        /// As many as were given.
        found: usize,
    },
}

/// Values of one type that processes share, and their lock: `multiprocessing.Array`.
///
/// How many there are is fixed when it is made. An index is a `usize`: Python's negative ones, which count from the end, do not exist, and
/// `array.len() - 1` takes their place.
///
/// - [`get`](Self::get), [`set`](Self::set), [`read`](Self::read) and [`write`](Self::write) take the lock for one access each.
/// - [`lock`](Self::lock) gives a guard that is a plain slice, `&mut [T]`: what is done with it is one piece, and costs what it costs in memory
///   of one's own. The lock is taken once, and not for each value.
/// - [`hold`](Self::hold) is Python's `with array.get_lock():`, and nests.
/// - [`split`](Self::split) divides it into parts that need no lock at all: each has one holder, who works while the others do.
///
/// An owner that dies leaves [`OwnerDied`] to the next.
///
/// ```
/// use ipc::Array;
///
/// let squares = Array::from_values([0_u64, 1, 4])?;
/// squares.set(2, 5).unwrap();
/// let mut all = squares.lock().unwrap();
/// all.sort_by_key(|value| u64::MAX - value);
/// assert_eq!(*all, [5, 1, 0]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Array<T: Shared> {
    locked: Locked<[T]>,
}

impl<T: Shared> Array<T> {
    /// `len` values of which all bytes are 0: `Array('i', 10)`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no descriptor is free. `ENOMEM`, `ENOSPC`, `EFBIG`: there is not so much memory, which is found out now.
    pub fn zeroed(len: usize) -> io::Result<Self> {
        Locked::zeroed("array", len).map(|locked| Self { locked })
    }

    /// These values: `Array('i', [1, 2, 3])`.
    ///
    /// # Errors
    /// As [`zeroed`](Self::zeroed).
    pub fn from_values(values: impl IntoIterator<Item = T>) -> io::Result<Self> {
        // Their number comes before their memory.
        let values: Vec<T> = values.into_iter().collect();
        let (len, mut values) = (values.len(), values.into_iter());
        let locked = Locked::array("array", len, |_| match values.next() {
            Some(value) => value,
            None => unreachable!("as many are taken as there are"),
        })?;
        Ok(Self { locked })
    }

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.locked.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.locked.is_empty()
    }

    /// Waits for the lock; the guard is the slice of the values. Parts that somebody holds are waited for.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner, or who held a part, died with it; the values may be half changed.
    ///
    /// # Panics
    /// If the calling thread has a guard of the array already.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Result<ArrayGuard<'_, T>, OwnerDied<ArrayGuard<'_, T>>> {
        self.locked.lock()
    }

    /// [`lock`](Self::lock), if the lock is free or the calling thread's own, and nobody holds a part.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if it is not so; otherwise as [`lock`](Self::lock).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn try_lock(&self) -> Result<ArrayGuard<'_, T>, TryLockError<ArrayGuard<'_, T>>> {
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
    ) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
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
    pub fn lock_timeout(&self, time: Duration) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        self.locked.lock_timeout(time)
    }

    /// Takes the lock and not the values; see [`Value::hold`](crate::Value::hold).
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner died with it.
    #[track_caller]
    pub fn hold(&self) -> Result<Held<'_>, OwnerDied<Held<'_>>> {
        self.locked.hold()
    }

    /// Writes one value.
    ///
    /// # Errors
    /// [`ArrayError::OutOfBounds`], [`ArrayError::OwnerDied`].
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn set(&self, index: usize, value: T) -> Result<(), ArrayError<'_, T>> {
        self.has(index..index.saturating_add(1))?;
        self.lock()?[index] = value;
        Ok(())
    }

    /// Divides the array into `count` parts that do not overlap, each for one holder at a time, who needs no lock.
    ///
    /// A [`Part`] is sent to whoever is to work on it. It is held from its arrival until it is dropped, and nobody can have it twice: the type
    /// has no `Clone`, and a copy of the message with it is refused, by the kernel's word. Whoever locks the array waits until no part
    /// is held, and has it whole; parts that nobody has held till then are void.
    ///
    /// ```
    /// use core_process::Process;
    /// use ipc::{Array, Part};
    ///
    /// fn fill(mut part: Part<u64>) {
    ///     let start = part.range().start as u64;
    ///     for (value, index) in part.slice().unwrap().iter_mut().zip(start..) {
    ///         *value = index * index;
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     core_process::init();
    ///     let squares = Array::zeroed(5)?;
    ///     let parts = squares.split(2).unwrap();
    ///     let children: Vec<_> = parts.into_iter().map(|part| Process::new(fill, part).start()).collect();
    ///     for child in children {
    ///         child?.join()?;
    ///     }
    ///     assert_eq!(*squares.lock().unwrap(), [0, 1, 4, 9, 16]);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`OwnerDied`]: a former owner of the lock, or who held a part, died with it.
    ///
    /// # Panics
    /// If `count` is 0; and as [`lock`](Self::lock).
    #[track_caller]
    pub fn split(&self, count: usize) -> Result<Vec<Part<T>>, OwnerDied<ArrayGuard<'_, T>>> {
        self.locked.split(count)
    }

    /// Whether somebody holds the lock, or has died with it. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        self.locked.is_locked()
    }

    fn has(&self, range: Range<usize>) -> Result<(), OutOfBounds> {
        is_inside(range, self.len())
    }
}

impl<T: Shared + Copy> Array<T> {
    /// A copy of one value.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn get(&self, index: usize) -> Result<T, ArrayError<'_, T>> {
        self.has(index..index.saturating_add(1))?;
        Ok(self.lock()?[index])
    }

    /// A copy of the values of a range: `array[2:5]`.
    ///
    /// # Errors
    /// As [`set`](Self::set): unlike Python's, a range that the array does not have is an error.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>, ArrayError<'_, T>> {
        self.has(range.clone())?;
        Ok(self.lock()?[range].to_vec())
    }

    /// Writes the values of a range: `array[2:5] = [...]`.
    ///
    /// # Errors
    /// As [`set`](Self::set), and [`OutOfBounds::OtherLength`].
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn write(&self, range: Range<usize>, values: &[T]) -> Result<(), ArrayError<'_, T>> {
        self.has(range.clone())?;
        same_length(&range, values.len())?;
        self.lock()?[range].copy_from_slice(values);
        Ok(())
    }
}

/// Python's array of `'c'`: bytes, of which those before the first zero are a text.
impl Array<u8> {
    /// The bytes before the first 0, or all: `array.value`. (All of them are `array.lock()?`, Python's `array.raw`.)
    ///
    /// ```
    /// let name = ipc::Array::zeroed(8)?;
    /// name.set_text(b"worker").unwrap();
    /// name.set_text(b"w1").unwrap();
    /// assert_eq!(name.text().unwrap(), b"w1");
    /// assert_eq!(*name.lock().unwrap(), *b"w1\0ker\0\0");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OwnerDied`]: as [`lock`](Self::lock).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn text(&self) -> Result<Vec<u8>, OwnerDied<ArrayGuard<'_, u8>>> {
        let bytes = self.lock()?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Ok(bytes[..end].to_vec())
    }

    /// Writes a text, and a 0 after it if there is room; what stands behind stays.
    ///
    /// # Errors
    /// [`ArrayError::OutOfBounds`] if it is longer than the array; otherwise as [`set`](Self::set).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn set_text(&self, text: &[u8]) -> Result<(), ArrayError<'_, u8>> {
        self.has(0..text.len())?;
        let mut bytes = self.lock()?;
        bytes[..text.len()].copy_from_slice(text);
        if let Some(end) = bytes.get_mut(text.len()) {
            *end = 0;
        }
        Ok(())
    }
}

pub(crate) fn is_inside(range: Range<usize>, len: usize) -> Result<(), OutOfBounds> {
    match range.start <= range.end && range.end <= len {
        true => Ok(()),
        false => Err(OutOfBounds::Range { range, len }),
    }
}

pub(crate) fn same_length(range: &Range<usize>, found: usize) -> Result<(), OutOfBounds> {
    match range.len() == found {
        true => Ok(()),
        false => Err(OutOfBounds::OtherLength {
            expected: range.len(),
            found,
        }),
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { range, len } if range.start.checked_add(1) == Some(range.end) => {
                write!(f, "index {} of an array of {len} values", range.start)
            }
            Self::Range { range, len } => {
                write!(
                    f,
                    "range {}..{} of an array of {len} values",
                    range.start, range.end
                )
            }
            Self::OtherLength { expected, found } => write!(
                f,
                "{found} values for {expected} places: the length of an array is fixed"
            ),
        }
    }
}

impl std::error::Error for OutOfBounds {}

impl<T: Shared> fmt::Display for ArrayError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds(error) => error.fmt(f),
            Self::OwnerDied(died) => died.fmt(f),
        }
    }
}

impl<T: Shared + fmt::Debug> std::error::Error for ArrayError<'_, T> {}

impl<T: Shared> From<OutOfBounds> for ArrayError<'_, T> {
    fn from(error: OutOfBounds) -> Self {
        Self::OutOfBounds(error)
    }
}

impl<'a, T: Shared> From<OwnerDied<ArrayGuard<'a, T>>> for ArrayError<'a, T> {
    fn from(died: OwnerDied<ArrayGuard<'a, T>>) -> Self {
        Self::OwnerDied(died)
    }
}

impl<T: Shared> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self {
            locked: self.locked.clone(),
        }
    }
}

impl<T: Shared> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("len", &self.len())
            .field("is_locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

impl<T: Shared> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.locked.serialize(serializer)
    }
}

impl<'de, T: Shared> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Locked::deserialize(deserializer).map(|locked| Self { locked })
    }
}
