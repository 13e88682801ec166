//! The steps of a consumer, under the consumers' lock.
//!
//! Invariant: a record is gone from the store of `GETS` on, and all that is wanted of it was read before.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::Ring;
use super::record::{self, Facts};
use super::words::{GET_CPU, GETS, HEAD, PUTS, SEEN_PUTS, slot};
use crate::queue::beneath::{AtomicU32, fence};
use crate::queue::buffer::Buffer;

/// A record that is about to be taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct First {
    facts: Facts,
    /// How many records came before it.
    pub(crate) count: u64,
}

impl First {
    pub(crate) fn ticket(&self) -> Option<u64> {
        self.facts.ticket
    }

    /// Where the record after it is.
    pub(crate) fn next(&self) -> u64 {
        self.facts.next
    }
}

impl Ring {
    /// Whether nothing is there for a consumer, at a glance, without the lock; where something may be, only the lock tells.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        let words = self.words();
        let gets = words.atomic_u64(GETS).load(Relaxed);
        // Relaxed: what is seen here is looked at again under the lock.
        words.atomic_u64(SEEN_PUTS).load(Relaxed) == gets && words.atomic_u64(PUTS).load(Relaxed) == gets
    }

    /// The first record, if there is one.
    #[inline(always)]
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

    /// The record at a place, before which so many came.
    #[inline(always)]
    pub(crate) fn record(&self, count: u64, place: u64) -> io::Result<First> {
        let facts = record::facts(self.view()?, place)?;
        Ok(First { facts, count })
    }

    /// Changes a record's ticket.
    pub(crate) fn change_ticket(&self, record: &First, ticket: u64) -> io::Result<()> {
        record::change_ticket(self.view()?, &record.facts, ticket)
    }

    /// Copies the bytes of a record.
    #[inline(always)]
    pub(crate) fn copy(&self, first: &First, to: &mut Buffer) -> io::Result<()> {
        record::copy(self.view()?, &first.facts, to)
    }

    /// Takes the first record away.
    #[inline(always)]
    pub(crate) fn remove(&self, first: &First) {
        let words = self.words();
        let gets = first.count.wrapping_add(1);
        // Release: a producer that reuses the room has seen this by an Acquire, and what was copied out before is copied.
        words
            .atomic_u64(HEAD + slot(gets))
            .store(first.facts.next, Release);
        words.atomic_u64(GETS).store(gets, Release);
    }

    /// How many records were got, and the place of the first one, as they belong together. For whoever has any lock or none.
    pub(crate) fn first_place(&self) -> (u64, u64) {
        let words = self.words();
        let mut gets = words.atomic_u64(GETS).load(Acquire);
        loop {
            // Acquire: pairs with the Release in `remove`: what is read there was read before the room is used again.
            let head = words.atomic_u64(HEAD + slot(gets)).load(Acquire);
            // This slot is written again after one more record was taken, which the second look would show. So a place that a
            // consumer wrote and died before it counted is never believed.
            fence(Acquire);
            // Acquire: if it is another count, its place is read next.
            let again = words.atomic_u64(GETS).load(Acquire);
            if again == gets {
                return (gets, head);
            }
            gets = again;
        }
    }

    /// The CPU of the last consumer, plus one.
    #[inline]
    pub(crate) fn get_cpu(&self) -> &AtomicU32 {
        self.words().atomic_u32(GET_CPU)
    }
}
