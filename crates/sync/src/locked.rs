//! `Locked`: a value, or an array of values, in shared memory, under a lock that its owner may take again.
//!
//! Invariant: a reference to the values is had by one guard ([`Exclusive`]) at a time. The lock alone does not see to that, since its
//! owner may nest; so a mark beside the values says that they are lent, to a guard or in parts (`part.rs`), and only the owner of the lock
//! writes it. The lock is `exclusion.rs`.
//!
//! | offset | what |
//! | --- | --- |
//! | 8 | the fingerprint of a value, its size, its alignment, and how many there are |
//! | 60 to 127 | the lock |
//! | 128 | `LENT`: 0 for nobody, 1 to a guard, an even number in parts |
//! | 132 | the last number of parts that was given out |
//! | 136 | the parts that are held, and by whom (`part.rs`) |
//! | 144 or 192 | the values: one stands beside the mark, an array begins a cache line of its own |
#![allow(unsafe_code, reason = "puts values into memory that nobody else has yet")]

use std::any::type_name;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use core_process::Until;
use core_process::shm::{Segment, Shared};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::content::Content;
use crate::exclusion::{self, News};
use crate::exclusive::{Exclusive, Held};
use crate::object::{Kind, Object};
use crate::owner_died::{LockError, OwnerDied, TryLockError};
use crate::pace::{Over, Watch, next_sleep};
use crate::part;
use crate::seen::{self, Operation};
use crate::sys::memory::{Memory, Nesting};

const HEAD: usize = 8;
pub(crate) const LENT: usize = 128;
pub(crate) const LAST_PARTS: usize = 132;
/// Of `LENT`: a guard has the values.
pub(crate) const TO_GUARD: u32 = 1;
/// Where one value lies, if its alignment allows it.
const ONE: usize = 144;
/// Where an array begins.
const ARRAY: usize = 192;

/// A value of a type that is [`Shared`], or an array `[T]` of them, that processes share, with its lock inside.
///
/// It is what `ipc`'s `Value` and `Array` stand on. The lock is re-entrant, as [`RLock`](crate::RLock) is: [`hold`](Self::hold) may be
/// nested. [`lock`](Self::lock) gives a guard that *is* the values, so there is one at a time; a second one of the same thread is refused
/// by a panic that names both lines, where `std::sync::Mutex` may block for ever.
///
/// An owner that dies leaves [`OwnerDied`] to the next, with the guard and so with the values, which may be half changed.
///
/// ```
/// use sync::Locked;
///
/// let points = Locked::array("points", 3, |index| index as u64)?;
/// let held = points.hold().unwrap();
/// points.lock().unwrap()[0] = 7; // nested
/// drop(held);
/// assert_eq!(*points.lock().unwrap(), [7, 1, 2]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Locked<C: ?Sized + Content> {
    pub(crate) object: Arc<Object>,
    pub(crate) count: usize,
    holds: PhantomData<Arc<C>>,
}

impl<T: Shared> Locked<T> {
    /// Puts `value` into new memory. `name` is for the reader of `/proc/<pid>/maps`.
    ///
    /// # Errors
    /// As [`Segment::create`].
    pub fn value(name: &'static str, value: T) -> io::Result<Self> {
        let mut value = Some(value);
        Self::create(name, 1, |_| match value.take() {
            Some(value) => value,
            None => unreachable!("there is one value"),
        })
    }
}

impl<T: Shared> Locked<[T]> {
    /// Puts `count` values into new memory; `each` makes the one of an index.
    ///
    /// # Errors
    /// As [`Segment::create`]; `EFBIG` also if so many values have no number of bytes.
    pub fn array(name: &'static str, count: usize, each: impl FnMut(usize) -> T) -> io::Result<Self> {
        Self::create(name, count, each)
    }

    /// `count` values of which all bytes are 0, which every [`Shared`] type has; their memory is not touched.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn zeroed(name: &'static str, count: usize) -> io::Result<Self> {
        Self::make(name, count, |_| {})
    }

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<C: ?Sized + Content> Locked<C> {
    const OFFSET: usize = {
        let align = align_of::<C::Item>();
        assert!(
            align <= 4096,
            "the alignment is above that of a page, which is all that a mapping has"
        );
        let start = if C::COUNT.is_some() { ONE } else { ARRAY };
        start.next_multiple_of(align)
    };

    const fn words() -> [u32; 4] {
        let fingerprint = C::FINGERPRINT.as_u64();
        [
            fingerprint as u32,
            (fingerprint >> 32) as u32,
            size_of::<C::Item>() as u32,
            align_of::<C::Item>() as u32,
        ]
    }

    fn kind(name: &'static str, count: usize) -> Option<Kind> {
        Some(Kind {
            name,
            number: 0x0a01,
            len: size_of::<C::Item>()
                .checked_mul(count)?
                .checked_add(Self::OFFSET)?,
        })
    }

    fn create(name: &'static str, count: usize, mut each: impl FnMut(usize) -> C::Item) -> io::Result<Self> {
        Self::make(name, count, |start| {
            for index in 0..count {
                let place = start.as_ptr().wrapping_add(index);
                // SAFETY: the memory has room for `count` values from `start` on, aligned as they are, and nobody else has it yet.
                unsafe { place.write(each(index)) };
            }
        })
    }

    fn make(name: &'static str, count: usize, fill: impl FnOnce(NonNull<C::Item>)) -> io::Result<Self> {
        let too_large = || io::Error::from_raw_os_error(libc::EFBIG);
        let kind = Self::kind(name, count).ok_or_else(too_large)?;
        let object = Object::create(&kind, |memory| {
            exclusion::lay_out(memory, Nesting::Counted);
            for (index, word) in Self::words().into_iter().enumerate() {
                // Relaxed: another process gets the segment by a message of the kernel, which orders.
                memory.word(HEAD + index * 4).store(word, Relaxed);
            }
            memory
                .segment()
                .atomic_u64(HEAD + 16)
                .store(count as u64, Relaxed);
            fill(Self::start(memory));
        })?;
        Ok(Self::of(object, count))
    }

    fn of(object: Arc<Object>, count: usize) -> Self {
        Self {
            object,
            count,
            holds: PhantomData,
        }
    }

    /// Takes a segment of somebody else for one of these, if it is one.
    fn open(segment: Segment) -> Result<Self, String> {
        let len = segment.len();
        let wrong = |what: &str, found: u64, expected: u64| {
            Err(format!(
                "this memory does not hold `{}` under a lock: {what} is {found:#x} where {expected:#x} is expected",
                type_name::<C>()
            ))
        };
        if len < Self::OFFSET {
            return wrong("its length", len as u64, Self::OFFSET as u64);
        }
        let kind = Kind {
            name: "locked value",
            number: 0x0a01,
            len,
        };
        let object = Object::open(segment, &kind)?;
        let memory = object.memory();
        for (index, expected) in Self::words().into_iter().enumerate() {
            let found = memory.word(HEAD + index * 4).load(Relaxed);
            if found != expected {
                let what = [
                    "its type",
                    "its type",
                    "the size of a value",
                    "the alignment of a value",
                ][index];
                return wrong(what, found.into(), expected.into());
            }
        }
        // It is the only look at this word.
        let found = memory.segment().atomic_u64(HEAD + 16).load(Relaxed);
        let count = usize::try_from(found).ok();
        let fits = count.filter(|&count| {
            C::COUNT.is_none_or(|expected| expected == count)
                && Self::kind("", count).is_some_and(|kind| kind.len == len)
        });
        match fits {
            Some(count) => Ok(Self::of(object, count)),
            None => wrong("the number of values", found, C::COUNT.unwrap_or(0) as u64),
        }
    }

    /// Where the first value lies, in a memory that is as long as the kind says.
    #[inline]
    pub(crate) fn start(memory: &Memory) -> NonNull<C::Item> {
        let start = memory.segment().as_ptr().wrapping_add(Self::OFFSET);
        match NonNull::new(start.cast()) {
            Some(start) => start,
            None => unreachable!("it lies in a mapping"),
        }
    }

    /// Waits until the lock is free or the caller's own, and takes it and the values. Parts that are held somewhere are waited for.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner, or the holder of a part, died with it; the values may be half changed.
    ///
    /// # Panics
    /// If the calling thread has the values already, by another guard.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> Result<Exclusive<'_, C>, OwnerDied<Exclusive<'_, C>>> {
        if !seen::is_watched()
            && let Some(news) = exclusion::try_take(self.memory())
        {
            let lent = self.memory().word(LENT);
            if lent.load(Relaxed) == 0 {
                lent.store(TO_GUARD, Relaxed);
                return self.exclusive(news);
            }
            exclusion::release(self.memory());
        }
        match self.wait_for_lock(Location::caller()) {
            Ok(guard) => Ok(guard),
            Err(LockError::OwnerDied(died)) => Err(died),
            Err(LockError::TimedOut | LockError::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    #[cold]
    fn wait_for_lock(
        &self,
        caller: &'static Location<'static>,
    ) -> Result<Exclusive<'_, C>, LockError<Exclusive<'_, C>>> {
        self.lock_from(&Until::forever(), caller)
    }

    /// Takes the lock and the values, if the lock is free or the caller's own and no part is held.
    ///
    /// # Errors
    /// As [`RLock::try_lock`](crate::RLock::try_lock).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn try_lock(&self) -> Result<Exclusive<'_, C>, TryLockError<Exclusive<'_, C>>> {
        match exclusion::try_take(self.memory()) {
            None => Err(TryLockError::WouldBlock),
            Some(news) => match self.borrow(news) {
                None => Err(TryLockError::WouldBlock),
                Some(news) => self.exclusive(news).map_err(TryLockError::OwnerDied),
            },
        }
    }

    /// [`lock`](Self::lock), or until the wait is over.
    ///
    /// # Errors
    /// As [`RLock::lock_until`](crate::RLock::lock_until).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_until(
        &self,
        until: impl Into<Until>,
    ) -> Result<Exclusive<'_, C>, LockError<Exclusive<'_, C>>> {
        self.lock_from(&until.into(), Location::caller())
    }

    /// [`lock_until`](Self::lock_until) with a duration.
    ///
    /// # Errors
    /// As [`lock_until`](Self::lock_until).
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_timeout(&self, time: Duration) -> Result<Exclusive<'_, C>, LockError<Exclusive<'_, C>>> {
        self.lock_until(time)
    }

    /// Takes one level of the lock and no values: what reads and writes them one by one below it is one piece for all others.
    ///
    /// # Errors
    /// [`OwnerDied`]: it is taken, and a former owner died with it.
    #[track_caller]
    pub fn hold(&self) -> Result<Held<'_>, OwnerDied<Held<'_>>> {
        match self.hold_until(Until::forever()) {
            Ok(held) => Ok(held),
            Err(LockError::OwnerDied(died)) => Err(died),
            Err(LockError::TimedOut | LockError::Stopped) => unreachable!("nothing ends this wait"),
        }
    }

    /// [`hold`](Self::hold), or until the wait is over.
    ///
    /// # Errors
    /// As [`RLock::lock_until`](crate::RLock::lock_until).
    #[track_caller]
    pub fn hold_until(&self, until: impl Into<Until>) -> Result<Held<'_>, LockError<Held<'_>>> {
        let until = until.into();
        let _told = Operation::begin("rlock", self.object.id(), &until, Location::caller());
        let news = exclusion::take(self.memory(), &until).map_err(over)?;
        let held = Held {
            object: &self.object,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(held),
            News::Died(pid) => Err(LockError::OwnerDied(OwnerDied::new(held, pid))),
        }
    }

    /// Whether somebody holds the lock, or has died with it. It may have changed when the answer comes.
    pub fn is_locked(&self) -> bool {
        exclusion::is_held(self.memory())
    }

    /// Whether the calling thread holds the lock.
    pub fn is_mine(&self) -> bool {
        exclusion::is_mine(self.memory())
    }

    pub(crate) fn memory(&self) -> &Memory {
        self.object.memory()
    }

    #[track_caller]
    fn lock_from(
        &self,
        until: &Until,
        caller: &'static Location<'static>,
    ) -> Result<Exclusive<'_, C>, LockError<Exclusive<'_, C>>> {
        let _told = Operation::begin("rlock", self.object.id(), until, caller);
        loop {
            let news = exclusion::take(self.memory(), until).map_err(over)?;
            if let Some(news) = self.borrow(news) {
                return self.exclusive(news).map_err(LockError::OwnerDied);
            }
            let longest = next_sleep(until, Watch::Deaths).map_err(over)?;
            let can_sleep = until.deadline().is_none() && until.token().is_none();
            // The kernel's wait knows neither a deadline nor a token.
            if !can_sleep || part::await_back(self.memory(), self.count).is_err() {
                std::thread::sleep(longest);
            }
        }
    }

    /// Marks the values as lent to a guard; `None`, and a level less, if a part of them is held. By the owner of the lock.
    #[track_caller]
    fn borrow(&self, news: News) -> Option<News> {
        let memory = self.memory();
        let lent = memory.word(LENT);
        let mut news = news;
        match lent.load(Relaxed) {
            0 => {}
            // The guard was a dead owner's, or the lock would be its thread's.
            TO_GUARD if exclusion::depth(memory) == 1 => {}
            TO_GUARD => {
                exclusion::release(memory);
                panic!(
                    "this thread has the values already, by a guard that it took before: use that guard, or nest with `hold`"
                );
            }
            _ => match part::all_back(memory, self.count) {
                None => {
                    exclusion::release(memory);
                    return None;
                }
                Some(News::None) => {}
                Some(died) => news = died,
            },
        }
        lent.store(TO_GUARD, Relaxed);
        Some(news)
    }

    #[inline]
    fn exclusive(&self, news: News) -> Result<Exclusive<'_, C>, OwnerDied<Exclusive<'_, C>>> {
        let guard = Exclusive {
            locked: self,
            stays: PhantomData,
        };
        match news {
            News::None => Ok(guard),
            News::Died(pid) => Err(OwnerDied::new(guard, pid)),
        }
    }
}

fn over<G>(over: Over) -> LockError<G> {
    match over {
        Over::TimedOut => LockError::TimedOut,
        Over::Stopped => LockError::Stopped,
    }
}

impl<C: ?Sized + Content> Clone for Locked<C> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.object), self.count)
    }
}

impl<C: ?Sized + Content> fmt::Debug for Locked<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked")
            .field("is_locked", &self.is_locked())
            .finish_non_exhaustive()
    }
}

impl<C: ?Sized + Content> Serialize for Locked<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de, C: ?Sized + Content> Deserialize<'de> for Locked<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::open(Segment::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
