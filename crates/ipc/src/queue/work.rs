//! Getting a value to be worked on, finishing it, giving it back; and waiting for all of that.
//!
//! Invariant: as that of `leases.rs`, whose steps these are, with the lock around them and the waking after them.

use std::panic::Location;

use core_process::{Until, WaitError};

use super::buffer::Buffer;
use super::error::GetError;
use super::get::{get_by, take_consumers};
use super::leases::{self, Lease};
use super::pause::is_here;
use super::sleepers::{Sleeps, sleep, wake_one};
use super::store::{Side, Told, take};
use crate::channel::Patience;

/// Gets a value that stays in the queue until it is finished; its bytes in `bytes`.
pub(crate) fn lease(
    side: &Side,
    bytes: &mut Buffer,
    patience: Patience<'_>,
    caller: &'static Location<'static>,
) -> Result<Lease, GetError> {
    get_by(side, patience, caller, || try_lease(side, bytes, patience))
}

fn try_lease(side: &Side, bytes: &mut Buffer, patience: Patience<'_>) -> Result<Option<Lease>, GetError> {
    let ring = side.store().ring();
    if ring.len() == 0 {
        return Ok(None);
    }
    let inside = take_consumers(side, patience)?;
    let Some(lease) = side.leases().take(ring)? else {
        return Ok(None);
    };
    is_here(ring.get_cpu(), inside.cpu());
    if let Err(error) = ring.copy(&lease.record, bytes) {
        side.leases().give_back(ring, &lease)?;
        return Err(error.into());
    }
    Ok(Some(lease))
}

/// A value that this process has got is finished.
pub(crate) fn finish(side: &Side, lease: &Lease) -> Result<(), GetError> {
    let ring = side.store().ring();
    let guard = take_consumers(side, Patience::Until(&Until::forever()))?;
    let finished = side.leases().finish(ring, lease);
    drop(guard);
    if ring.len() == 0 {
        // Who waits for the work, and consumers that waited for what might come back.
        side.store().wake_everybody();
    }
    Ok(finished?)
}

/// A value that this process has got is to be given to somebody again.
pub(crate) fn give_back(side: &Side, lease: &Lease) -> Result<(), GetError> {
    let ring = side.store().ring();
    let guard = take_consumers(side, Patience::Until(&Until::forever()))?;
    side.leases().give_back(ring, lease)?;
    drop(guard);
    wake_one(ring.items());
    Ok(())
}

/// Waits until everything is finished. `Ok(false)`: all consumers are gone, and it never will be.
pub(crate) fn join(
    side: &Side,
    until: &Until,
    caller: &'static Location<'static>,
) -> Result<bool, WaitError> {
    let ring = side.store().ring();
    let mut told = None;
    let mut sleeps = Sleeps::new();
    while ring.len() > 0 {
        {
            // Somebody may have died between the last two steps of finishing.
            let _guard = take(side.store().consumers(), until)?;
            leases::remove_finished(ring)?;
        }
        if ring.len() == 0 {
            break;
        }
        if side.is_alone() {
            return Ok(false);
        }
        let longest = sleeps.next(until)?;
        if told.is_none() {
            told = Told::begin("join_queue", side.store().id(), until, caller);
        }
        sleep(ring.done(), longest, || ring.len() == 0);
    }
    Ok(true)
}

/// Whether nothing can come back: what is not finished is this process's own.
pub(super) fn is_drained(side: &Side) -> Result<bool, WaitError> {
    Ok(!side.store().ring().has_leases() || unfinished(side)? <= side.leases().len())
}

/// How many values were put and are not finished, in a queue with leases.
pub(crate) fn unfinished(side: &Side) -> Result<u64, WaitError> {
    let _guard = take(side.store().consumers(), &Until::forever())?;
    Ok(leases::unfinished(side.store().ring())?)
}
