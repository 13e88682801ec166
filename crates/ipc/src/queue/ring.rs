//! The ring of a queue: records in shared memory, in the order in which they were put.
//!
//! Invariant: what is in the ring is what lies between two counts, `GETS` and `PUTS`, and each is changed by one store. Everything
//! that such a store makes valid was written before it, so a death at any instruction leaves the ring as it was or as it
//! should be, and nobody has to repair it. The steps, and what a death at each leaves, are in `README.md` beside this file.
//! Whoever puts holds the producers' lock, whoever gets the consumers', whoever makes the ring larger both.
//! A word of the memory is believed no further than that no access leaves the memory.
//!
//! Where the words are says `ring/words.rs`, what a record looks like `ring/record.rs`; the steps are in `ring/putting.rs`,
//! `ring/getting.rs` and `ring/growing.rs`. None of these files knows of locks, sleepers or descriptors.
//! (The paths are spelled out, so that `tests/model` can compile them, too.)

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::beneath::{AtomicU32, GrowingSegment, View};

#[path = "ring/getting.rs"]
mod getting;
#[path = "ring/growing.rs"]
mod growing;
#[path = "ring/putting.rs"]
mod putting;
#[path = "ring/record.rs"]
mod record;
#[path = "ring/words.rs"]
pub(super) mod words;

pub(crate) use getting::First;
pub(crate) use putting::NoRoom;
pub(super) use record::SHORT;
use words::{
    BOUND, CLOSED, DONE, FIRST, GETS, GIVEN, ITEMS, LEASES, LEFT, MAGIC, PUTS, RECORDS, RETURNS, ROOM, STEP,
    THIS_LAYOUT,
};

/// The memory of a queue.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: Arc<GrowingSegment>,
    bound: u64,
    has_leases: bool,
}

/// What becomes of a record that a consumer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Getting {
    /// It is gone.
    Removes,
    /// It stays until the consumer has finished it.
    Leases,
}

impl Ring {
    pub(crate) fn create(bound: Option<u64>, getting: Getting) -> io::Result<Self> {
        let memory = Arc::new(GrowingSegment::create("queue", RECORDS, FIRST)?);
        let bound = bound.unwrap_or(0);
        let view = memory.view(0)?;
        // Relaxed: another process gets the memory by a message of the kernel, which orders.
        view.atomic_u64(BOUND).store(bound, Relaxed);
        let has_leases = getting == Getting::Leases;
        view.atomic_u32(LEASES).store(has_leases.into(), Relaxed);
        view.atomic_u64(MAGIC).store(THIS_LAYOUT, Relaxed);
        Ok(Self {
            memory,
            bound,
            has_leases,
        })
    }

    /// Takes a descriptor of somebody else for a ring, if it is one.
    pub(crate) fn open(descriptor: OwnedFd) -> io::Result<Self> {
        let memory = Arc::new(GrowingSegment::open(descriptor, RECORDS, FIRST)?);
        let view = memory.view(0)?;
        if view.atomic_u64(MAGIC).load(Relaxed) != THIS_LAYOUT {
            return Err(corrupt("it is no queue, or one of another version"));
        }
        let bound = view.atomic_u64(BOUND).load(Relaxed);
        let has_leases = view.atomic_u32(LEASES).load(Relaxed) != 0;
        Ok(Self {
            memory,
            bound,
            has_leases,
        })
    }

    /// The memory, in whose first part there is room for the two locks.
    pub(super) fn memory(&self) -> &Arc<GrowingSegment> {
        &self.memory
    }

    /// Whether records stay until they are finished.
    #[inline]
    pub(crate) fn has_leases(&self) -> bool {
        self.has_leases
    }

    /// How many records are there now, given to a consumer or not.
    #[inline]
    pub(crate) fn len(&self) -> u64 {
        self.since(GETS)
    }

    /// How many records wait for a consumer now.
    #[inline]
    pub(crate) fn waiting(&self) -> u64 {
        self.since(self.taken())
    }

    #[inline]
    fn since(&self, taken: usize) -> u64 {
        // In this order, so that the difference is never below what it was.
        let taken = self.words().atomic_u64(taken).load(Acquire);
        self.words().atomic_u64(PUTS).load(Acquire).wrapping_sub(taken)
    }

    /// The count of those that wait no more: they have left the queue, in a bound's sense.
    #[inline]
    fn taken(&self) -> usize {
        if self.has_leases { GIVEN } else { GETS }
    }

    /// How many records were ever given to a consumer; under the consumers' lock.
    ///
    /// # Errors
    /// `InvalidData`: there is no room for so many. Whoever counts to it would never come to an end.
    pub(crate) fn given(&self) -> io::Result<u64> {
        let words = self.words();
        let given = words.atomic_u64(GIVEN).load(Relaxed);
        let unremoved = given.wrapping_sub(words.atomic_u64(GETS).load(Relaxed));
        let room = (FIRST as u64).checked_shl(words.atomic_u32(STEP).load(Relaxed));
        // The shortest record is one word of eight bytes.
        if room.is_some_and(|room| unremoved <= room / 8) {
            Ok(given)
        } else {
            Err(corrupt("more records were given than there is room for"))
        }
    }

    /// Whether a record may have come back.
    pub(crate) fn may_have_returns(&self) -> bool {
        self.has_leases && self.words().atomic_u32(RETURNS).load(Relaxed) != 0
    }

    /// The word on which those sleep who wait for everything to be finished.
    pub(crate) fn done(&self) -> &AtomicU32 {
        self.words().atomic_u32(DONE)
    }

    /// Most records, if there is a limit.
    pub(crate) fn bound(&self) -> Option<u64> {
        (self.bound != 0).then_some(self.bound)
    }

    /// How many more records are allowed now.
    pub(crate) fn allowed(&self) -> u64 {
        self.bound()
            .map_or(u64::MAX, |bound| bound.saturating_sub(self.waiting()))
    }

    /// Whether as many are there as are allowed.
    pub(crate) fn is_full(&self) -> bool {
        self.allowed() == 0
    }

    /// The word on which consumers sleep.
    #[inline]
    pub(crate) fn items(&self) -> &AtomicU32 {
        self.words().atomic_u32(ITEMS)
    }

    /// The word on which producers sleep.
    #[inline]
    pub(crate) fn room(&self) -> &AtomicU32 {
        self.words().atomic_u32(ROOM)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.words().atomic_u32(CLOSED).load(Acquire) != 0
    }

    /// Under the producers' lock.
    pub(crate) fn close(&self) {
        // Release: who sees it by the Acquire in `is_closed` sees all that was put before.
        self.words().atomic_u32(CLOSED).store(1, Release);
    }

    /// How many handles went in peace.
    #[inline]
    pub(crate) fn left(&self) -> &AtomicU32 {
        self.words().atomic_u32(LEFT)
    }

    #[inline]
    pub(super) fn words(&self) -> &View {
        match self.memory.view(0) {
            Ok(view) => view,
            Err(_) => unreachable!("it is mapped as long as the ring"),
        }
    }

    /// The memory at its present step. Under a lock.
    #[inline]
    fn view(&self) -> io::Result<&View> {
        self.memory.view(self.words().atomic_u32(STEP).load(Acquire))
    }
}

#[cold]
fn corrupt(why: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the memory of the queue was overwritten: {why}"),
    )
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

#[cfg(test)]
#[path = "ring/tests.rs"]
mod tests;
