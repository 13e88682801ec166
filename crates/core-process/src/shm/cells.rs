//! `Cells`: values in shared memory that anybody reads and writes at any time, without a lock.
//!
//! Invariant: no reference to a value is ever given out, but atomic ones to integers; each access is an atomic one or a copy made of atomic
//! ones, so whatever another process does meanwhile is a wrong number at most. A value of 1, 2, 4 or 8 bytes is read and written
//! whole; a larger one, and several at once, may be seen half old and half new.
#![allow(unsafe_code, reason = "atomic access to values in mapped memory")]

use std::any::type_name;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, size_of_val, transmute_copy};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize,
};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::header::{self, Kind, OpenError};
use super::{Fingerprint, Segment, Shared};
use crate::Fd;

/// Values of a type that is [`Shared`] and `Copy`, read and written without a lock; a value that is passed to other processes.
///
/// It is what `ipc`'s `RawValue` and `RawArray` stand on.
///
/// ```
/// use core_process::shm::Cells;
/// use std::sync::atomic::Ordering::Relaxed;
///
/// let cells = Cells::<u32>::create("cells", 3, |index| index as u32)?;
/// cells.set(0, 40);
/// cells.atomics()[0].fetch_add(2, Relaxed);
/// assert_eq!(cells.get(0), Some(42));
/// assert_eq!(cells.get(3), None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Cells<T: Shared + Copy> {
    segment: Arc<Segment>,
    count: usize,
    holds: PhantomData<Arc<T>>,
}

/// An integer that has an atomic form.
pub trait Integer: Shared + Copy + integer::Integer {}

impl<T: Shared + Copy + integer::Integer> Integer for T {}

mod integer {
    /// Not to be implemented elsewhere.
    ///
    /// # Safety
    /// `Atomic` has the size and the alignment of the type, and its bits mean the same.
    pub unsafe trait Integer {
        /// The atomic form.
        type Atomic: super::Shared;
    }
}

macro_rules! integers {
    ($($ty:ty => $atomic:ty),*) => {$(
        const _: () = assert!(align_of::<$ty>() == align_of::<$atomic>());
        // SAFETY: std says that the two have the same size and bits, and the line above that they have the same alignment here.
        unsafe impl integer::Integer for $ty {
            type Atomic = $atomic;
        }
    )*};
}

integers! {
    u8 => AtomicU8, u16 => AtomicU16, u32 => AtomicU32, u64 => AtomicU64, usize => AtomicUsize,
    i8 => AtomicI8, i16 => AtomicI16, i32 => AtomicI32, i64 => AtomicI64, isize => AtomicIsize
}

impl<T: Shared + Copy> Cells<T> {
    const KIND: Kind = {
        assert!(
            align_of::<T>() <= 4096,
            "the alignment is above that of a page, which is all that a mapping has"
        );
        Kind {
            size: size_of::<T>(),
            align: align_of::<T>(),
            fingerprint: Fingerprint::named("cells").field("", 0, T::FINGERPRINT),
        }
    };

    /// Puts `count` values into new memory; `each` makes the one of an index.
    ///
    /// # Errors
    /// As [`Segment::create`]; `EFBIG` also if so many values have no number of bytes.
    pub fn create(name: &str, count: usize, mut each: impl FnMut(usize) -> T) -> io::Result<Self> {
        let cells = Self::zeroed(name, count)?;
        for index in 0..count {
            cells.set(index, each(index));
        }
        Ok(cells)
    }

    /// `count` values of which all bytes are 0.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn zeroed(name: &str, count: usize) -> io::Result<Self> {
        let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
        let segment = Segment::create(name, Self::KIND.len(count).ok_or_else(too_large)?)?;
        header::write(&segment, Self::KIND, count);
        Ok(Self::of(segment, count))
    }

    /// Maps memory of this type that another process has made.
    ///
    /// # Errors
    /// [`OpenError`] says what does not fit.
    pub fn open(descriptor: OwnedFd) -> Result<Self, OpenError> {
        let segment = Segment::open_within(descriptor, u64::MAX).map_err(OpenError::Segment)?;
        let count = header::check(&segment, Self::KIND, None, type_name::<[T]>())?;
        Ok(Self::of(segment, count))
    }

    fn of(segment: Segment, count: usize) -> Self {
        Self {
            segment: Arc::new(segment),
            count,
            holds: PhantomData,
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value at an index; `None` if there is none.
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        if index >= self.count {
            return None;
        }
        macro_rules! whole {
            ($atomic:ty) => {{
                // SAFETY: `place` is inside the mapping and aligned for the type, whose size and alignment are the atomic's.
                let bits = unsafe { <$atomic>::from_ptr(self.place(index).cast()) }.load(Relaxed);
                // SAFETY: as many bytes as the value has, and all bytes are a value (`Shared`).
                Some(unsafe { transmute_copy(&bits) })
            }};
        }
        match (size_of::<T>(), align_of::<T>()) {
            (1, 1) => whole!(AtomicU8),
            (2, 2) => whole!(AtomicU16),
            (4, 4) => whole!(AtomicU32),
            (8, 8) => whole!(AtomicU64),
            _ => {
                let mut value = [MaybeUninit::<T>::zeroed()];
                self.copy_out(index, &mut value);
                let [value] = value;
                // SAFETY: all of its bytes were written, at first with zeros, and all bytes are a value (`Shared`).
                Some(unsafe { value.assume_init() })
            }
        }
    }

    /// Writes the value at an index; whether there is one.
    #[inline]
    pub fn set(&self, index: usize, value: T) -> bool {
        if index >= self.count {
            return false;
        }
        macro_rules! whole {
            ($atomic:ty) => {{
                // SAFETY: as many bytes as the value has; it has no padding (`Shared`).
                let bits = unsafe { transmute_copy(&value) };
                // SAFETY: `place` is inside the mapping and aligned for the type, whose size and alignment are the atomic's.
                unsafe { <$atomic>::from_ptr(self.place(index).cast()) }.store(bits, Relaxed);
            }};
        }
        match (size_of::<T>(), align_of::<T>()) {
            (1, 1) => whole!(AtomicU8),
            (2, 2) => whole!(AtomicU16),
            (4, 4) => whole!(AtomicU32),
            (8, 8) => whole!(AtomicU64),
            _ => return self.write(index, &[value]),
        }
        true
    }

    /// Copies the values from an index on into `to`; whether there are so many.
    pub fn read(&self, from: usize, to: &mut [T]) -> bool {
        let is_inside = self.has(from, to.len());
        if is_inside {
            // SAFETY: a value is a `MaybeUninit` of it; it stays one, since bytes of values are all that is written to it.
            let to = unsafe { &mut *(std::ptr::from_mut(to) as *mut [MaybeUninit<T>]) };
            self.copy_out(from, to);
        }
        is_inside
    }

    /// Copies `from` to the values from an index on; whether there are so many, and nothing has changed otherwise.
    pub fn write(&self, to: usize, from: &[T]) -> bool {
        let is_inside = self.has(to, from.len());
        if is_inside {
            // SAFETY: the bytes of values that have no padding (`Shared`) are all initialised.
            let bytes = unsafe { std::slice::from_raw_parts(from.as_ptr().cast::<u8>(), size_of_val(from)) };
            self.segment.write_bytes(self.offset(to), bytes);
        }
        is_inside
    }

    /// Into values whose bytes are all initialised; so many are there.
    fn copy_out(&self, from: usize, to: &mut [MaybeUninit<T>]) {
        // SAFETY: all bytes are initialised, and any bytes may be written to them.
        let bytes = unsafe { std::slice::from_raw_parts_mut(to.as_mut_ptr().cast::<u8>(), size_of_val(to)) };
        self.segment.copy_to(self.offset(from), bytes);
    }

    fn has(&self, from: usize, count: usize) -> bool {
        from.checked_add(count).is_some_and(|end| end <= self.count)
    }

    fn offset(&self, index: usize) -> usize {
        Self::KIND.offset() + index * size_of::<T>()
    }

    #[inline]
    fn place(&self, index: usize) -> *mut u8 {
        self.segment.as_ptr().wrapping_add(self.offset(index))
    }
}

impl<T: Integer> Cells<T> {
    /// All of them as atomic integers.
    #[inline]
    pub fn atomics(&self) -> &[T::Atomic] {
        // SAFETY: `count` integers lie there, aligned, as long as the mapping does, which `self` keeps; the atomic form has the same size,
        // alignment and bits, and everybody reaches them by atomic access.
        unsafe { std::slice::from_raw_parts(self.place(0).cast(), self.count) }
    }
}

impl<T: Shared + Copy> Clone for Cells<T> {
    fn clone(&self) -> Self {
        Self {
            segment: Arc::clone(&self.segment),
            count: self.count,
            holds: PhantomData,
        }
    }
}

impl<T: Shared + Copy> fmt::Debug for Cells<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}

impl<T: Shared + Copy> Serialize for Cells<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fd::from(self.segment.as_fd()).serialize(serializer)
    }
}

impl<'de, T: Shared + Copy> Deserialize<'de> for Cells<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = Fd::<OwnedFd>::deserialize(deserializer)?;
        Self::open(file.into_inner()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Shared + Copy + PartialEq + fmt::Debug>(values: [T; 5]) {
        let cells = Cells::create("cells-test", 5, |index| values[index]).unwrap();
        for (index, value) in values.into_iter().enumerate() {
            assert_eq!(cells.get(index), Some(value));
        }
        assert!(cells.set(1, values[4]));
        let mut some = [values[0]; 3];
        assert!(cells.read(1, &mut some));
        assert_eq!(some, [values[4], values[2], values[3]]);
        assert!(cells.write(3, &values[..2]));
        assert_eq!(cells.get(4), Some(values[1]));
        assert_eq!(cells.get(5), None);
        assert!(!cells.set(5, values[0]));
        assert!(!cells.read(3, &mut some));
        assert!(!cells.write(usize::MAX, &values));
        assert!(cells.write(5, &[]));
    }

    #[test]
    fn values_of_every_size_are_read_as_they_were_written() {
        check([1_u8, 2, 3, 4, 5]);
        check([-1_i16, 2, 3, 4, 5]);
        check([1.5_f32, 2.0, 3.0, 4.0, f32::MAX]);
        check([1_i64, 2, 3, 4, i64::MIN]);
        check([1_u128, 2, 3, 4, u128::MAX]);
        check([[1_u8, 2, 3], [4; 3], [5; 3], [6; 3], [7; 3]]);
        check([[1_u32; 2], [2; 2], [3; 2], [4; 2], [5; 2]]);
        check([[0_u64; 0]; 5]);
    }

    #[test]
    fn other_memory_is_refused() {
        let cells = Cells::<u32>::zeroed("cells-test", 2).unwrap();
        let descriptor = || cells.segment.as_fd().try_clone_to_owned().unwrap();
        assert_eq!(Cells::<u32>::open(descriptor()).unwrap().len(), 2);
        assert!(Cells::<i32>::open(descriptor()).is_err());
        assert!(super::super::Typed::<[u32]>::open(descriptor()).is_err());
    }
}
