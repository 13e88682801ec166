//! Leases: records that a consumer has and has not finished.
//!
//! A lease is a lock that the kernel keeps for the consumer's process on one byte of the queue's file, the byte of the record's number
//! (an open file description lock on a description that no other process has). The kernel takes it away when the process ends,
//! however it ends: so whether a consumer still has a record is never a question of pids.
//! Invariant: a record that was given is finished, or somebody has its byte, or it is given again. A state is changed by one store,
//! under the consumers' lock. The steps, and what a death at each leaves, are in `README.md` beside this file.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::beneath::{ByteLocks, is_byte_free};
use super::ring::words::{GIVEN, NEXT, PUTS, RETURNS, slot};
use super::ring::{First, Ring};

/// A record's state is its ticket: how often it was given, four times, and one of these.
const STATES: u64 = 4;
pub(crate) const WAITING: u64 = 0;
const LEASED: u64 = 1;
const RETURNED: u64 = 2;
const FINISHED: u64 = 3;

/// What this process has.
pub(crate) struct Leases {
    mine: Mutex<Mine>,
}

struct Mine {
    /// The description of another pid was left behind by a fork.
    pid: u32,
    /// Opened at the first lease.
    bytes: Option<ByteLocks>,
    counts: HashSet<u64>,
}

/// A record that this process has.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) record: First,
    /// How often it was given, this time included.
    pub(crate) deliveries: u64,
}

impl Leases {
    pub(crate) fn new() -> Self {
        Self {
            mine: Mutex::new(Mine {
                pid: std::process::id(),
                bytes: None,
                counts: HashSet::new(),
            }),
        }
    }

    fn mine(&self) -> MutexGuard<'_, Mine> {
        let mut mine = self.mine.lock().unwrap_or_else(PoisonError::into_inner);
        if mine.pid != std::process::id() {
            // What the parent has is the parent's: closing the copy of its description leaves its locks alone.
            *mine = Mine {
                pid: std::process::id(),
                bytes: None,
                counts: HashSet::new(),
            };
        }
        mine
    }

    /// How many records this process has.
    pub(crate) fn len(&self) -> u64 {
        self.mine().counts.len() as u64
    }

    /// Whether this process has the record of that number.
    pub(crate) fn has(&self, count: u64) -> bool {
        self.mine().counts.contains(&count)
    }

    /// Leases the next record, or one that has come back. `None`: there is none. Under the consumers' lock.
    pub(crate) fn take(&self, ring: &Ring) -> io::Result<Option<Lease>> {
        let words = ring.words();
        let given = words.atomic_u64(GIVEN).load(Relaxed);
        // Acquire: pairs with the Release in `Ring::put`.
        let is_next_there = words.atomic_u64(PUTS).load(Acquire) != given;
        // The dead are looked for where there is nothing else: it costs a system call for each record that somebody has.
        if words.atomic_u32(RETURNS).load(Relaxed) != 0 || !is_next_there {
            if let Some(record) = self.find_returned(ring)? {
                return self.lease(ring, record);
            }
            words.atomic_u32(RETURNS).store(0, Relaxed);
        }
        if !is_next_there {
            return Ok(None);
        }
        let record = ring.record(given, words.atomic_u64(NEXT + slot(given)).load(Relaxed))?;
        let next = record.next();
        let Some(lease) = self.lease(ring, record)? else {
            return Ok(None);
        };
        let given = given.wrapping_add(1);
        words.atomic_u64(NEXT + slot(given)).store(next, Relaxed);
        // Release: for `Ring::fits`, which counts only.
        words.atomic_u64(GIVEN).store(given, Release);
        Ok(Some(lease))
    }

    /// `None`: somebody has its byte who died, but for a forked child, which has a copy of the description; it comes with that
    /// child's end.
    fn lease(&self, ring: &Ring, record: First) -> io::Result<Option<Lease>> {
        let mut mine = self.mine();
        let bytes = match &mine.bytes {
            Some(bytes) => bytes,
            None => mine.bytes.insert(ByteLocks::open(ring.memory())?),
        };
        if !bytes.lock(record.count)? {
            return Ok(None);
        }
        let deliveries = record.ticket().unwrap_or(0) / STATES + 1;
        ring.change_ticket(&record, ticket(deliveries, LEASED))?;
        mine.counts.insert(record.count);
        Ok(Some(Lease { record, deliveries }))
    }

    /// A record that was given back, or whose consumer has died.
    fn find_returned(&self, ring: &Ring) -> io::Result<Option<First>> {
        let (mut count, mut place) = ring.first_place();
        let given = ring.given()?;
        while count != given {
            let record = ring.record(count, place)?;
            let came_back = match record.ticket().unwrap_or(0) % STATES {
                RETURNED => true,
                LEASED => !self.has(count) && self.is_dead(ring, count)?,
                _ => false,
            };
            if came_back {
                return Ok(Some(record));
            }
            (count, place) = (count.wrapping_add(1), record.next());
        }
        Ok(None)
    }

    /// Whether nobody has the byte.
    fn is_dead(&self, ring: &Ring, count: u64) -> io::Result<bool> {
        match &self.mine().bytes {
            Some(bytes) => bytes.is_free(count),
            // Asked through the shared description, by which nobody locks.
            None => is_byte_free(ring.memory(), count),
        }
    }

    /// The record is finished; and those are removed that are finished and were put before every other. Under the consumers' lock.
    pub(crate) fn finish(&self, ring: &Ring, lease: &Lease) -> io::Result<()> {
        ring.change_ticket(&lease.record, ticket(lease.deliveries, FINISHED))?;
        self.let_go(lease);
        remove_finished(ring)
    }

    /// The record is to be given again. Under the consumers' lock.
    pub(crate) fn give_back(&self, ring: &Ring, lease: &Lease) -> io::Result<()> {
        ring.words().atomic_u32(RETURNS).store(1, Relaxed);
        ring.change_ticket(&lease.record, ticket(lease.deliveries, RETURNED))?;
        self.let_go(lease);
        Ok(())
    }

    fn let_go(&self, lease: &Lease) {
        let mut mine = self.mine();
        mine.counts.remove(&lease.record.count);
        if let Some(bytes) = &mine.bytes {
            bytes.unlock(lease.record.count);
        }
    }
}

/// A record's state in its ticket. It wraps where the ticket that was read was overwritten.
fn ticket(deliveries: u64, state: u64) -> u64 {
    deliveries.wrapping_mul(STATES).wrapping_add(state)
}

/// How many records are not finished. Under the consumers' lock.
pub(crate) fn unfinished(ring: &Ring) -> io::Result<u64> {
    let (mut count, mut place) = ring.first_place();
    let given = ring.given()?;
    let mut unfinished = ring.waiting();
    while count != given {
        let record = ring.record(count, place)?;
        // A word that was overwritten counts as it likes, and adds up to nothing worse.
        unfinished = unfinished.saturating_add(u64::from(record.ticket().unwrap_or(0) % STATES != FINISHED));
        (count, place) = (count.wrapping_add(1), record.next());
    }
    Ok(unfinished)
}

/// Removes what is finished from the front. Under the consumers' lock.
pub(crate) fn remove_finished(ring: &Ring) -> io::Result<()> {
    let given = ring.given()?;
    loop {
        let (count, place) = ring.first_place();
        if count == given {
            return Ok(());
        }
        let record = ring.record(count, place)?;
        if record.ticket().unwrap_or(0) % STATES != FINISHED {
            return Ok(());
        }
        ring.remove(&record);
    }
}
