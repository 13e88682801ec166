//! `Typed`: a value, or an array of values, in memory that other processes map, too.
//!
//! Invariant: a handle is a mapped memory whose head was checked, so the values lie inside and are of the type; and it keeps the mapping.
//! Through it only shared references are given out: what changes is atomic. Who takes turns at what is not atomic needs a lock, and
//! is above this (`sync::Monitor`).
#![allow(unsafe_code, reason = "refers to values in mapped memory")]

use std::any::type_name;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::header::{self, Kind, OpenError};
use super::{Fingerprint, Segment, Shared};
use crate::Fd;

/// A value of a type that is [`Shared`], or an array `[T]` of them, in memory that is passed to other processes as a value.
///
/// It gives a shared reference, here and in every process that gets it, as a `static` or an [`Arc`] does between threads: atomics
/// change, all else stays what it was when it was made. A clone is another handle of the same memory in this process; the memory stays
/// as long as any process has it, and the value is never dropped.
///
/// ```
/// use core_process::{Process, shm::{Shared, Typed}};
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// #[repr(C)]
/// #[derive(Shared)]
/// struct Progress {
///     done: AtomicU64,
///     total: u64,
/// }
///
/// fn work(progress: Typed<Progress>) {
///     for _ in 0..progress.total {
///         progress.done.fetch_add(1, Relaxed);
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let progress = Typed::create("progress", Progress { done: AtomicU64::new(0), total: 100 })?;
///     Process::new(work, progress.clone()).start()?.join()?;
///     assert_eq!(progress.done.load(Relaxed), 100);
///     Ok(())
/// }
/// ```
///
/// Whoever receives one checks it: seals, size, type and number, each against what its own program says. A message from a program that was
/// built before a field was added is an error.
pub struct Typed<T: ?Sized + Content> {
    segment: Arc<Segment>,
    count: usize,
    holds: PhantomData<Arc<T>>,
}

/// A [`Shared`] type, or an array `[T]` of one.
pub trait Content: content::Content {}

impl<T: ?Sized + content::Content> Content for T {}

mod content {
    use super::{Fingerprint, Kind, Shared};

    /// What [`super::Typed`] has to know; not to be implemented elsewhere.
    pub trait Content: Send + Sync {
        /// Of one value.
        const KIND: Kind;
        /// How many there are, if the type says so.
        const COUNT: Option<usize>;

        /// The values from an address on.
        fn at(start: *const u8, count: usize) -> *const Self;
    }

    impl<T: Shared> Content for T {
        const KIND: Kind = super::kind::<T>(T::FINGERPRINT);
        const COUNT: Option<usize> = Some(1);

        fn at(start: *const u8, _: usize) -> *const Self {
            start.cast()
        }
    }

    impl<T: Shared> Content for [T] {
        const KIND: Kind = super::kind::<T>(Fingerprint::named("slice").field("", 0, T::FINGERPRINT));
        const COUNT: Option<usize> = None;

        fn at(start: *const u8, count: usize) -> *const Self {
            std::ptr::slice_from_raw_parts(start.cast(), count)
        }
    }
}

const fn kind<T: Shared>(fingerprint: Fingerprint) -> Kind {
    assert!(
        align_of::<T>() <= 4096,
        "the alignment is above that of a page, which is all that a mapping has"
    );
    Kind {
        size: size_of::<T>(),
        align: align_of::<T>(),
        fingerprint,
    }
}

impl<T: Shared> Typed<T> {
    /// Puts `value` into new memory. `name` is for the reader of `/proc/<pid>/maps`.
    ///
    /// # Errors
    /// As [`Segment::create`].
    pub fn create(name: &str, value: T) -> io::Result<Self> {
        Self::filled(name, 1, |_| value)
    }
}

impl<T: Shared> Typed<[T]> {
    /// Puts `count` values into new memory; `each` makes the one of an index.
    ///
    /// ```
    /// use core_process::shm::Typed;
    /// use std::sync::atomic::AtomicU32;
    ///
    /// let lanes = Typed::create_array("lanes", 8, |index| AtomicU32::new(index as u32))?;
    /// assert_eq!(lanes.iter().map(|lane| lane.load(std::sync::atomic::Ordering::Relaxed)).sum::<u32>(), 28);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Segment::create`]; `EFBIG` also if so many values have no number of bytes.
    pub fn create_array(name: &str, count: usize, each: impl FnMut(usize) -> T) -> io::Result<Self> {
        Self::filled_each(name, count, each)
    }
}

impl<T: ?Sized + Content> Typed<T> {
    fn filled<V: Shared>(name: &str, count: usize, value: impl FnOnce(usize) -> V) -> io::Result<Self> {
        let mut value = Some(value);
        Self::filled_each(name, count, |index| match value.take() {
            Some(value) => value(index),
            None => unreachable!("there is one value"),
        })
    }

    fn filled_each<V: Shared>(
        name: &str,
        count: usize,
        mut each: impl FnMut(usize) -> V,
    ) -> io::Result<Self> {
        let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
        let len = T::KIND.len(count).ok_or_else(too_large)?;
        let segment = Segment::create(name, len)?;
        let values = segment.as_ptr().wrapping_add(T::KIND.offset()).cast::<V>();
        for index in 0..count {
            let value = each(index);
            // SAFETY: the memory has room for `count` values after the head, aligned as they are, and nobody else has it yet.
            unsafe { values.wrapping_add(index).write(value) };
        }
        header::write(&segment, T::KIND, count);
        Ok(Self::of(segment, count))
    }

    /// Maps memory of this type that another process has made.
    ///
    /// # Errors
    /// [`OpenError`] says what does not fit: it is no segment, or one of another type, size, or number of values.
    pub fn open(descriptor: OwnedFd) -> Result<Self, OpenError> {
        let segment = Segment::open_within(descriptor, u64::MAX).map_err(OpenError::Segment)?;
        let count = header::check(&segment, T::KIND, T::COUNT, type_name::<T>())?;
        Ok(Self::of(segment, count))
    }

    fn of(segment: Segment, count: usize) -> Self {
        Self {
            segment: Arc::new(segment),
            count,
            holds: PhantomData,
        }
    }
}

impl<T: ?Sized + Content> Deref for Typed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        let start = self.segment.as_ptr().wrapping_add(T::KIND.offset());
        // SAFETY: `count` values of the type lie there: this process has written them, or has compared size, alignment, fingerprint and
        // number with its own and the sum with the length; all bytes are a value (`Shared`). The mapping lives as long as `self`. Nobody
        // writes to what is not atomic there, by the agreement that `Shared` states.
        unsafe { &*T::at(start, self.count) }
    }
}

impl<T: ?Sized + Content> Clone for Typed<T> {
    fn clone(&self) -> Self {
        Self {
            segment: Arc::clone(&self.segment),
            count: self.count,
            holds: PhantomData,
        }
    }
}

impl<T: ?Sized + Content + fmt::Debug> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + Content> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fd::from(self.segment.as_fd()).serialize(serializer)
    }
}

impl<'de, T: ?Sized + Content> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = Fd::<OwnedFd>::deserialize(deserializer)?;
        Self::open(file.into_inner()).map_err(D::Error::custom)
    }
}
