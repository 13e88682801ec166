//! `Part`: a range of an array that one holder has for itself, without the lock.
//!
//! Invariant: a reference into a part is had by who *holds* it, and the kernel lets one hold a range (`sys/range.rs`). Parts of one
//! `split` do not overlap. As long as one is held the array cannot be locked, and once it is locked the parts are void: the number of
//! their split is not in `LENT` any more.
//!
//! | who | step | if it dies here |
//! | --- | --- | --- |
//! | split | 1. takes the lock, and with it every part of before | As the lock. |
//! | split | 2. `LAST_PARTS` and `LENT` get the new number; releases the lock | The array is in parts that nobody has: the next to lock it finds none held. |
//! | hold | 1. the kernel's lock of the range | The kernel frees it. |
//! | hold | 2. looks at `LENT`: another number, and the part is void | As 1. |
//! | hold | 3. `OUT` counts it and its pid | The kernel frees the range, and `OUT` has the dead holder for the next to lock the array. |
//! | let go | 1. `OUT` counts it off | Nobody is told, and all was done. |
//! | let go | 2. frees the range | The kernel does. |
#![allow(unsafe_code, reason = "who holds a part has its values")]

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use core_process::shm::Shared;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::exclusion::{self, News};
use crate::exclusive::Exclusive;
use crate::identity;
use crate::locked::{LAST_PARTS, LENT, Locked};
use crate::owner_died::OwnerDied;
use crate::sys::memory::Memory;
use crate::sys::range::Hold;

/// How many parts are held, in the high bits, and the sum of their holders' pids: with one that did not let go, that is its pid.
const OUT: usize = 136;
const ONE_OUT: u64 = 1 << 48;

/// A range of a [`Locked`] array that belongs to one process at a time, which needs no lock for it.
///
/// [`Locked::split`] makes them. There is no second one of a range, and none is a copy: the type has no `Clone`, and the values are reached
/// by `&mut`. A part that is sent (as an argument, in a message) is let go here and held there from the moment that it arrives. Should
/// its bytes arrive twice (a recipe that is started again while its first child has the part), the second receiver gets an error.
///
/// ```
/// use core_process::Process;
/// use sync::{Locked, Part};
///
/// fn square(mut part: Part<u64>) {
///     for value in part.slice().unwrap() {
///         *value *= *value;
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let numbers = Locked::array("numbers", 5, |index| index as u64)?;
///     let children = numbers.split(2).unwrap().into_iter().map(|part| Process::new(square, part).start());
///     for child in children.collect::<Vec<_>>() {
///         child?.join()?;
///     }
///     assert_eq!(*numbers.lock().unwrap(), [0, 1, 4, 9, 16]);
///     Ok(())
/// }
/// ```
///
/// ```compile_fail,E0599
/// let array = sync::Locked::array("copies", 2, |_| 0_u32).unwrap();
/// let mut parts = array.split(2).unwrap();
/// let copy = parts[0].clone();
/// ```
pub struct Part<T: Shared> {
    array: Locked<[T]>,
    range: Range<usize>,
    /// The number of its split.
    number: u32,
    /// With the epoch of the process that holds it: a forked child has a copy of this, and not the part.
    hold: std::sync::Mutex<Option<(u32, Hold)>>,
}

/// Why a part is not to be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum PartError {
    /// Another process has it, or another handle of it that arrived in this one.
    Held {
        /// The indices.
        range: Range<usize>,
    },
    /// The array was locked or split since; its parts are those of the last split.
    Void {
        /// The indices.
        range: Range<usize>,
    },
    /// `EMFILE`, `ENFILE`, `ENOLCK`: a part that is held costs a descriptor and a lock of the kernel's.
    Os(io::Error),
}

impl<T: Shared> Locked<[T]> {
    /// Divides the array into `count` parts that do not overlap, as even as it goes, each for one holder. Waits for the lock, and for who
    /// holds a part of a former split.
    ///
    /// The array is whole again as soon as it is locked; that waits until no part is held.
    ///
    /// # Errors
    /// [`OwnerDied`]: a former owner of the lock, or holder of a part, died with it. Say [`repaired`](OwnerDied::repaired), drop the guard,
    /// and split again.
    ///
    /// # Panics
    /// If `count` is 0, or the calling thread has a guard of the array.
    #[track_caller]
    pub fn split(&self, count: usize) -> Result<Vec<Part<T>>, OwnerDied<Exclusive<'_, [T]>>> {
        assert!(count > 0, "an array cannot be divided into no parts");
        let guard = self.lock()?;
        let memory = self.memory();
        let number = memory.word(LAST_PARTS).load(Relaxed).wrapping_add(2).max(2) & !1;
        memory.word(LAST_PARTS).store(number, Relaxed);
        guard.leave_in_parts(number);
        let (least, longer) = (self.count / count, self.count % count);
        let start = |index: usize| index * least + index.min(longer);
        let parts = (0..count).map(|index| Part {
            array: self.clone(),
            range: start(index)..start(index + 1),
            number,
            hold: std::sync::Mutex::new(None),
        });
        Ok(parts.collect())
    }
}

/// Whether nobody holds a part of an array that is lent in parts, and the news if somebody died with one. The array is whole then. By the
/// owner of the lock.
pub(crate) fn all_back(memory: &Memory, count: usize) -> Option<News> {
    let whole = match Hold::take(memory.segment(), &(0..count)) {
        Ok(Some(whole)) => whole,
        Ok(None) => return None,
        // Without a descriptor it cannot be told; the caller asks again.
        Err(_) => return None,
    };
    // No part is held, and none can be: who comes now finds the range held, and later the number gone.
    memory.word(LENT).store(0, Relaxed);
    let out = memory.segment().atomic_u64(OUT).swap(0, Relaxed);
    whole.release();
    match out / ONE_OUT {
        0 => Some(News::None),
        one_or_more => {
            let pid = if one_or_more == 1 {
                (out % ONE_OUT) as u32
            } else {
                0
            };
            exclusion::tell_died(memory, pid);
            Some(News::Died(pid))
        }
    }
}

/// Sleeps until no part of the array is held, or a signal comes. By nobody in particular: the answer may be old when it comes.
pub(crate) fn await_back(memory: &Memory, count: usize) -> io::Result<()> {
    Hold::await_free(memory.segment(), &(0..count))
}

impl<T: Shared> Part<T> {
    /// The indices that it has in the array.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether it has none: there were more parts than values.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The values. The part is held from here on, if it was not before, until it is dropped or sent.
    ///
    /// # Errors
    /// [`PartError`]: it is another process's now, or void.
    pub fn slice(&mut self) -> Result<&mut [T], PartError> {
        self.hold()?;
        let start = Locked::<[T]>::start(self.array.memory());
        // SAFETY: the range is one of the array's, checked where it came from, so the sum lies inside its mapping.
        let start = unsafe { start.add(self.range.start) };
        let mut place = std::ptr::NonNull::slice_from_raw_parts(start, self.range.len());
        // SAFETY: values of the type lie there for as long as the array is mapped, which `self` keeps. This process holds the range by the
        // kernel's word, so no other handle of it does, no overlapping part, and no guard of the array (`all_back`); and `&mut self`
        // shows that this handle has given no other reference, and does not let go before this one ends.
        Ok(unsafe { place.as_mut() })
    }

    fn hold(&mut self) -> Result<(), PartError> {
        let epoch = identity::epoch();
        let hold = self
            .hold
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if hold.as_ref().is_some_and(|(of, _)| *of == epoch) || self.range.is_empty() {
            return Ok(());
        }
        let range = || self.range.clone();
        let memory = self.array.memory();
        let taken = Hold::take(memory.segment(), &self.range).map_err(PartError::Os)?;
        let taken = taken.ok_or_else(|| PartError::Held { range: range() })?;
        // Acquire is not needed: the kernel's lock orders what was done under it.
        if memory.word(LENT).load(Relaxed) != self.number {
            taken.release();
            return Err(PartError::Void { range: range() });
        }
        let out = memory.segment().atomic_u64(OUT);
        out.fetch_add(ONE_OUT + u64::from(identity::pid()), Relaxed);
        *hold = Some((epoch, taken));
        Ok(())
    }

    fn let_go(&self) {
        let mut hold = self
            .hold
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // A copy in a forked child is dropped, and holds nothing.
        if let Some((epoch, taken)) = hold.take()
            && epoch == identity::epoch()
        {
            let out = self.array.memory().segment().atomic_u64(OUT);
            out.fetch_sub(ONE_OUT + u64::from(identity::pid()), Relaxed);
            taken.release();
        }
    }
}

impl<T: Shared> Drop for Part<T> {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl<T: Shared> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Lets it go: it is the receiver's.
impl<T: Shared> Serialize for Part<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = (&self.array, self.range.start, self.range.end, self.number).serialize(serializer)?;
        self.let_go();
        Ok(sent)
    }
}

impl<'de, T: Shared> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (array, start, end, number) = <(Locked<[T]>, usize, usize, u32)>::deserialize(deserializer)?;
        if start > end || end > array.count || !number.is_multiple_of(2) || number == 0 {
            let why = format!(
                "there is no part {start}..{end} of an array of {} values",
                array.count
            );
            return Err(D::Error::custom(why));
        }
        let mut part = Self {
            array,
            range: start..end,
            number,
            hold: std::sync::Mutex::new(None),
        };
        part.hold().map_err(D::Error::custom)?;
        Ok(part)
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { range } => write!(
                f,
                "the part {}..{} of the array is held already: a part belongs to one process at a time",
                range.start, range.end
            ),
            Self::Void { range } => write!(
                f,
                "the part {}..{} is void: the array was locked or divided anew since",
                range.start, range.end
            ),
            Self::Os(error) => write!(f, "the part cannot be held: {error}"),
        }
    }
}

impl std::error::Error for PartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os(error) => Some(error),
            Self::Held { .. } | Self::Void { .. } => None,
        }
    }
}
