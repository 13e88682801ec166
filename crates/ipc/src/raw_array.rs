//! `RawArray`: values of one type in shared memory, without a lock: `multiprocessing.RawArray`.
//!
//! Invariant: how many values it has is fixed when it is made. How one is read while another process writes it, is
//! `core_process::shm::Cells`.

use std::fmt;
use std::io;
use std::ops::Range;

use core_process::shm::{Cells, Integer, Shared};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::array::{OutOfBounds, is_inside, same_length};

/// Values of one type that processes share, without a lock: `multiprocessing.RawArray`.
///
/// A value of 1, 2, 4 or 8 bytes is read and written whole; a larger one, and several at once, may be seen half old and half new. Integers
/// have an atomic form, each value for itself:
///
/// ```
/// use ipc::RawArray;
/// use std::sync::atomic::Ordering::Relaxed;
///
/// let votes = RawArray::<u32>::zeroed(3)?;
/// votes.atomics()[1].fetch_add(5, Relaxed);
/// assert_eq!(votes.read(0..3)?, [0, 5, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RawArray<T: Shared + Copy> {
    cells: Cells<T>,
}

impl<T: Shared + Copy> RawArray<T> {
    /// `len` values of which all bytes are 0.
    ///
    /// # Errors
    /// As [`Array::zeroed`](crate::Array::zeroed).
    pub fn zeroed(len: usize) -> io::Result<Self> {
        Cells::zeroed("raw array", len).map(|cells| Self { cells })
    }

    /// These values.
    ///
    /// # Errors
    /// As [`Array::zeroed`](crate::Array::zeroed).
    pub fn from_values(values: &[T]) -> io::Result<Self> {
        let cells = Cells::zeroed("raw array", values.len())?;
        cells.write(0, values);
        Ok(Self { cells })
    }

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// A copy of one value.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    #[inline]
    pub fn get(&self, index: usize) -> Result<T, OutOfBounds> {
        self.cells.get(index).ok_or_else(|| self.outside(index))
    }

    /// Writes one value.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    #[inline]
    pub fn set(&self, index: usize, value: T) -> Result<(), OutOfBounds> {
        match self.cells.set(index, value) {
            true => Ok(()),
            false => Err(self.outside(index)),
        }
    }

    /// A copy of the values of a range, one by one.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn read(&self, range: Range<usize>) -> Result<Vec<T>, OutOfBounds> {
        is_inside(range.clone(), self.len())?;
        let Some(first) = self.cells.get(range.start).filter(|_| !range.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut values = vec![first; range.len()];
        self.cells.read(range.start, &mut values);
        Ok(values)
    }

    /// Writes the values of a range, one by one.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    pub fn write(&self, range: Range<usize>, values: &[T]) -> Result<(), OutOfBounds> {
        is_inside(range.clone(), self.len())?;
        same_length(&range, values.len())?;
        self.cells.write(range.start, values);
        Ok(())
    }

    #[cold]
    fn outside(&self, index: usize) -> OutOfBounds {
        OutOfBounds::Range {
            range: index..index.saturating_add(1),
            len: self.len(),
        }
    }
}

impl<T: Integer> RawArray<T> {
    /// All of them as atomic integers of the standard library.
    #[inline]
    pub fn atomics(&self) -> &[T::Atomic] {
        self.cells.atomics()
    }
}

impl<T: Shared + Copy> Clone for RawArray<T> {
    fn clone(&self) -> Self {
        Self {
            cells: self.cells.clone(),
        }
    }
}

impl<T: Shared + Copy> fmt::Debug for RawArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawArray")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T: Shared + Copy> Serialize for RawArray<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.serialize(serializer)
    }
}

impl<'de, T: Shared + Copy> Deserialize<'de> for RawArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cells::deserialize(deserializer).map(|cells| Self { cells })
    }
}
