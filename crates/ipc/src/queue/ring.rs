//! The ring of a queue: records in shared memory, in the order in which they were put.
//!
//! Invariant: what is in the ring is what lies between two counts, `GETS` and `PUTS`, and each is changed by one store. Everything
//! that such a store makes valid was written before it, so a death at any instruction leaves the ring as it was or as it
//! should be, and nobody has to repair it. The steps, and what a death at each leaves, are in `README.md` beside this file.
//! Whoever puts holds the producers' lock, whoever gets the consumers', whoever makes the ring larger both.
//! A word of the memory is believed no further than that no access leaves the memory.
//! This file does not know of locks, sleepers or descriptors.
//!
//! | offset | word | whose | what |
//! | --- | --- | --- | --- |
//! | 0 | `MAGIC` | | with the version of the layout |
//! | 8 | `BOUND` | | most records, 0 for any number |
//! | 16 | `STEP` | both locks | how often the room was doubled |
//! | 20 | `CLOSED` | producers | 1: nothing can be put any more |
//! | 24 | `LEASES` | | 1: a record stays until its consumer has finished it (`leases.rs`); its ticket is its state |
//! | 128 | `PUTS` | producers | how many records were ever put |
//! | 136, 144 | `TAIL` | producers | where the next record goes, for an even and an odd `PUTS` |
//! | 152 | `SEEN_GETS` | producers | what `GETS` was when they last looked |
//! | 160 | `SEEN_HEAD` | producers | and where the first record was |
//! | 168 | `TICKETS` | producers | how many records had descriptors |
//! | 256 | `GETS` | consumers | how many records were ever got |
//! | 264, 272 | `HEAD` | consumers | where the first record is, for an even and an odd `GETS` |
//! | 280 | `SEEN_PUTS` | consumers | what `PUTS` was when they last looked |
//! | 288 | `GIVEN` | consumers | with leases: how many records were ever given to a consumer, finished or not |
//! | 296, 304 | `NEXT` | consumers | with leases: where the first record is that was not, for an even and an odd `GIVEN` |
//! | 312 | `RETURNS` | consumers | with leases: 1: a record may have come back |
//! | 384 | `ITEMS` | all | consumers sleep here (`sleepers.rs`) |
//! | 512 | `ROOM` | all | producers sleep here |
//! | 640 | `DONE` | all | with leases: who waits for the last record to be finished sleeps here |
//! | 4096 on | | | records: a word with the length and whether there is a ticket, the ticket, the bytes; in multiples of 8 |
//!
//! A place is a number that only grows; it lies at `4096 + place % capacity`. So when the capacity is doubled, a byte stays where it
//! is or moves into the new half, and nothing is overwritten before the new capacity is valid.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::fence;

use core_process::shm::{GrowingSegment, View};

const MAGIC: usize = 0;
const BOUND: usize = 8;
const STEP: usize = 16;
const CLOSED: usize = 20;
const LEASES: usize = 24;
pub(super) const PUTS: usize = 128;
const TAIL: usize = 136;
const SEEN_GETS: usize = 152;
const SEEN_HEAD: usize = 160;
const TICKETS: usize = 168;
const GETS: usize = 256;
const HEAD: usize = 264;
const SEEN_PUTS: usize = 280;
pub(super) const GIVEN: usize = 288;
pub(super) const NEXT: usize = 296;
pub(super) const RETURNS: usize = 312;
const ITEMS: usize = 384;
const ROOM: usize = 512;
const DONE: usize = 640;
const RECORDS: usize = 4096;

const THIS_LAYOUT: u64 = u64::from_le_bytes(*b"queue001");

/// The room for records of a new ring.
const FIRST: usize = 64 << 10;

/// A record's first word.
const WORD: u64 = 8;

/// The memory of a queue.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: GrowingSegment,
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

/// Why nothing was put.
#[derive(Debug)]
pub(crate) enum NoRoom {
    /// As many records are there as are allowed.
    Bound,
    /// The memory is too small, and can be made larger.
    Memory,
}

/// A record that is about to be taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) ticket: Option<u64>,
    /// Bytes of its value.
    pub(crate) len: usize,
    /// Where they are.
    at: u64,
    /// How many records came before it.
    pub(super) count: u64,
    /// Where the record after it is.
    pub(super) next: u64,
}

impl Ring {
    pub(crate) fn create(bound: Option<u64>, getting: Getting) -> io::Result<Self> {
        let memory = GrowingSegment::create("queue", RECORDS, FIRST)?;
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
        let memory = GrowingSegment::open(descriptor, RECORDS, FIRST)?;
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

    /// Whether records stay until they are finished.
    #[inline]
    pub(crate) fn has_leases(&self) -> bool {
        self.has_leases
    }

    /// How many records are there now, given to a consumer or not.
    pub(crate) fn len(&self) -> u64 {
        self.since(GETS)
    }

    /// How many records wait for a consumer now.
    pub(crate) fn waiting(&self) -> u64 {
        self.since(self.taken())
    }

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

    /// Whether as many are there as are allowed.
    pub(crate) fn is_full(&self) -> bool {
        self.bound().is_some_and(|bound| self.waiting() >= bound)
    }

    /// The word on which consumers sleep.
    pub(crate) fn items(&self) -> &AtomicU32 {
        self.words().atomic_u32(ITEMS)
    }

    /// The word on which producers sleep.
    pub(crate) fn room(&self) -> &AtomicU32 {
        self.words().atomic_u32(ROOM)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.words().atomic_u32(CLOSED).load(Acquire) != 0
    }

    /// Under the producers' lock.
    pub(crate) fn close(&self) {
        // Release: who sees it by the Acquire in `is_closed` sees all that was put before.
        self.words().atomic_u32(CLOSED).store(1, Release);
    }

    /// A number that no record has had. Under the producers' lock.
    pub(crate) fn next_ticket(&self) -> u64 {
        let word = self.words().atomic_u64(TICKETS);
        let ticket = word.load(Relaxed).wrapping_add(1);
        word.store(ticket, Relaxed);
        ticket
    }

    /// Whether a record of so many bytes can be put now. Under the producers' lock.
    #[inline]
    pub(crate) fn fits(&self, len: usize, has_ticket: bool) -> io::Result<Result<(), NoRoom>> {
        let words = self.words();
        let puts = words.atomic_u64(PUTS).load(Relaxed);
        let tail = words.atomic_u64(TAIL + slot(puts)).load(Relaxed);
        let capacity = self.capacity()?;
        let needed = room_of(len, has_ticket)?;
        let allows = |gets: u64, head: u64| {
            if self.bound != 0 && puts.wrapping_sub(gets) >= self.bound {
                Err(NoRoom::Bound)
            } else if tail.wrapping_sub(head).saturating_add(needed) > capacity {
                Err(NoRoom::Memory)
            } else {
                Ok(())
            }
        };
        let seen = (
            words.atomic_u64(SEEN_GETS).load(Relaxed),
            words.atomic_u64(SEEN_HEAD).load(Relaxed),
        );
        if allows(seen.0, seen.1).is_ok() {
            return Ok(Ok(()));
        }
        let (_, head) = self.first_place();
        let gets = words.atomic_u64(self.taken()).load(Acquire);
        // Either may be lost with a death here: both are then older than need be, which is safe.
        words.atomic_u64(SEEN_GETS).store(gets, Relaxed);
        words.atomic_u64(SEEN_HEAD).store(head, Relaxed);
        Ok(allows(gets, head))
    }

    /// Puts a record for which `fits` has found room. Under the producers' lock.
    #[inline]
    pub(crate) fn put(&self, ticket: Option<u64>, bytes: &[u8]) -> io::Result<()> {
        let words = self.words();
        let view = self.view()?;
        let puts = words.atomic_u64(PUTS).load(Relaxed);
        let tail = aligned(words.atomic_u64(TAIL + slot(puts)).load(Relaxed))?;
        refuse_longer(bytes.len(), view)?;
        let mut at = tail;
        let head = (bytes.len() as u64) << 1 | u64::from(ticket.is_some());
        for word in [Some(head), ticket].into_iter().flatten() {
            view.atomic_u64(self.offset(view, at)).store(word, Relaxed);
            at = at.wrapping_add(WORD);
        }
        self.write(view, at, bytes);
        let next = tail.wrapping_add(room_of(bytes.len(), ticket.is_some())?);
        let puts = puts.wrapping_add(1);
        words.atomic_u64(TAIL + slot(puts)).store(next, Relaxed);
        // Release: who sees the count by the Acquire in `first` sees the record.
        words.atomic_u64(PUTS).store(puts, Release);
        Ok(())
    }

    /// The first record, if there is one. Under the consumers' lock.
    #[inline]
    pub(crate) fn first(&self) -> io::Result<Option<First>> {
        let words = self.words();
        let gets = words.atomic_u64(GETS).load(Relaxed);
        let seen = words.atomic_u64(SEEN_PUTS);
        if seen.load(Relaxed) == gets {
            // Acquire: pairs with the Release in `put`. A consumer that finds it seen by another one got the lock from that one.
            let puts = words.atomic_u64(PUTS).load(Acquire);
            seen.store(puts, Relaxed);
            if puts == gets {
                return Ok(None);
            }
        }
        let place = words.atomic_u64(HEAD + slot(gets)).load(Relaxed);
        self.record(gets, place).map(Some)
    }

    /// The record at a place, before which so many came. Under the consumers' lock.
    #[inline]
    pub(super) fn record(&self, count: u64, place: u64) -> io::Result<First> {
        let view = self.view()?;
        let place = aligned(place)?;
        let head = view.atomic_u64(self.offset(view, place)).load(Relaxed);
        let (len, has_ticket) = (head >> 1, head & 1 != 0);
        let mut at = place.wrapping_add(WORD);
        let ticket = has_ticket.then(|| view.atomic_u64(self.offset(view, at)).load(Relaxed));
        if has_ticket {
            at = at.wrapping_add(WORD);
        }
        if len > (view.len() - RECORDS) as u64 {
            return Err(corrupt("a record is longer than the queue"));
        }
        let len = len as usize;
        Ok(First {
            ticket,
            len,
            at,
            count,
            next: place.wrapping_add(room_of(len, has_ticket)?),
        })
    }

    /// Changes a record's ticket. Under the consumers' lock.
    pub(super) fn change_ticket(&self, record: &First, ticket: u64) -> io::Result<()> {
        let view = self.view()?;
        let place = aligned(record.at.wrapping_sub(WORD))?;
        view.atomic_u64(self.offset(view, place)).store(ticket, Relaxed);
        Ok(())
    }

    /// Copies the bytes of the first record. Under the consumers' lock.
    #[inline]
    pub(crate) fn copy(&self, first: &First, to: &mut [u8]) -> io::Result<()> {
        let view = self.view()?;
        refuse_longer(to.len(), view)?;
        let offset = self.offset(view, first.at);
        let until_end = (view.len() - offset).min(to.len());
        let (one, other) = to.split_at_mut(until_end);
        view.read_bytes(offset, one);
        view.read_bytes(RECORDS, other);
        Ok(())
    }

    /// Takes the first record away. Under the consumers' lock.
    #[inline]
    pub(crate) fn remove(&self, first: &First) {
        let words = self.words();
        let gets = first.count.wrapping_add(1);
        // Release: a producer that reuses the room has seen this by an Acquire, and what was copied out before is copied.
        words.atomic_u64(HEAD + slot(gets)).store(first.next, Release);
        words.atomic_u64(GETS).store(gets, Release);
    }

    /// Makes room for a record of so many bytes. Under both locks.
    ///
    /// # Errors
    /// There is no memory, and nothing has changed.
    #[cold]
    pub(crate) fn grow(&self, len: usize, has_ticket: bool) -> io::Result<()> {
        let words = self.words();
        let (_, head) = self.first_place();
        let puts = words.atomic_u64(PUTS).load(Relaxed);
        let tail = words.atomic_u64(TAIL + slot(puts)).load(Relaxed);
        let old = self.view()?;
        let capacity = (old.len() - RECORDS) as u64;
        let used = tail.wrapping_sub(head);
        if used > capacity {
            return Err(corrupt("its records are longer than its room"));
        }
        let needed = room_of(len, has_ticket)?.saturating_add(used);
        let mut step = words.atomic_u32(STEP).load(Relaxed);
        while (FIRST as u64).checked_shl(step).is_some_and(|room| room < needed) {
            step += 1;
        }
        self.memory.reserve(step)?;
        let new = self.memory.view(step)?;
        let mut piece = vec![0; 16 << 10];
        let mut place = head;
        while place != tail {
            let from = self.offset(old, place);
            let to = self.offset(new, place);
            let run = (old.len() - from)
                .min(piece.len())
                .min(tail.wrapping_sub(place) as usize);
            if from != to {
                old.read_bytes(from, &mut piece[..run]);
                new.write_bytes(to, &piece[..run]);
            }
            place = place.wrapping_add(run as u64);
        }
        // Release: whoever gets a lock after this sees the copies.
        words.atomic_u32(STEP).store(step, Release);
        Ok(())
    }

    /// How many records were got, and the place of the first one, as they belong together.
    pub(super) fn first_place(&self) -> (u64, u64) {
        let words = self.words();
        let mut gets = words.atomic_u64(GETS).load(Acquire);
        loop {
            // Acquire: pairs with the Release in `remove`: what is read there was read before the room is used again.
            let head = words.atomic_u64(HEAD + slot(gets)).load(Acquire);
            // This slot is written again after one more record was taken, which the second look would show. So a place that a
            // consumer wrote and died before it counted is never believed.
            fence(Acquire);
            let again = words.atomic_u64(GETS).load(Relaxed);
            if again == gets {
                return (gets, head);
            }
            gets = again;
        }
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

    fn capacity(&self) -> io::Result<u64> {
        Ok((self.view()?.len() - RECORDS) as u64)
    }

    #[inline]
    fn offset(&self, view: &View, place: u64) -> usize {
        let capacity = view.len() - RECORDS;
        RECORDS + (place as usize & (capacity - 1))
    }

    #[inline]
    fn write(&self, view: &View, place: u64, bytes: &[u8]) {
        let offset = self.offset(view, place);
        let (one, other) = bytes.split_at((view.len() - offset).min(bytes.len()));
        view.write_bytes(offset, one);
        view.write_bytes(RECORDS, other);
    }
}

/// Which of two places belongs to a count.
#[inline]
pub(super) fn slot(count: u64) -> usize {
    (count as usize & 1) * 8
}

/// Room that a record of so many bytes takes.
#[inline]
fn room_of(len: usize, has_ticket: bool) -> io::Result<u64> {
    (len as u64)
        .checked_next_multiple_of(8)
        .and_then(|bytes| bytes.checked_add(WORD + WORD * u64::from(has_ticket)))
        .filter(|&room| room < 1 << 62)
        .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
}

#[inline]
fn aligned(place: u64) -> io::Result<u64> {
    if place.is_multiple_of(WORD) {
        Ok(place)
    } else {
        Err(corrupt("a record lies between two words"))
    }
}

/// Nothing that is longer than all the room is copied, whatever the words say.
#[inline]
fn refuse_longer(len: usize, view: &View) -> io::Result<()> {
    if len > view.len() - RECORDS {
        return Err(corrupt("a record is longer than the room"));
    }
    Ok(())
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
mod tests;
