//! The steps of a producer, under the producers' lock.
//!
//! Invariant: a record is there from the store of `PUTS` on, and all of it was written before.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::Ring;
use super::record::{self, aligned, capacity, room_of};
use super::words::{PUT_CPU, PUTS, SEEN_GETS, SEEN_HEAD, TAIL, TICKETS, slot};
use crate::queue::beneath::{AtomicU32, View};

/// Why nothing was put.
#[derive(Debug)]
pub(crate) enum NoRoom {
    /// As many records are there as are allowed.
    Bound,
    /// The memory is too small, and can be made larger.
    Memory,
    /// The memory was overwritten, or no memory is large enough.
    Os(io::Error),
}

/// Room for the next record.
pub(crate) struct Room<'a> {
    view: &'a View,
    /// How many records were put before it.
    puts: u64,
    /// Where it goes.
    tail: u64,
    /// And the one after it.
    next: u64,
}

/// What a record needs.
#[derive(Clone, Copy)]
struct Wanted {
    puts: u64,
    needed: u64,
    /// Where it ends.
    next: u64,
    capacity: u64,
}

impl Ring {
    /// A number that no record has had.
    pub(crate) fn next_ticket(&self) -> u64 {
        let word = self.words().atomic_u64(TICKETS);
        let ticket = word.load(Relaxed).wrapping_add(1);
        word.store(ticket, Relaxed);
        ticket
    }

    /// Room for a record of so many bytes, if there is any now.
    #[inline(always)]
    pub(crate) fn find_room(&self, len: usize, has_ticket: bool) -> Result<Room<'_>, NoRoom> {
        let words = self.words();
        let view = self.view().map_err(NoRoom::Os)?;
        let puts = words.atomic_u64(PUTS).load(Relaxed);
        let tail = aligned(words.atomic_u64(TAIL + slot(puts)).load(Relaxed)).map_err(NoRoom::Os)?;
        let needed = room_of(len, has_ticket).map_err(NoRoom::Os)?;
        let next = tail.wrapping_add(needed);
        let wanted = Wanted {
            puts,
            needed,
            next,
            capacity: capacity(view) as u64,
        };
        let gets = words.atomic_u64(SEEN_GETS).load(Relaxed);
        let head = words.atomic_u64(SEEN_HEAD).load(Relaxed);
        if self.allows(wanted, gets, head).is_err() {
            self.look_at_gets(wanted)?;
        }
        Ok(Room {
            view,
            puts,
            tail,
            next,
        })
    }

    /// Looks how far consumers have come by now.
    #[cold]
    fn look_at_gets(&self, wanted: Wanted) -> Result<(), NoRoom> {
        let words = self.words();
        let (_, head) = self.first_place();
        let gets = words.atomic_u64(self.taken()).load(Acquire);
        // Either may be lost with a death here: both are then older than need be, which is safe.
        words.atomic_u64(SEEN_GETS).store(gets, Relaxed);
        words.atomic_u64(SEEN_HEAD).store(head, Relaxed);
        self.allows(wanted, gets, head)
    }

    #[inline]
    fn allows(&self, wanted: Wanted, gets: u64, head: u64) -> Result<(), NoRoom> {
        if self.bound != 0 && wanted.puts.wrapping_sub(gets) >= self.bound {
            Err(NoRoom::Bound)
        } else if wanted.needed > wanted.capacity || wanted.next.wrapping_sub(head) > wanted.capacity {
            Err(NoRoom::Memory)
        } else {
            Ok(())
        }
    }

    /// Puts a record for which there is room.
    #[inline]
    pub(crate) fn put(&self, room: &Room<'_>, ticket: Option<u64>, bytes: &[u8]) {
        let words = self.words();
        record::write(room.view, room.tail, ticket, bytes);
        let puts = room.puts.wrapping_add(1);
        words.atomic_u64(TAIL + slot(puts)).store(room.next, Relaxed);
        // Release: who sees the count by the Acquire in `first` sees the record.
        words.atomic_u64(PUTS).store(puts, Release);
    }

    /// The CPU of the last producer, plus one.
    #[inline]
    pub(crate) fn put_cpu(&self) -> &AtomicU32 {
        self.words().atomic_u32(PUT_CPU)
    }
}
