//! The memory of one object, and the robust mutexes in it.
//!
//! A robust mutex is POSIX's answer to the death of a holder: the kernel walks the list of mutexes that a thread holds
//! when the thread ends, however it ends, marks each and wakes a waiter; the next owner gets the mutex and the news.
//! Invariant: a mapping in which a thread of this process holds a mutex is never unmapped, since the thread's list of
//! held mutexes runs through it; if a guard was forgotten, the mapping stays for the life of the process.
//! This file does not know what a mutex protects.
#![allow(unsafe_code, reason = "POSIX mutexes in shared memory")]

use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use core_process::shm::{GrowingSegment, Segment};

/// The room that a mutex has in memory; glibc's takes 40 bytes on x86-64 and 48 on aarch64.
pub(crate) const MUTEX_ROOM: usize = 48;

const _: () = assert!(size_of::<libc::pthread_mutex_t>() <= MUTEX_ROOM);
const _: () = assert!(align_of::<libc::pthread_mutex_t>() <= 8);

unsafe extern "C" {
    // glibc 2.30 and newer; the libc crate has no declaration of it.
    fn pthread_mutex_clocklock(
        mutex: *mut libc::pthread_mutex_t,
        clock: libc::clockid_t,
        deadline: *const libc::timespec,
    ) -> libc::c_int;
}

/// A word of shared memory.
pub(crate) type Word = AtomicU32;

/// Whether the owner of a mutex may lock it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// A second lock by the owner blocks.
    Refused,
    /// The owner's locks are counted.
    Counted,
}

/// How a mutex was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// From nobody, or from an owner that unlocked it.
    Free,
    /// From an owner that died with it. To be followed by [`Memory::make_consistent`] before the unlock.
    FromTheDead,
}

/// What every object has at least, in bytes.
const HEAD: usize = 128;

/// The memory of an object: a segment of its own, or a part of another one's.
#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    len: usize,
    owner: ManuallyDrop<Owner>,
    /// Whether the mapping outlives this.
    stays: bool,
}

/// What keeps the mapping.
#[derive(Debug)]
enum Owner {
    Segment(Segment),
    Part {
        #[expect(dead_code, reason = "it keeps the memory mapped")]
        whole: Arc<GrowingSegment>,
    },
}

// SAFETY: a mapping belongs to the process, not to a thread, and is reached through atomics and mutexes alone.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// # Panics
    /// If the segment is shorter than any object is.
    pub(crate) fn new(segment: Segment) -> Self {
        assert!(segment.len() >= HEAD);
        let Some(start) = NonNull::new(segment.as_ptr()) else {
            unreachable!("nothing is mapped at address 0")
        };
        Self {
            start,
            len: segment.len(),
            owner: ManuallyDrop::new(Owner::Segment(segment)),
            stays: false,
        }
    }

    /// The head of an object at `offset` of other memory, and no more of it.
    ///
    /// # Panics
    /// If it does not lie inside, or no cache line begins there.
    pub(crate) fn part(whole: &Arc<GrowingSegment>, offset: usize) -> io::Result<Self> {
        let view = whole.view(0)?;
        assert!(offset.is_multiple_of(64) && offset.checked_add(HEAD).is_some_and(|end| end <= view.len()));
        // SAFETY: the sum lies inside the mapping, as was just checked.
        let start = unsafe { view.as_ptr().add(offset) };
        let Some(start) = NonNull::new(start) else {
            unreachable!("nothing is mapped at address 0")
        };
        Ok(Self {
            start,
            len: HEAD,
            owner: ManuallyDrop::new(Owner::Part {
                whole: Arc::clone(whole),
            }),
            stays: false,
        })
    }

    /// # Panics
    /// If it has no segment of its own.
    pub(crate) fn segment(&self) -> &Segment {
        match &*self.owner {
            Owner::Segment(segment) => segment,
            Owner::Part { .. } => unreachable!("a part of other memory is sent with that"),
        }
    }

    /// The word at `offset`. In the head of an object nothing is left of the check at run time.
    #[inline]
    pub(crate) fn word(&self, offset: usize) -> &Word {
        assert!(offset.is_multiple_of(4) && self.reaches(offset + 4));
        // SAFETY: the offset was just checked to lie inside the mapping, which lives as long as `self`.
        let place = unsafe { self.start.as_ptr().add(offset) };
        // SAFETY: aligned, inside the mapping for the life of `&self`; any bits are a u32, and everybody writes it as an atomic.
        unsafe { Word::from_ptr(place.cast()) }
    }

    #[inline]
    fn reaches(&self, end: usize) -> bool {
        end <= HEAD || end <= self.len
    }

    /// The mutex at `offset`.
    #[inline]
    fn mutex(&self, offset: usize) -> *mut libc::pthread_mutex_t {
        assert!(offset.is_multiple_of(8) && self.reaches(offset + MUTEX_ROOM));
        // SAFETY: the offset was just checked to lie inside the mapping, which lives as long as `self`.
        unsafe { self.start.as_ptr().add(offset) }.cast()
    }

    /// Makes a robust, process-shared mutex at `offset`, where there is none or one that nobody uses.
    pub(crate) fn make_mutex(&self, offset: usize, nesting: Nesting) {
        let kind = match nesting {
            Nesting::Refused => libc::PTHREAD_MUTEX_NORMAL,
            Nesting::Counted => libc::PTHREAD_MUTEX_RECURSIVE,
        };
        let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: memory for the attributes; glibc's need no destruction.
        done(unsafe { libc::pthread_mutexattr_init(attributes) });
        // SAFETY: the attributes were initialised.
        done(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
        // SAFETY: as above.
        done(unsafe { libc::pthread_mutexattr_settype(attributes, kind) });
        // SAFETY: as above.
        done(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) });
        // SAFETY: `mutex` has checked that there is room; the caller knows that nobody uses what is there.
        done(unsafe { libc::pthread_mutex_init(self.mutex(offset), attributes) });
    }

    /// Takes the mutex at `offset` if nobody has it.
    #[inline]
    pub(crate) fn try_lock(&self, offset: usize) -> Option<Got> {
        // SAFETY: the mutex was initialised by `make_mutex` in whichever process made the object, and the mapping stays
        // while it is held: the object sees to that by `stay`.
        let code = unsafe { libc::pthread_mutex_trylock(self.mutex(offset)) };
        got(code)
    }

    /// Takes the mutex at `offset`; `None` if it was not free within `longest`.
    pub(crate) fn lock_within(&self, offset: usize, longest: Duration) -> Option<Got> {
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the clock's time is written to a timespec of this frame.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        let nanoseconds = now.tv_nsec + i64::from(longest.subsec_nanos());
        let deadline = libc::timespec {
            tv_sec: now.tv_sec + longest.as_secs().cast_signed() + nanoseconds / 1_000_000_000,
            tv_nsec: nanoseconds % 1_000_000_000,
        };
        let mutex = self.mutex(offset);
        // SAFETY: as in `try_lock`; the deadline is a timespec of this frame.
        let code = unsafe { pthread_mutex_clocklock(mutex, libc::CLOCK_MONOTONIC, &raw const deadline) };
        got(code)
    }

    /// Says that what the dead owner left is dealt with; by the owner of the mutex, who got it from the dead.
    pub(crate) fn make_consistent(&self, offset: usize) {
        // SAFETY: the mutex was initialised. An error says that it is consistent already.
        let _ = unsafe { libc::pthread_mutex_consistent(self.mutex(offset)) };
    }

    /// Releases the mutex at `offset`, one level of it. Nothing happens if the calling thread does not own it: a copy of a
    /// guard in a forked child.
    #[inline]
    pub(crate) fn unlock(&self, offset: usize) {
        // SAFETY: the mutex was initialised; a robust one checks that the caller owns it.
        let _ = unsafe { libc::pthread_mutex_unlock(self.mutex(offset)) };
    }

    /// Leaves it mapped for the life of the process.
    pub(crate) fn stay(&mut self) {
        self.stays = true;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if !self.stays {
            // SAFETY: `drop` runs once, and nothing uses the memory after it.
            unsafe { ManuallyDrop::drop(&mut self.owner) };
        }
    }
}

#[inline]
fn got(code: libc::c_int) -> Option<Got> {
    match code {
        0 => Some(Got::Free),
        libc::EBUSY | libc::ETIMEDOUT => None,
        libc::EOWNERDEAD => Some(Got::FromTheDead),
        other => overwritten(other),
    }
}

#[cold]
fn overwritten(code: libc::c_int) -> ! {
    panic!(
        "a lock in shared memory does not work any more (error {code}): its memory was overwritten, or it was taken more \
         than four billion times by one thread"
    )
}

/// The calls that make a mutex cannot fail on Linux with these attributes.
fn done(code: libc::c_int) {
    assert_eq!(code, 0, "a process-shared robust mutex cannot be made");
}
